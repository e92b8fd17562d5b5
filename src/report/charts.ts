/** Vega-Lite specifications of the report's plots. All texts in them have been through `visible`. */
import type { TopLevelSpec } from "vega-lite";
import { chartSchema, colours, chartConfig as config } from "../figure/theme.ts";
import { formatNumber } from "./format.ts";
import { type Histogram, isSkewed } from "./histogram.ts";
import { visible } from "./html.ts";
import type { PassAtK, Summary } from "./types.ts";

type Spec = TopLevelSpec;
const head = { $schema: chartSchema, config } as const;

/** Width and height are those of the whole picture, labels included, so that neighbours have the same size. */
const fit = { type: "fit", contains: "padding" } as const;
const small = { width: 320, height: 210, autosize: fit } as const;

/** Distribution of one quantity; `unit` names the horizontal axis, `of` what is counted. */
export function histogramSpec(
  histogram: Histogram,
  { unit, of = "rollouts", colour = colours.first }: HistogramLabels,
): Spec {
  const y = { field: "share", type: "quantitative", axis: shareAxis(`share of ${of} (%)`) } as const;
  if (histogram.kind === "values") {
    const values = histogram.bars.map(({ value, share }) => ({ value: formatNumber(value), share: share * 100 }));
    return {
      ...head,
      ...small,
      data: { values },
      mark: { type: "bar", color: colour },
      encoding: {
        x: {
          field: "value",
          type: "ordinal",
          sort: null,
          scale: { paddingInner: 0.45, paddingOuter: values.length === 1 ? 1.5 : 0.35 },
          axis: { title: visible(unit), labelAngle: 0, labelOverlap: true, ticks: false },
        },
        y,
      },
    };
  }
  const values = histogram.bins.map(({ from, to, share }) => ({ from, to, share: share * 100 }));
  return {
    ...head,
    ...small,
    data: { values },
    mark: { type: "bar", color: colour, binSpacing: 1 },
    encoding: {
      x: {
        field: "from",
        type: "quantitative",
        bin: { binned: true },
        scale: {
          ...(histogram.scale === "log" ? { type: "log" } : { zero: false }),
          nice: false,
          domain: [values[0].from, values[values.length - 1].to],
        },
        axis: {
          title: visible(histogram.scale === "log" ? `${unit}, logarithmic` : unit),
          grid: false,
          tickCount: 6,
          labelOverlap: "greedy",
        },
      },
      x2: { field: "to" },
      y,
    },
  };
}

export interface HistogramLabels {
  readonly unit: string;
  readonly of?: string;
  readonly colour?: string;
  /** A logarithmic axis where values span a factor of 50. */
  readonly skewed?: boolean;
}

function shareAxis(title: string) {
  return { title, tickCount: 4, domain: false, ticks: false } as const;
}

/** Correlations as coloured cells with their numbers. */
export function correlationSpec({ names, matrix }: Summary["correlations"]): Spec {
  const labels = names.map((name, i) => distinctLabel(visible(name), i, names));
  const values = matrix.flatMap((row, a) =>
    row.map((r, b) => ({
      row: labels[a],
      column: labels[b],
      r,
      text: r === null ? "–" : r.toFixed(2).replace("-", "−"),
    })),
  );
  const cell = names.length > 12 ? 38 : 58;
  return {
    ...head,
    width: cell * names.length,
    height: Math.min(cell, 40) * names.length,
    data: { values },
    encoding: {
      x: { field: "column", type: "ordinal", sort: null, scale: gaps, axis: { title: null, labelAngle: -35, ...bare } },
      y: { field: "row", type: "ordinal", sort: null, scale: gaps, axis: { title: null, ...bare } },
    },
    layer: [
      {
        mark: { type: "rect", cornerRadius: 2 },
        encoding: {
          color: {
            condition: { test: "datum.r === null", value: "#c9ced4" },
            field: "r",
            type: "quantitative",
            scale: { domain: [-1, 0, 1], range: [colours.second, "#f4f4f4", colours.first], interpolate: "rgb" },
            legend: null,
          },
        },
      },
      {
        mark: { type: "text", fontSize: names.length > 12 ? 10 : 12 },
        encoding: {
          text: { field: "text" },
          color: { condition: { test: "abs(datum.r) > 0.62", value: "#fdfdfd" }, value: "#111418" },
        },
      },
    ],
  };
}

const gaps = { paddingInner: 0.04, paddingOuter: 0 } as const;
const bare = { domain: false, ticks: false, labelPadding: 6, labelFontSize: 12 } as const;

/** A signal may be called like another row ("reward"), and rows are told apart by their label. */
function distinctLabel(label: string, i: number, names: readonly string[]): string {
  return names.findIndex((name) => visible(name) === label) === i ? label : `${label} (${i + 1})`;
}

export interface LengthPlot {
  readonly points: readonly (readonly [number, number])[];
  /** Mean reward of a range of lengths with its 95 % interval. */
  readonly means: readonly {
    readonly length: number;
    readonly mean: number;
    readonly lower: number | null;
    readonly upper: number | null;
  }[];
  readonly unit: string;
}

/** Length against reward: a sample of rollouts, binned means, their interval. */
export function lengthSpec({ points, means, unit }: LengthPlot): Spec {
  const lengths = points.map(([length]) => length);
  const wide = isSkewed(Math.min(...lengths), Math.max(...lengths));
  return {
    ...head,
    width: 960,
    height: 330,
    autosize: fit,
    encoding: {
      x: {
        field: "length",
        type: "quantitative",
        scale: wide ? { type: "log", nice: false } : { zero: false },
        axis: { title: `response length (${unit})${wide ? ", logarithmic" : ""}`, grid: false, tickCount: 8 },
      },
      y: { type: "quantitative", scale: { zero: false }, axis: { title: "reward", tickCount: 6, domain: false } },
    },
    layer: [
      {
        data: { values: points.map(([length, reward]) => ({ length, reward })) },
        mark: { type: "circle", color: colours.first, opacity: 0.28, size: 16 },
        encoding: { y: { field: "reward" } },
      },
      {
        data: { values: means.filter(({ lower }) => lower !== null) },
        mark: { type: "area", color: colours.second, opacity: 0.25 },
        encoding: { y: { field: "lower" }, y2: { field: "upper" } },
      },
      {
        data: { values: [...means] },
        mark: { type: "line", color: colours.second, strokeWidth: 2, point: { color: colours.second, size: 30 } },
        encoding: { y: { field: "mean" } },
      },
    ],
  };
}

/** pass@k with its 95 % interval over groups. */
export function passAtKSpec(curve: readonly PassAtK[]): Spec {
  const values = curve.map(({ k, value, interval }) => ({
    k,
    value: value * 100,
    lower: (interval?.lower ?? value) * 100,
    upper: (interval?.upper ?? value) * 100,
  }));
  return {
    ...head,
    ...small,
    data: { values },
    encoding: {
      x: {
        field: "k",
        type: "ordinal",
        sort: null,
        axis: { title: "k (rollouts drawn)", labelAngle: 0, ticks: false },
      },
      y: { type: "quantitative", axis: shareAxis("prompts solved (%)"), scale: { domain: [0, 100] } },
    },
    layer: [
      {
        mark: { type: "area", color: colours.third, opacity: 0.25 },
        encoding: { y: { field: "lower" }, y2: { field: "upper" } },
      },
      {
        mark: { type: "line", color: colours.third, strokeWidth: 2, point: { color: colours.third, size: 40 } },
        encoding: { y: { field: "value" } },
      },
    ],
  };
}

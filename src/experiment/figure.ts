/** The figure of an experiment, as a Vega-Lite specification. */
import type { TopLevelSpec } from "vega-lite";
import { chartConfig, chartSchema, colours } from "../figure/theme.ts";
import type { Experiment, ExperimentResult, Panel } from "./types.ts";

/** Okabe and Ito's colours without yellow (invisible on white), then darker companions. */
const palette = [
  "#0072b2",
  "#d55e00",
  "#009e73",
  "#cc79a7",
  "#e69f00",
  "#56b4e9",
  "#4d4d4d",
  "#7b3294",
  "#8c510a",
  "#01665e",
  "#999999",
  "#b2182b",
];

const legend = { symbolType: "stroke", symbolOpacity: 1, symbolStrokeWidth: 3, symbolSize: 160, labelLimit: 280 };
/** Width of a panel of dots, in pixels. */
const dotsWidth = 260;

type AnyPanel = Panel<string, string>;

/** null when the experiment has no panel. */
export function figureSpec({ figure }: Experiment, result: ExperimentResult): TopLevelSpec | null {
  if (figure.panels.length === 0) return null;
  const shown = [...new Set(figure.panels.flatMap((panel) => armsOf(panel, result)))];
  const colour = {
    field: "arm",
    type: "nominal",
    sort: null,
    title: null,
    scale: {
      domain: shown.map((arm) => result.arms[arm].label),
      range: shown.map((_, i) => palette[i % palette.length]),
    },
  };
  const lastLines = figure.panels.findLastIndex(({ kind }) => kind === "lines");
  const quick = result.budget === "quick" ? " (quick budget)" : "";
  const seeds = `${result.seeds.length} seed${result.seeds.length === 1 ? "" : "s"}`;
  const spec = {
    $schema: chartSchema,
    config: { ...chartConfig, background: "white" },
    title: {
      text: `${figure.title}${quick}`,
      subtitle: `mean and 95 % bootstrap interval over ${seeds}`,
      anchor: "start",
      fontSize: 14,
      fontWeight: 600,
      color: colours.ink,
      subtitleColor: colours.quiet,
      offset: 14,
    },
    spacing: 28,
    // The same colours everywhere, one legend beside the last panel that needs it.
    resolve: { scale: { color: "independent" } },
    hconcat: figure.panels.map((panel, i) =>
      panel.kind === "lines"
        ? linesPanel(panel, result, { ...colour, legend: i === lastLines ? legend : null })
        : dotsPanel(panel, result, { ...colour, legend: null }),
    ),
  };
  return spec as unknown as TopLevelSpec;
}

function armsOf(panel: AnyPanel, result: ExperimentResult): readonly string[] {
  if (panel.arms) return panel.arms;
  return Object.entries(result.arms).flatMap(([arm, { curves, metrics }]) => {
    const has = panel.kind === "lines" ? curves[panel.curve] : metrics[panel.metric]?.mean !== null;
    return has ? [arm] : [];
  });
}

function linesPanel(panel: Extract<AnyPanel, { kind: "lines" }>, result: ExperimentResult, color: object) {
  const values = armsOf(panel, result).flatMap((arm) => {
    const { label, role, curves } = result.arms[arm];
    const curve = curves[panel.curve];
    if (!curve) return [];
    return curve.x.flatMap((x, i) => {
      const [y, lower, upper] = [curve.mean[i], curve.lower[i], curve.upper[i]];
      return y === null ? [] : [{ arm: label, method: role === "method", x, y, lower, upper }];
    });
  });
  const x = {
    field: "x",
    type: "quantitative",
    title: panel.x,
    scale: { nice: false, ...(panel.logX ? { type: "log" } : { zero: false }) },
    axis: { grid: false, tickCount: 6 },
  };
  const scale = panel.domain ? { domain: panel.domain, nice: false } : { zero: false };
  const y = { field: "y", type: "quantitative", title: panel.y, scale };
  return {
    ...heading(panel),
    width: 380,
    height: 250,
    data: { values },
    layer: [
      {
        mark: { type: "area", opacity: 0.14, clip: true },
        encoding: { x, y: { ...y, field: "lower" }, y2: { field: "upper" }, color },
      },
      {
        mark: { type: "line", clip: true },
        encoding: {
          x,
          y,
          color,
          strokeWidth: { condition: { test: "datum.method", value: 3 }, value: 1.6 },
        },
      },
    ],
  };
}

/** Means with intervals, one row an arm; the number stands beside it, also where the axis is cut. */
function dotsPanel(panel: Extract<AnyPanel, { kind: "dots" }>, result: ExperimentResult, color: object) {
  const [low, high] = panel.domain ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  const cut = (value: number) => Math.min(high, Math.max(low, value));
  const rows = armsOf(panel, result).flatMap((arm) => {
    const { label, metrics } = result.arms[arm];
    const summary = metrics[panel.metric];
    if (!summary || summary.mean === null || summary.lower === null || summary.upper === null) return [];
    return [{ arm: label, mean: summary.mean, lower: summary.lower, upper: summary.upper, seeds: summary.perSeed }];
  });
  const values = rows.map(({ arm, mean, lower, upper }) => ({
    arm,
    mean: cut(mean),
    lower: cut(lower),
    upper: cut(upper),
    text: numberText(mean),
  }));
  const dots = rows.flatMap(({ arm, seeds }) =>
    seeds.flatMap((seed) => (seed === null ? [] : [{ arm, mean: cut(seed) }])),
  );
  const y = {
    field: "arm",
    type: "nominal",
    sort: rows.map(({ arm }) => arm),
    title: null,
    axis: { ticks: false, domain: false, labelPadding: 8, labelLimit: 280 },
  };
  const scale = panel.domain ? { domain: panel.domain, nice: false } : { zero: false };
  const x = { field: "mean", type: "quantitative", title: panel.x, scale, axis: { tickCount: 5 } };
  const encoded = { y, color };
  return {
    ...heading(panel),
    width: dotsWidth,
    height: 250,
    layer: [
      { data: { values: dots }, mark: { type: "tick", opacity: 0.35, thickness: 1.5 }, encoding: { x, ...encoded } },
      {
        data: { values },
        mark: { type: "rule", strokeWidth: 2 },
        encoding: { x: { ...x, field: "lower" }, x2: { field: "upper" }, ...encoded },
      },
      { data: { values }, mark: { type: "point", filled: true, size: 70, opacity: 1 }, encoding: { x, ...encoded } },
      {
        data: { values },
        mark: { type: "text", align: "left", color: colours.quiet, fontSize: 11 },
        encoding: { y, x: { value: dotsWidth + 8 }, text: { field: "text" } },
      },
    ],
  };
}

function heading({ title }: AnyPanel) {
  if (!title) return {};
  return { title: { text: title, anchor: "start", fontSize: 12, fontWeight: "normal", color: colours.quiet } };
}

function numberText(value: number): string {
  const size = Math.abs(value);
  const text =
    size !== 0 && (size < 0.001 || size >= 1e5) ? value.toExponential(1) : String(Number(value.toPrecision(3)));
  return text.replace("-", "−");
}

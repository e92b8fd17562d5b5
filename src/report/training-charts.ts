/** Curves over the steps of a training run, as Vega-Lite specifications. */
import type { TopLevelSpec } from "vega-lite";
import { chartConfig, chartSchema, colours } from "../figure/theme.ts";

export interface CurvePoint {
  readonly step: number;
  readonly value: number;
}

interface Series {
  readonly name: string;
  readonly colour: "first" | "second" | "third";
  readonly points: readonly CurvePoint[];
  /** Points in place of a line. */
  readonly marks?: boolean;
}

/** Several series are told apart by a legend; names of series are this package's own. */
export function curveSpec({
  title,
  wide = false,
  series,
}: {
  readonly title: string;
  readonly wide?: boolean;
  readonly series: readonly Series[];
}): TopLevelSpec {
  const color = {
    field: "series",
    type: "nominal",
    scale: { domain: series.map(({ name }) => name), range: series.map(({ colour }) => colours[colour]) },
    legend:
      series.length > 1
        ? {
            title: null,
            orient: "top",
            labelFontSize: 12,
            labelLimit: 300,
            labelColor: colours.quiet,
            symbolType: "circle",
          }
        : null,
  } as const;
  return {
    $schema: chartSchema,
    config: chartConfig,
    width: wide ? 960 : 320,
    height: wide ? 330 : 190,
    autosize: { type: "fit", contains: "padding" },
    encoding: {
      x: {
        field: "step",
        type: "quantitative",
        scale: { nice: false, zero: false },
        axis: { title: "step", grid: false, tickCount: wide ? 10 : 5 },
      },
      y: {
        field: "value",
        type: "quantitative",
        scale: { zero: false },
        axis: { title, tickCount: wide ? 6 : 4, domain: false },
      },
      color,
    },
    layer: series.map(({ name, points, marks }) => ({
      data: { values: points.map((point) => ({ ...point, series: name })) },
      mark: marks
        ? { type: "point" as const, filled: true, size: 46, opacity: 1 }
        : { type: "line" as const, strokeWidth: wide ? 2 : 1.6 },
    })),
  };
}

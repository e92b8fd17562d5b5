import type { TopLevelSpec } from "vega-lite";
import { renderSvg } from "../figure/svg.ts";
import { type Html, html } from "./html.ts";

/** Renders a Vega-Lite specification to inline SVG. `label` is what a screen reader says. */
export async function drawChart(spec: TopLevelSpec, label: string): Promise<Html> {
  const svg = await renderSvg(spec);
  return html`<div class="chart" role="img" aria-label="${label}">${{ markup: svg }}</div>`;
}

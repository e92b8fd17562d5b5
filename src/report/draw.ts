import type { TopLevelSpec } from "vega-lite";
import { type Html, html } from "./html.ts";

/**
 * Renders a Vega-Lite specification to inline SVG, without a browser. Both packages are loaded here, on
 * first use. `label` is what a screen reader says.
 */
export async function drawChart(spec: TopLevelSpec, label: string): Promise<Html> {
  const [vega, vegaLite] = await Promise.all([import("vega"), import("vega-lite")]);
  const runtime = vega.parse(vegaLite.compile(spec).spec);
  const view = new vega.View(runtime, { renderer: "none" });
  try {
    const svg = await view.toSVG();
    return html`<div class="chart" role="img" aria-label="${label}">${{ markup: svg }}</div>`;
  } finally {
    view.finalize();
  }
}

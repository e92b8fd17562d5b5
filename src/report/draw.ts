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
    const svg = rounded(await view.toSVG());
    return html`<div class="chart" role="img" aria-label="${label}">${{ markup: svg }}</div>`;
  } finally {
    view.finalize();
  }
}

/** Coordinates to a hundredth of a pixel: a third of the size goes. */
function rounded(svg: string): string {
  return svg.replace(/ (?:d|transform|x2|y2|width|height)="[^"<>]*"/g, (attribute) =>
    attribute.replace(/\d+\.\d{3,}(?:e-\d+)?/g, (digits) => String(Number(Number(digits).toFixed(2)))),
  );
}

import type { TopLevelSpec } from "vega-lite";

/** Renders a Vega-Lite specification to SVG without a browser. Both packages are loaded on first use. */
export async function renderSvg(spec: TopLevelSpec): Promise<string> {
  const [vega, vegaLite] = await Promise.all([import("vega"), import("vega-lite")]);
  const runtime = vega.parse(vegaLite.compile(spec).spec);
  const view = new vega.View(runtime, { renderer: "none" });
  try {
    return rounded(await view.toSVG());
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

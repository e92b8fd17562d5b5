import { createHash } from "node:crypto";
import type { TopLevelSpec } from "vega-lite";

/** Renders a Vega-Lite specification to SVG without a browser. Both packages are loaded on first use. */
export async function renderSvg(spec: TopLevelSpec): Promise<string> {
  const [vega, vegaLite] = await Promise.all([import("vega"), import("vega-lite")]);
  const runtime = vega.parse(vegaLite.compile(spec).spec);
  const view = new vega.View(runtime, { renderer: "none" });
  try {
    return rounded(ownIds(await view.toSVG(), spec));
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

/**
 * Vega numbers its clip paths through the whole process. Here they are named after the specification: the same
 * figure has the same bytes, and several figures in one page do not take one another's.
 */
function ownIds(svg: string, spec: TopLevelSpec): string {
  const prefix = createHash("sha256").update(JSON.stringify(spec)).digest("hex").slice(0, 8);
  const names = new Map<string, string>();
  return svg.replace(/(id="|url\(#)((?:clip|gradient_)\d+)/g, (_, before: string, id: string) => {
    const name = names.get(id) ?? `f${prefix}-${names.size}`;
    names.set(id, name);
    return before + name;
  });
}

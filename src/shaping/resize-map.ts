import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { ragged } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { toRagged } from "../core/ragged.ts";

/**
 * Resizes a reward map bilinearly, e.g. from pixels to a latent grid (SRUM, arXiv 2510.12784; PyTorch's
 * `align_corners=False`).
 *
 * Output pixel i reads the source at max(0, (i + ½) · in/out − ½) along each axis, the last pixel being repeated beyond
 * the edge. Shrinking samples points, it does not average. `map` H×W in, `height`×`width` out. An empty map or one with
 * rows of different lengths is a `ContractError`.
 */
export const resizeMap = definePart({
  id: "shaping/resize-map",
  papers: ["srum"],
  params: z.object({
    height: z.int().positive().max(16384).describe("rows of the result"),
    width: z.int().positive().max(16384).describe("columns of the result"),
  }),
  inputs: z.object({ map: ragged("H×W", "reward per pixel") }),
  outputs: z.object({ map: ragged("Y×X", "reward per cell") }),
  compute({ height, width }, { map }) {
    const { values, offsets } = toRagged(map);
    const rows = offsets.length - 1;
    const columns = rows === 0 ? 0 : offsets[1];
    if (columns === 0) throw new ContractError("inputs.map", "expected at least one pixel");
    for (let i = 0; i < rows; i++)
      if (offsets[i + 1] - offsets[i] !== columns)
        throw new ContractError(
          `inputs.map[${i}]`,
          `expected ${columns} entries, as in row 0, got ${offsets[i + 1] - offsets[i]}`,
        );
    const vertical = samples(rows, height);
    const horizontal = samples(columns, width);
    const out = new Float64Array(height * width);
    for (let y = 0; y < height; y++) {
      const v = vertical[y];
      for (let x = 0; x < width; x++) {
        const h = horizontal[x];
        const top = values[v.low * columns + h.low] * (1 - h.share) + values[v.low * columns + h.high] * h.share;
        const bottom = values[v.high * columns + h.low] * (1 - h.share) + values[v.high * columns + h.high] * h.share;
        out[y * width + x] = top * (1 - v.share) + bottom * v.share;
      }
    }
    return { map: { values: out, offsets: Uint32Array.from({ length: height + 1 }, (_, y) => y * width) } };
  },
});

/** For each output pixel of an axis: the two source pixels and the share of the second. */
function samples(source: number, target: number): { low: number; high: number; share: number }[] {
  return Array.from({ length: target }, (_, i) => {
    const at = Math.max(0, ((i + 0.5) * source) / target - 0.5);
    const low = Math.min(source - 1, Math.floor(at));
    return { low, high: Math.min(source - 1, low + 1), share: at - low };
  });
}

import { z } from "zod";
import { shaped } from "../core/fields.ts";
import { definePart } from "../core/part.ts";

/** Luminance weights (Rec. 709). */
const luminance = [0.2126, 0.7152, 0.0722] as const;

/**
 * A tiny photo engine for retouching agents (bed of RetouchIQ, arXiv 2602.17558).
 *
 * In this order, each followed by a clip to [0, 1]: exposure c·2^v; contrast (c − ½)(1 + v/100) + ½; temperature t = 0.2v/100: red·(1 + t),
 * blue·(1 − t); saturation l + (c − l)(1 + v/100), l = 0.2126R + 0.7152G + 0.0722B. An absent edit changes nothing. Pixels P×3, RGB in [0, 1].
 */
export const retouch = definePart({
  id: "environment/retouch",
  papers: ["retouchiq"],
  params: z.object({}),
  inputs: z.object({
    pixels: shaped(z.array(z.tuple([z.number(), z.number(), z.number()])), "P×3", "RGB in [0, 1]"),
    edits: z
      .strictObject({
        exposure: z.number().optional().describe("stops"),
        contrast: z.number().optional().describe("percent"),
        temperature: z.number().optional().describe("percent; positive is warmer"),
        saturation: z.number().optional().describe("percent"),
      })
      .describe("slider settings"),
  }),
  outputs: z.object({ pixels: shaped(z.array(z.array(z.number())), "P×3", "RGB in [0, 1]") }),
  compute(_, { pixels, edits }) {
    const { exposure, contrast, temperature, saturation } = edits;
    const clip = (value: number) => Math.min(1, Math.max(0, value));
    const each = (colour: number[], change: (value: number, channel: number) => number) =>
      colour.map((value, channel) => clip(change(value, channel)));
    const edited = pixels.map((pixel) => {
      let colour: number[] = [...pixel];
      if (exposure !== undefined) colour = each(colour, (value) => value * 2 ** exposure);
      if (contrast !== undefined) colour = each(colour, (value) => (value - 0.5) * (1 + contrast / 100) + 0.5);
      if (temperature !== undefined) {
        const tint = (0.2 * temperature) / 100;
        const factors = [1 + tint, 1, 1 - tint];
        colour = each(colour, (value, channel) => value * factors[channel]);
      }
      if (saturation !== undefined) {
        const grey = colour.reduce((sum, value, channel) => sum + luminance[channel] * value, 0);
        colour = each(colour, (value) => grey + (value - grey) * (1 + saturation / 100));
      }
      return colour;
    });
    return { pixels: edited };
  },
});

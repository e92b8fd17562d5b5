import { z } from "zod";
import { fields } from "../core/fields.ts";
import { definePart } from "../core/part.ts";

/**
 * Soft punishment of overlong responses (DAPO, arXiv 2503.14476, eq. 13).
 *
 * With maximum L and cache C, both in tokens, a response of n tokens gets 0 for n ≤ L − C, the slope
 * (L − C − n) / C for n ≤ L, and −1 beyond. Added to the outcome reward.
 */
export const overlongPenalty = definePart({
  id: "shaping/overlong-penalty",
  papers: ["grpo"],
  params: z.object({
    maxLength: z.number().positive().describe("L, tokens"),
    cache: z.number().positive().describe("C, tokens over which the penalty ramps up"),
  }),
  inputs: z.object({ lengths: fields.lengths }),
  outputs: z.object({ lengthRewards: fields.lengthRewards }),
  compute({ maxLength, cache }, { lengths }) {
    const lengthRewards = new Float64Array(lengths.length);
    for (let i = 0; i < lengths.length; i++) {
      const over = maxLength - cache - lengths[i];
      lengthRewards[i] = over >= 0 ? 0 : lengths[i] > maxLength ? -1 : over / cache;
    }
    return { lengthRewards };
  },
});

import { z } from "zod";
import { fields, ragged } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { checkSameRows, raggedLike, rowOf, toRagged } from "../core/ragged.ts";

/**
 * Scales token scores to [0, 1] within each response (RLFR, arXiv 2510.10201, step 3).
 *
 * ŝ = ((s − min)/(max − min))^γ over the row's unmasked tokens; masked tokens get 0, as does a row of equal scores.
 * `second-smallest` reproduces the release: masked tokens count as 0 and the second-smallest distinct value of the row
 * is the minimum, so that padding is skipped; without padding the true minimum goes negative (its power keeps the
 * sign). N×T.
 */
export const tokenMinmax = definePart({
  id: "shaping/token-minmax",
  papers: ["rlfr"],
  params: z.object({
    gamma: z.number().positive().default(1).describe("power"),
    minimum: z.enum(["masked", "second-smallest"]).default("masked").describe("what counts as 0"),
  }),
  inputs: z.object({ scores: ragged("N×T", "score per token"), mask: fields.mask.optional() }),
  outputs: z.object({ scores: ragged("N×T", "scaled score per token") }),
  compute({ gamma, minimum }, inputs) {
    const given = toRagged(inputs.scores);
    const mask = inputs.mask === undefined ? null : toRagged(inputs.mask);
    if (mask) checkSameRows(mask, given, "mask");
    const scores = raggedLike(given);
    const { values, offsets } = given;
    const out = scores.values;
    const official = minimum === "second-smallest";
    for (let i = 0; i + 1 < offsets.length; i++) {
      let low = Number.POSITIVE_INFINITY;
      let second = Number.POSITIVE_INFINITY;
      let high = Number.NEGATIVE_INFINITY;
      for (let t = offsets[i]; t < offsets[i + 1]; t++) {
        const counts = mask === null || mask.values[t] !== 0;
        if (!counts && !official) continue;
        const score = counts ? values[t] : 0;
        if (score > high) high = score;
        if (score < low) {
          second = low;
          low = score;
        } else if (score > low && score < second) second = score;
      }
      const floor = official ? second : low;
      const range = high - floor;
      // A spread of rounding size would overflow the quotient: equal for all we know.
      if (!(range > 0) || !Number.isFinite((low - floor) / range)) continue;
      for (let t = offsets[i]; t < offsets[i + 1]; t++) {
        if (mask !== null && mask.values[t] === 0) continue;
        const scaled = (values[t] - floor) / range;
        out[t] = gamma === 1 ? scaled : Math.sign(scaled) * Math.abs(scaled) ** gamma;
      }
    }
    return { scores };
  },
});

/**
 * Keeps the few largest token scores of a response (RLFR, arXiv 2510.10201, step 4).
 *
 * Scores ≤ `threshold` become 0; where at least `topK` non-zero ones remain, only the topK largest stay (ties: the
 * earlier token). `bilateral` keeps both tails: |s| > threshold, then the ⌊topK/2⌋ largest and the ⌊topK/2⌋ smallest.
 * A threshold or topK of 0 or less switches that step off. N×T.
 */
export const tokenSelect = definePart({
  id: "shaping/token-select",
  papers: ["rlfr"],
  params: z.object({
    threshold: z.number().default(0.6).describe("scores must exceed it"),
    topK: z.int().default(15).describe("most tokens kept per response"),
    bilateral: z.boolean().default(false).describe("negative scores count as well"),
  }),
  inputs: z.object({ scores: ragged("N×T", "score per token") }),
  outputs: z.object({ scores: ragged("N×T", "score where kept, else 0") }),
  compute({ threshold, topK, bilateral }, inputs) {
    const given = toRagged(inputs.scores);
    const scores = raggedLike(given);
    for (let i = 0; i + 1 < given.offsets.length; i++) {
      const row = rowOf(given, i);
      const out = rowOf(scores, i);
      let kept = 0;
      for (let t = 0; t < row.length; t++) {
        const passes = threshold <= 0 || row[t] > threshold || (bilateral && row[t] < -threshold);
        out[t] = passes ? row[t] : 0;
        if (out[t] !== 0) kept++;
      }
      if (topK <= 0 || kept < topK) continue;
      const order = Array.from(out.keys()).sort((a, b) => out[b] - out[a] || a - b);
      const stays = new Uint8Array(row.length);
      if (bilateral) {
        const side = Math.floor(topK / 2);
        const ascending = Array.from(out.keys()).sort((a, b) => out[a] - out[b] || a - b);
        for (let k = 0; k < side; k++) stays[order[k]] = stays[ascending[k]] = 1;
      } else for (let k = 0; k < topK; k++) stays[order[k]] = 1;
      for (let t = 0; t < row.length; t++) if (!stays[t]) out[t] = 0;
    }
    return { scores };
  },
});

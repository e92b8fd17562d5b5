import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";

const buckets = ["easy", "medium", "hard"] as const;

/**
 * Length budget per difficulty that keeps one expected right answer (LASER-D, arXiv 2505.15612, §4.2).
 *
 * `coverage` gives, per difficulty, the share P of the monitored rollouts that are no longer than each threshold (L in
 * number). C is the fewest right answers a prompt of that difficulty has among k `rollouts`: ⌊2k/3⌋ easy, ⌊k/3⌋
 * medium, 1 hard. The expected number of right answers within a threshold is ⌊P·C⌋ (`floor`), or P·C with C rounded up
 * (`ceil`). `targetLengths` is the smallest threshold (tokens) at which it reaches `expectedCorrect`, and never more
 * than `maxLength`, the longest response of the batch; `maxLength` where none does.
 */
export const adaptiveTargetLength = definePart({
  id: "shaping/adaptive-target-length",
  papers: ["laser"],
  params: z.object({
    thresholds: z.array(z.number().positive()).min(1).describe("candidate budgets, tokens"),
    rollouts: z.int().positive().default(8).describe("k, rollouts per monitored prompt"),
    expectedCorrect: z.number().default(1).describe("right answers that must fit"),
    rounding: z.enum(["floor", "ceil"]).default("floor").describe("how fractions of a right answer are taken"),
  }),
  inputs: z.object({
    coverage: z
      .object({
        easy: vector("L", "share within each threshold").optional(),
        medium: vector("L", "share within each threshold").optional(),
        hard: vector("L", "share within each threshold").optional(),
      })
      .describe("share of rollouts within each threshold, by difficulty"),
    maxLength: z.number().nonnegative().describe("longest response of the batch, tokens"),
  }),
  outputs: z.object({
    targetLengths: z.record(z.string(), z.number()).describe("budget by difficulty"),
    expectedCorrectResponses: z.record(z.string(), vector("L", "per threshold")).describe("by difficulty"),
  }),
  compute({ thresholds, rollouts, expectedCorrect, rounding }, { coverage, maxLength }) {
    const round = rounding === "floor" ? Math.floor : Math.ceil;
    const fewest = { easy: round((rollouts * 2) / 3), medium: round(rollouts / 3), hard: 1 };
    const targetLengths: Record<string, number> = {};
    const expectedCorrectResponses: Record<string, Float64Array> = {};
    for (const bucket of buckets) {
      const shares = coverage[bucket];
      if (!shares) continue;
      if (shares.length !== thresholds.length)
        throw new ContractError(
          `inputs.coverage.${bucket}`,
          `expected ${thresholds.length} entries (one per threshold), got ${shares.length}`,
        );
      const expected = new Float64Array(thresholds.length);
      let target = maxLength;
      for (let k = 0; k < thresholds.length; k++) {
        const count = shares[k] * fewest[bucket];
        expected[k] = rounding === "floor" ? Math.floor(count) : count;
        if (expected[k] >= expectedCorrect && thresholds[k] < target) target = thresholds[k];
      }
      targetLengths[bucket] = target;
      expectedCorrectResponses[bucket] = expected;
    }
    return { targetLengths, expectedCorrectResponses };
  },
});

import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields, nullableVector, shaped, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";

/**
 * Damps a detection reward by the share of boxes asked for (odLength, VLM-R1, arXiv 2504.07615, §3).
 *
 * factor = min(1, target count / predicted count), 1 where nothing was predicted; r′ = factor · r. Answering too
 * little is left to the reward itself. N each.
 */
export const countRatio = definePart({
  id: "shaping/count-ratio",
  papers: ["vlm-r1"],
  params: z.object({}),
  inputs: z.object({
    rewards: fields.rewards,
    predictedCounts: vector("N", "how many were predicted"),
    targetCounts: vector("N", "how many there are"),
  }),
  outputs: z.object({ factors: vector("N", "damping"), rewards: fields.rewards }),
  compute(_, { rewards, predictedCounts, targetCounts }) {
    const factors = Float64Array.from(predictedCounts, (count, i) =>
      count > 0 ? Math.min(1, targetCounts[i] / count) : 1,
    );
    return { factors, rewards: Float64Array.from(rewards, (reward, i) => reward * factors[i]) };
  },
});

/**
 * Moves the reward of an answer towards that of its guided revision (HeRL, arXiv 2603.20046, step 4).
 *
 * r_i ← r_i + α(r̃_i − r_i), r̃_i the best revision of answer i; `clipNegative` drops the change where the revision is
 * worse. `rewards` N; `candidates` (which answer was revised, repeats allowed) and `revisedRewards` run parallel (M); a
 * revision without a reward (null) counts for nothing.
 */
export const hindsightBonus = definePart({
  id: "shaping/hindsight-bonus",
  papers: ["herl"],
  params: z.object({
    alpha: z.number().default(0.05).describe("α, share of the way"),
    clipNegative: z.boolean().default(false).describe("a worse revision costs nothing"),
  }),
  inputs: z.object({
    rewards: fields.rewards,
    candidates: shaped(z.array(z.int().nonnegative()), "M", "index of the revised answer"),
    revisedRewards: nullableVector("M", "reward of the revision; null: it failed"),
  }),
  outputs: z.object({ rewards: fields.rewards }),
  compute({ alpha, clipNegative }, { rewards, candidates, revisedRewards }) {
    const best = new Map<number, number>();
    candidates.forEach((i, m) => {
      if (i >= rewards.length)
        throw new ContractError(`inputs.candidates[${m}]`, `there is no answer ${i}, only ${rewards.length}`);
      const revised = revisedRewards[m];
      if (revised !== null) best.set(i, Math.max(best.get(i) ?? Number.NEGATIVE_INFINITY, revised));
    });
    const out = Float64Array.from(rewards);
    for (const [i, revised] of best) {
      const change = revised - rewards[i];
      if (change > 0 || !clipNegative) out[i] += alpha * change;
    }
    return { rewards: out };
  },
});

/** Distances to a goal as rewards: numbers, points, regions of objectives, criteria of several scores. */
import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields, flags, nullableVector, ragged, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { rowCount, rowOf, toRagged } from "../core/ragged.ts";
import { expectLength } from "../core/shapes.ts";

/**
 * Goal-conditioned reward: −(g − r)², the distance of a response's score to the score that was asked for
 * (arXiv 2410.08067, eq. 4). N rewards, N goals, the same scale.
 */
export const goalDistance = definePart({
  id: "signal/goal-distance",
  papers: ["reward-augmented-data"],
  params: z.object({}),
  inputs: z.object({ rewards: fields.rewards, goals: vector("N", "score that was asked for") }),
  outputs: z.object({ rewards: fields.rewards }),
  compute(_params, { rewards, goals }) {
    expectLength(goals, rewards.length, "goals");
    return { rewards: Float64Array.from({ length: rewards.length }, (_, i) => 0 - (goals[i] - rewards[i]) ** 2) };
  },
});

/**
 * Distance to a ball as reward: −scale·max(0, ‖x − center‖ − radius) (arXiv 2407.09499, sec. 4.1). N × D samples, D
 * coordinates of the center.
 */
export const distanceReward = definePart({
  id: "signal/distance-reward",
  papers: ["curated-self-consuming"],
  params: z.object({
    scale: z.number().default(10).describe("γ"),
    radius: z.number().nonnegative().default(1).describe("within which the reward is 0"),
  }),
  inputs: z.object({ samples: ragged("N×D", "points"), center: vector("D", "centre of the ball") }),
  outputs: z.object({ rewards: fields.rewards }),
  compute({ scale, radius }, { samples, center }) {
    const rows = toRagged(samples);
    const rewards = new Float64Array(rowCount(rows));
    for (let i = 0; i < rewards.length; i++) {
      const point = rowOf(rows, i);
      expectLength(point, center.length, `samples[${i}]`);
      let squared = 0;
      for (let d = 0; d < point.length; d++) squared += (point[d] - center[d]) ** 2;
      rewards[i] = 0 - scale * Math.max(0, Math.sqrt(squared) - radius);
    }
    return { rewards };
  },
});

/**
 * Focus-region reward of goal-conditioned multi-objective generation (arXiv 2412.07177, ch. 7).
 *
 * With objectives f ≥ 0 and direction g, N × D each: c = f·g/(‖f‖‖g‖); in the region where c ≥ c_g = `cosine`;
 * coefficient c^(ln m / ln c_g) inside, with m = `limitCoefficient` at the rim, 0 outside; reward = coefficient·Σ f.
 * A zero vector has no cosine (null), lies outside and is worth 0.
 */
export const goalRegion = definePart({
  id: "signal/goal-region",
  papers: ["reward-specification-thesis"],
  params: z.object({
    cosine: z.number().gt(0).lt(1).default(0.98).describe("c_g, cosine at the rim of the region"),
    limitCoefficient: z.number().gt(0).max(1).default(0.1).describe("m, coefficient at the rim"),
  }),
  inputs: z.object({
    objectives: ragged("N×D", "objective values, non-negative"),
    directions: ragged("N×D", "preferred direction"),
  }),
  outputs: z.object({
    cosines: nullableVector("N", "cosine to the direction; null for a zero vector"),
    inRegion: flags("N", "within the region"),
    coefficients: vector("N", "1 on the axis, m at the rim, 0 outside"),
    rewards: fields.rewards,
  }),
  compute({ cosine, limitCoefficient }, { objectives, directions }) {
    const rows = toRagged(objectives);
    const wanted = toRagged(directions);
    const n = rowCount(rows);
    expectLength({ length: rowCount(wanted) }, n, "directions");
    const exponent = Math.log(limitCoefficient) / Math.log(cosine);
    const cosines: (number | null)[] = [];
    const inRegion: boolean[] = [];
    const coefficients = new Float64Array(n);
    const rewards = new Float64Array(n);
    for (let i = 0; i < n; i++) {
      const f = rowOf(rows, i);
      const g = rowOf(wanted, i);
      expectLength(g, f.length, `directions[${i}]`);
      let dot = 0;
      let sum = 0;
      for (let d = 0; d < f.length; d++) {
        dot += f[d] * g[d];
        sum += f[d];
      }
      const norms = Math.hypot(...f) * Math.hypot(...g);
      const c = norms > 0 ? Math.max(-1, Math.min(1, dot / norms)) : null;
      const inside = c !== null && c >= cosine;
      cosines.push(c);
      inRegion.push(inside);
      coefficients[i] = inside ? c ** exponent : 0;
      rewards[i] = coefficients[i] * sum;
    }
    return { cosines, inRegion, coefficients, rewards };
  },
});

/**
 * Closeness of a predicted number to a reference, absolutely and relatively (RandomCalculation, arXiv 2507.10532,
 * sec. 4): r = 1 − ½ min(|a − b|, 1) − ½ min(|a − b| / (|b| + ε), 1), in [0, 1].
 *
 * A null prediction (nothing could be parsed) is worth 0: it is the policy's own failure. Use exact match for reports.
 */
export const numericCloseness = definePart({
  id: "signal/numeric-closeness",
  papers: ["random-calculation"],
  params: z.object({ epsilon: z.number().positive().default(1e-6).describe("ε, added to |b|") }),
  inputs: z.object({
    predictions: nullableVector("N", "predicted number; null: none found in the response"),
    references: vector("N", "right number"),
  }),
  outputs: z.object({ rewards: fields.rewards }),
  compute({ epsilon }, { predictions, references }) {
    expectLength(references, predictions.length, "references");
    const rewards = new Float64Array(predictions.length);
    for (let i = 0; i < rewards.length; i++) {
      const prediction = predictions[i];
      if (prediction === null) continue;
      const gap = Math.abs(prediction - references[i]);
      rewards[i] = 1 - 0.5 * Math.min(gap, 1) - 0.5 * Math.min(gap / (Math.abs(references[i]) + epsilon), 1);
    }
    return { rewards };
  },
});

const defaultWeights = { hps: 5, imagereward: 1, pickscore: 0.05, clip: 0.01, aesthetic: 0 };
const defaultOffsets = { hps: 1, imagereward: 2, pickscore: 30, clip: 100, aesthetic: 10 };

/**
 * Weighted criterion of several reward models as a loss (ReNO, arXiv 2406.04312, eq. 4): ℓ_k = offset_k − score_k,
 * L = Σ_k w_k ℓ_k; lower is better.
 *
 * The sum runs over the scores that are given. Defaults are the paper's: hps is a cosine, imagereward a standardised
 * score, pickscore and clip logit scale × cosine, aesthetic a rating. Throws for a score without weight or offset.
 */
export const rewardCriterion = definePart({
  id: "signal/reward-criterion",
  papers: ["reno"],
  params: z.object({
    weights: z.record(z.string(), z.number()).default(defaultWeights).describe("w_k by name"),
    offsets: z.record(z.string(), z.number()).default(defaultOffsets).describe("best attainable score, by name"),
  }),
  inputs: z.object({ scores: z.record(z.string(), z.number()).describe("score of each reward model, by name") }),
  outputs: z.object({
    losses: z.record(z.string(), z.number()).describe("offset − score, by name"),
    total: z.number().describe("weighted sum of the losses"),
  }),
  compute({ weights, offsets }, { scores }) {
    const losses: Record<string, number> = {};
    let total = 0;
    for (const [name, score] of Object.entries(scores)) {
      losses[name] = named(offsets, name, "offsets") - score;
      total += named(weights, name, "weights") * losses[name];
    }
    return { losses, total };
  },
});

function named(values: Readonly<Record<string, number>>, name: string, param: string): number {
  if (!Object.hasOwn(values, name))
    throw new ContractError(`params.${param}.${name}`, "expected a number for this score");
  return values[name];
}

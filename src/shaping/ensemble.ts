import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { nullableVector, shaped, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { mean, standardDeviation } from "../core/statistics.ts";

/**
 * Several reward models in one score (arXiv 2312.09244, §3; worst-case and uncertainty-weighted: arXiv 2310.02743;
 * weighted: arXiv 2509.16127).
 *
 * Over the K members' scores of a rollout: `mean`, `median` (even K: the middle two averaged), `min`, `weighted`
 * (`weights`, normalised), `mean-minus-std` and `mean-minus-variance` (mean − coefficient · deviation or variance, with
 * `ddof` degrees of freedom lost). `standardize` first maps member k's scores to (s − means_k)/stds_k: members without
 * a common offset cannot be averaged across prompts.
 *
 * `scores` K×N; null is unscored, and a member that did not score a rollout is left out of it. `rewards` N is null
 * where the statistic is undefined (no score; a deviation of too few). `disagreement` N: population deviation over the
 * members, null without one.
 */
export const ensemble = definePart({
  id: "shaping/ensemble",
  papers: ["rm-ensembles", "base-reward"],
  params: z.object({
    aggregate: z
      .enum(["mean", "weighted", "median", "min", "mean-minus-std", "mean-minus-variance"])
      .default("mean")
      .describe("how members are joined"),
    coefficient: z.number().default(1).describe("weight of the deviation or variance"),
    ddof: z
      .union([z.literal(0), z.literal(1)])
      .default(0)
      .describe("1: sample deviation, 0: population deviation (in the aggregate)"),
  }),
  inputs: z.object({
    scores: shaped(z.array(z.array(z.number().nullable())), "K×N", "score of each member; null: unscored"),
    weights: vector("K", "weight of each member (weighted)").optional(),
    standardize: z
      .object({ means: vector("K", "mean of each member"), stds: vector("K", "deviation of each member, above 0") })
      .optional()
      .describe("common scale"),
  }),
  outputs: z.object({
    rewards: nullableVector("N", "joined score; null: undefined"),
    disagreement: nullableVector("N", "deviation over the members"),
  }),
  compute({ aggregate, coefficient, ddof }, { scores, weights, standardize }) {
    const members = scores.length;
    const n = members === 0 ? 0 : scores[0].length;
    for (let k = 0; k < members; k++) {
      if (scores[k].length !== n)
        throw new ContractError(`inputs.scores[${k}]`, `expected ${n} entries, as in row 0, got ${scores[k].length}`);
      if (standardize && !(standardize.stds[k] > 0))
        throw new ContractError(`inputs.standardize.stds[${k}]`, `expected above 0, got ${standardize.stds[k]}`);
    }
    if (standardize && standardize.means.length !== members)
      throw new ContractError("inputs.standardize.means", `expected ${members} entries (one per member)`);
    if (aggregate === "weighted" && weights?.length !== members)
      throw new ContractError("inputs.weights", `expected ${members} entries (one per member)`);
    const rewards: (number | null)[] = [];
    const disagreement: (number | null)[] = [];
    const column = new Float64Array(members);
    const weight = new Float64Array(members);
    for (let i = 0; i < n; i++) {
      let count = 0;
      for (let k = 0; k < members; k++) {
        const score = scores[k][i];
        if (score === null) continue;
        column[count] = standardize ? (score - standardize.means[k]) / standardize.stds[k] : score;
        weight[count] = weights?.[k] ?? 1;
        count++;
      }
      const given = column.subarray(0, count);
      disagreement.push(count === 0 ? null : standardDeviation(given, 0));
      if (count === 0) rewards.push(null);
      else if (aggregate === "weighted") rewards.push(weightedMean(given, weight));
      else if (aggregate === "median") rewards.push(median(given));
      else if (aggregate === "min") rewards.push(given.reduce((low, score) => Math.min(low, score)));
      else if (aggregate === "mean") rewards.push(mean(given));
      else if (count <= ddof) rewards.push(null);
      else {
        const deviation = standardDeviation(given, ddof);
        rewards.push(mean(given) - coefficient * (aggregate === "mean-minus-std" ? deviation : deviation ** 2));
      }
    }
    return { rewards, disagreement };
  },
});

function weightedMean(values: Float64Array, weights: Float64Array): number | null {
  let sum = 0;
  let total = 0;
  for (let k = 0; k < values.length; k++) {
    sum += weights[k] * values[k];
    total += weights[k];
  }
  return total === 0 ? null : sum / total;
}

function median(values: Float64Array): number {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields, nullableVector, ragged, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { toRagged } from "../core/ragged.ts";
import { normalQuantile } from "../core/special-functions.ts";

const referenceRewards = ragged("N×M", "rewards of stored reference responses to the same prompt");
const shapedRewards = nullableVector("N", "shaped reward; null: the rollout has no reference");

type Transform = "sigmoid" | "tanh" | "arctan" | "identity" | "fitted-poly";

/**
 * Preference as reward: the reward model's own probability that the response beats reference responses (PAR, arXiv
 * 2502.18770, §4), with its ablations.
 *
 * r′ = (1/M) Σ_m f(r − r_ref,m) over the first `maxReferences` references; `centered: false` gives f(r). f(x) is
 *
 * - `sigmoid` σ(slope·(x − shift)): PAR; slope and shift belong to it alone ("slow growth, fast convergence" is shift 3);
 * - `tanh`, `arctan` (in radians), `identity` x;
 * - `fitted-poly`: the degree-5 least-squares fit of σ on [−5, 5], 0 below and 1 above.
 *
 * `rewards` N, `referenceRewards` N×M (rows may differ in length; null for an empty one). Adding a constant to all
 * rewards of a prompt changes nothing.
 */
export const preferenceAsReward = definePart({
  id: "shaping/preference-as-reward",
  papers: ["par"],
  params: z.object({
    transform: z
      .enum(["sigmoid", "tanh", "arctan", "identity", "fitted-poly"])
      .default("sigmoid")
      .describe("f, the bounded function"),
    slope: z.number().positive().default(1).describe("k of the sigmoid"),
    shift: z.number().default(0).describe("where the sigmoid is ½"),
    maxReferences: z.int().positive().default(10).describe("how many references count, from the first"),
    centered: z.boolean().default(true).describe("compare with references; false: f of the reward itself"),
  }),
  inputs: z.object({ rewards: fields.rewards, referenceRewards: referenceRewards.optional() }),
  outputs: z.object({ rewards: shapedRewards }),
  compute({ transform, slope, shift, maxReferences, centered }, { rewards, referenceRewards: given }) {
    const f = (x: number) => transformed(transform, x, slope, shift);
    if (!centered) return { rewards: Float64Array.from(rewards, f) };
    if (given === undefined) throw new ContractError("inputs.referenceRewards", "required when centered");
    const { values, offsets } = toRagged(given);
    if (offsets.length - 1 !== rewards.length)
      throw new ContractError("inputs.referenceRewards", `expected ${rewards.length} rows, got ${offsets.length - 1}`);
    return {
      rewards: Array.from(rewards, (reward, i) => {
        const count = Math.min(maxReferences, offsets[i + 1] - offsets[i]);
        let sum = 0;
        for (let m = offsets[i]; m < offsets[i] + count; m++) sum += f(reward - values[m]);
        return count === 0 ? null : sum / count;
      }),
    };
  },
});

function transformed(transform: Transform, x: number, slope: number, shift: number): number {
  switch (transform) {
    case "sigmoid":
      return 1 / (1 + Math.exp(-slope * (x - shift)));
    case "tanh":
      return Math.tanh(x);
    case "arctan":
      return Math.atan(x);
    case "identity":
      return x;
    case "fitted-poly":
      if (x <= -5) return 0;
      if (x >= 5) return 1;
      return 0.5 + x * (0.22878851 + x * x * (-1.0130912e-2 + x * x * 2.0266917e-4));
  }
}

/**
 * Log-sigmoid of the reward above a quantile of the references (LSC, arXiv 2402.00742, as compared in arXiv 2502.18770).
 *
 * r′ = log σ(r − q), q = mean + z·(sd + ε) over all references of the prompt, z the standard normal quantile of
 * `quantile` and sd the sample deviation (0 for one reference). Always negative. `rewards` N, `referenceRewards` N×M;
 * null for a row without references.
 */
export const logSigmoidCentered = definePart({
  id: "shaping/log-sigmoid-centered",
  papers: ["par"],
  params: z.object({
    quantile: z.number().gt(0).lt(1).default(0.85).describe("quantile of the references that counts as good"),
    epsilon: z.number().nonnegative().default(1e-5).describe("added to the deviation"),
  }),
  inputs: z.object({ rewards: vector("N", "scalar reward per rollout"), referenceRewards }),
  outputs: z.object({ rewards: shapedRewards }),
  compute({ quantile, epsilon }, { rewards, referenceRewards: given }) {
    const z = normalQuantile(quantile);
    const { values, offsets } = toRagged(given);
    return {
      rewards: Array.from(rewards, (reward, i) => {
        const count = offsets[i + 1] - offsets[i];
        if (!(count > 0)) return null;
        let mean = 0;
        for (let m = offsets[i]; m < offsets[i + 1]; m++) mean += values[m] / count;
        let squares = 0;
        for (let m = offsets[i]; m < offsets[i + 1]; m++) squares += (values[m] - mean) ** 2;
        const deviation = count > 1 ? Math.sqrt(squares / (count - 1)) : 0;
        const margin = reward - mean - z * (deviation + epsilon);
        return margin >= 0 ? -Math.log1p(Math.exp(-margin)) : margin - Math.log1p(Math.exp(margin));
      }),
    };
  },
});

/**
 * Averages a reward with those of similar training texts (RewardFusion, arXiv 2309.16155, §5.2).
 *
 * Of the neighbours with similarity ≥ `threshold` the `topK` most similar count (ties: the earlier one), each with its
 * similarity as weight: r̂ = (r + Σ w_i r_i)/(1 + Σ w_i). Without a neighbour r̂ = r. `neighborRewards` and
 * `similarities` N×M; `neighborsUsed` N.
 */
export const rewardFusion = definePart({
  id: "shaping/reward-fusion",
  papers: ["reward-consistency"],
  params: z.object({
    threshold: z.number().nonnegative().default(0.9).describe("least similarity, inclusive"),
    topK: z.int().nonnegative().default(5).describe("most neighbours that count"),
  }),
  inputs: z.object({
    rewards: fields.rewards,
    neighborRewards: ragged("N×M", "rewards of the neighbours"),
    similarities: ragged("N×M", "cosine similarity of each"),
  }),
  outputs: z.object({ rewards: fields.rewards, neighborsUsed: vector("N", "how many counted") }),
  compute({ threshold, topK }, { rewards, ...inputs }) {
    const neighbors = toRagged(inputs.neighborRewards);
    const similarities = toRagged(inputs.similarities).values;
    const { offsets, values } = neighbors;
    const out = new Float64Array(rewards.length);
    const neighborsUsed = new Int32Array(rewards.length);
    for (let i = 0; i < rewards.length; i++) {
      const similar: number[] = [];
      for (let m = offsets[i]; m < offsets[i + 1]; m++) if (similarities[m] >= threshold) similar.push(m);
      similar.sort((a, b) => similarities[b] - similarities[a] || a - b);
      const used = Math.min(topK, similar.length);
      let sum = rewards[i];
      let weight = 1;
      for (let k = 0; k < used; k++) {
        sum += similarities[similar[k]] * values[similar[k]];
        weight += similarities[similar[k]];
      }
      out[i] = sum / weight;
      neighborsUsed[i] = used;
    }
    return { rewards: out, neighborsUsed };
  },
});

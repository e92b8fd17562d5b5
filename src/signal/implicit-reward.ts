/** Rewards that two language models imply: differences of their log-probabilities. */
import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields, ragged, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { checkSameRows, type Ragged, raggedLike, rowCount, toRagged } from "../core/ragged.ts";

/**
 * Implicit reward of a language model against a reference: scaled log-ratio per token, step and response
 * (implicit PRM, arXiv 2412.01981, prop. 3.1; DPO's implicit reward; iStar, arXiv 2509.19199, eq. 4).
 *
 * Token reward β(log π − log π_ref), 0 where `mask` is 0; absent `refLogprobs` count as 0 (plain log-likelihood).
 * `rewards` is the sum over tokens, or with `reduction` mean the mean over unmasked tokens (0 for a row without any).
 * With `stepEnds`, `stepValues` q_s is the sum up to the end of step s and `stepRewards` q_s − q_{s−1}, q_{−1} = 0.
 * `normalize` batch-max divides every output by (largest |reward| of the batch + `epsilon`). `rescale` [lo, hi] gives
 * `scores`: the rewards mapped linearly so that the batch's smallest is lo and its largest hi (all equal: the middle).
 * Throws when a step end lies outside of its row or before the previous one.
 */
export const implicitReward = definePart({
  id: "signal/implicit-reward",
  papers: ["implicit-prm"],
  params: z.object({
    beta: z.number().default(0.05).describe("scale of the log-ratio"),
    reduction: z.enum(["sum", "mean"]).default("sum").describe("tokens → response"),
    normalize: z.enum(["none", "batch-max"]).default("none"),
    epsilon: z.number().nonnegative().default(1e-6).describe("added to the batch's maximum"),
    rescale: z.tuple([z.number(), z.number()]).nullable().default(null).describe("range of `scores`; null: none"),
  }),
  inputs: z.object({
    logprobs: fields.logprobs,
    refLogprobs: fields.refLogprobs.optional(),
    mask: fields.mask.optional(),
    stepEnds: fields.stepEnds.optional(),
  }),
  outputs: z.object({
    rewards: fields.rewards,
    tokenRewards: fields.tokenRewards,
    stepRewards: fields.stepRewards.optional(),
    stepValues: ragged("N×S", "reward of the response up to the end of each step").optional(),
    scores: vector("N", "rewards on the scale of `rescale`").optional(),
  }),
  compute({ beta, reduction, normalize, epsilon, rescale }, { logprobs, refLogprobs, mask, stepEnds }) {
    const policy = toRagged(logprobs);
    const reference = refLogprobs === undefined ? null : toRagged(refLogprobs);
    const counted = mask === undefined ? null : toRagged(mask);
    if (reference) checkSameRows(reference, policy, "refLogprobs");
    if (counted) checkSameRows(counted, policy, "mask");
    const tokenRewards = raggedLike(policy);
    const rewards = new Float64Array(rowCount(policy));
    for (let i = 0; i < rewards.length; i++) {
      let sum = 0;
      let count = 0;
      for (let t = policy.offsets[i]; t < policy.offsets[i + 1]; t++) {
        if (counted && counted.values[t] === 0) continue;
        const reward = beta * (policy.values[t] - (reference ? reference.values[t] : 0));
        tokenRewards.values[t] = reward;
        sum += reward;
        count++;
      }
      rewards[i] = reduction === "sum" ? sum : count === 0 ? 0 : sum / count;
    }
    if (normalize === "batch-max") {
      let largest = 0;
      for (const reward of rewards) largest = Math.max(largest, Math.abs(reward));
      const factor = largest + epsilon === 0 ? 0 : 1 / (largest + epsilon);
      for (let i = 0; i < rewards.length; i++) rewards[i] *= factor;
      for (let t = 0; t < tokenRewards.values.length; t++) tokenRewards.values[t] *= factor;
    }
    return {
      rewards,
      tokenRewards,
      ...(stepEnds === undefined ? {} : accumulate(tokenRewards, toRagged(stepEnds))),
      ...(rescale === null ? {} : { scores: rescaled(rewards, rescale[0], rescale[1]) }),
    };
  },
});

function accumulate(tokens: Ragged, ends: Ragged): { stepRewards: Ragged; stepValues: Ragged } {
  if (rowCount(ends) !== rowCount(tokens)) {
    throw new ContractError("inputs.stepEnds", `expected ${rowCount(tokens)} rows, got ${rowCount(ends)}`);
  }
  const stepRewards = raggedLike(ends);
  const stepValues = raggedLike(ends);
  for (let i = 0; i < rowCount(tokens); i++) {
    const length = tokens.offsets[i + 1] - tokens.offsets[i];
    let next = 0;
    let value = 0;
    for (let s = ends.offsets[i]; s < ends.offsets[i + 1]; s++) {
      const end = ends.values[s];
      if (!Number.isInteger(end) || end < next - 1 || end >= length) {
        throw new ContractError(
          `inputs.stepEnds[${i}][${s - ends.offsets[i]}]`,
          `expected an ascending token index below ${length}, got ${end}`,
        );
      }
      let reward = 0;
      for (; next <= end; next++) reward += tokens.values[tokens.offsets[i] + next];
      value += reward;
      stepRewards.values[s] = reward;
      stepValues.values[s] = value;
    }
  }
  return { stepRewards, stepValues };
}

function rescaled(rewards: Float64Array, low: number, high: number): Float64Array {
  let smallest = Number.POSITIVE_INFINITY;
  let largest = Number.NEGATIVE_INFINITY;
  for (const reward of rewards) {
    smallest = Math.min(smallest, reward);
    largest = Math.max(largest, reward);
  }
  const range = largest - smallest;
  return rewards.map((reward) => (range === 0 ? (low + high) / 2 : low + ((high - low) * (reward - smallest)) / range));
}

/**
 * Contrastive token reward: is a token likelier under a "make it better" than under a "make it worse" prompt
 * (T-REG, arXiv 2412.02685, eq. 6): r̂_t = σ(log π(y_t | x_better, y_<t) − log π(y_t | x_worse, y_<t)) − ½.
 *
 * N × T, in (−½, ½); exchanging the prompts flips the sign.
 */
export const contrastiveTokenReward = definePart({
  id: "signal/contrastive-token-reward",
  papers: ["t-reg"],
  params: z.object({}),
  inputs: z.object({
    betterLogprobs: ragged("N×T", "log-probabilities (nats) under the prompt that asks for a better response"),
    worseLogprobs: ragged("N×T", "log-probabilities (nats) under the prompt that asks for a worse one"),
  }),
  outputs: z.object({ tokenRewards: fields.tokenRewards }),
  compute(_params, { betterLogprobs, worseLogprobs }) {
    const better = toRagged(betterLogprobs);
    const worse = toRagged(worseLogprobs);
    checkSameRows(worse, better, "worseLogprobs");
    const tokenRewards = raggedLike(better);
    for (let t = 0; t < better.values.length; t++) {
      tokenRewards.values[t] = 0.5 * Math.tanh((better.values[t] - worse.values[t]) / 2);
    }
    return { tokenRewards };
  },
});

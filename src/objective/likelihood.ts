/** Losses on the likelihood of given texts: supervised fine-tuning and its generalisations. */
import { lax, numpy as np } from "@jax-js/jax";
import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields, ragged, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import {
  evaluate,
  evaluateWithGradient,
  maskOf,
  maskTensor,
  rowsTensor,
  type Tensor,
  unpad,
  vectorTensor,
} from "./engine.ts";
import { exponentLimit } from "./kl.ts";
import { clamp, expm1, maskedBy, maskedMean, reciprocalOf, rowMeans, rowSums } from "./numerics.ts";
import { overPairs } from "./preference.ts";

/** Differentiable `objective/sft`. */
export function sftLoss() {
  return ({ logprobs, mask }: { logprobs: Tensor; mask: Tensor }) => ({ loss: maskedMean(logprobs, mask).neg() });
}

/**
 * Supervised fine-tuning: mean negative log-likelihood per token.
 *
 * loss = −ΣΣ m log π / ΣΣ m over the tokens of the whole batch (token mean). Shapes N×T, nats; no counted token: 0.
 */
export const sft = definePart({
  id: "objective/sft",
  papers: ["prompt-enhancer", "retouchiq", "self-rewarding-ppo"],
  params: z.object({}),
  inputs: z.object({ logprobs: fields.logprobs, mask: fields.mask.optional() }),
  outputs: z.object({ loss: z.number().describe("mean over counted tokens; 0 without any") }),
  compute(_, { logprobs, mask }) {
    const { loss } = evaluate(sftLoss(), { logprobs: rowsTensor(logprobs), mask: maskTensor(logprobs, mask) });
    return { loss: loss === 0 ? 0 : loss };
  },
});

const fDivergenceParams = z.object({
  divergence: z
    .enum(["total-variation", "pearson", "squared-hellinger", "jensen-shannon", "kl"])
    .default("total-variation")
    .describe("f of the divergence that is matched"),
  beta: z.number().positive().default(1).describe("β, scale of the implicit reward"),
  level: z.enum(["token", "sequence"]).default("token").describe("φ of each token's r, or of their sum"),
  floor: z.number().default(-0.5).describe("squared-hellinger and jensen-shannon continue linearly below this r"),
});

/** φ(r) = −f*(−r). */
function phi(r: Tensor, divergence: z.output<typeof fDivergenceParams>["divergence"], floor: number): Tensor {
  if (divergence === "total-variation") return r;
  if (divergence === "pearson") return r.ref.sub(np.square(r).mul(0.25));
  if (divergence === "kl") return np.exp(clamp(r.neg().sub(1), null, exponentLimit(r))).neg();
  const above = np.maximum(r.ref, floor);
  const below = np.minimum(r.sub(floor), 0);
  if (divergence === "squared-hellinger") {
    // r/(1 + r) = 1 − 1/(1 + r)
    return reciprocalOf(above.add(1))
      .neg()
      .add(1)
      .add(below.mul(1 / (1 + floor) ** 2));
  }
  const slope = Math.exp(-floor) / (2 - Math.exp(-floor));
  // log(2 − e^(−r)) = log(1 − expm1(−r))
  return np.log(expm1(above.neg()).neg().add(1)).add(below.mul(slope));
}

/** Differentiable `objective/f-divergence-sft`. */
export function fDivergenceSftLoss(params: z.input<typeof fDivergenceParams> = {}) {
  const { divergence, beta, level, floor } = fDivergenceParams.parse(params);
  if (divergence === "squared-hellinger" && floor <= -1)
    throw new ContractError("params.floor", `expected more than −1 for squared-hellinger, got ${floor}`);
  if (divergence === "jensen-shannon" && floor <= -Math.LN2) {
    throw new ContractError("params.floor", `expected more than −log 2 for jensen-shannon, got ${floor}`);
  }
  return ({ logprobs, refLogprobs, mask }: { logprobs: Tensor; refLogprobs: Tensor; mask: Tensor }) => {
    const rewards = maskedBy(logprobs.sub(refLogprobs), mask.ref).mul(beta);
    const implicitRewards = lax.stopGradient(rewards.ref);
    if (level === "token") return { loss: maskedMean(phi(rewards, divergence, floor), mask).neg(), implicitRewards };
    const counted = np.max(mask, -1);
    return { loss: maskedMean(phi(np.sum(rewards, -1), divergence, floor), counted).neg(), implicitRewards };
  };
}

/**
 * SFT as distribution matching under an f-divergence (the SFT-DPO bridge, arXiv 2507.00018).
 *
 * With r_t = β log(π/π_ref)(y_t): loss = −mean φ(r) over counted tokens (`token`) or over sequences with summed r (`sequence`).
 * φ: total-variation r (ordinary SFT up to a constant); pearson r − r²/4; squared-hellinger r/(1 + r); jensen-shannon log(2 − e^(−r));
 * kl −e^(−r−1). Hellinger and Jensen-Shannon continue linearly below `floor`, with the slope there. `weights` = φ′(r) per token,
 * so that ∂loss/∂log π = −β·weight/count. Shapes N×T, nats; masked tokens show 0. No counted token: 0.
 */
export const fDivergenceSft = definePart({
  id: "objective/f-divergence-sft",
  papers: ["sft-dpo-bridge"],
  params: fDivergenceParams,
  inputs: z.object({ logprobs: fields.logprobs, refLogprobs: fields.refLogprobs, mask: fields.mask.optional() }),
  outputs: z.object({
    loss: z.number().describe("−mean φ"),
    implicitRewards: ragged("N×T", "r per token; 0 where masked"),
    weights: ragged("N×T", "φ′ per token; 0 where masked"),
  }),
  compute(params, { logprobs, refLogprobs, mask }) {
    const counted = maskOf(logprobs, mask);
    const result = evaluateWithGradient(
      fDivergenceSftLoss(params),
      { logprobs: rowsTensor(logprobs), refLogprobs: rowsTensor(refLogprobs), mask: maskTensor(logprobs, mask) },
      ["logprobs"],
    );
    let count = 0;
    for (let i = 0; i < counted.rows; i++) {
      let row = 0;
      for (let t = 0; t < counted.width; t++) row += counted.values[i * counted.width + t];
      count += params.level === "token" ? row : Math.min(row, 1);
    }
    const gradient = result.gradients.logprobs;
    const weights = gradient.map((value) => (value === 0 ? 0 : (-value * count) / params.beta));
    return {
      loss: result.loss === 0 ? 0 : result.loss,
      implicitRewards: unpad(result.implicitRewards, logprobs),
      weights: unpad(weights, logprobs),
    };
  },
});

const likelihoodRewardParams = z.object({
  variant: z
    .enum(["log-prob", "avg-log-prob", "prob", "avg-prob", "geo-prob"])
    .default("log-prob")
    .describe("reward from the log-probabilities of the reference answer"),
});

export interface LikelihoodTensors {
  thoughtLogprobs: Tensor;
  thoughtMask: Tensor;
  answerLogprobs: Tensor;
  answerMask: Tensor;
  /** N. */
  advantages: Tensor;
}

/** R(a*) per rollout from answer log-probabilities. */
function likelihoodOf(
  variant: z.output<typeof likelihoodRewardParams>["variant"],
  logprobs: Tensor,
  mask: Tensor,
): Tensor {
  if (variant === "log-prob") return rowSums(logprobs, mask);
  if (variant === "prob") return np.exp(rowSums(logprobs, mask));
  if (variant === "avg-log-prob") return rowMeans(logprobs, mask);
  if (variant === "geo-prob") return np.exp(rowMeans(logprobs, mask));
  return rowMeans(np.exp(maskedBy(logprobs, mask.ref)), mask);
}

/** Differentiable `objective/likelihood-reward`, in the log-probabilities of thought and answer. */
export function likelihoodRewardLoss(params: z.input<typeof likelihoodRewardParams> = {}) {
  const { variant } = likelihoodRewardParams.parse(params);
  return (inputs: LikelihoodTensors) => {
    const thought = rowSums(inputs.thoughtLogprobs, inputs.thoughtMask);
    const rewards = likelihoodOf(variant, inputs.answerLogprobs, inputs.answerMask);
    const loss = np.mean(lax.stopGradient(inputs.advantages).mul(thought).add(rewards.ref)).neg();
    return { loss, rewards: lax.stopGradient(rewards) };
  };
}

/**
 * Likelihood of the reference answer as a reward that is also differentiated (likelihood-based rewards, arXiv 2602.03979, eq. 20).
 *
 * loss = −mean_i (sg(A_i)·log π(z_i|p) + R_i), log π(z) summed over the thought. R: log-prob Σ log π(a*_t); avg-log-prob its mean
 * over tokens; prob e^Σ; avg-prob the mean of π(a*_t); geo-prob e^mean. `answerWeights` = ∂R/∂log π(a*_t): 1, 1/|a*|, R, π_t/|a*|,
 * R/|a*|. Shapes N×T (thought), N×A (answer), N; nats. Null without a rollout.
 */
export const likelihoodReward = definePart({
  id: "objective/likelihood-reward",
  papers: ["likelihood-rewards"],
  params: likelihoodRewardParams,
  inputs: z.object({
    thoughtLogprobs: ragged("N×T", "token log-probabilities (nats) of the thought"),
    answerLogprobs: ragged("N×A", "token log-probabilities (nats) of the reference answer after the thought"),
    advantages: fields.advantages,
  }),
  outputs: z.object({
    loss: z.number().nullable().describe("mean over rollouts; null without any"),
    rewards: vector("N", "R"),
    answerWeights: ragged("N×A", "∂R/∂log π(a*_t)"),
  }),
  compute(params, { thoughtLogprobs, answerLogprobs, advantages }) {
    const { count, mean, each } = overPairs(thoughtLogprobs);
    const result = evaluateWithGradient(
      likelihoodRewardLoss(params),
      {
        thoughtLogprobs: rowsTensor(thoughtLogprobs),
        thoughtMask: maskTensor(thoughtLogprobs),
        answerLogprobs: rowsTensor(answerLogprobs),
        answerMask: maskTensor(answerLogprobs),
        advantages: vectorTensor(advantages),
      },
      ["answerLogprobs"],
    );
    const weights = result.gradients.answerLogprobs.map((gradient) => (gradient === 0 ? 0 : -gradient * count));
    return {
      loss: mean(result.loss),
      rewards: each(result.rewards),
      answerWeights: unpad(weights, answerLogprobs),
    };
  },
});

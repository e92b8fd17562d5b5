import { lax, numpy as np } from "@jax-js/jax";
import { z } from "zod";
import { ragged, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { evaluateWithGradient, maskTensor, rowsTensor, type Tensor, unpad } from "./engine.ts";
import { pairLogprobs } from "./inputs.ts";
import { rowMeans, rowSums, sigmoid, softplus } from "./numerics.ts";
import { overPairs, type PairTensors, pairLogRatios, pairTensors } from "./preference.ts";

const tokenRewardFields = {
  chosenTokenRewards: ragged("N×C", "r̂ per token of the chosen responses, in [−0.5, 0.5]"),
  rejectedTokenRewards: ragged("N×R", "r̂ per token of the rejected responses, in [−0.5, 0.5]"),
};

const sharedOutputs = {
  loss: z.number().nullable().describe("mean over pairs; null without any"),
  regularisers: vector("N", "L_REG(y_w) + L_REG(y_l)"),
  weights: vector("N", "w, a constant for the gradient"),
  chosenGradients: ragged("N×C", "∂loss/∂log-probability of the chosen tokens"),
  rejectedGradients: ragged("N×R", "∂loss/∂log-probability of the rejected tokens"),
};

interface TokenRewardTensors {
  chosenTokenRewards: Tensor;
  rejectedTokenRewards: Tensor;
}

const dpoTokenRegularizedParams = z.object({
  beta: z.number().positive().default(0.1).describe("β"),
  alpha: z.number().nonnegative().default(0.25).describe("α, weight of the token term"),
  weighting: z.enum(["dynamic", "static"]).default("dynamic").describe("w = σ(r(y_l) − r(y_w)), or 1"),
});

/** Differentiable `objective/dpo-token-regularized`. */
export function dpoTokenRegularizedLoss(params: z.input<typeof dpoTokenRegularizedParams> = {}) {
  const { beta, alpha, weighting } = dpoTokenRegularizedParams.parse(params);
  return ({ chosenTokenRewards, rejectedTokenRewards, ...pairs }: PairTensors & TokenRewardTensors) => {
    const weighted = (logprobs: Tensor, rewards: Tensor, mask: Tensor) => rowSums(logprobs.mul(rewards), mask);
    const regularisers = weighted(pairs.chosenLogprobs.ref, chosenTokenRewards, pairs.chosenMask.ref)
      .add(weighted(pairs.rejectedLogprobs.ref, rejectedTokenRewards, pairs.rejectedMask.ref))
      .mul(-beta);
    const { chosen, rejected } = pairLogRatios(pairs);
    const margin = chosen.sub(rejected).mul(beta);
    const weights = lax.stopGradient(weighting === "dynamic" ? sigmoid(margin.ref.neg()) : np.onesLike(margin.ref));
    const dpoLosses = softplus(margin.neg());
    const loss = np.mean(dpoLosses.ref.add(weights.ref.mul(regularisers.ref).mul(alpha)));
    return { loss, dpoLosses: lax.stopGradient(dpoLosses), regularisers: lax.stopGradient(regularisers), weights };
  };
}

/**
 * DPO with a token-level regulariser from contrastive self-rewards (T-REG, arXiv 2412.02685).
 *
 * loss = mean over pairs of −log σ(r(y_w) − r(y_l)) + α·w·[L_REG(y_w) + L_REG(y_l)], with r = β Σ_t log π/π_ref,
 * L_REG(y) = −β Σ_t r̂_t log π(y_t), and w = σ(r(y_l) − r(y_w)) (`static`: 1), which carries no gradient.
 * A chosen token's gradient is −βw(1 + αr̂_t)/N, a rejected one's βw(1 − αr̂_t)/N. Inputs N×C, N×R ragged, in nats.
 */
export const dpoTokenRegularized = definePart({
  id: "objective/dpo-token-regularized",
  papers: ["t-reg"],
  params: dpoTokenRegularizedParams,
  inputs: z.object({ ...pairLogprobs, ...tokenRewardFields }),
  outputs: z.object({ ...sharedOutputs, dpoLosses: vector("N", "−log σ of the margin") }),
  compute(params, { chosenTokenRewards, rejectedTokenRewards, ...rows }) {
    const { mean, each } = overPairs(rows.chosenLogprobs);
    const result = evaluateWithGradient(
      dpoTokenRegularizedLoss(params),
      {
        ...pairTensors(rows),
        chosenTokenRewards: rowsTensor(chosenTokenRewards),
        rejectedTokenRewards: rowsTensor(rejectedTokenRewards),
      },
      ["chosenLogprobs", "rejectedLogprobs"],
    );
    return {
      loss: mean(result.loss),
      dpoLosses: each(result.dpoLosses),
      regularisers: each(result.regularisers),
      weights: each(result.weights),
      chosenGradients: unpad(result.gradients.chosenLogprobs, rows.chosenLogprobs),
      rejectedGradients: unpad(result.gradients.rejectedLogprobs, rows.rejectedLogprobs),
    };
  },
});

const simpoParams = z.object({
  beta: z.number().positive().default(2).describe("β, over the mean log-probability"),
  margin: z.number().default(0.5).describe("γ, target margin"),
  alpha: z.number().nonnegative().default(0.25).describe("α, weight of the token term; 0 is SimPO"),
});

export interface SimpoTensors {
  chosenLogprobs: Tensor;
  rejectedLogprobs: Tensor;
  chosenMask: Tensor;
  rejectedMask: Tensor;
}

/** Differentiable `objective/simpo-token-regularized`; with α 0 it is plain SimPO. */
export function simpoTokenRegularizedLoss(params: z.input<typeof simpoParams> = {}) {
  const { beta, margin, alpha } = simpoParams.parse(params);
  return (inputs: SimpoTensors & TokenRewardTensors) => {
    const weighted = (logprobs: Tensor, rewards: Tensor, mask: Tensor) => rowMeans(logprobs.mul(rewards), mask);
    const regularisers = weighted(inputs.chosenLogprobs.ref, inputs.chosenTokenRewards, inputs.chosenMask.ref)
      .add(weighted(inputs.rejectedLogprobs.ref, inputs.rejectedTokenRewards, inputs.rejectedMask.ref))
      .mul(-beta);
    const chosen = rowMeans(inputs.chosenLogprobs, inputs.chosenMask);
    const rejected = rowMeans(inputs.rejectedLogprobs, inputs.rejectedMask);
    const z = chosen.sub(rejected).mul(beta).sub(margin);
    const weights = lax.stopGradient(sigmoid(z.ref.neg()));
    const simpoLosses = softplus(z.neg());
    const loss = np.mean(simpoLosses.ref.add(weights.ref.mul(regularisers.ref).mul(alpha)));
    return { loss, simpoLosses: lax.stopGradient(simpoLosses), regularisers: lax.stopGradient(regularisers), weights };
  };
}

/**
 * SimPO (arXiv 2405.14734) with the token-level regulariser of T-REG (arXiv 2412.02685).
 *
 * s(y) = (β/|y|) Σ_t log π; loss = mean of −log σ(s_w − s_l − γ) + α·w·[L_REG(y_w) + L_REG(y_l)], with
 * L_REG(y) = −(β/|y|) Σ_t r̂_t log π(y_t) and w = σ(s_l − s_w + γ), a constant for the gradient. No reference model.
 * Inputs N×C, N×R ragged, in nats. An empty response has s = 0.
 */
export const simpoTokenRegularized = definePart({
  id: "objective/simpo-token-regularized",
  papers: ["t-reg"],
  params: simpoParams,
  inputs: z.object({
    chosenLogprobs: pairLogprobs.chosenLogprobs,
    rejectedLogprobs: pairLogprobs.rejectedLogprobs,
    ...tokenRewardFields,
  }),
  outputs: z.object({ ...sharedOutputs, simpoLosses: vector("N", "−log σ of the margin minus γ") }),
  compute(params, { chosenLogprobs, rejectedLogprobs, chosenTokenRewards, rejectedTokenRewards }) {
    const { mean, each } = overPairs(chosenLogprobs);
    const result = evaluateWithGradient(
      simpoTokenRegularizedLoss(params),
      {
        chosenLogprobs: rowsTensor(chosenLogprobs),
        rejectedLogprobs: rowsTensor(rejectedLogprobs),
        chosenMask: maskTensor(chosenLogprobs),
        rejectedMask: maskTensor(rejectedLogprobs),
        chosenTokenRewards: rowsTensor(chosenTokenRewards),
        rejectedTokenRewards: rowsTensor(rejectedTokenRewards),
      },
      ["chosenLogprobs", "rejectedLogprobs"],
    );
    return {
      loss: mean(result.loss),
      simpoLosses: each(result.simpoLosses),
      regularisers: each(result.regularisers),
      weights: each(result.weights),
      chosenGradients: unpad(result.gradients.chosenLogprobs, chosenLogprobs),
      rejectedGradients: unpad(result.gradients.rejectedLogprobs, rejectedLogprobs),
    };
  },
});

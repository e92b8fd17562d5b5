/** Losses of flow and diffusion models trained on preferences or rewards. Errors and velocities are the network's outputs. */
import { lax, numpy as np } from "@jax-js/jax";
import { z } from "zod";
import { ragged, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { rowCount, toRagged, type Vector } from "../core/ragged.ts";
import { evaluate, rowsTensor, type Tensor, tensor, vectorTensor } from "./engine.ts";
import { required } from "./inputs.ts";
import { softplus } from "./numerics.ts";

const pairErrors = {
  chosenErrors: vector("N", "denoising error of the policy on the chosen sample"),
  rejectedErrors: vector("N", "denoising error of the policy on the rejected sample"),
  refChosenErrors: vector("N", "denoising error of the reference on the chosen sample"),
  refRejectedErrors: vector("N", "denoising error of the reference on the rejected sample"),
};

export interface PairErrorTensors {
  chosenErrors: Tensor;
  rejectedErrors: Tensor;
  refChosenErrors: Tensor;
  refRejectedErrors: Tensor;
}

interface PairErrors {
  chosenErrors: Vector;
  rejectedErrors: Vector;
  refChosenErrors: Vector;
  refRejectedErrors: Vector;
}

function pairErrorTensors(errors: PairErrors): PairErrorTensors {
  return {
    chosenErrors: vectorTensor(errors.chosenErrors),
    rejectedErrors: vectorTensor(errors.rejectedErrors),
    refChosenErrors: vectorTensor(errors.refChosenErrors),
    refRejectedErrors: vectorTensor(errors.refRejectedErrors),
  };
}

const diffusionDpoParams = z.object({ beta: z.number().positive().default(1).describe("β, times the step count") });

/** Differentiable `objective/diffusion-dpo`. */
export function diffusionDpoLoss(params: z.input<typeof diffusionDpoParams> = {}) {
  const { beta } = diffusionDpoParams.parse(params);
  return (e: PairErrorTensors) => {
    const own = e.chosenErrors.sub(e.rejectedErrors);
    const margins = own.sub(e.refChosenErrors.sub(e.refRejectedErrors)).mul(-beta / 2);
    const accuracy = lax.stopGradient(np.mean(np.greater(margins.ref, 0).astype(margins.dtype)));
    return { loss: np.mean(softplus(margins.ref.neg())), margins: lax.stopGradient(margins), accuracy };
  };
}

/**
 * Diffusion-DPO (arXiv 2311.12908; the baseline of GDRO, 2601.02036).
 *
 * margin = −β/2·[(e_w − e_l) − (e_w^ref − e_l^ref)] on denoising errors e at a shared noise and level; loss = mean −log σ(margin);
 * `accuracy` the share of positive margins. β depends on the error's scale (mean or sum over latent dimensions). Shapes N; null without a pair.
 */
export const diffusionDpo = definePart({
  id: "objective/diffusion-dpo",
  papers: ["gdro"],
  params: diffusionDpoParams,
  inputs: z.object(pairErrors),
  outputs: z.object({
    margins: vector("N", "margin per pair"),
    loss: z.number().nullable().describe("mean over pairs"),
    accuracy: z.number().nullable().describe("share of positive margins"),
  }),
  compute(params, errors) {
    const n = errors.chosenErrors.length;
    const { loss, margins, accuracy } = evaluate(diffusionDpoLoss(params), pairErrorTensors(errors));
    return { margins: margins.subarray(0, n), loss: n === 0 ? null : loss, accuracy: n === 0 ? null : accuracy[0] };
  },
});

const rpoParams = z.object({
  beta: z.number().positive().default(1).describe("β"),
  similarityWeight: z.number().nonnegative().default(1).describe("weight of the similarity loss"),
});

/** Differentiable `objective/rpo`; `labels` N, the probability that the chosen (reference) image is preferred. */
export function rpoLoss(params: z.input<typeof rpoParams> = {}) {
  const { beta, similarityWeight } = rpoParams.parse(params);
  return ({ labels, ...e }: PairErrorTensors & { labels: Tensor }) => {
    const similarityLoss = np.mean(e.chosenErrors.ref);
    const margins = e.refChosenErrors.sub(e.chosenErrors).sub(e.refRejectedErrors.sub(e.rejectedErrors)).mul(beta);
    // −y log σ(m) − (1 − y) log σ(−m) = softplus(m) − y·m
    const preferenceLoss = np.mean(softplus(margins.ref).sub(labels.mul(margins.ref)));
    const loss = similarityLoss.ref.mul(similarityWeight).add(preferenceLoss.ref);
    return {
      loss,
      margins: lax.stopGradient(margins),
      similarityLoss: lax.stopGradient(similarityLoss),
      preferenceLoss: lax.stopGradient(preferenceLoss),
    };
  };
}

/**
 * Reward preference optimisation for subject-driven generation (RPO with the λ-harmonic reward, arXiv 2407.12164).
 *
 * margin = β[(e_c^ref − e_c) − (e_r^ref − e_r)], c the reference image, r the generated one;
 * loss = similarityWeight·mean e_c − mean[y log σ(margin) + (1 − y) log σ(−margin)]. Labels may be soft. Shapes N; null without a pair.
 */
export const rpo = definePart({
  id: "objective/rpo",
  papers: ["lambda-harmonic"],
  params: rpoParams,
  inputs: z.object({ ...pairErrors, labels: vector("N", "1: the chosen image is preferred, 0: the rejected one") }),
  outputs: z.object({
    margins: vector("N", "margin per pair"),
    similarityLoss: z.number().nullable().describe("mean error on the chosen images"),
    preferenceLoss: z.number().nullable().describe("cross-entropy of the labels"),
    loss: z.number().nullable().describe("weighted sum of both"),
  }),
  compute(params, { labels, ...errors }) {
    const n = labels.length;
    const result = evaluate(rpoLoss(params), { ...pairErrorTensors(errors), labels: vectorTensor(labels) });
    const defined = (value: number) => (n === 0 ? null : value);
    return {
      margins: result.margins.subarray(0, n),
      similarityLoss: defined(result.similarityLoss[0]),
      preferenceLoss: defined(result.preferenceLoss[0]),
      loss: defined(result.loss),
    };
  },
});

const implicitFlowRewardParams = z.object({
  beta: z.number().positive().default(12).describe("β = T·β_KL; its scale is that of the errors"),
  reduction: z.enum(["mean", "sum"]).default("mean").describe("squared error over dimensions"),
});

export interface ImplicitFlowTensors {
  /** N×D, target v = ε − x. */
  velocities: Tensor;
  predictedVelocities: Tensor;
  refVelocities: Tensor;
}

/** Differentiable `objective/implicit-flow-reward`: gives N errors and implicit rewards for `groupRankingLoss`. */
export function implicitFlowRewards(params: z.input<typeof implicitFlowRewardParams> = {}) {
  const { beta, reduction } = implicitFlowRewardParams.parse(params);
  const over = (difference: Tensor) =>
    reduction === "mean" ? np.mean(np.square(difference), -1) : np.sum(np.square(difference), -1);
  return ({ velocities, predictedVelocities, refVelocities }: ImplicitFlowTensors) => {
    const errors = over(predictedVelocities.sub(velocities.ref));
    const refErrors = lax.stopGradient(over(refVelocities.sub(velocities)));
    return { implicitRewards: errors.ref.sub(refErrors.ref).mul(-beta), errors, refErrors };
  };
}

/**
 * Implicit reward of a flow model, one per image (GDRO, arXiv 2601.02036, eq. 5).
 *
 * s = −β(‖v − v_θ‖² − ‖v − v_ref‖²), v the target velocity at the noised image; mean or sum over the D dimensions. Shapes N×D.
 */
export const implicitFlowReward = definePart({
  id: "objective/implicit-flow-reward",
  papers: ["gdro"],
  params: implicitFlowRewardParams,
  inputs: z.object({
    velocities: ragged("N×D", "target velocities"),
    predictedVelocities: ragged("N×D", "velocities of the policy"),
    refVelocities: ragged("N×D", "velocities of the reference"),
  }),
  outputs: z.object({
    errors: vector("N", "‖v − v_θ‖²"),
    refErrors: vector("N", "‖v − v_ref‖²"),
    implicitRewards: vector("N", "s"),
  }),
  compute(params, { velocities, predictedVelocities, refVelocities }) {
    const n = rowCount(toRagged(velocities));
    const result = evaluate(implicitFlowRewards(params), {
      velocities: rowsTensor(velocities),
      predictedVelocities: rowsTensor(predictedVelocities),
      refVelocities: rowsTensor(refVelocities),
    });
    return {
      errors: result.errors.subarray(0, n),
      refErrors: result.refErrors.subarray(0, n),
      implicitRewards: result.implicitRewards.subarray(0, n),
    };
  },
});

const flowKlParams = z.object({
  includeTimeStep: z.boolean().default(false).describe("true: the exact variance g²·dt; false: g² (official code)"),
});

export interface StepMeanTensors {
  /** N×D, differentiated. */
  means: Tensor;
  refMeans: Tensor;
}

/** Differentiable `objective/flow-kl`; `variance` g² or g²·dt. */
export function flowKlLoss(variance: number) {
  return ({ means, refMeans }: StepMeanTensors) => {
    const perSample = np.mean(np.square(means.sub(refMeans)), -1).div(2 * variance);
    return { loss: np.mean(perSample.ref), perSample: lax.stopGradient(perSample) };
  };
}

/**
 * KL of one step of a flow's stochastic sampler to the reference's (Flow-GRPO, arXiv 2505.05470).
 *
 * perSample = mean over D of (μ_θ − μ_ref)² / (2g²), the released code's form; with `includeTimeStep` the Gaussian KL, whose variance
 * is g²·dt (averaged over D; times D is the KL of the step). loss = mean over samples; null without any. Shapes N×D.
 */
export const flowKl = definePart({
  id: "objective/flow-kl",
  papers: ["flow-grpo"],
  params: flowKlParams,
  inputs: z.object({
    means: ragged("N×D", "step means of the policy"),
    refMeans: ragged("N×D", "step means of the reference"),
    diffusion: z.number().positive().describe("g at this step"),
    timeStep: z.number().positive().optional().describe("|dσ| of this step; needed with includeTimeStep"),
  }),
  outputs: z.object({
    perSample: vector("N", "KL per sample, averaged over dimensions"),
    loss: z.number().nullable().describe("mean over samples"),
  }),
  compute({ includeTimeStep }, { means, refMeans, diffusion, timeStep }) {
    const n = rowCount(toRagged(means));
    const variance = diffusion ** 2 * (includeTimeStep ? required(timeStep, "timeStep", "includeTimeStep is on") : 1);
    const { loss, perSample } = evaluate(flowKlLoss(variance), {
      means: rowsTensor(means),
      refMeans: rowsTensor(refMeans),
    });
    return { perSample: perSample.subarray(0, n), loss: n === 0 ? null : loss };
  },
});

const rewardWeightedVelocityParams = z.object({
  referenceWeight: z.number().default(0.5).describe("λ_c, weight of the reference term"),
});

export interface RewardWeightedVelocityTensors {
  /** T×D, differentiated. */
  velocities: Tensor;
  targets: Tensor;
  referenceTargets: Tensor;
  /** T×1. */
  weights: Tensor;
}

/** Differentiable `objective/reward-weighted-velocity`. */
export function rewardWeightedVelocityLoss(params: z.input<typeof rewardWeightedVelocityParams> = {}) {
  const { referenceWeight } = rewardWeightedVelocityParams.parse(params);
  return ({ velocities, targets, referenceTargets, weights }: RewardWeightedVelocityTensors) => {
    const rewardLoss = np.mean(np.square(velocities.ref.sub(targets)).mul(weights));
    const referenceLoss = np.mean(np.square(velocities.sub(referenceTargets)));
    const loss = rewardLoss.ref.add(referenceLoss.ref.mul(referenceWeight));
    return { loss, rewardLoss: lax.stopGradient(rewardLoss), referenceLoss: lax.stopGradient(referenceLoss) };
  };
}

/**
 * Flow matching weighted by a reward map over latent tokens (SRUM, arXiv 2510.12784).
 *
 * rewardLoss = mean over tokens and channels of w_t (v_θ − target)²; referenceLoss = mean (v_θ − referenceTarget)²;
 * loss = rewardLoss + λ_c·referenceLoss. Weights may be negative (they push away; the loss is then unbounded below where w < −λ_c).
 * Shapes T×D (tokens × channels), T. Null without a token.
 */
export const rewardWeightedVelocity = definePart({
  id: "objective/reward-weighted-velocity",
  papers: ["srum"],
  params: rewardWeightedVelocityParams,
  inputs: z.object({
    velocities: ragged("T×D", "predicted velocities"),
    targets: ragged("T×D", "velocity targets of the candidate image"),
    referenceTargets: ragged("T×D", "velocity targets of the reference image"),
    weights: vector("T", "reward map on the latent grid"),
  }),
  outputs: z.object({
    rewardLoss: z.number().nullable().describe("weighted error"),
    referenceLoss: z.number().nullable().describe("error to the reference image"),
    loss: z.number().nullable().describe("their weighted sum"),
  }),
  compute(params, { velocities, targets, referenceTargets, weights }) {
    const n = weights.length;
    const result = evaluate(rewardWeightedVelocityLoss(params), {
      velocities: rowsTensor(velocities),
      targets: rowsTensor(targets),
      referenceTargets: rowsTensor(referenceTargets),
      weights: tensor(n === 0 ? [0] : weights, [Math.max(1, n), 1]),
    });
    if (n === 0) return { rewardLoss: null, referenceLoss: null, loss: null };
    return { rewardLoss: result.rewardLoss[0], referenceLoss: result.referenceLoss[0], loss: result.loss };
  },
});

/** Losses that regress differences of implicit rewards: soft targets, pairs of trajectories, reward differences. */
import { lax, numpy as np } from "@jax-js/jax";
import { z } from "zod";
import { fields, ragged, shaped, vector } from "../core/fields.ts";
import { indexGroups } from "../core/groups.ts";
import { definePart } from "../core/part.ts";
import { toRagged } from "../core/ragged.ts";
import { evaluate, maskTensor, rowsTensor, type Tensor, tensor, vectorTensor } from "./engine.ts";
import { membershipTensor, pairMatrix } from "./group-matrices.ts";
import { maskedBy, rowSums, sigmoid, softplus } from "./numerics.ts";
import { overPairs } from "./preference.ts";

const dnoParams = z.object({
  eta: z.number().positive().default(0.1).describe("η, scale of the log-ratio difference"),
});

export interface DnoTensors {
  firstLogprobs: Tensor;
  secondLogprobs: Tensor;
  refFirstLogprobs: Tensor;
  refSecondLogprobs: Tensor;
  firstMask: Tensor;
  secondMask: Tensor;
  /** N. */
  firstRewards: Tensor;
  /** N. */
  secondRewards: Tensor;
}

/** Differentiable `objective/dno`. */
export function dnoLoss(params: z.input<typeof dnoParams> = {}) {
  const { eta } = dnoParams.parse(params);
  return (inputs: DnoTensors) => {
    const first = rowSums(inputs.firstLogprobs.sub(inputs.refFirstLogprobs), inputs.firstMask);
    const second = rowSums(inputs.secondLogprobs.sub(inputs.refSecondLogprobs), inputs.secondMask);
    const logits = first.sub(second).mul(eta);
    const difference = inputs.firstRewards.sub(inputs.secondRewards);
    const targets = sigmoid(difference.ref);
    const crossEntropy = (logit: Tensor) =>
      targets.ref
        .mul(softplus(logit.ref.neg()))
        .add(np.ones([1], { dtype: targets.dtype }).sub(targets.ref).mul(softplus(logit)));
    const losses = crossEntropy(logits.ref);
    const excess = lax.stopGradient(losses.ref.sub(crossEntropy(difference)));
    return {
      loss: np.mean(losses.ref),
      losses: lax.stopGradient(losses),
      targets,
      logits: lax.stopGradient(logits),
      excess,
    };
  };
}

/**
 * Direct Nash optimisation: regression on soft preference targets (DNO, arXiv 2404.03715, algorithm 1).
 *
 * With t* = σ(r(y₁) − r(y₂)) and z = η[log π/π_t(y₁) − log π/π_t(y₂)]: loss = mean of −t* log σ(z) − (1 − t*) log σ(−z).
 * Its minimum z = r(y₁) − r(y₂) is the ideal step π_{t+1} ∝ π_t exp(r/η); `excess` is the loss above that minimum (the
 * entropy of the target). The reference is the previous iterate. Inputs ragged in nats, summed inside.
 */
export const dno = definePart({
  id: "objective/dno",
  papers: ["dno"],
  params: dnoParams,
  inputs: z.object({
    firstLogprobs: ragged("N×A", "token log-probabilities (nats) of the first responses"),
    secondLogprobs: ragged("N×B", "token log-probabilities (nats) of the second responses"),
    refFirstLogprobs: ragged("N×A", "the same under the previous iterate"),
    refSecondLogprobs: ragged("N×B", "the same under the previous iterate"),
    firstRewards: vector("N", "expected win rate of the first responses"),
    secondRewards: vector("N", "expected win rate of the second responses"),
  }),
  outputs: z.object({
    targets: vector("N", "t*"),
    logits: vector("N", "z"),
    losses: vector("N", "cross-entropy per pair"),
    loss: z.number().nullable().describe("mean over pairs; null without any"),
    excess: vector("N", "loss minus the entropy of the target, ≥ 0"),
  }),
  compute(params, inputs) {
    const { mean, each } = overPairs(inputs.firstLogprobs);
    const result = evaluate(dnoLoss(params), {
      firstLogprobs: rowsTensor(inputs.firstLogprobs),
      secondLogprobs: rowsTensor(inputs.secondLogprobs),
      refFirstLogprobs: rowsTensor(inputs.refFirstLogprobs),
      refSecondLogprobs: rowsTensor(inputs.refSecondLogprobs),
      firstMask: maskTensor(inputs.firstLogprobs),
      secondMask: maskTensor(inputs.secondLogprobs),
      firstRewards: vectorTensor(inputs.firstRewards),
      secondRewards: vectorTensor(inputs.secondRewards),
    });
    return {
      targets: each(result.targets),
      logits: each(result.logits),
      losses: each(result.losses),
      loss: mean(result.loss),
      excess: each(result.excess),
    };
  },
});

const trajectoryDpoParams = z.object({
  beta: z.number().positive().default(0.05).describe("β"),
  aggregate: z
    .enum(["sum", "mean"])
    .default("sum")
    .describe("turn rewards → trajectory value (paper: sum, code: mean)"),
  successThreshold: z.number().default(0).describe("a trajectory succeeds with a reward above this"),
});

export interface TrajectoryTensors {
  /** N×T, one row a turn. */
  logprobs: Tensor;
  oldLogprobs: Tensor;
  mask: Tensor;
  /** K×N of 0 and 1: which rows belong to which trajectory. */
  membership: Tensor;
  /** K×K: 1 where the row's trajectory is to beat the column's. */
  pairs: Tensor;
}

/** Differentiable `objective/trajectory-dpo`; differentiate in `logprobs` (those of the process reward model). */
export function trajectoryDpoLoss(params: z.input<typeof trajectoryDpoParams> = {}) {
  const { beta, aggregate } = trajectoryDpoParams.parse(params);
  return ({ logprobs, oldLogprobs, mask, membership, pairs }: TrajectoryTensors) => {
    const turns = rowSums(logprobs.sub(oldLogprobs), mask).mul(beta);
    const counts = np.maximum(np.sum(membership.ref, -1), 1);
    const sums = np.sum(membership.mul(turns), -1);
    const trajectoryValues = aggregate === "mean" ? sums.div(counts) : disposed(sums, counts);
    const margins = np.expandDims(trajectoryValues.ref, 1).sub(np.expandDims(trajectoryValues.ref, 0));
    const count = np.maximum(np.sum(pairs.ref), 1);
    const loss = np.sum(maskedBy(softplus(margins.neg()), pairs)).div(count);
    return { loss, trajectoryValues: lax.stopGradient(trajectoryValues) };
  };
}

function disposed(kept: Tensor, unused: Tensor): Tensor {
  unused.dispose();
  return kept;
}

/**
 * Trajectory-level DPO that learns implicit step rewards (iStar, arXiv 2509.19199).
 *
 * One row a turn. Turn reward r = β Σ_tokens (log π_φ − log π_old); trajectory value Q = sum or mean of its turns;
 * loss = mean over all success × failure pairs of one task of −log σ(Q⁺ − Q⁻). A trajectory succeeds when its reward exceeds
 * the threshold. No pair: loss 0. `trajectoryValues` and pairs follow the order of first appearance; a trajectory is named by
 * (group, trajectory), and its first row's reward counts. Shapes N×T, N; nats.
 */
export const trajectoryDpo = definePart({
  id: "objective/trajectory-dpo",
  papers: ["oprl"],
  params: trajectoryDpoParams,
  inputs: z.object({
    logprobs: fields.logprobs,
    oldLogprobs: fields.oldLogprobs,
    trajectories: shaped(z.array(z.union([z.string(), z.number()])), "N", "trajectory id of the row"),
    groups: fields.groups,
    rewards: vector("N", "outcome reward of the row's trajectory, repeated on its rows"),
  }),
  outputs: z.object({
    trajectoryValues: vector("K", "Q per trajectory, in order of first appearance"),
    pairCount: z.int().describe("success × failure pairs"),
    loss: z.number().describe("mean over pairs; 0 without any"),
  }),
  compute(params, { logprobs, oldLogprobs, trajectories, groups, rewards }) {
    const keys = Array.from(trajectories, (id, i) => JSON.stringify([groups[i], id]));
    const index = indexGroups(keys);
    const first = index.ids.map((_, k) => index.of.indexOf(k));
    const tasks = indexGroups(first.map((i) => groups[i]));
    const succeeds = first.map((i) => rewards[i] > params.successThreshold);
    const { values, pairs } = pairMatrix(tasks, (i, j) => succeeds[i] && !succeeds[j]);
    const size = Math.max(1, first.length);
    const { loss, trajectoryValues } = evaluate(trajectoryDpoLoss(params), {
      logprobs: rowsTensor(logprobs),
      oldLogprobs: rowsTensor(oldLogprobs),
      mask: maskTensor(logprobs),
      membership: membershipTensor(keys),
      pairs: tensor(values, [size, size]),
    });
    return { trajectoryValues: trajectoryValues.subarray(0, first.length), pairCount: pairs.length, loss };
  },
});

const rewardDifferenceParams = z.object({
  beta: z.number().positive().default(1).describe("β, KL strength: rewards are divided by it"),
  epsilon: z.number().nonnegative().default(0.01).describe("ε, half-width of the per-step proximal clip"),
  proximal: z.boolean().default(true).describe("take the larger of the clipped and the unclipped pair loss"),
});

export interface RewardDifferenceTensors {
  /** N×S. */
  logprobs: Tensor;
  refLogprobs: Tensor;
  oldLogprobs: Tensor;
  mask: Tensor;
  /** N. */
  rewards: Tensor;
  /** N×N: weight of each pair (i, j), i < j in one group; they sum to 1. */
  pairWeights: Tensor;
}

/** Differentiable `objective/reward-difference`. `pairLosses` N×N, of which the weighted entries count. */
export function rewardDifferenceLoss(params: z.input<typeof rewardDifferenceParams> = {}) {
  const { beta, epsilon, proximal } = rewardDifferenceParams.parse(params);
  return ({ logprobs, refLogprobs, oldLogprobs, mask, rewards, pairWeights }: RewardDifferenceTensors) => {
    const old = lax.stopGradient(oldLogprobs.sub(refLogprobs.ref));
    const steps = logprobs.sub(refLogprobs);
    const clippedSteps = np.minimum(np.maximum(steps.ref, old.ref.sub(epsilon)), old.add(epsilon));
    const predicted = rowSums(steps, mask.ref);
    const clippedPredictions = rowSums(clippedSteps, mask);
    const target = differences(rewards).div(beta);
    const plain = np.square(differences(predicted.ref).sub(target.ref));
    const clipped = np.square(differences(clippedPredictions.ref).sub(target));
    const active = np.greater(clipped.ref, plain.ref).astype(plain.dtype);
    const pairLosses = proximal ? np.maximum(plain, clipped) : disposed(plain, clipped);
    const loss = np.sum(maskedBy(pairLosses.ref, pairWeights.ref).mul(pairWeights));
    return {
      loss,
      pairLosses: lax.stopGradient(pairLosses),
      active,
      predictedRewards: lax.stopGradient(predicted),
      clippedPredictions: lax.stopGradient(clippedPredictions),
    };
  };
}

/** x_i − x_j, N×N. */
function differences(x: Tensor): Tensor {
  return np.expandDims(x.ref, 1).sub(np.expandDims(x, 0));
}

/**
 * Reward-difference prediction with proximal updates (PRDP, arXiv 2402.08714, eqs. 14, 18–21).
 *
 * r̂ = Σ_t (log π − log π_ref) per denoising step; pair loss [(r̂_a − r̂_b) − (r_a − r_b)/β]², 0 for every pair exactly at
 * π* ∝ π_ref e^{r/β}. Proximal: each step's log-ratio is clipped to ±ε around that of the snapshot, and the larger of the two
 * pair losses counts. Loss = mean over prompts of the mean over their pairs; a group of one has no pair and is left out; null
 * without any pair. `pairLosses`: groups in order of first appearance, pairs i < j. `clipActive`: share of pairs whose clipped
 * loss is the larger. Shapes N×S (log-densities summed over dimensions, nats), N.
 */
export const rewardDifference = definePart({
  id: "objective/reward-difference",
  papers: ["prdp"],
  params: rewardDifferenceParams,
  inputs: z.object({
    logprobs: ragged("N×S", "log-density per step under the policy"),
    refLogprobs: ragged("N×S", "log-density per step under the reference"),
    oldLogprobs: ragged("N×S", "log-density per step under the snapshot that sampled"),
    rewards: fields.rewards,
    groups: fields.groups,
  }),
  outputs: z.object({
    predictedRewards: vector("N", "r̂"),
    clippedPredictions: vector("N", "r̂ with clipped steps"),
    pairLosses: vector("M", "loss per pair"),
    loss: z.number().nullable().describe("mean over prompts of the mean over pairs; null without a pair"),
    clipActive: z.number().nullable().describe("share of pairs whose clipped loss is the larger"),
  }),
  compute(params, { logprobs, refLogprobs, oldLogprobs, rewards, groups }) {
    const index = indexGroups(groups);
    const n = index.of.length;
    const { values, pairs, groupOf } = pairMatrix(index, (i, j) => i < j);
    const perGroup = new Int32Array(index.ids.length);
    for (const g of groupOf) perGroup[g]++;
    const prompts = perGroup.reduce((sum, count) => sum + (count > 0 ? 1 : 0), 0);
    pairs.forEach(([i, j], m) => {
      values[i * n + j] = 1 / (perGroup[groupOf[m]] * prompts);
    });
    const size = Math.max(1, n);
    const result = evaluate(rewardDifferenceLoss(params), {
      logprobs: rowsTensor(logprobs),
      refLogprobs: rowsTensor(refLogprobs),
      oldLogprobs: rowsTensor(oldLogprobs),
      mask: maskTensor(toRagged(logprobs)),
      rewards: vectorTensor(rewards),
      pairWeights: tensor(values, [size, size]),
    });
    const active = pairs.reduce((sum, [i, j]) => sum + result.active[i * n + j], 0);
    return {
      predictedRewards: result.predictedRewards.subarray(0, n),
      clippedPredictions: result.clippedPredictions.subarray(0, n),
      pairLosses: Float64Array.from(pairs, ([i, j]) => result.pairLosses[i * n + j]),
      loss: pairs.length === 0 ? null : result.loss,
      clipActive: pairs.length === 0 ? null : active / pairs.length,
    };
  },
});

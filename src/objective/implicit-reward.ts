/** Losses that train a policy's own log-ratio as a reward model on outcome labels. */
import { lax, numpy as np } from "@jax-js/jax";
import { z } from "zod";
import { fields, vector } from "../core/fields.ts";
import { indexGroups } from "../core/groups.ts";
import { definePart } from "../core/part.ts";
import { evaluate, evaluateWithGradient, maskTensor, rowsTensor, type Tensor, unpad, vectorTensor } from "./engine.ts";
import { membershipTensor } from "./group-matrices.ts";
import { reciprocalOf, rowMeans, rowSums, softplus } from "./numerics.ts";
import { overPairs } from "./preference.ts";

/** Binary cross-entropy with logits and labels in [0, 1]: softplus(x) − y·x. */
export function crossEntropyWithLogits(logits: Tensor, labels: Tensor): Tensor {
  return softplus(logits.ref).sub(labels.mul(logits));
}

const implicitCrossEntropyParams = z.object({ beta: z.number().positive().default(0.05).describe("β") });

/** Differentiable `objective/implicit-cross-entropy`; `labels` N of 0 and 1. */
export function implicitCrossEntropyLoss(params: z.input<typeof implicitCrossEntropyParams> = {}) {
  const { beta } = implicitCrossEntropyParams.parse(params);
  return (inputs: { logprobs: Tensor; refLogprobs: Tensor; labels: Tensor; mask: Tensor }) => {
    const rewards = rowSums(inputs.logprobs.sub(inputs.refLogprobs), inputs.mask).mul(beta);
    const loss = np.mean(crossEntropyWithLogits(rewards.ref, inputs.labels));
    return { loss, implicitRewards: lax.stopGradient(rewards) };
  };
}

/**
 * Cross-entropy of outcome labels on the implicit reward (implicit process rewards, arXiv 2412.01981; PRIME).
 *
 * z = β Σ_t m (log π − log π_ref); loss = mean of −[l log σ(z) + (1 − l) log σ(−z)]. Needs no pairs. Shapes N×T, N; nats.
 * Computed from the logit, so that it stays exact where σ saturates. Null without a response.
 */
export const implicitCrossEntropy = definePart({
  id: "objective/implicit-cross-entropy",
  papers: ["implicit-prm"],
  params: implicitCrossEntropyParams,
  inputs: z.object({
    logprobs: fields.logprobs,
    refLogprobs: fields.refLogprobs,
    labels: vector("N", "1: the outcome was right, 0: it was not (soft labels between are allowed)"),
    mask: fields.mask.optional(),
  }),
  outputs: z.object({
    implicitRewards: vector("N", "z"),
    loss: z.number().nullable().describe("mean over responses; null without any"),
  }),
  compute(params, { logprobs, refLogprobs, labels, mask }) {
    const { mean, each } = overPairs(logprobs);
    const { loss, implicitRewards } = evaluate(implicitCrossEntropyLoss(params), {
      logprobs: rowsTensor(logprobs),
      refLogprobs: rowsTensor(refLogprobs),
      labels: vectorTensor(labels),
      mask: maskTensor(logprobs, mask),
    });
    return { implicitRewards: each(implicitRewards), loss: mean(loss) };
  },
});

const implicitActorCriticParams = z.object({
  beta: z.number().positive().default(1).describe("β"),
  score: z.enum(["log-ratio", "mean-logprob"]).default("log-ratio").describe("r̂: β·Σ log-ratio, or β·mean log π"),
  estimator: z.enum(["rloo", "grpo", "naive"]).default("rloo").describe("r̂ → ψ"),
  classWeight: z
    .enum(["balanced", "none", "only-positive", "only-negative"])
    .default("balanced")
    .describe("weight per rollout from the labels of its group"),
  epsilon: z.number().nonnegative().default(1e-6).describe("added to the deviation (grpo)"),
});

export interface ImplicitActorCriticTensors {
  /** N×T. */
  logprobs: Tensor;
  oldLogprobs: Tensor;
  mask: Tensor;
  /** N labels. */
  rewards: Tensor;
  /** N class weights; see `classWeights`. */
  weights: Tensor;
  /** P×N of 0 and 1. */
  membership: Tensor;
}

/** Differentiable `objective/implicit-actor-critic`. Whole groups must be in the batch. */
export function implicitActorCriticLoss(params: z.input<typeof implicitActorCriticParams> = {}) {
  const { beta, score, estimator, epsilon } = implicitActorCriticParams.parse(params);
  return ({ logprobs, oldLogprobs, mask, rewards, weights, membership }: ImplicitActorCriticTensors) => {
    const implicit = (
      score === "log-ratio"
        ? rowSums(logprobs.sub(oldLogprobs), mask)
        : rowMeans(discarding(logprobs, oldLogprobs), mask)
    ).mul(beta);
    const scores = groupScores(implicit.ref, membership, estimator, epsilon);
    const loss = np.mean(weights.mul(crossEntropyWithLogits(scores.ref, rewards)));
    return { loss, scores: lax.stopGradient(scores), implicitRewards: lax.stopGradient(implicit) };
  };
}

function discarding(kept: Tensor, unused: Tensor): Tensor {
  unused.dispose();
  return kept;
}

/** ψ from r̂: leave-one-out difference, standardised difference, or r̂ itself. A group of one keeps its value. */
function groupScores(x: Tensor, membership: Tensor, estimator: "rloo" | "grpo" | "naive", epsilon: number): Tensor {
  if (estimator === "naive") return discarding(x, membership);
  const toMembers = (perGroup: Tensor) => np.sum(membership.ref.mul(np.expandDims(perGroup, -1)), 0);
  const counts = np.sum(membership.ref, -1);
  const means = np.sum(membership.ref.mul(x.ref), -1).div(np.maximum(counts.ref, 1));
  const size = toMembers(counts.ref);
  const alone = np.less(size.ref, 2);
  const centred = x.ref.sub(toMembers(means));
  if (estimator === "rloo") {
    counts.dispose();
    const factor = size.ref.div(np.maximum(size.sub(1), 1));
    const scores = np.where(alone, x, centred.mul(factor));
    membership.dispose();
    return scores;
  }
  size.dispose();
  const squares = np.sum(membership.ref.mul(np.square(centred.ref)), -1);
  const variances = squares.div(np.maximum(counts.sub(1), 1));
  // The root has no derivative at 0: there it is the constant 0.
  const positive = np.greater(variances.ref, 0);
  const deviations = np.where(positive.ref, np.sqrt(np.where(positive, variances, 1)), 0);
  const spread = toMembers(deviations).add(epsilon);
  const regular = np.logicalAnd(np.logicalNot(alone.ref), np.greater(spread.ref, 0));
  const standardised = centred.mul(reciprocalOf(np.where(regular, spread, 1)));
  const scores = np.where(alone, x.div(1 + epsilon), standardised);
  membership.dispose();
  return scores;
}

/** Class weights per rollout: `balanced` G/(k·n_label) over the k labels present in its group, 1 where one label is alone. */
export function classWeights(
  labels: ArrayLike<number>,
  groups: ArrayLike<string | number>,
  mode: "balanced" | "none" | "only-positive" | "only-negative",
): Float64Array {
  const weights = new Float64Array(labels.length).fill(1);
  if (mode === "none") return weights;
  if (mode !== "balanced") {
    const kept = mode === "only-positive" ? 1 : 0;
    return weights.map((_, i) => (labels[i] === kept ? 1 : 0));
  }
  const { of, ids, counts } = indexGroups(groups);
  const perLabel = ids.map(() => new Map<number, number>());
  for (let i = 0; i < of.length; i++) perLabel[of[i]].set(labels[i], (perLabel[of[i]].get(labels[i]) ?? 0) + 1);
  for (let i = 0; i < of.length; i++) {
    const seen = perLabel[of[i]];
    weights[i] = counts[of[i]] / (seen.size * (seen.get(labels[i]) ?? 1));
  }
  return weights;
}

/**
 * Implicit actor-critic: outcome labels predicted by the policy's own log-ratios (PACS, arXiv 2509.02522).
 *
 * r̂ = β Σ_t m (log π − log π_old) (or β·mean log π); ψ = leave-one-out difference (`rloo`), standardised within the group with the
 * gradient through mean and sample deviation (`grpo`), or r̂ (`naive`); loss = (1/N) Σ w [softplus(ψ) − ψ·label].
 * `balanced` weights: w = G/(k·n_label), k the labels present in the group. At π = π_old with weights 1 the gradient is the RLOO
 * policy gradient. Shapes N×T, N; nats. A group of one keeps ψ = r̂ (grpo: r̂/(1 + ε)). Null without a rollout.
 * With `grpo` and equal r̂ (any first update) the deviation counts as the constant 0: gradients are then centred and divided by ε.
 */
export const implicitActorCritic = definePart({
  id: "objective/implicit-actor-critic",
  papers: ["pacs"],
  params: implicitActorCriticParams,
  inputs: z.object({
    logprobs: fields.logprobs,
    oldLogprobs: fields.oldLogprobs,
    rewards: vector("N", "outcome label, 0 or 1"),
    groups: fields.groups,
    mask: fields.mask.optional(),
  }),
  outputs: z.object({
    loss: z.number().nullable().describe("mean over rollouts; null without any"),
    scores: vector("N", "ψ"),
    implicitRewards: vector("N", "r̂"),
    weights: vector("N", "class weights"),
    gradLogprobs: fields.gradLogprobs,
  }),
  compute(params, { logprobs, oldLogprobs, rewards, groups, mask }) {
    const { mean, each } = overPairs(logprobs);
    const weights = classWeights(rewards, groups, params.classWeight);
    const result = evaluateWithGradient(
      implicitActorCriticLoss(params),
      {
        logprobs: rowsTensor(logprobs),
        oldLogprobs: rowsTensor(oldLogprobs),
        mask: maskTensor(logprobs, mask),
        rewards: vectorTensor(rewards),
        weights: vectorTensor(weights),
        membership: membershipTensor(groups),
      },
      ["logprobs"],
    );
    return {
      loss: mean(result.loss),
      scores: each(result.scores),
      implicitRewards: each(result.implicitRewards),
      weights,
      gradLogprobs: unpad(result.gradients.logprobs, logprobs),
    };
  },
});

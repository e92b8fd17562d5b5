/** Losses over the ranking of a group of samples. */
import { lax, numpy as np } from "@jax-js/jax";
import { z } from "zod";
import { fields, flags, vector } from "../core/fields.ts";
import { groupMembers, indexGroups } from "../core/groups.ts";
import { definePart } from "../core/part.ts";
import type { Vector } from "../core/ragged.ts";
import { evaluate, type Tensor, tensor, vectorTensor } from "./engine.ts";

const groupRankingParams = z.object({
  tau: z.number().nonnegative().default(0.05).describe("τ of the target softmax; 0: the best of the remaining"),
  positions: z.enum(["full", "top1"]).default("full").describe("all positions but the last, or only the first"),
});

/** Constants of the ranking loss from rewards and groups: what remains at each position, its targets, its weight. */
export interface RankingTargets {
  /** N×N: 1 where the column's sample is still in play at the row's position. */
  remaining: Float64Array;
  /** N×N: q, the target distribution of each position. */
  targets: Float64Array;
  /** N: 1 where the row is a position of the loss. */
  counted: Float64Array;
  /** Number of groups. */
  groups: number;
}

export function rankingTargets(
  rewards: Vector,
  groups: ArrayLike<string | number>,
  params: z.input<typeof groupRankingParams> = {},
): RankingTargets {
  const { tau, positions } = groupRankingParams.parse(params);
  const n = rewards.length;
  const size = Math.max(1, n);
  const remaining = new Float64Array(size * size);
  const targets = new Float64Array(size * size);
  const counted = new Float64Array(size);
  const index = indexGroups(groups);
  const { order, starts } = groupMembers(index);
  for (let g = 0; g < index.ids.length; g++) {
    const ranked = Array.from(order.subarray(starts[g], starts[g + 1])).sort((a, b) => rewards[b] - rewards[a]);
    ranked.forEach((i, position) => {
      const rest = ranked.slice(position);
      counted[i] = rest.length > 1 && (positions === "full" || position === 0) ? 1 : 0;
      let total = 0;
      for (const j of rest) {
        remaining[i * n + j] = 1;
        const weight = tau === 0 ? (j === i ? 1 : 0) : Math.exp((rewards[j] - rewards[i]) / tau);
        targets[i * n + j] = weight;
        total += weight;
      }
      for (const j of rest) targets[i * n + j] /= total;
    });
  }
  if (n === 0) remaining[0] = 1;
  return { remaining, targets, counted, groups: index.ids.length };
}

export interface RankingTensors {
  /** N, differentiated. */
  implicitRewards: Tensor;
  /** N×N; see `RankingTargets`. */
  remaining: Tensor;
  targets: Tensor;
  /** N. */
  counted: Tensor;
}

/** Differentiable `objective/group-ranking` over the constants of `rankingTargets`. `positionLosses` N, by sample. */
export function groupRankingLoss(groups: number) {
  return ({ implicitRewards, remaining, targets, counted }: RankingTensors) => {
    const scores = np.broadcastTo(np.expandDims(implicitRewards, 0), remaining.shape);
    const inPlay = np.greater(remaining, 0);
    const shift = lax.stopGradient(np.max(np.where(inPlay.ref, scores.ref, -1e30), -1, { keepdims: true }));
    const centred = np.where(inPlay.ref, scores.ref.sub(shift.ref), 0);
    const mass = np.sum(np.where(inPlay, np.exp(centred.ref), 0), -1);
    // q sums to 1 over what is in play, so that the shift cancels.
    const positionLosses = np
      .log(mass)
      .sub(np.sum(targets.mul(centred), -1))
      .mul(counted);
    shift.dispose();
    scores.dispose();
    return {
      loss: np.sum(positionLosses.ref).div(Math.max(1, groups)),
      positionLosses: lax.stopGradient(positionLosses),
    };
  };
}

/**
 * Soft Plackett-Luce ranking loss within groups (GDRO, arXiv 2601.02036, eqs. 6, 7, 12).
 *
 * Each group is sorted by reward, descending (ties keep input order); Σ over positions i < k of
 * logsumexp(s_i..s_k) − Σ_{j≥i} q_i(j)·s_j with q_i = softmax(r_i..r_k / τ) over what remains (τ = 0: one-hot). `top1` keeps the first
 * position only. loss = mean over groups; a group of one contributes 0. `groupLosses` in order of first appearance. Null without a group.
 */
export const groupRanking = definePart({
  id: "objective/group-ranking",
  papers: ["gdro"],
  params: groupRankingParams,
  inputs: z.object({
    implicitRewards: vector("N", "s, implicit reward per sample"),
    rewards: fields.rewards,
    groups: fields.groups,
  }),
  outputs: z.object({
    groupLosses: vector("P", "loss per group"),
    loss: z.number().nullable().describe("mean over groups; null without any"),
  }),
  compute(params, { implicitRewards, rewards, groups }) {
    const n = rewards.length;
    const size = Math.max(1, n);
    const constants = rankingTargets(rewards, groups, params);
    const { loss, positionLosses } = evaluate(groupRankingLoss(constants.groups), {
      implicitRewards: vectorTensor(implicitRewards),
      remaining: tensor(constants.remaining, [size, size]),
      targets: tensor(constants.targets, [size, size]),
      counted: tensor(constants.counted),
    });
    const index = indexGroups(groups);
    const groupLosses = new Float64Array(index.ids.length);
    for (let i = 0; i < n; i++) groupLosses[index.of[i]] += positionLosses[i];
    return { groupLosses, loss: index.ids.length === 0 ? null : loss };
  },
});

const topOneParams = z.object({ gamma: z.number().nonnegative().default(0.5).describe("γ") });

/** Which samples have the highest reward of their group; ties to the first. */
export function groupBest(rewards: Vector, groups: ArrayLike<string | number>): boolean[] {
  const index = indexGroups(groups);
  const best = new Int32Array(index.ids.length).fill(-1);
  for (let i = 0; i < index.of.length; i++) {
    const g = index.of[i];
    if (best[g] < 0 || rewards[i] > rewards[best[g]]) best[g] = i;
  }
  return Array.from(index.of, (g, i) => best[g] === i);
}

/** Differentiable `objective/top-one-regularizer`; `best` N of 0 and 1, one a group. */
export function topOneLoss(params: z.input<typeof topOneParams> = {}) {
  const { gamma } = topOneParams.parse(params);
  return ({ errors, best }: { errors: Tensor; best: Tensor }) => {
    const count = np.maximum(np.sum(best.ref), 1);
    return { loss: np.sum(errors.mul(best)).div(count).mul(gamma) };
  };
}

/**
 * Velocity error of the best sample of each group, against collapse (GDRO, arXiv 2601.02036, eq. 8).
 *
 * loss = γ × mean over groups of the error of the sample with the highest reward (ties: the first). Null without a group.
 */
export const topOneRegularizer = definePart({
  id: "objective/top-one-regularizer",
  papers: ["gdro"],
  params: topOneParams,
  inputs: z.object({ errors: vector("N", "‖v − v_θ‖² per sample"), rewards: fields.rewards, groups: fields.groups }),
  outputs: z.object({
    best: flags("N", "best of its group"),
    loss: z.number().nullable().describe("γ × mean error of the best"),
  }),
  compute(params, { errors, rewards, groups }) {
    const best = groupBest(rewards, groups);
    const { loss } = evaluate(topOneLoss(params), {
      errors: vectorTensor(errors),
      best: vectorTensor(best.map((flag) => (flag ? 1 : 0))),
    });
    return { best, loss: best.length === 0 ? null : loss };
  },
});

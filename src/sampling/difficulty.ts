import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields, integers, nullableVector, shaped, vector } from "../core/fields.ts";
import { indexGroups } from "../core/groups.ts";
import { definePart } from "../core/part.ts";
import { expectLength } from "../core/shapes.ts";

const ids = (shape: string, description: string) =>
  shaped(z.array(z.union([z.string(), z.number()])), shape, description);

/** Samples and correct samples per group. */
function countCorrect(correct: ArrayLike<boolean>, groups: ArrayLike<string | number>) {
  expectLength(groups, correct.length, "groups");
  const index = indexGroups(groups);
  const right = new Int32Array(index.ids.length);
  for (let i = 0; i < correct.length; i++) if (correct[i]) right[index.of[i]]++;
  return { index, right };
}

/**
 * Difficulty of an item by the attempt at which a strong model first got it right (R1-Reward, arXiv 2505.02835).
 *
 * `difficulty` is that attempt, from 1, among the first `maxAttempts`; null when none of them was right. Items of
 * difficulty up to `easyMax` are `easy` (train supervised), the harder and the unsolved ones are for `rl`. With one
 * attempt this is the split of arXiv 2505.03318: right predictions imitated, wrong ones trained on.
 */
export const attemptSplit = definePart({
  id: "sampling/attempt-split",
  papers: ["r1-reward", "unified-reward-think"],
  params: z.object({
    maxAttempts: z.int().positive().default(3).describe("attempts that are looked at"),
    easyMax: z.int().nonnegative().default(1).describe("largest difficulty that is easy"),
  }),
  inputs: z.object({ attempts: shaped(z.array(z.array(z.boolean())), "N×K", "right or wrong, in order") }),
  outputs: z.object({
    difficulty: nullableVector("N", "first right attempt, from 1"),
    rl: integers("M", "items for reinforcement learning"),
    easy: integers("L", "items for imitation"),
  }),
  compute({ maxAttempts, easyMax }, { attempts }) {
    const rl: number[] = [];
    const easy: number[] = [];
    const difficulty = attempts.map((row, i) => {
      const first = row.indexOf(true);
      const level = first < 0 || first >= maxAttempts ? null : first + 1;
      (level !== null && level <= easyMax ? easy : rl).push(i);
      return level;
    });
    return { difficulty, rl, easy };
  },
});

/**
 * Easy, medium or hard by the accuracy of the rollout's own group (LASER-D, arXiv 2505.15612).
 *
 * With `thresholds` [t₁, t₂]: `closed: "lower"` (training) calls accuracy ≥ t₂ easy, ≥ t₁ medium, else hard;
 * `closed: "upper"` (the monitor) asks for more than t₂ and t₁. A difference under 1e-9 counts as equal, so that thirds
 * mean thirds. Both outputs are per rollout.
 */
export const difficultyBuckets = definePart({
  id: "sampling/difficulty-buckets",
  papers: ["laser"],
  params: z.object({
    thresholds: z
      .tuple([z.number(), z.number()])
      .default([1 / 3, 2 / 3])
      .describe("accuracies between hard, medium and easy, ascending"),
    closed: z.enum(["lower", "upper"]).default("lower").describe("which bucket a threshold itself belongs to"),
  }),
  inputs: z.object({ correct: fields.correct, groups: fields.groups }),
  outputs: z.object({
    accuracies: vector("N", "accuracy of the rollout's group"),
    buckets: shaped(z.array(z.enum(["easy", "medium", "hard"])), "N", "difficulty of the rollout's group"),
  }),
  compute({ thresholds: [low, high], closed }, { correct, groups }) {
    if (low > high) throw new ContractError("params.thresholds", `expected ascending thresholds, got ${low}, ${high}`);
    const { index, right } = countCorrect(correct, groups);
    const slack = closed === "lower" ? -1e-9 : 1e-9;
    const bucket = (accuracy: number) =>
      accuracy > high + slack ? "easy" : accuracy > low + slack ? "medium" : "hard";
    const accuracies = Float64Array.from(index.of, (g) => right[g] / index.counts[g]);
    return { accuracies, buckets: Array.from(accuracies, bucket) };
  },
});

/** 1 − C(n−c, k) / C(n, k); null with fewer than k samples. */
function passAtK(n: number, correct: number, k: number): number | null {
  if (n < k) return null;
  if (n - correct < k) return 1;
  let allWrong = 1;
  for (let i = n - correct + 1; i <= n; i++) allWrong *= 1 - k / i;
  return 1 - allWrong;
}

/**
 * Prompts at the edge of competence: failed at one try, solved within k (arXiv 2512.07783).
 *
 * Per group pass@1 = c/n and the unbiased pass@k = 1 − C(n−c, k)/C(n, k), null with fewer than k samples. Kept when
 * pass@1 ≤ `maxPassAt1`, pass@k ≥ `minPassAtK` and pass@k > 0. Groups in order of first appearance. The bounds are ours.
 */
export const competenceEdge = definePart({
  id: "sampling/competence-edge",
  papers: ["rl-interplay"],
  params: z.object({
    k: z.int().positive().default(128).describe("tries within which the prompt must be solved"),
    maxPassAt1: z.number().min(0).max(1).default(0.5).describe("largest accuracy kept"),
    minPassAtK: z.number().min(0).max(1).default(0).describe("least pass@k kept"),
  }),
  inputs: z.object({ correct: fields.correct, groups: fields.groups }),
  outputs: z.object({
    groups: ids("P", "distinct groups"),
    passAt1: vector("P", "accuracy"),
    passAtK: nullableVector("P", "unbiased pass@k"),
    keptGroups: ids("M", "groups at the edge"),
  }),
  compute({ k, maxPassAt1, minPassAtK }, { correct, groups }) {
    const { index, right } = countCorrect(correct, groups);
    const passAt1 = Float64Array.from(right, (c, g) => c / index.counts[g]);
    const within = Array.from(right, (c, g) => passAtK(index.counts[g], c, k));
    const keptGroups = index.ids.filter((_, g) => {
      const solved = within[g];
      return solved !== null && passAt1[g] <= maxPassAt1 && solved >= minPassAtK && solved > 0;
    });
    return { groups: [...index.ids], passAt1, passAtK: within, keptGroups };
  },
});

/**
 * Prompts that the policy cannot solve at all: no success in the first k samples (fail@k; SOAR, arXiv 2601.18778).
 *
 * Groups with fewer than k samples are not kept: nothing is known about them. Order of first appearance.
 */
export const failAtK = definePart({
  id: "sampling/fail-at-k",
  papers: ["soar"],
  params: z.object({ k: z.int().positive().default(128).describe("samples that must all have failed") }),
  inputs: z.object({ correct: fields.correct, groups: fields.groups }),
  outputs: z.object({ keptGroups: ids("M", "groups without a success") }),
  compute({ k }, { correct, groups }) {
    expectLength(groups, correct.length, "groups");
    const index = indexGroups(groups);
    const seen = new Int32Array(index.ids.length);
    const solved = new Uint8Array(index.ids.length);
    for (let i = 0; i < correct.length; i++) {
      const g = index.of[i];
      if (seen[g]++ < k && correct[i]) solved[g] = 1;
    }
    return { keptGroups: index.ids.filter((_, g) => seen[g] >= k && solved[g] === 0) };
  },
});

/**
 * Prompts whose rollouts all failed, to be seeded with solved examples (XRPO, arXiv 2510.06672, in-context seeding).
 *
 * A rollout failed when its reward is at most `threshold`. Order of first appearance.
 */
export const zeroRewardPrompts = definePart({
  id: "sampling/zero-reward-prompts",
  papers: ["xrpo"],
  params: z.object({ threshold: z.number().default(0).describe("largest reward that is a failure") }),
  inputs: z.object({ rewards: fields.rewards, groups: fields.groups }),
  outputs: z.object({ seedGroups: ids("M", "groups without a success") }),
  compute({ threshold }, { rewards, groups }) {
    expectLength(groups, rewards.length, "groups");
    const index = indexGroups(groups);
    const solved = new Uint8Array(index.ids.length);
    for (let i = 0; i < rewards.length; i++) if (rewards[i] > threshold) solved[index.of[i]] = 1;
    return { seedGroups: index.ids.filter((_, g) => solved[g] === 0) };
  },
});

import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields, flags, vector } from "../core/fields.ts";
import { groupMembers, indexGroups } from "../core/groups.ts";
import { definePart } from "../core/part.ts";
import type { Vector } from "../core/ragged.ts";
import { mean } from "../core/statistics.ts";

/**
 * Compares rollouts across and within the halves of their group that a metric makes (CANON, arXiv 2509.23962, eqs. 3–8).
 *
 * A group of n is sorted by the metric (stably, ascending); the first ⌊n/2⌋ are the lower half, the rest the upper.
 * With half means r̄: intra = r − own mean; inter against the other half, α discounting one side and β the `offset`:
 *
 * - `discountSide: "lower"`: upper r − α r̄_lo + β, lower α r − r̄_hi − β (α < 1 favours the upper half);
 * - `discountSide: "upper"`: upper α r − r̄_lo + β, lower r − α r̄_hi − β (α < 1 favours the lower half).
 *
 * A = [μ · inter + (1 − μ) · intra]/L with L = `lossScale`. Even n, μ = ½, α = 1, β = 0 is Dr. GRPO (over L). In a group
 * of one both means are 0. `rewards`, `groups`, `metric` (entropy, length) and all outputs N; `interAdvantages` and
 * `intraAdvantages` are before μ and L.
 */
export const conditionalGroup = definePart({
  id: "credit/conditional-group",
  papers: ["canon"],
  params: z.object({
    mu: z.number().default(1).describe("μ, weight of the comparison across halves"),
    alpha: z.number().default(1).describe("α, discount of one side"),
    offset: z.number().default(0).describe("β, favour to the upper half"),
    discountSide: z.enum(["lower", "upper"]).default("lower").describe("which half α discounts"),
    lossScale: z.number().positive().default(1).describe("L, constant divisor (release: 8192)"),
  }),
  inputs: z.object({
    rewards: fields.rewards,
    groups: fields.groups,
    metric: vector("N", "what the halves are made by"),
  }),
  outputs: z.object({
    advantages: fields.advantages,
    upper: flags("N", "the rollout is in the upper half"),
    interAdvantages: vector("N", "against the other half"),
    intraAdvantages: vector("N", "against its own half"),
  }),
  compute({ mu, alpha, offset, discountSide, lossScale }, { rewards, groups, metric }) {
    const index = indexGroups(groups);
    const { order, starts } = groupMembers(index);
    const n = order.length;
    const upper: boolean[] = new Array(n).fill(false);
    const inter = new Float64Array(n);
    const intra = new Float64Array(n);
    const advantages = new Float64Array(n);
    const upperDiscount = discountSide === "upper" ? alpha : 1;
    const lowerDiscount = discountSide === "lower" ? alpha : 1;
    for (let g = 0; g < index.ids.length; g++) {
      const start = starts[g];
      const end = starts[g + 1];
      sortByMetric(order, start, end, metric);
      const middle = start + ((end - start) >> 1);
      let low = 0;
      let high = 0;
      for (let k = start; k < middle; k++) low += rewards[order[k]] / (middle - start);
      for (let k = middle; end - start > 1 && k < end; k++) high += rewards[order[k]] / (end - middle);
      for (let k = start; k < end; k++) {
        const i = order[k];
        const reward = rewards[i];
        if (k >= middle) {
          upper[i] = true;
          inter[i] = upperDiscount * reward - lowerDiscount * low + offset;
          intra[i] = reward - high;
        } else {
          inter[i] = lowerDiscount * reward - upperDiscount * high - offset;
          intra[i] = reward - low;
        }
        advantages[i] = (mu * inter[i] + (1 - mu) * intra[i]) / lossScale;
      }
    }
    return { advantages, upper, interAdvantages: inter, intraAdvantages: intra };
  },
});

/** Sorts order[start … end) by metric, stably; by insertion where the group is small, as groups are. */
function sortByMetric(order: Int32Array, start: number, end: number, metric: Vector): void {
  if (end - start > 64) {
    order.subarray(start, end).sort((a, b) => metric[a] - metric[b] || a - b);
    return;
  }
  for (let k = start + 1; k < end; k++) {
    const i = order[k];
    let at = k;
    while (at > start && metric[order[at - 1]] > metric[i]) {
      order[at] = order[at - 1];
      at--;
    }
    order[at] = i;
  }
}

/**
 * Weight of the comparison across halves over training (CANON, arXiv 2509.23962, §4.3 and release).
 *
 * `accuracy`: μ = mean reward of the batch (first within, later across halves); `accuracy-reversed`: 1 − it.
 * `cosine-restart`: μ = 1 − w(step); `cosine-restart-reversed`: μ = w(step), where w rises linearly to max over the
 * warm-up, max · (s + 1)/warmupSteps, then restarts every c = ⌊(totalSteps − warmupSteps)/cycles⌋ steps:
 * min + ½(max − min)(1 + cos(π · (e mod c)/c)), e = s − warmupSteps. Needs `rewards`, or `step`.
 */
export const interIntraSchedule = definePart({
  id: "credit/inter-intra-schedule",
  papers: ["canon"],
  params: z.object({
    kind: z
      .enum(["accuracy", "accuracy-reversed", "cosine-restart", "cosine-restart-reversed"])
      .default("accuracy")
      .describe("what μ follows"),
    totalSteps: z.int().positive().default(150).describe("steps of training"),
    warmupSteps: z.int().nonnegative().default(30).describe("steps of the linear rise"),
    cycles: z.int().positive().default(3).describe("restarts after it"),
    max: z.number().optional().describe("largest w (default 0.6; reversed 1)"),
    min: z.number().optional().describe("smallest w (default 0; reversed 0.4)"),
  }),
  inputs: z.object({
    rewards: fields.rewards.optional(),
    step: z.int().nonnegative().optional().describe("training step, from 0"),
  }),
  outputs: z.object({ mu: z.number().describe("μ") }),
  compute({ kind, totalSteps, warmupSteps, cycles, ...bounds }, { rewards, step }) {
    if (kind === "accuracy" || kind === "accuracy-reversed") {
      if (!rewards?.length) throw new ContractError("inputs.rewards", `at least one is required by kind ${kind}`);
      const accuracy = mean(rewards);
      return { mu: kind === "accuracy" ? accuracy : 1 - accuracy };
    }
    if (step === undefined) throw new ContractError("inputs.step", `required by kind ${kind}`);
    const reversed = kind === "cosine-restart-reversed";
    const max = bounds.max ?? (reversed ? 1 : 0.6);
    const min = bounds.min ?? (reversed ? 0.4 : 0);
    let weight: number;
    if (step < warmupSteps) weight = (max * (step + 1)) / warmupSteps;
    else {
      const cycle = Math.max(1, Math.floor((totalSteps - warmupSteps) / cycles));
      const phase = ((step - warmupSteps) % cycle) / cycle;
      weight = min + 0.5 * (max - min) * (1 + Math.cos(Math.PI * phase));
    }
    return { mu: reversed ? weight : 1 - weight };
  },
});

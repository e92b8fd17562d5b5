import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields } from "../core/fields.ts";
import { groupMembers, indexGroups } from "../core/groups.ts";
import { definePart } from "../core/part.ts";
import type { Vector } from "../core/ragged.ts";

/**
 * Soft punishment of overlong responses (DAPO, arXiv 2503.14476, eq. 13).
 *
 * With maximum L and cache C, both in tokens, a response of n tokens gets 0 for n ≤ L − C, the slope
 * (L − C − n) / C for n ≤ L, and −1 beyond. Added to the outcome reward.
 */
export const overlongPenalty = definePart({
  id: "shaping/overlong-penalty",
  papers: ["grpo"],
  params: z.object({
    maxLength: z.number().positive().describe("L, tokens"),
    cache: z.number().positive().describe("C, tokens over which the penalty ramps up"),
  }),
  inputs: z.object({ lengths: fields.lengths }),
  outputs: z.object({ lengthRewards: fields.lengthRewards }),
  compute({ maxLength, cache }, { lengths }) {
    const lengthRewards = new Float64Array(lengths.length);
    for (let i = 0; i < lengths.length; i++) {
      const over = maxLength - cache - lengths[i];
      lengthRewards[i] = over >= 0 ? 0 : lengths[i] > maxLength ? -1 : over / cache;
    }
    return { lengthRewards };
  },
});

/**
 * Flat bonus for being right within a length budget: LASER, LASER-D, LASER-DE (arXiv 2505.15612, table 1).
 *
 * With length L, budget T (`targetLengths`, or `target` for all; inclusive) and bonus b the added term is
 *
 * - `reward`: +b for a correct answer with L ≤ T (LASER; LASER-D with budgets that follow the prompt's difficulty);
 * - `penalty`: −b for a correct answer with L > T;
 * - `hybrid`: both;
 * - `explore`: `reward`, and +b for a wrong answer with L > T that is `eligible` and not `repeated` (LASER-DE).
 *
 * All inputs N; `eligible` (wrong but well formed) is every wrong answer where absent, `repeated` none. Outputs
 * `lengthRewards` (the term) and `rewards` (reward plus term).
 */
export const lengthStep = definePart({
  id: "shaping/length-step",
  papers: ["laser"],
  params: z.object({
    bonus: z.number().default(0.5).describe("b, in units of reward"),
    mode: z.enum(["reward", "penalty", "hybrid", "explore"]).default("reward").describe("who gets it"),
    target: z.number().nonnegative().optional().describe("T of every rollout where `targetLengths` is absent, tokens"),
  }),
  inputs: z.object({
    rewards: fields.rewards,
    correct: fields.correct,
    lengths: fields.lengths,
    targetLengths: fields.targetLengths.optional(),
    eligible: fields.correct.meta({ shape: "N", description: "wrong but well formed (default: all)" }).optional(),
    repeated: fields.correct.meta({ shape: "N", description: "the text loops (default: none)" }).optional(),
  }),
  outputs: z.object({ rewards: fields.rewards, lengthRewards: fields.lengthRewards }),
  compute({ bonus, mode, target }, { rewards, correct, lengths, targetLengths, eligible, repeated }) {
    if (targetLengths === undefined && target === undefined) {
      throw new ContractError("inputs.targetLengths", "required where params.target is absent");
    }
    const lengthRewards = new Float64Array(lengths.length);
    for (let i = 0; i < lengths.length; i++) {
      const within = lengths[i] <= (targetLengths?.[i] ?? target ?? 0);
      if (correct[i]) {
        if (within) lengthRewards[i] = mode === "penalty" ? 0 : bonus;
        else if (mode === "penalty" || mode === "hybrid") lengthRewards[i] = -bonus;
      } else if (mode === "explore" && !within && (!eligible || eligible[i]) && !repeated?.[i]) {
        lengthRewards[i] = bonus;
      }
    }
    return { rewards: sum(rewards, lengthRewards), lengthRewards };
  },
});

/**
 * Length reward along half a cosine (VLM-R1's `cosine_reward`, arXiv 2504.07615; the shape of arXiv 2502.03373).
 *
 * From `short` at length 0 to `long` at `maxLength` M: r = short − (short − long)(1 − cos(πL/M))/2, with the pair
 * for correct or for wrong replies. As in the release nothing clamps L: past M the cosine turns back, up to the
 * short value at 2M. `lengths` and `correct` N; `rewards` N replace, rather than add to, the outcome.
 */
export const cosineLength = definePart({
  id: "shaping/cosine-length",
  papers: ["vlm-r1"],
  params: z.object({
    maxLength: z.number().positive().default(1024).describe("M, tokens"),
    correctShort: z.number().default(1).describe("correct reply, length 0"),
    correctLong: z.number().default(0.5).describe("correct reply, length M"),
    wrongShort: z.number().default(-0.5).describe("wrong reply, length 0"),
    wrongLong: z.number().default(0).describe("wrong reply, length M"),
  }),
  inputs: z.object({ lengths: fields.lengths, correct: fields.correct }),
  outputs: z.object({ rewards: fields.rewards }),
  compute({ maxLength, correctShort, correctLong, wrongShort, wrongLong }, { lengths, correct }) {
    const rewards = new Float64Array(lengths.length);
    for (let i = 0; i < lengths.length; i++) {
      const short = correct[i] ? correctShort : wrongShort;
      const long = correct[i] ? correctLong : wrongLong;
      rewards[i] = short - ((short - long) * (1 - Math.cos((Math.PI * lengths[i]) / maxLength))) / 2;
    }
    return { rewards };
  },
});

/**
 * Penalty on wrong answers that are shorter than the group's right ones (HARMO's dynamic length reward, arXiv
 * 2510.05283; the published form was not available, this is the project's reconstruction).
 *
 * With L̄ the mean length of the correct members of the group and T = (1 − tolerance) L̄, a wrong answer with L < T
 * gets −maxPenalty · (T − L)/T; everything else, and every member of a group without a correct one, gets 0.
 * `lengthRewards` N ≤ 0; `rewards` (reward plus term) where rewards are given.
 */
export const brevityPenalty = definePart({
  id: "shaping/brevity-penalty",
  papers: ["hybrid-multi-aspect"],
  params: z.object({
    maxPenalty: z.number().nonnegative().default(0.5).describe("loss of an empty wrong answer"),
    tolerance: z.number().min(0).max(1).default(0).describe("share of L̄ that may be missing"),
  }),
  inputs: z.object({
    correct: fields.correct,
    lengths: fields.lengths,
    groups: fields.groups,
    rewards: fields.rewards.optional(),
  }),
  outputs: z.object({ lengthRewards: fields.lengthRewards, rewards: fields.rewards.optional() }),
  compute({ maxPenalty, tolerance }, { correct, lengths, groups, rewards }) {
    const { of, counts } = indexGroups(groups);
    const right = new Float64Array(counts.length);
    const total = new Float64Array(counts.length);
    for (let i = 0; i < of.length; i++) {
      if (!correct[i]) continue;
      right[of[i]]++;
      total[of[i]] += lengths[i];
    }
    const lengthRewards = new Float64Array(of.length);
    for (let i = 0; i < of.length; i++) {
      const g = of[i];
      if (correct[i] || right[g] === 0) continue;
      const floor = ((1 - tolerance) * total[g]) / right[g];
      if (lengths[i] < floor) lengthRewards[i] = -maxPenalty * ((floor - lengths[i]) / floor);
    }
    return rewards ? { lengthRewards, rewards: sum(rewards, lengthRewards) } : { lengthRewards };
  },
});

const methods = [
  "group-min-max",
  "group-sigmoid",
  "relative-mean",
  "budget-exact",
  "budget-max",
  "truncation",
  "linear-excess",
  "linear-shortfall",
] as const;
type Method = (typeof methods)[number];

const usualCoefficient: Record<Method, number> = {
  "group-min-max": 0.4,
  "group-sigmoid": 0.4,
  "relative-mean": 0.2,
  "budget-exact": 0.0003,
  "budget-max": 0.0003,
  truncation: 1,
  "linear-excess": 0.01,
  "linear-shortfall": 0.01,
};

/**
 * The published length penalties beside LASER's step, as one table (unified view of arXiv 2505.15612, table 1).
 *
 * L is the length, T the `target`, c the `coef`; the added term is
 *
 * - `group-min-max` (Kimi k1.5, arXiv 2501.12599): s = ½ − (L − min)/(max − min + ε) over the group; right c·s, wrong
 *   c·min(0, s). 0 where all lengths of the group agree.
 * - `group-sigmoid` (arXiv 2502.04463): right answers −c·σ(z), z = (L − mean)/(sd + ε) over the group's right answers;
 *   `centered`: −2c(σ(z) − ½). 0 for wrong answers and where fewer than two are right.
 * - `relative-mean` (O1-Pruner style, in arXiv 2509.05489): −c·clip((L − mean)/L, −1, 1), mean over the whole group.
 * - `budget-exact` (L1, arXiv 2503.04697): −c·|L − T|.
 * - `budget-max` (L1-Max): the reward becomes clip(c(T − L) + delta, 0, 1) for right answers and 0 for wrong ones.
 * - `truncation`: the reward becomes `penalty` where L > T.
 * - `linear-excess` (arXiv 2502.18770): −c·max(0, L − T). `linear-shortfall` (arXiv 2602.03979): −c·max(0, T − L).
 *
 * `coef` left out takes the method's usual value (0.4 for group-min-max and group-sigmoid, 0.2 for relative-mean,
 * 0.0003 for the budgets, 0.01 for the linear ones). `lengthRewards` is the term added and `rewards` the sum, where
 * rewards are given. What a method needs and does not get is a `ContractError`: `correct` and `groups` for the group
 * methods, `rewards` (and `correct`) for budget-max and truncation, `target` for budgets, truncation and shortfall.
 */
export const lengthPenalty = definePart({
  id: "shaping/length-penalty",
  papers: ["laser", "par", "likelihood-rewards", "self-aligned-reward"],
  params: z.object({
    method: z.enum(methods).describe("which row of the table"),
    coef: z.number().optional().describe("c; per token for budget-… and linear-…"),
    epsilon: z.number().nonnegative().default(1e-6).describe("added to the range or deviation (group methods)"),
    ddof: z
      .union([z.literal(0), z.literal(1)])
      .default(1)
      .describe("degrees of freedom lost by the deviation (group-sigmoid)"),
    centered: z.boolean().default(false).describe("group-sigmoid around 0 instead of below it"),
    target: z.number().nonnegative().optional().describe("T, tokens (linear-excess: 300 where left out)"),
    delta: z.number().default(0.5).describe("reward at the budget (budget-max)"),
    penalty: z.number().default(-0.5).describe("reward of a truncated answer (truncation)"),
  }),
  inputs: z.object({
    lengths: fields.lengths,
    rewards: fields.rewards.optional(),
    correct: fields.correct.optional(),
    groups: fields.groups.optional(),
  }),
  outputs: z.object({ rewards: fields.rewards.optional(), lengthRewards: fields.lengthRewards }),
  compute(params, { lengths, rewards, correct, groups }) {
    const { method, epsilon, ddof, centered, delta, penalty } = params;
    const c = params.coef ?? usualCoefficient[method];
    const n = lengths.length;
    let lengthRewards: Float64Array;
    if (method === "group-min-max") {
      lengthRewards = minMaxTerm(lengths, need(correct, "correct", method), need(groups, "groups", method), epsilon);
      for (let i = 0; i < n; i++) lengthRewards[i] *= c;
    } else if (method === "group-sigmoid") {
      lengthRewards = sigmoidTerm(
        lengths,
        need(correct, "correct", method),
        need(groups, "groups", method),
        epsilon,
        ddof,
        centered,
      );
      for (let i = 0; i < n; i++) lengthRewards[i] *= c;
    } else if (method === "relative-mean") {
      lengthRewards = relativeTerm(lengths, need(groups, "groups", method));
      for (let i = 0; i < n; i++) lengthRewards[i] *= c;
    } else {
      const target = params.target ?? (method === "linear-excess" ? 300 : undefined);
      if (target === undefined) throw new ContractError("params.target", `required by method ${method}`);
      lengthRewards = new Float64Array(n);
      if (method === "budget-max" || method === "truncation") {
        const given = need(rewards, "rewards", method);
        const right = method === "budget-max" ? need(correct, "correct", method) : null;
        for (let i = 0; i < n; i++) {
          let shaped = given[i];
          if (right) shaped = right[i] ? Math.min(1, Math.max(0, c * (target - lengths[i]) + delta)) : 0;
          else if (lengths[i] > target) shaped = penalty;
          lengthRewards[i] = shaped - given[i];
        }
      } else {
        for (let i = 0; i < n; i++) {
          const over = lengths[i] - target;
          if (method === "budget-exact") lengthRewards[i] = -c * Math.abs(over);
          else if (method === "linear-excess") lengthRewards[i] = over > 0 ? -c * over : 0;
          else lengthRewards[i] = over < 0 ? c * over : 0;
        }
      }
    }
    return rewards ? { rewards: sum(rewards, lengthRewards), lengthRewards } : { lengthRewards };
  },
});

function need<T>(value: T | undefined, field: string, method: Method): T {
  if (value === undefined) throw new ContractError(`inputs.${field}`, `required by method ${method}`);
  return value;
}

function minMaxTerm(
  lengths: Vector,
  correct: ArrayLike<boolean>,
  groups: ArrayLike<string | number>,
  epsilon: number,
): Float64Array {
  const { of, counts } = indexGroups(groups);
  const low = new Float64Array(counts.length).fill(Number.POSITIVE_INFINITY);
  const high = new Float64Array(counts.length).fill(Number.NEGATIVE_INFINITY);
  for (let i = 0; i < of.length; i++) {
    if (lengths[i] < low[of[i]]) low[of[i]] = lengths[i];
    if (lengths[i] > high[of[i]]) high[of[i]] = lengths[i];
  }
  const out = new Float64Array(of.length);
  for (let i = 0; i < of.length; i++) {
    const g = of[i];
    if (high[g] === low[g]) continue;
    const s = 0.5 - (lengths[i] - low[g]) / (high[g] - low[g] + epsilon);
    out[i] = correct[i] ? s : Math.min(0, s);
  }
  return out;
}

function sigmoidTerm(
  lengths: Vector,
  correct: ArrayLike<boolean>,
  groups: ArrayLike<string | number>,
  epsilon: number,
  ddof: number,
  centered: boolean,
): Float64Array {
  const index = indexGroups(groups);
  const { order, starts } = groupMembers(index);
  const out = new Float64Array(order.length);
  for (let g = 0; g < index.ids.length; g++) {
    let right = 0;
    let mean = 0;
    for (let k = starts[g]; k < starts[g + 1]; k++) {
      if (!correct[order[k]]) continue;
      right++;
      mean += lengths[order[k]];
    }
    if (right < 2) continue;
    mean /= right;
    let squares = 0;
    for (let k = starts[g]; k < starts[g + 1]; k++) if (correct[order[k]]) squares += (lengths[order[k]] - mean) ** 2;
    const divisor = Math.sqrt(squares / (right - ddof)) + epsilon;
    for (let k = starts[g]; k < starts[g + 1]; k++) {
      const i = order[k];
      if (!correct[i]) continue;
      const squashed = 1 / (1 + Math.exp(divisor === 0 ? 0 : -(lengths[i] - mean) / divisor));
      out[i] = centered ? -2 * (squashed - 0.5) : -squashed;
    }
  }
  return out;
}

function relativeTerm(lengths: Vector, groups: ArrayLike<string | number>): Float64Array {
  const { of, counts } = indexGroups(groups);
  const means = new Float64Array(counts.length);
  for (let i = 0; i < of.length; i++) means[of[i]] += lengths[i] / counts[of[i]];
  const out = new Float64Array(of.length);
  for (let i = 0; i < of.length; i++) {
    const off = lengths[i] - means[of[i]];
    if (off !== 0) out[i] = -Math.min(1, Math.max(-1, off / lengths[i]));
  }
  return out;
}

function sum(a: Vector, b: Vector): Float64Array {
  const out = new Float64Array(a.length);
  for (let i = 0; i < out.length; i++) out[i] = a[i] + b[i];
  return out;
}

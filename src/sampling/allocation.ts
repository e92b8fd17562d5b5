import { z } from "zod";
import { softmax } from "../core/distributions.ts";
import { ContractError } from "../core/error.ts";
import { fields, integers, nullableVector, ragged, shaped, uniforms, vector } from "../core/fields.ts";
import { groupMembers, indexGroups } from "../core/groups.ts";
import { definePart } from "../core/part.ts";
import { rowCount, rowOf, toRagged } from "../core/ragged.ts";
import { drawWeighted } from "../core/random.ts";
import { expectGiven, expectLength } from "../core/shapes.ts";
import { studentTwoSided } from "../core/special-functions.ts";
import { isConstant, mean, standardDeviation } from "../core/statistics.ts";

const ids = (shape: string, description: string) =>
  shaped(z.array(z.union([z.string(), z.number()])), shape, description);

/**
 * Which prompts the next rollouts should go to (XRPO, arXiv 2510.06672, rollout planning).
 *
 * With n rollouts of deviation s (sample) of a prompt: half-width h(n) = t_{1−α/2, n−1}·s/√n (Student), expected reduction
 * h(n) − h(n+1) with s held, bonus λ·√(log(1+T)/n) (`linear`: without the root), T = `total` rollouts spent; priority =
 * reduction + bonus. With a `budget`, rollouts are given out one at a time to the highest priority (ties to the first
 * prompt), n and T growing with each; `allocation` is per prompt. The other outputs are those before it. The greedy
 * loop and λ = 0.1 are readings; the source leaves them open. Fewer than 2 rollouts of a prompt: `ContractError`.
 */
export const rolloutAllocation = definePart({
  id: "sampling/rollout-allocation",
  papers: ["xrpo"],
  params: z.object({
    alpha: z.number().gt(0).lt(1).default(0.05).describe("1 − confidence of the interval"),
    lambda: z.number().nonnegative().default(0.1).describe("weight of the exploration bonus"),
    bonus: z.enum(["sqrt", "linear"]).default("sqrt").describe("with or without the root"),
    budget: z.int().nonnegative().nullable().default(null).describe("rollouts to give out"),
  }),
  inputs: z.object({
    counts: integers("P", "rollouts so far, at least 2"),
    stds: vector("P", "sample deviation of their rewards"),
    total: z.int().nonnegative().describe("rollouts spent so far in the step"),
  }),
  outputs: z.object({
    halfWidths: vector("P", "half-width of the mean's interval"),
    reductions: vector("P", "what one more rollout is expected to take off it"),
    bonuses: vector("P", "exploration bonus"),
    priorities: vector("P", "reduction + bonus"),
    allocation: integers("P", "rollouts given, with a budget").optional(),
  }),
  compute({ alpha, lambda, bonus, budget }, { counts, stds, total }) {
    const prompts = counts.length;
    expectLength(stds, prompts, "stds");
    for (let p = 0; p < prompts; p++) {
      if (counts[p] < 2)
        throw new ContractError(`inputs.counts[${p}]`, `expected at least 2 rollouts, got ${counts[p]}`);
      if (!(stds[p] >= 0)) throw new ContractError(`inputs.stds[${p}]`, `expected a deviation, got ${stds[p]}`);
    }
    // Quantiles depend on n only and prompts share few of them.
    const factors = new Map<number, number>();
    const factor = (n: number) => {
      const known = factors.get(n) ?? studentTwoSided(alpha, n - 1) / Math.sqrt(n);
      factors.set(n, known);
      return known;
    };
    const reduction = (p: number, n: number) => (stds[p] === 0 ? 0 : stds[p] * (factor(n) - factor(n + 1)));
    const bonusAt = (n: number, spent: number) => {
      const share = Math.log1p(spent) / n;
      return lambda * (bonus === "sqrt" ? Math.sqrt(share) : share);
    };
    const halfWidths = Float64Array.from(counts, (n, p) => (stds[p] === 0 ? 0 : stds[p] * factor(n)));
    const reductions = Float64Array.from(counts, (n, p) => reduction(p, n));
    const bonuses = Float64Array.from(counts, (n) => bonusAt(n, total));
    const priorities = reductions.map((value, p) => value + bonuses[p]);
    if (budget === null) return { halfWidths, reductions, bonuses, priorities };
    const allocation = new Int32Array(prompts);
    const current = reductions.slice();
    for (let given = 0; given < budget && prompts > 0; given++) {
      let best = 0;
      let highest = Number.NEGATIVE_INFINITY;
      for (let p = 0; p < prompts; p++) {
        const priority = current[p] + bonusAt(counts[p] + allocation[p], total + given);
        if (priority > highest) {
          highest = priority;
          best = p;
        }
      }
      allocation[best]++;
      current[best] = reduction(best, counts[best] + allocation[best]);
    }
    return { halfWidths, reductions, bonuses, priorities, allocation };
  },
});

/**
 * Learning value of a task: V = (R_max − mean)·σ of its rollouts' rewards (VSPO, arXiv 2512.07478).
 *
 * Zero when all rewards are equal or there is but one; largest for hard tasks with some success. R_max is the scale's
 * maximum, not the group's. `groups` are the distinct ids in order of first appearance, `values` run parallel.
 */
export const taskValue = definePart({
  id: "sampling/task-value",
  papers: ["prs-vspo"],
  params: z.object({
    maxReward: z.number().default(1).describe("R_max, largest reward of the scale"),
    ddof: z
      .union([z.literal(0), z.literal(1)])
      .default(1)
      .describe("1: sample deviation, 0: population deviation"),
    singleton: z.enum(["zero"]).default("zero").describe("deviation of a single rollout"),
  }),
  inputs: z.object({ rewards: fields.rewards, groups: fields.groups }),
  outputs: z.object({ values: vector("P", "V per group"), groups: ids("P", "distinct groups") }),
  compute({ maxReward, ddof }, { rewards, groups }) {
    expectLength(groups, rewards.length, "groups");
    const index = indexGroups(groups);
    const { order, starts } = groupMembers(index);
    const values = Float64Array.from(index.ids, (_, g) => {
      const own = Float64Array.from(order.subarray(starts[g], starts[g + 1]), (i) => rewards[i]);
      // A constant is decided exactly: rounding in the mean would leave a tiny spread, and a live group.
      return isConstant(own) ? 0 : (maxReward - mean(own)) * standardDeviation(own, ddof);
    });
    return { values, groups: [...index.ids] };
  },
});

/**
 * Refills a batch: tasks without learning value are replaced by others of the batch (VSPO, arXiv 2512.07478).
 *
 * A task is dead when its value (`sampling/task-value`) is at most `minValue`. Each dead place gets a live task:
 * `proportional` draws one with chances ∝ value, the first whose cumulated share exceeds the next of `uniforms` (one per
 * dead task); `top` goes round the live tasks by descending value, ties to the earlier one. `batch` keeps the places,
 * `counts` say how often each task occurs in it (0 for dead ones), `replaced` lists the dead ones. Without a live task
 * nothing can be replaced: the batch stays as it is, and the step had better be skipped. Selection rules are a reconstruction.
 */
export const valueReplacement = definePart({
  id: "sampling/value-replacement",
  papers: ["prs-vspo"],
  params: z.object({
    selection: z.enum(["proportional", "top"]).default("proportional").describe("how replacements are chosen"),
    minValue: z.number().nonnegative().default(0).describe("largest value of a dead task"),
  }),
  inputs: z.object({
    groups: ids("P", "distinct tasks"),
    values: vector("P", "learning value"),
    uniforms: uniforms("U", "one draw per dead task, for proportional").optional(),
  }),
  outputs: z.object({
    batch: ids("P", "task in each place"),
    counts: integers("P", "how often each task occurs"),
    replaced: ids("M", "dead tasks"),
  }),
  compute({ selection, minValue }, { groups, values, uniforms: draws }) {
    expectLength(values, groups.length, "values");
    const live = groups.flatMap((_, p) => (values[p] > minValue ? [p] : []));
    const byValue = [...live].sort((a, b) => values[b] - values[a] || a - b);
    const weights = live.map((p) => values[p]);
    const counts = new Int32Array(groups.length);
    const replaced: (string | number)[] = [];
    const batch = groups.map((id, p) => {
      let place = p;
      if (live.length > 0 && !(values[p] > minValue)) {
        const rank = replaced.push(id) - 1;
        if (selection === "top") place = byValue[rank % byValue.length];
        else {
          const draw = expectGiven(draws?.[rank], `inputs.uniforms[${rank}]`, "proportional draws once per dead task");
          place = live[drawWeighted(draw, weights)];
        }
      }
      counts[place]++;
      return groups[place];
    });
    return { batch, counts, replaced };
  },
});

/**
 * Splits a token budget between mid-training and reinforcement learning (arXiv 2512.07783).
 *
 * Mid-training gets (1 − β)T, RL βT; one RL prompt costs `costRatio`·r·L tokens (r rollouts of L tokens; 5/3 stands for
 * generation, scoring and update), so `rlPrompts` = βT / (costRatio·r·L), not rounded.
 */
export const budgetSplit = definePart({
  id: "sampling/budget-split",
  papers: ["rl-interplay"],
  params: z.object({
    totalTokens: z.number().nonnegative().describe("T"),
    rlShare: z.number().min(0).max(1).describe("β"),
    rolloutsPerPrompt: z.number().positive().default(6).describe("r"),
    sequenceLength: z.number().positive().default(2048).describe("L, tokens"),
    costRatio: z
      .number()
      .positive()
      .default(5 / 3)
      .describe("cost of a rollout token in training tokens"),
  }),
  inputs: z.object({}),
  outputs: z.object({
    midTrainingTokens: z.number().describe("(1 − β)T"),
    rlTokens: z.number().describe("βT"),
    rlPrompts: z.number().describe("prompts that βT pays for"),
  }),
  compute({ totalTokens, rlShare, rolloutsPerPrompt, sequenceLength, costRatio }) {
    const rlTokens = rlShare * totalTokens;
    return {
      midTrainingTokens: (1 - rlShare) * totalTokens,
      rlTokens,
      rlPrompts: rlTokens / (costRatio * rolloutsPerPrompt * sequenceLength),
    };
  },
});

/**
 * Shares of a batch per data source (replay of RECAP, arXiv 2510.21978).
 *
 * `uniform`: 1/K each; `proportional`: by size; `target-only`: all from source `target`. `quotas` are whole samples that
 * add up to `batchSize`: largest remainders get the leftover, ties to the earlier source. Proportional to sizes that are
 * all 0, or a target that is no source: `ContractError`.
 */
export const sourceMixture = definePart({
  id: "sampling/source-mixture",
  papers: ["recap"],
  params: z.object({
    mode: z.enum(["uniform", "proportional", "target-only"]).default("uniform").describe("how sources share a batch"),
    target: z.int().nonnegative().nullable().default(null).describe("index of the only source, for target-only"),
    batchSize: z.int().nonnegative().describe("samples per batch"),
  }),
  inputs: z.object({ sizes: integers("K", "samples per source") }),
  outputs: z.object({ probabilities: vector("K", "share per source"), quotas: integers("K", "samples per source") }),
  compute({ mode, target, batchSize }, { sizes }) {
    const parts = Float64Array.from(sizes, (size, k) => {
      if (!(size >= 0)) throw new ContractError(`inputs.sizes[${k}]`, `expected a size, got ${size}`);
      return mode === "uniform" ? 1 : mode === "proportional" ? size : k === target ? 1 : 0;
    });
    const whole = parts.reduce((sum, part) => sum + part, 0);
    if (whole === 0 && parts.length > 0) {
      if (mode === "target-only")
        throw new ContractError("params.target", `expected a source below ${parts.length}, got ${target}`);
      throw new ContractError("inputs.sizes", "expected a source with samples");
    }
    // Whole numbers until the division, so that equal remainders are equal.
    const quotas = Int32Array.from(parts, (part) => Math.floor((part * batchSize) / whole));
    const remainders = parts.map((part) => (part * batchSize) % whole);
    const left = parts.length === 0 ? 0 : batchSize - quotas.reduce((sum, quota) => sum + quota, 0);
    const order = Array.from(parts.keys()).sort((a, b) => remainders[b] - remainders[a] || a - b);
    for (const k of order.slice(0, left)) quotas[k]++;
    return { probabilities: parts.map((part) => part / whole), quotas };
  },
});

/**
 * Weights of several training objectives from how fast and how steadily each improves (RECAP, arXiv 2510.21978, eq. 1).
 *
 * Per objective, oldest value first: recent window = last W, previous = the W before; means μ, μ̃, deviation σ of the
 * recent one (`ddof`). Convergence c = μ/(μ̃ + ε) (`previous-over-recent`: μ̃/(μ + ε)), instability i = σ/(μ + μ̃ + ε),
 * priority c + i, weight λ_k = K·softmax(priority/T)_k, which average 1. Until there are 2W values, or where a
 * denominator is 0, priorities are null; such an objective keeps weight 1 and the others share the rest. Track mean
 * rewards, not surrogate losses, which hover around 0.
 */
export const objectiveReweighting = definePart({
  id: "sampling/objective-reweighting",
  papers: ["recap"],
  params: z.object({
    window: z.int().positive().describe("W, steps per window"),
    temperature: z.number().positive().default(5).describe("T"),
    ratio: z
      .enum(["recent-over-previous", "previous-over-recent"])
      .default("recent-over-previous")
      .describe("reading of the convergence ratio"),
    ddof: z
      .union([z.literal(0), z.literal(1)])
      .default(0)
      .describe("0: population deviation, 1: sample deviation"),
    epsilon: z.number().nonnegative().default(0).describe("ε, added to both denominators"),
  }),
  inputs: z.object({ history: ragged("K×H", "tracked value per objective and step, oldest first") }),
  outputs: z.object({
    weights: vector("K", "λ"),
    convergence: nullableVector("K", "c"),
    instability: nullableVector("K", "i"),
    priorities: nullableVector("K", "c + i"),
  }),
  compute({ window, temperature, ratio, ddof, epsilon }, { history }) {
    const rows = toRagged(history);
    const count = rowCount(rows);
    const convergence: (number | null)[] = [];
    const instability: (number | null)[] = [];
    const priorities: (number | null)[] = [];
    const finite = (value: number) => (Number.isFinite(value) ? value : null);
    for (let k = 0; k < count; k++) {
      const row = rowOf(rows, k);
      const recent = row.subarray(Math.max(0, row.length - window));
      const previous = row.subarray(Math.max(0, row.length - 2 * window), Math.max(0, row.length - window));
      const known = row.length >= 2 * window;
      const now = mean(recent);
      const before = mean(previous);
      const c = ratio === "recent-over-previous" ? now / (before + epsilon) : before / (now + epsilon);
      const spread = isConstant(recent) && window > ddof ? 0 : standardDeviation(recent, ddof);
      convergence.push(known ? finite(c) : null);
      instability.push(known ? finite(spread / (now + before + epsilon)) : null);
      const [defined, other] = [convergence[k], instability[k]];
      priorities.push(defined === null || other === null ? null : defined + other);
    }
    const compared = priorities.flatMap((priority, k) => (priority === null ? [] : [{ k, priority }]));
    const shares = softmax(
      compared.map(({ priority }) => priority),
      1 / temperature,
    );
    const weights = new Float64Array(count).fill(1);
    compared.forEach(({ k }, j) => {
      weights[k] = compared.length * shares[j];
    });
    return { weights, convergence, instability, priorities };
  },
});

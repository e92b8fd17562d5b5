import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields, ragged, shaped, vector } from "../core/fields.ts";
import { indexGroups, sortByNumber } from "../core/groups.ts";
import { definePart } from "../core/part.ts";
import { type Ragged, rowCount, toRagged, type Vector } from "../core/ragged.ts";

const perRolloutOrStep = (description: string) =>
  shaped(z.union([vector("N", description), ragged("N×S", description)]), "N or N×S", description);

/**
 * Group-relative advantages: GRPO (arXiv 2402.03300, §4.1.2), Dr. GRPO (2503.20783), RLOO (2402.14740).
 *
 * For rollout i of group g: A_i = (r_i − b_i) / d_i. With n the included members of the group,
 *
 * - baseline `mean`: b = mean of the included; `leave-one-out`: mean of the other included members,
 *   so A = n/(n−1) · (r − mean) unscaled; `none`: 0.
 * - scale `group`: d = sd + ε over the included of the group; `batch`: the same over all included of
 *   the call; `leave-one-out`: population deviation of the other included members, no ε, and a
 *   variance ≤ 1e-12 leaves the value unscaled; `none`: 1. A divisor of exactly 0 (ε = 0) leaves the
 *   value unscaled. sd loses `ddof` degrees of freedom.
 * - A group with at most one included member has no statistics. `raw` (verl): b = 0 and sd = 1, so
 *   A = r/(1 + ε) where scaled by the group. `zero` (TRL): b = r, A = 0.
 *
 * GRPO is the default; Dr. GRPO is `scale: "none"`; RLOO is `baseline: "leave-one-out", scale: "none"`.
 *
 * `rewards` (N) gives `advantages` and `baselines` (N). `stepRewards` (N×S) gives both N×S: step j is
 * compared with step j of the group's other rollouts (of those that have one), and `batch` is per step
 * as well. Exactly one of the two must be given. Groups may be interleaved and of unequal size; a
 * rollout with `include` false enters no statistic and still gets an advantage. Deviations from an
 * all-equal group are exactly 0.
 */
export const groupRelative = definePart({
  id: "credit/group-relative",
  papers: ["grpo"],
  params: z.object({
    baseline: z.enum(["mean", "leave-one-out", "none"]).default("mean").describe("what is subtracted"),
    scale: z.enum(["group", "batch", "leave-one-out", "none"]).default("group").describe("what it is divided by"),
    ddof: z
      .union([z.literal(0), z.literal(1)])
      .default(1)
      .describe("1: sample deviation, 0: population deviation"),
    epsilon: z.number().nonnegative().default(1e-6).describe("added to the deviation (verl 1e-6, TRL 1e-4)"),
    singleton: z
      .enum(["raw", "zero"])
      .default("raw")
      .describe("a group with at most one included member: raw keeps the reward, zero gives 0"),
    excludedDenominator: z
      .enum(["exact", "included-minus-one"])
      .default("exact")
      .describe(
        "leave-one-out mean for an excluded rollout: over all n included, or their sum over n − 1 (NeMo-Aligner)",
      ),
  }),
  inputs: z.object({
    rewards: fields.rewards.optional(),
    stepRewards: fields.stepRewards.optional(),
    groups: fields.groups,
    include: fields.include.optional(),
  }),
  outputs: z.object({
    advantages: perRolloutOrStep("advantage per rollout, or per step"),
    baselines: perRolloutOrStep("what was subtracted from each reward"),
  }),
  compute(params, { rewards, stepRewards, groups, include }): GroupAdvantages {
    if ((rewards === undefined) === (stepRewards === undefined))
      throw new ContractError("inputs", "expected exactly one of rewards and stepRewards");
    if (rewards) return outcomeAdvantages(rewards, groups, include, params);
    return stepAdvantages(toRagged(stepRewards ?? []), groups, include, params);
  },
});

interface GroupAdvantages {
  readonly advantages: Float64Array | Ragged;
  readonly baselines: Float64Array | Ragged;
}

interface Options {
  readonly baseline: "mean" | "leave-one-out" | "none";
  readonly scale: "group" | "batch" | "leave-one-out" | "none";
  readonly ddof: 0 | 1;
  readonly epsilon: number;
  readonly singleton: "raw" | "zero";
  readonly excludedDenominator: "exact" | "included-minus-one";
}

function outcomeAdvantages(
  rewards: Vector,
  groups: ArrayLike<string | number>,
  include: ArrayLike<boolean> | undefined,
  options: Options,
): GroupAdvantages {
  if (groups.length !== rewards.length)
    throw new ContractError("inputs.groups", `expected ${rewards.length} entries, got ${groups.length}`);
  const index = indexGroups(groups);
  const cells = { of: index.of, count: index.ids.length, column: null, columns: 1 };
  return relative(rewards, cells, include ?? null, options);
}

/** Every (group, step) pair is a cell of its own, so that steps are rewards of more, smaller groups. */
function stepAdvantages(
  stepRewards: Ragged,
  groups: ArrayLike<string | number>,
  include: ArrayLike<boolean> | undefined,
  options: Options,
): GroupAdvantages {
  const { values, offsets } = stepRewards;
  const n = rowCount(stepRewards);
  if (groups.length !== n) throw new ContractError("inputs.groups", `expected ${n} entries, got ${groups.length}`);
  const index = indexGroups(groups);
  const starts = new Int32Array(index.ids.length + 1);
  for (let i = 0; i < n; i++) {
    const g = index.of[i] + 1;
    const length = offsets[i + 1] - offsets[i];
    if (length > starts[g]) starts[g] = length;
  }
  let columns = 0;
  for (let g = 1; g < starts.length; g++) {
    if (starts[g] > columns) columns = starts[g];
    starts[g] += starts[g - 1];
  }
  const of = new Int32Array(values.length);
  const column = options.scale === "batch" ? new Int32Array(values.length) : null;
  const included = include ? new Uint8Array(values.length) : null;
  for (let i = 0; i < n; i++) {
    const start = starts[index.of[i]] - offsets[i];
    for (let v = offsets[i]; v < offsets[i + 1]; v++) of[v] = start + v;
    if (column) for (let v = offsets[i]; v < offsets[i + 1]; v++) column[v] = v - offsets[i];
    if (included && include?.[i]) included.fill(1, offsets[i], offsets[i + 1]);
  }
  const cells = { of, count: starts[index.ids.length], column, columns };
  const { advantages, baselines } = relative(values, cells, included, options);
  return { advantages: { values: advantages, offsets }, baselines: { values: baselines, offsets } };
}

interface Cells {
  /** Cell of each value. */
  readonly of: Int32Array;
  readonly count: number;
  /** Column of each value (null: all in column 0), for the deviation of the batch. */
  readonly column: Int32Array | null;
  readonly columns: number;
}

/** The computation on a flat buffer: each value against the included values of its cell. */
function relative(
  values: Vector,
  cells: Cells,
  include: ArrayLike<boolean | number> | null,
  { baseline, scale, ddof, epsilon, singleton, excludedDenominator }: Options,
): { advantages: Float64Array; baselines: Float64Array } {
  const { of, count } = cells;
  const n = values.length;
  const { counts, means } = moments(values, of, count, include);
  const deviations = scale === "group" ? squaredDeviations(values, of, means, include) : null;
  if (deviations) toDivisors(deviations, counts, ddof, epsilon);
  const batch = scale === "batch" ? batchDivisors(values, cells, include, ddof, epsilon) : null;
  const others = scale === "leave-one-out" ? variancesOfOthers(values, cells, include, counts, means) : null;
  const advantages = new Float64Array(n);
  const baselines = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    const c = of[i];
    const reward = values[i];
    const size = counts[c];
    let base = 0;
    let centred = reward;
    if (size <= 1) {
      if (singleton === "zero") {
        baselines[i] = reward;
        continue;
      }
    } else if (baseline === "mean") {
      base = means[c];
      centred = reward - base;
    } else if (baseline === "leave-one-out") {
      if (!include || include[i]) {
        const above = reward - means[c];
        base = means[c] - above / (size - 1);
        centred = (above * size) / (size - 1);
      } else {
        base = excludedDenominator === "exact" ? means[c] : (means[c] * size) / (size - 1);
        centred = reward - base;
      }
    }
    baselines[i] = base;
    if (deviations) centred /= deviations[c];
    else if (batch) centred /= batch[cells.column ? cells.column[i] : 0];
    else if (others && others[i] > 1e-12) centred /= Math.sqrt(others[i]);
    advantages[i] = centred;
  }
  return { advantages, baselines };
}

/** Sums of squares become sd + ε; 1 + ε where fewer than two values count, 1 where the sum would be 0. */
function toDivisors(squares: Float64Array, counts: Int32Array, ddof: number, epsilon: number): void {
  for (let c = 0; c < squares.length; c++) {
    const deviation = counts[c] > 1 ? Math.sqrt(squares[c] / (counts[c] - ddof)) : 1;
    squares[c] = deviation + epsilon || 1;
  }
}

/** Included members and their mean per cell, summed from the cell's first value so that equal rewards centre to exactly 0. */
function moments(values: Vector, of: Int32Array, count: number, include: ArrayLike<boolean | number> | null) {
  const counts = new Int32Array(count);
  const first = new Float64Array(count);
  const means = new Float64Array(count);
  for (let i = 0; i < values.length; i++) {
    if (include && !include[i]) continue;
    const c = of[i];
    if (counts[c]++ === 0) first[c] = values[i];
    else means[c] += values[i] - first[c];
  }
  for (let c = 0; c < count; c++) if (counts[c] > 0) means[c] = first[c] + means[c] / counts[c];
  return { counts, means };
}

function squaredDeviations(
  values: Vector,
  of: Int32Array,
  means: Float64Array,
  include: ArrayLike<boolean | number> | null,
): Float64Array {
  const squares = new Float64Array(means.length);
  for (let i = 0; i < values.length; i++) {
    if (include && !include[i]) continue;
    const c = of[i];
    const deviation = values[i] - means[c];
    squares[c] += deviation * deviation;
  }
  return squares;
}

/** sd + ε per column over all included values. */
function batchDivisors(
  values: Vector,
  { of, column, columns }: Cells,
  include: ArrayLike<boolean | number> | null,
  ddof: number,
  epsilon: number,
): Float64Array {
  const where = column ?? new Int32Array(of.length);
  const { counts, means } = moments(values, where, columns, include);
  const divisors = squaredDeviations(values, where, means, include);
  toDivisors(divisors, counts, ddof, epsilon);
  return divisors;
}

/** Population variance of the other included members of each value's cell. */
function variancesOfOthers(
  values: Vector,
  { of, count }: Cells,
  include: ArrayLike<boolean | number> | null,
  counts: Int32Array,
  means: Float64Array,
): Float64Array {
  const squares = squaredDeviations(values, of, means, include);
  const { order, starts } = sortByNumber(of, count);
  const variances = new Float64Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const c = of[i];
    const size = counts[c];
    if (size <= 1) continue;
    if (include && !include[i]) {
      variances[i] = squares[c] / size;
      continue;
    }
    const deviation = values[i] - means[c];
    let rest = squares[c] - (deviation * deviation * size) / (size - 1);
    if (rest <= 1e-6 * squares[c]) {
      // i makes up nearly all of the spread and the difference has lost its digits: sum over the others.
      const mean = means[c] - deviation / (size - 1);
      rest = 0;
      for (let k = starts[c]; k < starts[c + 1]; k++) {
        const j = order[k];
        if (j !== i && (!include || include[j])) rest += (values[j] - mean) ** 2;
      }
    }
    variances[i] = rest / (size - 1);
  }
  return variances;
}

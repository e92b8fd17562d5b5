import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields, ragged, shaped, vector } from "../core/fields.ts";
import { numberGroups, sortByNumber } from "../core/groups.ts";
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
 * as well. Exactly one of the two must be given. (In TypeScript, `baselines` are computed when first
 * read, from the arrays that were passed: do not overwrite those before.) Groups may be interleaved and of unequal size; a
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

export interface GroupAdvantages {
  readonly advantages: Float64Array | Ragged;
  readonly baselines: Float64Array | Ragged;
}

/** Computes the baselines when they are first read. */
function withBaselines<T extends Float64Array | Ragged>(advantages: T, compute: () => T): GroupAdvantages {
  let computed: T | undefined;
  return {
    advantages,
    get baselines() {
      computed ??= compute();
      return computed;
    },
  };
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
  const { of, count } = numberGroups(groups);
  const values = rewards instanceof Float64Array ? rewards : Float64Array.from(rewards);
  const included = include ? Uint8Array.from(of, (_, i) => (include[i] ? 1 : 0)) : null;
  const { advantages, baselines } = relative(values, { of, count, columnOf: null, columns: 1 }, included, options);
  return withBaselines(advantages, baselines);
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
  const group = numberGroups(groups);
  const starts = new Int32Array(group.count + 1);
  for (let i = 0; i < n; i++) {
    const g = group.of[i] + 1;
    const length = offsets[i + 1] - offsets[i];
    if (length > starts[g]) starts[g] = length;
  }
  let columns = 0;
  for (let g = 1; g < starts.length; g++) {
    if (starts[g] > columns) columns = starts[g];
    starts[g] += starts[g - 1];
  }
  const count = starts[group.count];
  const columnOf = new Int32Array(count);
  for (let g = 0; g + 1 < starts.length; g++)
    for (let c = starts[g]; c < starts[g + 1]; c++) columnOf[c] = c - starts[g];
  const of = new Int32Array(values.length);
  const included = include ? new Uint8Array(values.length) : null;
  for (let i = 0; i < n; i++) {
    const start = starts[group.of[i]] - offsets[i];
    for (let v = offsets[i]; v < offsets[i + 1]; v++) of[v] = start + v;
    if (included && include?.[i]) included.fill(1, offsets[i], offsets[i + 1]);
  }
  const { advantages, baselines } = relative(values, { of, count, columnOf, columns }, included, options);
  return withBaselines({ values: advantages, offsets }, () => ({ values: baselines(), offsets }));
}

interface Cells {
  /** Cell of each value. */
  readonly of: Int32Array;
  readonly count: number;
  /** Column of each cell (null: all in column 0), for the deviation of the batch. */
  readonly columnOf: Int32Array | null;
  readonly columns: number;
}

/** `baselines` is a function: most callers read advantages only, and a second output costs half as much again. */
interface Relative {
  readonly advantages: Float64Array;
  readonly baselines: () => Float64Array;
}

/**
 * The computation on a flat buffer: each value against the included values of its cell. What a value
 * needs to know of its cell lies together in `plan`, so that interleaved groups cost one cache line.
 */
function relative(values: Float64Array, cells: Cells, include: Uint8Array | null, options: Options): Relative {
  const { of, count } = cells;
  const moments = cellMoments(values, include ? excludedTo(count, of, include) : of, count);
  const { counts } = moments;
  const others = options.scale === "leave-one-out" ? variancesOfOthers(values, cells, include, moments) : null;
  const plan = cellPlan(cells, moments, batchDivisors(values, cells, include, options), options);
  // The plan compares a member with the others of its cell; an excluded one compares with all included.
  const aside = options.baseline === "leave-one-out" ? include : null;
  const exact = options.excludedDenominator === "exact";
  const baselineAside = (c: number) => (exact ? plan[3 * c] : (plan[3 * c] * counts[c]) / (counts[c] - 1));
  const advantages = deviationsTimesFactor(values, of, plan);
  for (let i = 0; aside && i < values.length; i++) {
    const size = counts[of[i]];
    if (aside[i] || size <= 1) continue;
    advantages[i] = ((values[i] - baselineAside(of[i])) * plan[3 * of[i] + 2] * (size - 1)) / size;
  }
  for (let i = 0; others && i < values.length; i++) if (others[i] > 1e-12) advantages[i] /= Math.sqrt(others[i]);
  const zero = options.singleton === "zero";
  for (let i = 0; zero && i < values.length; i++) if (counts[of[i]] <= 1) advantages[i] = 0;
  const baselines = () => {
    const out = new Float64Array(values.length);
    for (let i = 0; i < values.length; i++) {
      const c = of[i];
      const base = plan[3 * c];
      if (counts[c] <= 1) out[i] = zero ? values[i] : 0;
      else if (aside && !aside[i]) out[i] = baselineAside(c);
      else out[i] = base - (values[i] - base) * plan[3 * c + 1];
    }
    return out;
  };
  return { advantages, baselines };
}

function deviationsTimesFactor(values: Float64Array, of: Int32Array, plan: Float64Array): Float64Array {
  const advantages = new Float64Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const at = 3 * of[i];
    advantages[i] = (values[i] - plan[at]) * plan[at + 2];
  }
  return advantages;
}

/** Sends excluded values to a cell after the last, which nobody reads. */
function excludedTo(count: number, of: Int32Array, include: Uint8Array): Int32Array {
  const slots = of.slice();
  for (let i = 0; i < slots.length; i++) if (include[i] === 0) slots[i] = count;
  return slots;
}

/**
 * Per cell [base, extra, factor]: baseline = base − (r − base) · extra, advantage = (r − base) · factor.
 * Leave-one-out is n/(n−1) times the deviation from the mean, so extra = 1/(n−1).
 */
function cellPlan(
  { count, columnOf }: Cells,
  { counts, means, squares }: Moments,
  batch: Float64Array | null,
  { baseline, scale, ddof, epsilon }: Options,
): Float64Array {
  const plan = new Float64Array(3 * count);
  for (let c = 0; c < count; c++) {
    const size = counts[c];
    let divisor = 1;
    if (scale === "group") divisor = deviation(squares[c], size, ddof) + epsilon || 1;
    else if (batch) divisor = batch[columnOf ? columnOf[c] : 0];
    const centred = size > 1 && baseline !== "none";
    const extra = centred && baseline === "leave-one-out" ? 1 / (size - 1) : 0;
    plan[3 * c] = centred ? means[c] : 0;
    plan[3 * c + 1] = extra;
    plan[3 * c + 2] = (1 + extra) / divisor;
  }
  return plan;
}

/** 1 where there is nothing to deviate from. */
const deviation = (squares: number, size: number, ddof: number) => (size > 1 ? Math.sqrt(squares / (size - ddof)) : 1);

interface Moments {
  readonly counts: Int32Array;
  readonly means: Float64Array;
  /** Sums of squared deviations. */
  readonly squares: Float64Array;
}

/**
 * Two passes, the second correcting the mean of the first: the mean of equal values is then that value
 * to the last bit, so that equal rewards get an advantage of exactly 0.
 */
function cellMoments(values: Float64Array, slots: Int32Array, count: number): Moments {
  // Per cell [n, then mean], [sum, then sum of squares], [sum of deviations]; one more for excluded values.
  const sums = new Float64Array(3 * count + 3);
  for (let i = 0; i < values.length; i++) {
    const at = 3 * slots[i];
    sums[at] += 1;
    sums[at + 1] += values[i];
  }
  const counts = new Int32Array(count);
  for (let c = 0; c < count; c++) {
    counts[c] = sums[3 * c];
    sums[3 * c] = counts[c] > 0 ? sums[3 * c + 1] / counts[c] : 0;
    sums[3 * c + 1] = 0;
  }
  for (let i = 0; i < values.length; i++) {
    const at = 3 * slots[i];
    const off = values[i] - sums[at];
    sums[at + 1] += off * off;
    sums[at + 2] += off;
  }
  const means = new Float64Array(count);
  const squares = new Float64Array(count);
  for (let c = 0; c < count; c++) {
    if (counts[c] === 0) continue;
    const residue = sums[3 * c + 2];
    means[c] = sums[3 * c] + residue / counts[c];
    squares[c] = Math.max(0, sums[3 * c + 1] - (residue * residue) / counts[c]);
  }
  return { counts, means, squares };
}

/** sd + ε per column over all included values; null unless the scale is `batch`. */
function batchDivisors(
  values: Float64Array,
  { of, columnOf, columns }: Cells,
  include: Uint8Array | null,
  { scale, ddof, epsilon }: Options,
): Float64Array | null {
  if (scale !== "batch") return null;
  const column = columnOf ? Int32Array.from(of, (c) => columnOf[c]) : new Int32Array(of.length);
  const { counts, squares } = cellMoments(values, include ? excludedTo(columns, column, include) : column, columns);
  return squares.map((sum, c) => deviation(sum, counts[c], ddof) + epsilon || 1);
}

/** Population variance of the other included members of each value's cell. */
function variancesOfOthers(
  values: Float64Array,
  { of, count }: Cells,
  include: Uint8Array | null,
  { counts, means, squares }: Moments,
): Float64Array {
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
    const off = values[i] - means[c];
    let rest = squares[c] - (off * off * size) / (size - 1);
    if (rest <= 1e-6 * squares[c]) {
      // i makes up nearly all of the spread and the difference has lost its digits: sum over the others.
      const mean = means[c] - off / (size - 1);
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

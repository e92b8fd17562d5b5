import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields, integers, nullableVector, shaped, vector } from "../core/fields.ts";
import { groupMembers, indexGroups } from "../core/groups.ts";
import { definePart } from "../core/part.ts";
import type { Vector } from "../core/ragged.ts";
import { expectGiven, expectLength } from "../core/shapes.ts";

/** The scored rollouts of one group, best first, equal scores in input order. */
interface Ranked {
  readonly order: readonly number[];
  readonly value: (rollout: number) => number;
  /** The pair may be used as far as lengths go. */
  readonly comparable: (one: number, other: number) => boolean;
  readonly minMargin: number;
}

type Pair = [chosen: number, rejected: number];

/** All strictly ordered pairs with enough margin, by preference, then index. */
function allPairs({ order, value, comparable, minMargin }: Ranked): Pair[] {
  const pairs: Pair[] = [];
  for (let i = 0; i < order.length; i++) {
    for (let j = i + 1; j < order.length; j++) {
      const margin = value(order[i]) - value(order[j]);
      if (margin > 0 && margin >= minMargin && comparable(order[i], order[j])) pairs.push([order[i], order[j]]);
    }
  }
  return pairs;
}

/** The first of the best against the first of the worst. */
function bestWorst({ order, value, comparable, minMargin }: Ranked): Pair[] {
  if (order.length === 0) return [];
  const best = order[0];
  const lowest = value(order[order.length - 1]);
  const worst = order.find((i) => value(i) === lowest) ?? best;
  const margin = value(best) - lowest;
  return margin > 0 && margin >= minMargin && comparable(best, worst) ? [[best, worst]] : [];
}

function hardestPairs(ranked: Ranked): Pair[] {
  const pairs = allPairs(ranked);
  const gaps = pairs.map(([chosen, rejected]) => ranked.value(chosen) - ranked.value(rejected));
  let smallest = Number.POSITIVE_INFINITY;
  for (const gap of gaps) smallest = Math.min(smallest, gap);
  // 0.3 − 0.2 and 0.2 − 0.1 are the same gap, though not the same double.
  return pairs.filter((_, m) => gaps[m] <= smallest + 1e-12 * Math.max(1, smallest));
}

/** Anchors from the top, partners below in trial order, until there are enough pairs. */
function firstThreshold(
  { order, value, comparable, minMargin }: Ranked,
  numPairs: number,
  trials: readonly Vector[] | undefined,
  group: string,
): Pair[] {
  const pairs: Pair[] = [];
  for (let anchor = 0; anchor + 1 < order.length && pairs.length < numPairs; anchor++) {
    const below = order.length - anchor - 1;
    const offsets = trials?.[anchor];
    for (let k = 0; k < (offsets?.length ?? below) && pairs.length < numPairs; k++) {
      const offset = offsets ? offsets[k] : k;
      if (!(offset >= 0 && offset < below))
        throw new ContractError(
          `inputs.partnerOrder.${group}[${anchor}][${k}]`,
          `expected an offset below ${below} (partners after the anchor), got ${offset}`,
        );
      const partner = order[anchor + 1 + offset];
      if (value(order[anchor]) - value(partner) >= minMargin && comparable(order[anchor], partner))
        pairs.push([order[anchor], partner]);
    }
  }
  return pairs;
}

/**
 * Preference pairs from scored samples of each prompt: the pair mining of iterative DPO (FLR, arXiv 2409.13948;
 * MM-DPO, arXiv 2502.10391; Quote-Tuning, arXiv 2404.03862).
 *
 * `strategy` per group, on scores (times −1 when `negate`, as with human ranks where 1 is best):
 * - `best-worst`: the first of the best against the first of the worst;
 * - `all`: every pair, by preference, then index;
 * - `hardest`: the pairs of `all` with the group's smallest gap (equal within 1e-12);
 * - `first-threshold`: rank the group; from the top down, try the samples below each anchor and accept where the
 *   margin allows, until there are `numPairs`. Partners are tried in rank order, or by `partnerOrder`: per group
 *   and anchor, offsets into the samples ranked below it.
 *
 * The first three need a strictly better chosen sample; all need margin ≥ `minMargin`, in floating point as it
 * comes out. With `maxLengthGap`, |ℓ₁ − ℓ₂| / min(ℓ₁, ℓ₂) must not exceed it and samples of length 0 pair with
 * none; `lengths` are then required (`ContractError`). Unscored samples (null) are skipped. `pairs` hold indices
 * into the N samples, groups in order of first appearance; `margins` are in negated scores under `negate`;
 * `yield` is the share of groups with a pair, null without groups.
 */
export const preferencePairs = definePart({
  id: "sampling/preference-pairs",
  papers: ["flr", "quote-tuning", "mm-rlhf", "open-rubrics", "dporm-generalization"],
  params: z.object({
    strategy: z
      .enum(["best-worst", "all", "hardest", "first-threshold"])
      .default("best-worst")
      .describe("which pairs of a group"),
    minMargin: z.number().nonnegative().default(0).describe("least score difference"),
    maxLengthGap: z
      .number()
      .nonnegative()
      .nullable()
      .default(null)
      .describe("largest relative difference of lengths; null: any"),
    numPairs: z.int().positive().default(1).describe("pairs per group under first-threshold"),
    negate: z.boolean().default(false).describe("lower is better"),
  }),
  inputs: z.object({
    scores: nullableVector("N", "score or rank per sample; null = unscored"),
    groups: fields.groups,
    lengths: integers("N", "tokens per sample").optional(),
    partnerOrder: z
      .record(z.string(), z.array(z.array(z.int())))
      .describe("per group: for each anchor in rank order, partner offsets in trial order")
      .optional(),
  }),
  outputs: z.object({
    pairs: fields.pairs,
    pairGroups: shaped(z.array(z.union([z.string(), z.number()])), "M", "group of each pair"),
    margins: vector("M", "score of the chosen less the rejected one"),
    yield: z.number().nullable().describe("share of groups with a pair"),
  }),
  compute({ strategy, minMargin, maxLengthGap, numPairs, negate }, { scores, groups, lengths: given, partnerOrder }) {
    expectLength(groups, scores.length, "groups");
    const lengths = maxLengthGap === null ? null : expectGiven(given, "inputs.lengths", "maxLengthGap needs lengths");
    if (lengths) expectLength(lengths, scores.length, "lengths");
    const value = (i: number) => (negate ? -1 : 1) * (scores[i] ?? 0);
    const comparable = (one: number, other: number) => {
      if (lengths === null || maxLengthGap === null) return true;
      const shorter = Math.min(lengths[one], lengths[other]);
      return shorter > 0 && Math.abs(lengths[one] - lengths[other]) / shorter <= maxLengthGap;
    };
    const index = indexGroups(groups);
    const { order, starts } = groupMembers(index);
    const pairs: Pair[] = [];
    const pairGroups: (string | number)[] = [];
    let yielding = 0;
    index.ids.forEach((id, g) => {
      const members = Array.from(order.subarray(starts[g], starts[g + 1])).filter((i) => scores[i] !== null);
      members.sort((a, b) => value(b) - value(a) || a - b);
      const ranked: Ranked = { order: members, value, comparable, minMargin };
      const key = String(id);
      const trials = partnerOrder && Object.hasOwn(partnerOrder, key) ? partnerOrder[key] : undefined;
      const found =
        strategy === "best-worst"
          ? bestWorst(ranked)
          : strategy === "all"
            ? allPairs(ranked)
            : strategy === "hardest"
              ? hardestPairs(ranked)
              : firstThreshold(ranked, numPairs, trials, key);
      if (found.length > 0) yielding++;
      for (const pair of found) {
        pairs.push(pair);
        pairGroups.push(id);
      }
    });
    return {
      pairs,
      pairGroups,
      margins: Float64Array.from(pairs, ([chosen, rejected]) => value(chosen) - value(rejected)),
      yield: index.ids.length === 0 ? null : yielding / index.ids.length,
    };
  },
});

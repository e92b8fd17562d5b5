import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields, strings, vector } from "../core/fields.ts";
import { groupMembers, indexGroups } from "../core/groups.ts";
import { definePart } from "../core/part.ts";
import { mean, meanOrNull } from "../core/statistics.ts";

/** Accuracy per category name, in order of first appearance. */
const rates = z.record(z.string(), z.number().nullable());

/**
 * Pairwise accuracy of a reward model: share of pairs whose chosen response scores above the rejected one
 * (BaseReward, arXiv 2509.16127; MM-RLHF-RewardBench, 2502.10391; VL-RewardBench macro average as in 2505.02835).
 *
 * `results` (N) is 1 for chosen > rejected, 0 for <, and for an exact tie ½ (`ties` half) or 0 (wrong).
 * `accuracy` = mean of `results`; `margin` = mean(chosen − rejected), in score units; `tieCount` = exact ties.
 * With `groups`: `accuracyPlus` (Acc+) = share of groups all of whose pairs are strictly right, whatever `ties`
 * says; it falls geometrically with pairs per group. With `categories`: `byCategory`, and `macroAccuracy`, their
 * unweighted mean. With both: `plusByCategory`, Acc+ over the pairs of one category. null without any pair.
 */
export const pairwiseAccuracy = definePart({
  id: "evaluation/pairwise-accuracy",
  papers: [
    "base-reward",
    "dporm-generalization",
    "flr",
    "ixc-reward",
    "mm-rlhf",
    "r1-reward",
    "retouchiq",
    "rm-r1",
    "school-of-reward-hacks",
    "unified-reward-think",
    "br-rm",
  ],
  params: z.object({ ties: z.enum(["wrong", "half"]).default("wrong").describe("what an exact tie is worth") }),
  inputs: z.object({
    chosen: vector("N", "score of the preferred response"),
    rejected: vector("N", "score of the other response"),
    groups: fields.groups.optional(),
    categories: strings("N", "category of each pair").optional(),
  }),
  outputs: z.object({
    accuracy: z.number().nullable(),
    results: vector("N", "1, ½ or 0 per pair"),
    margin: z.number().nullable(),
    tieCount: z.int(),
    accuracyPlus: z.number().nullable().optional(),
    byCategory: rates.optional(),
    plusByCategory: rates.optional(),
    macroAccuracy: z.number().nullable().optional(),
  }),
  compute({ ties }, { chosen, rejected, groups, categories }) {
    const n = chosen.length;
    const results = new Float64Array(n);
    let margin = 0;
    let tieCount = 0;
    for (let i = 0; i < n; i++) {
      margin += chosen[i] - rejected[i];
      if (chosen[i] > rejected[i]) results[i] = 1;
      else if (chosen[i] === rejected[i]) {
        tieCount++;
        if (ties === "half") results[i] = 0.5;
      }
    }
    const all = Int32Array.from({ length: n }, (_, i) => i);
    const byCategory: Record<string, number> = {};
    const plusByCategory: Record<string, number | null> = {};
    const index = indexGroups(categories ?? []);
    const { order, starts } = groupMembers(index);
    for (const [c, name] of index.ids.entries()) {
      const members = order.subarray(starts[c], starts[c + 1]);
      byCategory[name] = mean(Array.from(members, (i) => results[i]));
      if (groups) plusByCategory[name] = allRightShare(results, groups, members);
    }
    return {
      accuracy: meanOrNull(results),
      results,
      margin: n > 0 ? margin / n : null,
      tieCount,
      accuracyPlus: groups && allRightShare(results, groups, all),
      byCategory: categories && byCategory,
      plusByCategory: categories && groups && plusByCategory,
      macroAccuracy: categories && meanOrNull(Object.values(byCategory)),
    };
  },
});

/** Share of the groups of `members` in which every member's result is 1. */
function allRightShare(results: Float64Array, groups: ArrayLike<string | number>, members: Int32Array): number | null {
  const index = indexGroups(Array.from(members, (i) => groups[i]));
  if (index.ids.length === 0) return null;
  const right = new Uint8Array(index.ids.length).fill(1);
  for (let k = 0; k < members.length; k++) if (results[members[k]] !== 1) right[index.of[k]] = 0;
  let count = 0;
  for (const flag of right) count += flag;
  return count / right.length;
}

/**
 * Win rate of a candidate against a baseline on the same prompts (e.g. arXiv 2406.02900: policy against
 * reference responses under a gold score; 2603.16839: per-brief quality with a dead zone of .01).
 *
 * A difference of at most `margin` (score units) is a tie. `winRate` = (wins + ½ ties)/N (`ties` half), or wins
 * over decided comparisons (`ties` exclude); null without any.
 */
export const winRate = definePart({
  id: "evaluation/win-rate",
  papers: ["daa-overoptimization", "slide-rl", "rm-ensembles"],
  params: z.object({
    ties: z.enum(["half", "exclude"]).default("half").describe("a tie is half a win, or no comparison at all"),
    margin: z.number().min(0).default(0).describe("a difference of at most this is a tie"),
  }),
  inputs: z.object({
    candidate: vector("N", "score of the candidate's response"),
    baseline: vector("N", "score of the baseline's response to the same prompt"),
  }),
  outputs: z.object({ winRate: z.number().nullable(), wins: z.int(), ties: z.int(), losses: z.int() }),
  compute(params, { candidate, baseline }) {
    let wins = 0;
    let losses = 0;
    for (let i = 0; i < candidate.length; i++) {
      const difference = candidate[i] - baseline[i];
      if (Math.abs(difference) <= params.margin) continue;
      if (difference > 0) wins++;
      else losses++;
    }
    const ties = candidate.length - wins - losses;
    const half = params.ties === "half";
    const counted = half ? candidate.length : wins + losses;
    return { winRate: counted > 0 ? (wins + (half ? ties / 2 : 0)) / counted : null, wins, ties, losses };
  },
});

/**
 * Accuracy gap between an explicit reward model and DPO's implicit one, in and out of distribution
 * (arXiv 2409.03650).
 *
 * `settings` names each test set's kind; `explicit` and `implicit` give its accuracy under either model.
 * `difference` = explicit − implicit per set; `meanOodDifference`, `maxOodDifference` over the shifted sets;
 * `inDistributionDifference` over the others. A model's drop = its mean in-distribution accuracy − its mean
 * shifted accuracy. null where a kind has no set. Throws `ContractError` when a set lacks an accuracy.
 */
export const generalizationGap = definePart({
  id: "evaluation/generalization-gap",
  papers: ["dporm-generalization"],
  params: z.object({}),
  inputs: z.object({
    settings: z
      .record(z.string(), z.enum(["in-distribution", "prompt-shift", "response-shift"]))
      .describe("kind of each test set"),
    explicit: z.record(z.string(), z.number()).describe("accuracy of the explicit reward model per set"),
    implicit: z.record(z.string(), z.number()).describe("accuracy of the implicit reward per set"),
  }),
  outputs: z.object({
    difference: z.record(z.string(), z.number()),
    meanOodDifference: z.number().nullable(),
    maxOodDifference: z.number().nullable(),
    inDistributionDifference: z.number().nullable(),
    explicitDrop: z.number().nullable(),
    implicitDrop: z.number().nullable(),
  }),
  compute(_, { settings, explicit, implicit }) {
    const difference: Record<string, number> = {};
    const inside: string[] = [];
    const outside: string[] = [];
    for (const [name, kind] of Object.entries(settings)) {
      for (const [field, accuracies] of Object.entries({ explicit, implicit })) {
        if (!Object.hasOwn(accuracies, name))
          throw new ContractError(`inputs.${field}.${name}`, "expected the accuracy of a set named in settings");
      }
      difference[name] = explicit[name] - implicit[name];
      (kind === "in-distribution" ? inside : outside).push(name);
    }
    const over = (names: string[], values: Record<string, number>) => meanOrNull(names.map((name) => values[name]));
    const drop = (values: Record<string, number>) => {
      const before = over(inside, values);
      const after = over(outside, values);
      return before === null || after === null ? null : before - after;
    };
    return {
      difference,
      meanOodDifference: over(outside, difference),
      maxOodDifference: outside.length > 0 ? Math.max(...outside.map((name) => difference[name])) : null,
      inDistributionDifference: over(inside, difference),
      explicitDrop: drop(explicit),
      implicitDrop: drop(implicit),
    };
  },
});

/**
 * Consistency of a reward model on Contrast Instructions (arXiv 2309.16155): does it notice that a response
 * belongs to another, similar instruction?
 *
 * `scores[i]` is 2×2, s(a,b) = reward of instruction a with response b. Response consistency compares the right with the swapped
 * response under one instruction, s(1,1) > s(1,2); instruction consistency the right with the swapped instruction
 * for one response, s(1,1) > s(2,1). `direction` query asks only these two (as the released scripts), both also
 * s(2,2) > s(2,1) and s(2,2) > s(1,2). `allConsistency` = share of items where both right scores beat both
 * swapped ones. `ties` strict uses >, lenient ≥. null without items.
 */
export const contrastConsistency = definePart({
  id: "evaluation/contrast-consistency",
  papers: ["reward-consistency"],
  params: z.object({
    direction: z
      .enum(["both", "query"])
      .default("both")
      .describe("compare from both sides of an item, or the first only"),
    ties: z.enum(["strict", "lenient"]).default("strict").describe("whether equal scores count as consistent"),
  }),
  inputs: z.object({
    scores: z
      .array(z.tuple([z.tuple([z.number(), z.number()]), z.tuple([z.number(), z.number()])]))
      .meta({ shape: "N×2×2", description: "reward of instruction 1, 2 (rows) with response 1, 2 (columns)" }),
  }),
  outputs: z.object({
    responseConsistency: z.number().nullable(),
    instructionConsistency: z.number().nullable(),
    allConsistency: z.number().nullable(),
  }),
  compute({ direction, ties }, { scores }) {
    const beats = (a: number, b: number) => (ties === "strict" ? a > b : a >= b);
    let response = 0;
    let instruction = 0;
    let all = 0;
    for (const [[right1, swapped1], [swapped2, right2]] of scores) {
      if (beats(right1, swapped1)) response++;
      if (beats(right1, swapped2)) instruction++;
      if (direction === "both") {
        if (beats(right2, swapped2)) response++;
        if (beats(right2, swapped1)) instruction++;
      }
      if (beats(Math.min(right1, right2), Math.max(swapped1, swapped2))) all++;
    }
    const n = scores.length;
    if (n === 0) return { responseConsistency: null, instructionConsistency: null, allConsistency: null };
    const comparisons = direction === "both" ? 2 * n : n;
    return {
      responseConsistency: response / comparisons,
      instructionConsistency: instruction / comparisons,
      allConsistency: all / n,
    };
  },
});

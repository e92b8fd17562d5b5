import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields, nullableStrings, nullableVector, shaped, vector } from "../core/fields.ts";
import { groupMembers, indexGroups } from "../core/groups.ts";
import { definePart } from "../core/part.ts";
import { roundHalfEven } from "../core/rounding.ts";
import { expectGiven, expectLength } from "../core/shapes.ts";

type Scores = ArrayLike<number | null>;
type ModelScores = Scores | ArrayLike<Scores>;

const score = z.number().nullable();
const modelScores = z.union([z.array(score), z.array(z.array(score)).min(1)]) as unknown as z.ZodType<
  ModelScores,
  ModelScores
>;

/** K rows of N scores, whether one model's scores came alone or in rows. */
function readModels(scores: ModelScores, count: number): readonly Scores[] {
  const nested = typeof scores[0] === "object" && scores[0] !== null;
  const rows = nested ? Array.from(scores as ArrayLike<Scores>) : [scores as Scores];
  rows.forEach((row, k) => {
    expectLength(row, count, nested ? `scores[${k}]` : "scores");
  });
  return rows;
}

/** 0 per candidate; NaN where a model left it unscored. */
function scoredOnly(rows: readonly Scores[], count: number): Float64Array {
  const value = new Float64Array(count);
  for (const row of rows) for (let i = 0; i < count; i++) if (row[i] === null) value[i] = Number.NaN;
  return value;
}

/** One value per candidate from K models; NaN where one of them left it unscored. */
function combine(rows: readonly Scores[], count: number, aggregate: "mean" | "median" | "min"): Float64Array {
  const value = scoredOnly(rows, count);
  const column = new Float64Array(rows.length);
  const middle = rows.length >> 1;
  for (let i = 0; i < count; i++) {
    if (Number.isNaN(value[i])) continue;
    let sum = 0;
    let least = Number.POSITIVE_INFINITY;
    for (let k = 0; k < column.length; k++) {
      column[k] = rows[k][i] ?? 0;
      sum += column[k];
      if (column[k] < least) least = column[k];
    }
    if (aggregate === "median") {
      column.sort();
      value[i] = rows.length % 2 === 1 ? column[middle] : (column[middle - 1] + column[middle]) / 2;
    } else value[i] = aggregate === "min" ? least : sum / rows.length;
  }
  return value;
}

/** Sum over models of the rank (0 = worst) within `members`; of equal scores the earlier one ranks higher. */
function rankSums(rows: readonly ArrayLike<number>[], members: ArrayLike<number>): Map<number, number> {
  const sums = new Map<number, number>();
  for (const row of rows) {
    const order = Array.from(members).sort((a, b) => row[a] - row[b] || b - a);
    order.forEach((i, rank) => {
      sums.set(i, (sums.get(i) ?? 0) + rank);
    });
  }
  return sums;
}

/** The most frequent answer among the candidates (earliest on equal counts): its first candidate. */
function majorityCandidate(candidates: Int32Array, answers: readonly (string | null)[]): number {
  const counts = new Map<string, { first: number; count: number }>();
  for (const i of candidates) {
    const answer = answers[i];
    if (answer === null) continue;
    const seen = counts.get(answer);
    if (seen) seen.count++;
    else counts.set(answer, { first: i, count: 1 });
  }
  let best = { first: candidates[0], count: 0 };
  for (const entry of counts.values()) if (entry.count > best.count) best = entry;
  return best.first;
}

/**
 * Best-of-N: the highest-scoring candidate of each group (ensembles: arXiv 2312.09244; majority tie-break: arXiv 2410.01729).
 *
 * `scores` are N numbers or K×N of several reward models, combined by `aggregate`: mean, median, min, or rank-sum, the sum
 * over models of the rank within the group (0 = worst; of equal scores the earlier ranks higher), for models on
 * different scales. Ties at the top: the first candidate, or under `majority-answer` the most frequent of their
 * `answers` (earliest on equal counts; string equality), its first candidate. A candidate that a model left unscored
 * (null) is unscored: never selected, rank null; `selected` is null for a group without scores.
 *
 * `selected` are indices into the N candidates, one per group in order of first appearance; `ranks` have 0 = best; `kl` is
 * log n − (n − 1)/n for a group of n, an upper bound on the divergence from the sampling policy; `answers` are the winners'.
 */
export const bestOfN = definePart({
  id: "search/best-of-n",
  papers: ["rm-ensembles", "rewardmath", "ttsnap", "implicit-prm", "ixc-reward"],
  params: z.object({
    aggregate: z.enum(["mean", "median", "min", "rank-sum"]).default("mean").describe("several models' scores → one"),
    ties: z.enum(["first", "majority-answer"]).default("first").describe("rule for equal best scores"),
  }),
  inputs: z.object({
    scores: shaped(modelScores, "N or K×N", "score per candidate, or per model and candidate; null = unscored"),
    groups: fields.groups,
    answers: nullableStrings("N", "final answer per candidate").optional(),
  }),
  outputs: z.object({
    selected: nullableVector("P", "winner per group"),
    groups: shaped(z.array(z.union([z.string(), z.number()])), "P", "distinct groups"),
    ranks: nullableVector("N", "rank within the group, 0 = best"),
    kl: vector("P", "log n − (n − 1)/n"),
    answers: nullableStrings("P", "answers of the winners").optional(),
  }),
  compute({ aggregate, ties }, { scores, groups, answers }) {
    const rows = readModels(scores, groups.length);
    if (ties === "majority-answer") expectGiven(answers, "inputs.answers", "majority-answer compares them");
    if (answers) expectLength(answers, groups.length, "answers");
    const index = indexGroups(groups);
    const { order, starts } = groupMembers(index);
    const value = aggregate === "rank-sum" ? scoredOnly(rows, groups.length) : combine(rows, groups.length, aggregate);
    const selected: (number | null)[] = [];
    const ranks: (number | null)[] = new Array(groups.length).fill(null);
    for (let g = 0; g < index.ids.length; g++) {
      const members = order.subarray(starts[g], starts[g + 1]).filter((i) => !Number.isNaN(value[i]));
      if (aggregate === "rank-sum") {
        const sums = rankSums(rows as readonly ArrayLike<number>[], members);
        members.forEach((i) => {
          value[i] = sums.get(i) ?? 0;
        });
      }
      members.sort((a, b) => value[b] - value[a] || a - b);
      if (ties === "majority-answer" && answers && members.length > 0) {
        const winner = majorityCandidate(
          members.filter((i) => value[i] === value[members[0]]),
          answers,
        );
        members.copyWithin(1, 0, members.indexOf(winner));
        members[0] = winner;
      }
      for (let rank = 0; rank < members.length; rank++) ranks[members[rank]] = rank;
      selected.push(members.length === 0 ? null : members[0]);
    }
    return {
      selected,
      groups: [...index.ids],
      ranks,
      kl: Float64Array.from(index.counts, (n) => Math.log(n) - (n - 1) / n),
      answers: answers && selected.map((i) => (i === null ? null : answers[i])),
    };
  },
});

function checkStages(steps: readonly number[], keep: readonly number[], count: number, what: string): void {
  if (keep.length !== steps.length)
    throw new ContractError("params.keep", `expected ${steps.length} ratios, as there are steps, got ${keep.length}`);
  steps.forEach((step, j) => {
    if (step >= count || (j > 0 && step <= steps[j - 1]))
      throw new ContractError(`params.steps[${j}]`, `expected ascending steps below ${count} (${what}), got ${step}`);
  });
}

const stages = {
  steps: z.array(z.int().nonnegative()).describe("checkpoints at which candidates are pruned, ascending"),
  keep: z.array(z.number().min(0).max(1)).describe("share kept at each of them"),
};

/**
 * Best-of-N that drops weak candidates on the way (TTSnap, arXiv 2511.22242).
 *
 * `scores` N×S are of candidate i's estimate at sampling step s, the last column of the finished sample; K×N×S for K reward
 * models. At checkpoint j the best max(1, round(n·keep_j)) of the n survivors by the scores at `steps[j]` go on (round half to
 * even), and of the last survivors the best finished one is `selected`. With several models, survivors are ranked by
 * the sum of their ranks within the survivors, anew at each stage. Lower index wins ties. `survivors` list ids ascending
 * per stage, `selectedScore` is the finished score (K of them for K models). No candidates: null.
 */
export const prunedBestOfN = definePart({
  id: "search/pruned-best-of-n",
  papers: ["ttsnap"],
  params: z.object({ ...stages, rounding: z.enum(["half-even"]).default("half-even").describe("how counts round") }),
  inputs: z.object({
    scores: shaped(
      z.union([z.array(z.array(z.number())), z.array(z.array(z.array(z.number())))]),
      "N×S or K×N×S",
      "score per candidate and step, for one model or several",
    ),
  }),
  outputs: z.object({
    survivors: shaped(z.array(z.array(z.int())), "J×M", "candidates left after each checkpoint"),
    counts: shaped(z.array(z.int()), "J", "how many"),
    selected: z.int().nullable().describe("the winner"),
    selectedScore: z
      .union([z.number(), z.array(z.number())])
      .nullable()
      .describe("its finished score, or K of them"),
  }),
  compute({ steps, keep }, { scores }) {
    const several = Array.isArray(scores[0]?.[0]);
    const models = (several ? scores : [scores]) as number[][][];
    const candidates = models[0].length;
    const last = (models[0][0]?.length ?? 0) - 1;
    models.forEach((rows, k) => {
      expectLength(rows, candidates, several ? `scores[${k}]` : "scores");
      rows.forEach((row, i) => {
        expectLength(row, last + 1, several ? `scores[${k}][${i}]` : `scores[${i}]`);
      });
    });
    if (candidates > 0) checkStages(steps, keep, last + 1, "columns of the scores");
    let left = Array.from({ length: candidates }, (_, i) => i);
    const ranked = (step: number) => {
      const columns = models.map((rows) => rows.map((row) => row[step]));
      const sums = several ? rankSums(columns, left) : null;
      const value = (i: number) => (sums ? (sums.get(i) ?? 0) : columns[0][i]);
      return [...left].sort((a, b) => value(b) - value(a) || a - b);
    };
    const survivors: number[][] = [];
    if (candidates > 0 && last < 0) throw new ContractError("inputs.scores", "expected at least one step");
    if (candidates === 0)
      return {
        survivors: steps.map((): number[] => []),
        counts: steps.map(() => 0),
        selected: null,
        selectedScore: null,
      };
    steps.forEach((step, j) => {
      const count = Math.max(1, roundHalfEven(left.length * keep[j]));
      left = ranked(step)
        .slice(0, count)
        .sort((a, b) => a - b);
      survivors.push(left);
    });
    const [selected] = ranked(last);
    const finished = models.map((rows) => rows[selected][last]);
    return {
      survivors,
      counts: survivors.map((ids) => ids.length),
      selected,
      selectedScore: several ? finished : finished[0],
    };
  },
});

/**
 * What pruned best-of-N costs and how many candidates a budget buys (TTSnap, arXiv 2511.22242).
 *
 * Per initial candidate, with x per sampling step and y per scoring: best-of-N T·x + y; pruned
 * Σ_j A_{j−1}((s_j − s_{j−1})x + y) + A_J((T − 1 − s_J)x + y), A_j the product of the first j ratios. `exact` counts the first
 * step (s₀ = −1: checkpoint s comes after s + 1 evaluations); `official` takes s₀ = 0, as released, which leaves out one step of
 * the pruned run only and so overstates its N. N = ⌊budget/cost⌋.
 */
export const pruningCost = definePart({
  id: "search/pruning-cost",
  papers: ["ttsnap"],
  params: z.object({
    stepCost: z.number().nonnegative().describe("x, one sampling step"),
    scoreCost: z.number().nonnegative().describe("y, one scoring"),
    totalSteps: z.int().positive().describe("T"),
    ...stages,
    convention: z.enum(["exact", "official"]).default("exact").describe("whether the first step counts"),
  }),
  inputs: z.object({ budget: z.number().nonnegative().describe("in the unit of the costs") }),
  outputs: z.object({
    bestOfNCost: z.number().describe("per candidate, nothing pruned"),
    prunedCost: z.number().describe("per initial candidate, pruned"),
    bestOfNCandidates: z.int().describe("N that the budget buys, nothing pruned"),
    prunedCandidates: z.int().describe("N that it buys, pruned"),
  }),
  compute({ stepCost, scoreCost, totalSteps, steps, keep, convention }, { budget }) {
    checkStages(steps, keep, totalSteps, "totalSteps");
    let alive = 1;
    let before = convention === "exact" ? -1 : 0;
    let prunedCost = 0;
    steps.forEach((step, j) => {
      prunedCost += alive * ((step - before) * stepCost + scoreCost);
      alive *= keep[j];
      before = step;
    });
    prunedCost += alive * ((totalSteps - 1 - before) * stepCost + scoreCost);
    const bestOfNCost = totalSteps * stepCost + scoreCost;
    const affordable = (cost: number) => {
      if (cost === 0) throw new ContractError("params", "expected costs above 0");
      // A budget of exactly k costs buys k.
      return Math.floor(budget / cost + 1e-9);
    };
    return {
      bestOfNCost,
      prunedCost,
      bestOfNCandidates: affordable(bestOfNCost),
      prunedCandidates: affordable(prunedCost),
    };
  },
});

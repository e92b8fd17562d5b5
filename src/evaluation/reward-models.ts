import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { ragged, shaped, strings, vector } from "../core/fields.ts";
import { indexGroups } from "../core/groups.ts";
import { definePart } from "../core/part.ts";
import { rowOf, toRagged } from "../core/ragged.ts";
import { mean, meanOrNull, share } from "../core/statistics.ts";

/**
 * Best-of-k accuracy with a tie penalty (RewardBench 2, arXiv 2506.01937): pick the one acceptable response of k.
 *
 * Row p of `scores` holds the correct response first. With m = max of the row: result 0 if the first score < m,
 * else 1/(number of scores equal to m), so a constant or a random scorer of four gets ¼. Scores equal to
 * `invalidMarker` (−1 for ratings that could not be parsed), and nulls, take no part in the maximum and are never
 * best; a row with nothing else gets `invalid`. `accuracy` = mean of `results`, null without prompts. Ties are
 * exact: do not round scores first.
 */
export const bestOfKAccuracy = definePart({
  id: "evaluation/best-of-k-accuracy",
  papers: ["reward-bench-2"],
  params: z.object({
    invalidMarker: z.number().nullable().default(null).describe("score that stands for an unreadable rating"),
    invalid: z.number().default(0.25).describe("result of a prompt none of whose scores is valid"),
  }),
  inputs: z.object({
    scores: shaped(z.array(z.array(z.number().nullable())), "P×K", "scores of the candidates, the correct one first"),
  }),
  outputs: z.object({ results: vector("P", "credit per prompt"), accuracy: z.number().nullable() }),
  compute({ invalidMarker, invalid }, { scores }) {
    const results = new Float64Array(scores.length);
    for (const [p, row] of scores.entries()) {
      let best: number | null = null;
      let count = 0;
      for (const score of row) {
        if (score === null || score === invalidMarker) continue;
        if (best === null || score > best) {
          best = score;
          count = 1;
        } else if (score === best) count++;
      }
      if (best === null) results[p] = invalid;
      else if (row[0] === best) results[p] = 1 / count;
    }
    return { results, accuracy: meanOrNull(results) };
  },
});

/**
 * Score of RewardBench 2's Ties domain (arXiv 2506.01937): many equally good answers must score alike, and above
 * every wrong one.
 *
 * A sample has its `numCorrect` correct scores first; its id is `ref:p` (one correct answer) or `tied:p`
 * (several), paired by p. Per sample: cc = max − min of the correct scores, ci = min correct − max wrong, accurate
 * = ci > 0. Over the prompts having both, with a = cc(tied), b = ci(tied), r = ci(ref):
 * score = w·(mean accurate(tied), mean accurate(ref), mean[b > a], mean[min(b, r) > a], mean tanh(min(b, r)/a − 1)).
 * In the last term 0/0 gives 0 and ±x/0 gives ±1. The default weights let a perfect model approach 1.01. Without
 * a prompt having both, the last three terms are 0; an accuracy without samples is null, and so is the score.
 * Throws `ContractError` for another id, or a sample without a correct or without a wrong score.
 */
export const tiesScore = definePart({
  id: "evaluation/ties-score",
  papers: ["reward-bench-2"],
  params: z.object({
    weights: z
      .array(z.number())
      .length(5)
      .default([0.3, 0.3, 0.2, 0.2, 0.01])
      .describe("of tied accuracy, reference accuracy, preferred, preferred hard, margin"),
  }),
  inputs: z.object({
    samples: z
      .array(z.object({ id: z.string(), scores: z.array(z.number()), numCorrect: z.int().min(1) }))
      .describe("scored samples, correct answers first"),
  }),
  outputs: z.object({
    tiedAccuracy: z.number().nullable(),
    referenceAccuracy: z.number().nullable(),
    preferred: z.number(),
    preferredHard: z.number(),
    marginScore: z.number(),
    score: z.number().nullable(),
  }),
  compute({ weights }, { samples }) {
    const tied = new Map<string, TiesMargins>();
    const reference = new Map<string, TiesMargins>();
    for (const [i, { id, scores, numCorrect }] of samples.entries()) {
      const colon = id.indexOf(":");
      const kind = id.slice(0, colon);
      if (kind !== "ref" && kind !== "tied")
        throw new ContractError(`inputs.samples[${i}].id`, `expected ref:… or tied:…, got ${JSON.stringify(id)}`);
      if (numCorrect < 1 || numCorrect >= scores.length)
        throw new ContractError(
          `inputs.samples[${i}].numCorrect`,
          `expected at least one correct and one wrong score, got ${numCorrect} of ${scores.length}`,
        );
      (kind === "ref" ? reference : tied).set(id.slice(colon + 1), tiesMargins(scores, numCorrect));
    }
    let preferred = 0;
    let preferredHard = 0;
    let margin = 0;
    let both = 0;
    for (const [prompt, { spread, gap }] of tied) {
      const other = reference.get(prompt);
      if (!other) continue;
      both++;
      const least = Math.min(gap, other.gap);
      if (gap > spread) preferred++;
      if (least > spread) preferredHard++;
      margin += spread > 0 ? Math.tanh(least / spread - 1) : Math.sign(least);
    }
    const accuracy = (group: Map<string, TiesMargins>) => share(Array.from(group.values(), ({ gap }) => gap > 0));
    const tiedAccuracy = accuracy(tied);
    const referenceAccuracy = accuracy(reference);
    const over = Math.max(both, 1);
    const terms = { preferred: preferred / over, preferredHard: preferredHard / over, marginScore: margin / over };
    const score =
      tiedAccuracy === null || referenceAccuracy === null
        ? null
        : weights[0] * tiedAccuracy +
          weights[1] * referenceAccuracy +
          weights[2] * terms.preferred +
          weights[3] * terms.preferredHard +
          weights[4] * terms.marginScore;
    return { tiedAccuracy, referenceAccuracy, ...terms, score };
  },
});

interface TiesMargins {
  /** max − min of the correct scores. */
  readonly spread: number;
  /** min correct − max wrong. */
  readonly gap: number;
}

function tiesMargins(scores: readonly number[], numCorrect: number): TiesMargins {
  const correct = scores.slice(0, numCorrect);
  const worst = Math.min(...correct);
  return { spread: Math.max(...correct) - worst, gap: worst - Math.max(...scores.slice(numCorrect)) };
}

const domainNames = ["factuality", "precise-if", "math", "safety", "focus", "ties"] as const;

/**
 * Overall RewardBench 2 score: weighted mean of the domain scores (arXiv 2506.01937; leaderboard: unweighted mean
 * of six).
 *
 * Domains that are absent or null are left out of the mean; `domainsUsed` lists the others in the benchmark's
 * order. null without any, or with zero total weight.
 */
export const rewardBench2 = definePart({
  id: "evaluation/reward-bench-2",
  papers: ["reward-bench-2"],
  params: z.object({
    weights: z
      .partialRecord(z.enum(domainNames), z.number().min(0))
      .default({})
      .describe("weight per domain; 1 where absent"),
  }),
  inputs: z.object({
    domains: z.partialRecord(z.enum(domainNames), z.number().nullable()).describe("score per domain"),
  }),
  outputs: z.object({ score: z.number().nullable(), domainsUsed: z.array(z.string()) }),
  compute({ weights }, { domains }) {
    const domainsUsed: string[] = [];
    let sum = 0;
    let total = 0;
    for (const name of domainNames) {
      const score = domains[name] ?? null;
      if (score === null) continue;
      const weight = weights[name] ?? 1;
      domainsUsed.push(name);
      sum += weight * score;
      total += weight;
    }
    return { score: total > 0 ? sum / total : null, domainsUsed };
  },
});

/**
 * One-to-many accuracy and reciprocal rank of scalar reward models (RewardMATH, arXiv 2410.01729): the correct
 * solution against many wrong ones.
 *
 * Per problem: right if min(chosen) > max(rejected); `accuracyWithTies` uses ≥. Reciprocal rank = 1/rank of the
 * best chosen score, wrong solutions first among equals (`ties` rejected-first) or last (chosen-first). Means over
 * problems, null without any. Throws `ContractError` for a problem without a chosen score.
 */
export const oneToMany = definePart({
  id: "evaluation/one-to-many",
  papers: ["rewardmath"],
  params: z.object({
    ties: z.enum(["rejected-first", "chosen-first"]).default("rejected-first").describe("order among equal scores"),
  }),
  inputs: z.object({
    chosen: ragged("P×C", "scores of the correct solutions"),
    rejected: ragged("P×R", "scores of the wrong solutions"),
  }),
  outputs: z.object({
    accuracy: z.number().nullable(),
    accuracyWithTies: z.number().nullable(),
    mrr: z.number().nullable(),
    reciprocalRanks: vector("P", "1/rank of the best correct solution"),
  }),
  compute({ ties }, inputs) {
    const chosen = toRagged(inputs.chosen);
    const rejected = toRagged(inputs.rejected);
    const n = chosen.offsets.length - 1;
    const reciprocalRanks = new Float64Array(n);
    let strict = 0;
    let lenient = 0;
    for (let p = 0; p < n; p++) {
      const right = rowOf(chosen, p);
      if (right.length === 0) throw new ContractError(`inputs.chosen[${p}]`, "expected at least one score");
      let worst = right[0];
      let best = right[0];
      for (const score of right) {
        worst = Math.min(worst, score);
        best = Math.max(best, score);
      }
      let strongest = Number.NEGATIVE_INFINITY;
      let ahead = 0;
      for (const score of rowOf(rejected, p)) {
        strongest = Math.max(strongest, score);
        if (score > best || (score === best && ties === "rejected-first")) ahead++;
      }
      if (worst > strongest) strict++;
      if (worst >= strongest) lenient++;
      reciprocalRanks[p] = 1 / (1 + ahead);
    }
    if (n === 0) return { accuracy: null, accuracyWithTies: null, mrr: null, reciprocalRanks };
    return { accuracy: strict / n, accuracyWithTies: lenient / n, mrr: mean(reciprocalRanks), reciprocalRanks };
  },
});

/**
 * One-to-many accuracy and reciprocal rank from pairwise verdicts (RewardMATH, arXiv 2410.01729).
 *
 * `wins[p][j]`: the correct solution of problem p beat wrong solution j. Right if all are won; reciprocal rank
 * 1/(1 + losses). null without problems.
 */
export const pairwiseToMany = definePart({
  id: "evaluation/pairwise-to-many",
  papers: ["rewardmath"],
  params: z.object({}),
  inputs: z.object({ wins: shaped(z.array(z.array(z.boolean())), "P×R", "the correct solution won this comparison") }),
  outputs: z.object({
    accuracy: z.number().nullable(),
    mrr: z.number().nullable(),
    reciprocalRanks: vector("P", "1/(1 + losses)"),
  }),
  compute(_, { wins }) {
    const reciprocalRanks = Float64Array.from(wins, (row) => 1 / (1 + row.filter((won) => !won).length));
    return {
      accuracy: share(wins.map((row) => row.every((won) => won))),
      mrr: meanOrNull(reciprocalRanks),
      reciprocalRanks,
    };
  },
});

const rmBenchDomains = ["chat", "math", "code", "safety"];

/**
 * RM-Bench style matrix (used in arXiv 2501.12368, 2505.02387, 2510.23596): can a reward model look past style?
 *
 * Three styles per side, plainest first (concise, detailed, detailed markdown). W[i][j] = share of items with
 * chosen style i strictly above rejected style j. hard = mean above the diagonal (the chosen is plainer), normal =
 * diagonal, easy = below. Without `domains` all three, and `average`, their mean, are over all items. With
 * `domains` (a name that starts with chat, math, code or safety belongs to that domain, any other is its own):
 * `byDomain` = mean of the three per domain; hard, normal, easy = means over domains; `average` = mean of
 * `byDomain`. `matrix` is always over all items. Everything is null without items.
 */
export const rmBench = definePart({
  id: "evaluation/rm-bench",
  papers: ["ixc-reward", "rm-r1", "br-rm"],
  params: z.object({}),
  inputs: z.object({
    chosen: ragged("N×3", "scores of the chosen response in three styles"),
    rejected: ragged("N×3", "scores of the rejected response in three styles"),
    domains: strings("N", "domain of each item").optional(),
  }),
  outputs: z.object({
    matrix: z.array(z.array(z.number())).nullable().describe("3×3, rows chosen style, columns rejected style"),
    hard: z.number().nullable(),
    normal: z.number().nullable(),
    easy: z.number().nullable(),
    average: z.number().nullable(),
    byDomain: z.record(z.string(), z.number()).optional(),
  }),
  compute(_, inputs) {
    const chosen = toRagged(inputs.chosen);
    const rejected = toRagged(inputs.rejected);
    const n = chosen.offsets.length - 1;
    for (let i = 0; i < n; i++) {
      for (const [field, rows] of Object.entries({ chosen, rejected })) {
        const length = rows.offsets[i + 1] - rows.offsets[i];
        if (length !== 3) throw new ContractError(`inputs.${field}[${i}]`, `expected 3 scores, got ${length}`);
      }
    }
    const { domains } = inputs;
    if (n === 0) return { matrix: null, hard: null, normal: null, easy: null, average: null, byDomain: domains && {} };
    const all = Array.from({ length: n }, (_, i) => i);
    const matrix = winMatrix(chosen.values, rejected.values, all);
    if (!domains) {
      const levels = difficulty(matrix);
      return { matrix, ...levels, average: mean([levels.hard, levels.normal, levels.easy]), byDomain: undefined };
    }
    const index = indexGroups(domains.map((name) => rmBenchDomains.find((prefix) => name.startsWith(prefix)) ?? name));
    const byDomain: Record<string, number> = {};
    const sums = { hard: 0, normal: 0, easy: 0 };
    for (const [d, name] of index.ids.entries()) {
      const levels = difficulty(
        winMatrix(
          chosen.values,
          rejected.values,
          all.filter((i) => index.of[i] === d),
        ),
      );
      byDomain[name] = mean([levels.hard, levels.normal, levels.easy]);
      sums.hard += levels.hard;
      sums.normal += levels.normal;
      sums.easy += levels.easy;
    }
    const count = index.ids.length;
    return {
      matrix,
      hard: sums.hard / count,
      normal: sums.normal / count,
      easy: sums.easy / count,
      average: mean(Object.values(byDomain)),
      byDomain,
    };
  },
});

function winMatrix(chosen: Float64Array, rejected: Float64Array, items: readonly number[]): number[][] {
  return [0, 1, 2].map((i) =>
    [0, 1, 2].map((j) => {
      let wins = 0;
      for (const item of items) if (chosen[3 * item + i] > rejected[3 * item + j]) wins++;
      return wins / items.length;
    }),
  );
}

function difficulty(w: number[][]): { hard: number; normal: number; easy: number } {
  return {
    hard: (w[0][1] + w[0][2] + w[1][2]) / 3,
    normal: (w[0][0] + w[1][1] + w[2][2]) / 3,
    easy: (w[1][0] + w[2][0] + w[2][1]) / 3,
  };
}

import { z } from "zod";
import { fields, nullableStrings, nullableVector, ragged, shaped, vector } from "../../core/fields.ts";
import { indexGroups } from "../../core/groups.ts";
import { definePart } from "../../core/part.ts";
import { rowCount, rowOf, toRagged } from "../../core/ragged.ts";
import { expectLength } from "../../core/shapes.ts";

/**
 * Reward of a response under a general preference: its expected win rate against a population, r_i = Σ_j w_j P_ij / Σ_j w_j
 * (DNO, arXiv 2404.03715).
 *
 * `includeSelf` false leaves out j = i (the practical estimator); with no weight among the opponents the reward is then ½. Otherwise weights
 * that add to 0 leave it undefined (null). Weights default to 1.
 */
export const expectedWinRate = definePart({
  id: "signal/expected-win-rate",
  papers: ["dno"],
  params: z.object({ includeSelf: z.boolean().default(true).describe("the population holds the response itself") }),
  inputs: z.object({
    preferences: ragged("N×N", "P[i][j]: probability that i beats j, ½ on the diagonal"),
    weights: vector("N", "weight of each opponent").optional(),
  }),
  outputs: z.object({ rewards: nullableVector("N", "expected win rate") }),
  compute({ includeSelf }, { preferences, weights }) {
    const table = toRagged(preferences);
    const count = rowCount(table);
    if (weights) expectLength(weights, count, "weights");
    return {
      rewards: Array.from({ length: count }, (_, i) => {
        const row = rowOf(table, i);
        expectLength(row, count, `preferences[${i}]`);
        let sum = 0;
        let total = 0;
        for (let j = 0; j < count; j++) {
          if (j === i && !includeSelf) continue;
          const weight = weights ? weights[j] : 1;
          sum += weight * row[j];
          total += weight;
        }
        return total === 0 ? (includeSelf ? null : 0.5) : sum / total;
      }),
    };
  },
});

/**
 * Cross-view agreement: each rollout is rewarded by the majority answer to the *other* wording of its question (Co-Reward,
 * arXiv 2508.00410).
 *
 * The vote of a view is its most common answer that is neither null nor empty, the first seen among equals. `labels[g]` is the paired
 * view's vote, the label of the original rollouts; `pairedLabels[g]` the original view's. reward = 1[answer = label], 0 without label or
 * answer. Groups are matched by id and may differ in size; `groups` lists all ids, those of the original view first. Answers are compared
 * as strings: normalise them before.
 */
export const crossViewAgreement = definePart({
  id: "signal/cross-view-agreement",
  papers: ["co-reward"],
  params: z.object({}),
  inputs: z.object({
    answers: nullableStrings("N", "answers to the original questions; null: none"),
    groups: fields.groups,
    pairedAnswers: nullableStrings("M", "answers to the rephrased questions"),
    pairedGroups: shaped(z.array(z.union([z.string(), z.number()])), "M", "group of each paired rollout"),
  }),
  outputs: z.object({
    groups: shaped(z.array(z.union([z.string(), z.number()])), "P", "ids in order of first appearance"),
    labels: nullableStrings("P", "label of the original rollouts"),
    pairedLabels: nullableStrings("P", "label of the paired rollouts"),
    rewards: fields.rewards,
    pairedRewards: vector("M", "reward per paired rollout"),
  }),
  compute(_params, { answers, groups, pairedAnswers, pairedGroups }) {
    expectLength(groups, answers.length, "groups");
    expectLength(pairedGroups, pairedAnswers.length, "pairedGroups");
    const index = indexGroups([...Array.from(groups), ...pairedGroups]);
    const of = index.of.subarray(0, answers.length);
    const pairedOf = index.of.subarray(answers.length);
    const labels = votes(pairedAnswers, pairedOf, index.ids.length);
    const pairedLabels = votes(answers, of, index.ids.length);
    return {
      groups: [...index.ids],
      labels,
      pairedLabels,
      rewards: agreement(answers, of, labels),
      pairedRewards: agreement(pairedAnswers, pairedOf, pairedLabels),
    };
  },
});

function votes(answers: readonly (string | null)[], of: Int32Array, groupCount: number): (string | null)[] {
  const counts = Array.from({ length: groupCount }, () => new Map<string, number>());
  for (const [i, answer] of answers.entries()) {
    if (answer) counts[of[i]].set(answer, (counts[of[i]].get(answer) ?? 0) + 1);
  }
  return counts.map((tally) => {
    let best: string | null = null;
    let most = 0;
    // A map keeps the order of first insertion.
    for (const [answer, count] of tally) if (count > most) [best, most] = [answer, count];
    return best;
  });
}

function agreement(
  answers: readonly (string | null)[],
  of: Int32Array,
  labels: readonly (string | null)[],
): Float64Array {
  return Float64Array.from(answers, (answer, i) => (answer && answer === labels[of[i]] ? 1 : 0));
}

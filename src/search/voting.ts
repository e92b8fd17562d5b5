import { z } from "zod";
import { fields, integers, nullableStrings, nullableVector, shaped, vector } from "../core/fields.ts";
import { indexGroups } from "../core/groups.ts";
import { definePart } from "../core/part.ts";
import { expectLength } from "../core/shapes.ts";

const vote = z.union([z.string(), z.number(), z.boolean()]).nullable();

/**
 * Majority vote over sampled answers or verdicts (self-consistency; Co-Reward, arXiv 2508.00410; voting of judges, arXiv 2505.02387).
 *
 * Per question the most frequent vote; null votes (nothing was extracted) do not count. Tied votes: the first to appear
 * among them, or none (null). `counts` is how often the most frequent vote came, also on a tie; without any vote the
 * choice is null and the count 0. Votes are compared as they are: normalise answers first.
 */
export const majorityVote = definePart({
  id: "search/majority-vote",
  papers: ["co-reward", "rm-r1", "r1-reward", "open-rubrics", "writing-zero"],
  params: z.object({ ties: z.enum(["first", "none"]).default("first").describe("rule for equal counts") }),
  inputs: z.object({ votes: shaped(z.array(z.array(vote)), "P×K", "votes per question; null = none") }),
  outputs: z.object({
    choices: shaped(z.array(vote), "P", "winner per question"),
    counts: integers("P", "its votes"),
  }),
  compute({ ties }, { votes }) {
    const choices: (string | number | boolean | null)[] = [];
    const counts: number[] = [];
    for (const row of votes) {
      const tally = new Map<string | number | boolean, number>();
      for (const one of row) if (one !== null) tally.set(one, (tally.get(one) ?? 0) + 1);
      let choice: string | number | boolean | null = null;
      let count = 0;
      let tied = false;
      for (const [one, times] of tally) {
        if (times === count) tied = true;
        if (times <= count) continue;
        choice = one;
        count = times;
        tied = false;
      }
      choices.push(tied && ties === "none" ? null : choice);
      counts.push(count);
    }
    return { choices, counts };
  },
});

/**
 * The answer with the largest summed weight: votes weighted by a reward model (Implicit PRM, arXiv 2412.01981).
 *
 * Weight of a candidate is σ(score) or the score itself; ties go to the answer seen first. Candidates without an answer or
 * a score (null) do not vote. Groups in order of first appearance; a group without a vote has answer null and weight 0. With
 * `identity`, negative scores count against an answer.
 */
export const weightedMajorityVote = definePart({
  id: "search/weighted-majority-vote",
  papers: ["implicit-prm"],
  params: z.object({ transform: z.enum(["sigmoid", "identity"]).default("sigmoid").describe("score → weight") }),
  inputs: z.object({
    answers: nullableStrings("N", "final answer per candidate; null = none"),
    scores: nullableVector("N", "score per candidate; null = unscored"),
    groups: fields.groups,
  }),
  outputs: z.object({
    answers: nullableStrings("P", "winning answer per group"),
    weights: vector("P", "its summed weight"),
  }),
  compute({ transform }, { answers, scores, groups }) {
    expectLength(scores, answers.length, "scores");
    expectLength(groups, answers.length, "groups");
    const index = indexGroups(groups);
    const tallies = index.ids.map(() => new Map<string, number>());
    answers.forEach((answer, i) => {
      const value = scores[i];
      if (answer === null || value === null) return;
      const tally = tallies[index.of[i]];
      tally.set(answer, (tally.get(answer) ?? 0) + (transform === "identity" ? value : 1 / (1 + Math.exp(-value))));
    });
    const winners = tallies.map((tally) => {
      let best: [string, number] | null = null;
      for (const entry of tally) if (best === null || entry[1] > best[1]) best = entry;
      return best;
    });
    return {
      answers: winners.map((winner) => winner?.[0] ?? null),
      weights: Float64Array.from(winners, (winner) => winner?.[1] ?? 0),
    };
  },
});

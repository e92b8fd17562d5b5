import { z } from "zod";
import { flags, integers, nullableVector, ragged, shaped, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { checkSameRows, rowCount, rowOf, toRagged } from "../core/ragged.ts";
import { expectLength } from "../core/shapes.ts";

const levelState = z.object({ levels: z.record(z.string(), z.int()).describe("hint level per prompt") });

/**
 * Raises the hint level of prompts until some rollout succeeds, within one step (SAGE, arXiv 2602.03143).
 *
 * `rewardsByLevel`: per prompt and level from 0 (no hint) the rewards of its group, null where the level was not available or
 * not rolled. The first level with a reward above 0 is taken (`resolved`), else the last one tried; `rewards` is that group,
 * `probes` the number of groups rolled up to there. A prompt without any group: level and rewards null. Groups before
 * the chosen one are thrown away, which is a selection on outcome: report `probes`.
 */
export const hintEscalation = definePart({
  id: "sampling/hint-escalation",
  papers: ["sage-hint"],
  params: z.object({}),
  inputs: z.object({
    rewardsByLevel: shaped(
      z.array(z.array(z.array(z.number()).nullable())),
      "M×L×G",
      "rewards per prompt, hint level and rollout",
    ),
  }),
  outputs: z.object({
    levels: nullableVector("M", "level that is trained on"),
    rewards: shaped(z.array(z.array(z.number()).nullable()), "M×G", "rewards of that level's group"),
    resolved: flags("M", "the group has a success"),
    probes: integers("M", "groups rolled"),
  }),
  compute(_, { rewardsByLevel }) {
    const levels: (number | null)[] = [];
    const rewards: (number[] | null)[] = [];
    const resolved: boolean[] = [];
    const probes: number[] = [];
    for (const groups of rewardsByLevel) {
      let chosen: number | null = null;
      let solved = false;
      let rolled = 0;
      for (let level = 0; level < groups.length && !solved; level++) {
        const group = groups[level];
        if (group === null) continue;
        chosen = level;
        rolled++;
        solved = group.some((reward) => reward > 0);
      }
      levels.push(chosen);
      rewards.push(chosen === null ? null : groups[chosen]);
      resolved.push(solved);
      probes.push(rolled);
    }
    return { levels, rewards, resolved, probes };
  },
});

/**
 * Hint level of each prompt from the accuracy of its last visit (SAGE-light, arXiv 2602.03143, eq. 12).
 *
 * Accuracy below `raiseBelow` (`raiseInclusive`: or at it) raises the level by one, up to `maxLevel`; accuracy above
 * `lowerAbove` lowers it by one, not below 0 (null: never, as in the paper, which leaves prompts at the top level; the
 * released code uses 0.1 inclusive and 0.35). Null accuracy, never rolled: level 0. The state keeps the levels of prompts that
 * are not in this call.
 */
export const hintSchedule = definePart({
  id: "sampling/hint-schedule",
  papers: ["sage-hint"],
  params: z.object({
    maxLevel: z.int().nonnegative().default(3).describe("highest level"),
    raiseBelow: z.number().default(0.35).describe("accuracy under which the level rises"),
    raiseInclusive: z.boolean().default(false).describe("at exactly raiseBelow it rises too"),
    lowerAbove: z.number().nullable().default(null).describe("accuracy over which the level falls; null: never"),
  }),
  inputs: z.object({
    prompts: shaped(z.array(z.union([z.string(), z.number()])), "M", "prompt ids"),
    accuracies: nullableVector("M", "accuracy of the last visit; null = never rolled"),
    state: levelState.default({ levels: {} }),
  }),
  outputs: z.object({ levels: integers("M", "level for the next visit"), state: levelState }),
  compute({ maxLevel, raiseBelow, raiseInclusive, lowerAbove }, { prompts, accuracies, state = { levels: {} } }) {
    expectLength(accuracies, prompts.length, "accuracies");
    const known = new Map(Object.entries(state.levels));
    const levels = prompts.map((id, m) => {
      const prompt = String(id);
      const accuracy = accuracies[m];
      let level = accuracy === null ? 0 : (known.get(prompt) ?? 0);
      if (accuracy !== null) {
        if (accuracy < raiseBelow || (raiseInclusive && accuracy === raiseBelow)) level = Math.min(maxLevel, level + 1);
        else if (lowerAbove !== null && accuracy > lowerAbove) level = Math.max(0, level - 1);
      }
      known.set(prompt, level);
      return level;
    });
    return { levels, state: { levels: Object.fromEntries(known) } };
  },
});

/**
 * The best hint of each question, and whether its group replaces the unhinted one (HiLL, arXiv 2604.00698).
 *
 * `selected` is the hint with the largest reward, the first on ties, null without hints; `replace` when its base term
 * (how mixed its group is) exceeds the question's own without a hint.
 */
export const hintSelect = definePart({
  id: "sampling/hint-select",
  papers: ["hill"],
  params: z.object({}),
  inputs: z.object({
    rewards: ragged("P×M", "the hinter's reward per hint"),
    baseTerms: ragged("P×M", "base term of the hinted group"),
    originalTerms: vector("P", "base term of the group without hint"),
  }),
  outputs: z.object({
    selected: nullableVector("P", "best hint"),
    replace: flags("P", "its group is trained on in place of the original one"),
  }),
  compute(_, { rewards, baseTerms, originalTerms }) {
    const hints = toRagged(rewards);
    const terms = toRagged(baseTerms);
    const questions = rowCount(hints);
    expectLength(originalTerms, questions, "originalTerms");
    checkSameRows(terms, hints, "baseTerms");
    const selected: (number | null)[] = [];
    const replace: boolean[] = [];
    for (let p = 0; p < questions; p++) {
      const row = rowOf(hints, p);
      const own = rowOf(terms, p);
      let best = 0;
      for (let m = 1; m < row.length; m++) if (row[m] > row[best]) best = m;
      selected.push(row.length === 0 ? null : best);
      replace.push(row.length > 0 && own[best] > originalTerms[p]);
    }
    return { selected, replace };
  },
});

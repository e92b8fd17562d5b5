import { z } from "zod";
import { fields, flags, uniforms } from "../core/fields.ts";
import { groupMembers, indexGroups } from "../core/groups.ts";
import { definePart } from "../core/part.ts";
import { drawIndex } from "../core/random.ts";
import { expectLength } from "../core/shapes.ts";

/**
 * Lets accepted rollouts with a demonstration take the place of on-policy ones (ICPO, arXiv 2510.26519).
 *
 * Per group: off-policy rollouts below `threshold` go; for an accepted one the on-policy rollout ⌊u·n⌋ of n goes, u from
 * `uniforms` (one per group, in order of first appearance). Several accepted ones take that rollout and those after
 * it, round the end (ours), so that the group keeps its on-policy size as long as there are enough.
 */
export const expertSubstitution = definePart({
  id: "sampling/expert-substitution",
  papers: ["icpo"],
  params: z.object({
    threshold: z.number().default(1).describe("δ, reward from which an off-policy rollout is accepted"),
    inclusive: z.boolean().default(true).describe("the threshold itself is enough"),
  }),
  inputs: z.object({
    rewards: fields.rewards,
    groups: fields.groups,
    offPolicy: fields.offPolicy,
    uniforms: uniforms("P", "one draw per group"),
  }),
  outputs: z.object({ keep: flags("N", "the rollout stays") }),
  compute({ threshold, inclusive }, { rewards, groups, offPolicy, uniforms: draws }) {
    expectLength(groups, rewards.length, "groups");
    expectLength(offPolicy, rewards.length, "offPolicy");
    const index = indexGroups(groups);
    expectLength(draws, index.ids.length, "uniforms");
    const { order, starts } = groupMembers(index);
    const keep: boolean[] = new Array(rewards.length).fill(true);
    for (let g = 0; g < index.ids.length; g++) {
      const own: number[] = [];
      let accepted = 0;
      for (const i of order.subarray(starts[g], starts[g + 1])) {
        if (!offPolicy[i]) own.push(i);
        else if (inclusive ? rewards[i] >= threshold : rewards[i] > threshold) accepted++;
        else keep[i] = false;
      }
      const first = drawIndex(draws[g], own.length);
      for (let k = 0; k < Math.min(accepted, own.length); k++) keep[own[(first + k) % own.length]] = false;
    }
    return { keep };
  },
});

/** The first `limit` code points of a text. */
function truncate(text: string, limit: number | null): string {
  if (limit === null || text.length <= limit) return text;
  let end = 0;
  let count = 0;
  for (const character of text) {
    if (count++ === limit) break;
    end += character.length;
  }
  return text.slice(0, end);
}

/**
 * Few-shot prompt: worked examples, then the question, ending in the bare answer prefix (ICPO, arXiv 2510.26519; XRPO, arXiv 2510.06672).
 *
 * Each example is questionPrefix + question + inner + answerPrefix + answer; examples and question are joined by
 * `splitter`; the last answer prefix loses its trailing white space. Answers longer than `maxAnswerChars` code points are
 * cut. Without demonstrations it is the question alone in the same layout. The texts are inserted as they are: these
 * are the trainer's own examples, not text to be judged.
 */
export const demonstrationPrompt = definePart({
  id: "sampling/demonstration-prompt",
  papers: ["icpo", "xrpo"],
  params: z.object({
    questionPrefix: z.string().default("Question: ").describe("before each question"),
    answerPrefix: z.string().default("Answer: ").describe("before each answer"),
    inner: z.string().default("\n").describe("between a question and its answer"),
    splitter: z.string().default("\n\n\n").describe("between examples"),
    maxAnswerChars: z.int().nonnegative().nullable().default(null).describe("code points kept of an answer; null: all"),
  }),
  inputs: z.object({
    question: z.string().describe("the question to be answered"),
    demonstrations: z
      .array(z.object({ question: z.string(), answer: z.string() }))
      .describe("solved examples, in the order in which they are shown"),
  }),
  outputs: z.object({ text: z.string().describe("the prompt") }),
  compute({ questionPrefix, answerPrefix, inner, splitter, maxAnswerChars }, { question, demonstrations }) {
    const shots = demonstrations.map(
      (shot) => questionPrefix + shot.question + inner + answerPrefix + truncate(shot.answer, maxAnswerChars),
    );
    return { text: [...shots, questionPrefix + question + inner + answerPrefix.trimEnd()].join(splitter) };
  },
});

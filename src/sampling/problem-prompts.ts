import { z } from "zod";
import { fencedMessages, userMessage } from "../core/chat.ts";
import { fields } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { between, tagged } from "../core/reply.ts";

/**
 * Asks a teacher for one practice problem with its answer in `<question>` and `<answer>` tags (SOAR, arXiv 2601.18778), read by
 * `sampling/problem-proposal-parse`. A topic is fenced.
 */
export const problemProposalPrompt = definePart({
  id: "sampling/problem-proposal-prompt",
  papers: ["soar"],
  params: z.object({}),
  inputs: z.object({ topic: z.string().optional().describe("what the problem should be about") }),
  outputs: z.object({ messages: fields.messages }),
  example: { inputs: { topic: "modular arithmetic" } },
  compute(_params, { topic }) {
    const task =
      "You write practice problems for a student who cannot solve hard problems yet. A good one teaches something the student will need, is clear without any picture, and has one short answer that can be checked.";
    const reply = "Write one problem as <question>the problem</question> and then <answer>its final answer</answer>.";
    if (topic === undefined) return { messages: [{ role: "system", content: task }, userMessage(reply)] };
    return { messages: fencedMessages({ task, data: [["Topic", topic]], reply }) };
  },
});

/**
 * A proposed problem and its answer (SOAR, arXiv 2601.18778): the first `<question>` and the first `<answer>`, trimmed; both null where
 * either is missing or blank.
 */
export const problemProposalParse = definePart({
  id: "sampling/problem-proposal-parse",
  papers: ["soar"],
  params: z.object({}),
  inputs: z.object({ reply: fields.reply }),
  outputs: z.object({
    question: z.string().nullable().describe("the problem"),
    answer: z.string().nullable().describe("its answer"),
  }),
  compute(_params, { reply }) {
    const question = tagged(reply, "question")?.trim();
    const answer = tagged(reply, "answer")?.trim();
    return question && answer ? { question, answer } : { question: null, answer: null };
  },
});

const markers = {
  startMarker: z.string().min(1).default("### RESULT_START").describe("line before the result"),
  endMarker: z.string().min(1).default("### RESULT_END").describe("line after it"),
};

/**
 * Asks for the same question in other words and another setting, with the same mathematics and answer (Co-Reward, arXiv 2508.00410):
 * ORIGINAL and REWRITE blocks between the markers, read by `sampling/rephrase-parse`. The question is fenced.
 */
export const rephrasePrompt = definePart({
  id: "sampling/rephrase-prompt",
  papers: ["co-reward"],
  params: z.object(markers),
  inputs: z.object({ question: z.string().describe("the question") }),
  outputs: z.object({ messages: fields.messages }),
  example: { inputs: { question: "Tom has 3 apples and buys 4. How many has he?" } },
  compute({ startMarker, endMarker }, { question }) {
    return {
      messages: fencedMessages({
        task: "You rewrite mathematical questions: other wording, another setting, other names, but the same numbers, the same mathematics and the same answer. Do not solve the question.",
        data: [["Question", question]],
        reply: `Reply in exactly this form:\n${startMarker}\nORIGINAL:\nthe question as it is\nREWRITE:\nthe rewritten question\n${endMarker}`,
      }),
    };
  },
});

/**
 * A rephrased question (Co-Reward, arXiv 2508.00410): the text between the first start marker and the next end marker, split at the first
 * "REWRITE:", the label "ORIGINAL:" removed, both trimmed. Without markers, without "REWRITE:" or with a blank rewrite: `valid` false and nulls.
 */
export const rephraseParse = definePart({
  id: "sampling/rephrase-parse",
  papers: ["co-reward"],
  params: z.object(markers),
  inputs: z.object({ reply: fields.reply }),
  outputs: z.object({
    valid: z.boolean().describe("the reply followed its format"),
    original: z.string().nullable().describe("the question"),
    rewritten: z.string().nullable().describe("its other wording"),
  }),
  compute({ startMarker, endMarker }, { reply }) {
    const result = between(reply, startMarker, endMarker);
    const split = result?.indexOf("REWRITE:") ?? -1;
    const rewritten = result === null || split < 0 ? "" : result.slice(split + "REWRITE:".length).trim();
    if (result === null || rewritten === "") return { valid: false, original: null, rewritten: null };
    return { valid: true, original: result.slice(0, split).replace("ORIGINAL:", "").trim(), rewritten };
  },
});

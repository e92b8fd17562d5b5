import { z } from "zod";
import { fencedImageMessages, fillTemplate, imageMessage, partsMessages, templateParam } from "../../core/chat.ts";
import { fields, nullableVector } from "../../core/fields.ts";
import { definePart } from "../../core/part.ts";
import { clamp, plainNumber, tagged } from "../../core/reply.ts";

/**
 * Asks for one score of a whole reasoning text (SophiaVL-R1, arXiv 2505.17018), 0, 0.1, … 1 in answer tags, read by
 * `signal/thinking-score-parse`. Messages: `system`, then a user message of text and image (if there is one). A `template` gets
 * {question} and {reasoning}; otherwise both are fenced.
 */
export const thinkingScorePrompt = definePart({
  id: "signal/thinking-score-prompt",
  papers: ["sophia-vl-r1"],
  params: z.object({
    template: templateParam("question", "reasoning"),
    system: z.string().default("You assess the quality of reasoning.").describe("system message"),
  }),
  inputs: z.object({
    question: z.string().describe("the question"),
    reasoning: z.string().describe("the thinking text"),
    image: z.string().nullable().optional().describe("URL or data URL of the question's image"),
  }),
  outputs: z.object({ messages: partsMessages }),
  compute({ template, system }, { question, reasoning, image: url }) {
    const images = url === null || url === undefined ? [] : [url];
    if (template !== undefined) {
      const text = fillTemplate(template, { question, reasoning });
      return { messages: [{ role: "system", content: system }, imageMessage(text, images)] };
    }
    return {
      messages: fencedImageMessages(
        {
          task:
            `${system} Score the reasoning as a whole, not its result: is it sound, are its steps right, does it notice its own errors, does it keep ` +
            "to one language, is it free of repetition?",
          data: [
            ["Question", question],
            ["Reasoning", reasoning],
          ],
          reply: "Reply with <answer>score</answer>, the score being one of 0, 0.1, 0.2 and so on up to 1.",
        },
        images,
      ),
    };
  },
});

/**
 * Score of a reasoning text (SophiaVL-R1, arXiv 2505.17018).
 *
 * `strict`: a number in [0, 1] in the first answer tag, else null. `official` repeats the released chain, first hit wins, clamped to
 * [0, 1], nothing is 0: `\box{x}` or `\boxes{x}`; `<answer>x</answer>`; the first bare x anywhere (x being 0 or 1 with at most one
 * decimal in these three, so "0.85" reads as 0); a number behind `</think>`; three forms of "Wrong Steps" counts (which read as 1). Use
 * it only to compare with published numbers.
 */
export const thinkingScoreParse = definePart({
  id: "signal/thinking-score-parse",
  papers: ["sophia-vl-r1"],
  params: z.object({ mode: z.enum(["official", "strict"]).default("strict").describe("which replies are read") }),
  inputs: z.object({ replies: fields.replies }),
  outputs: z.object({ scores: nullableVector("N", "0 … 1; null: unreadable") }),
  compute({ mode }, { replies }) {
    return {
      scores: replies.map((reply) => {
        if (mode === "strict") {
          const score = plainNumber(tagged(reply, "answer") ?? "");
          return score !== null && score >= 0 && score <= 1 ? score : null;
        }
        for (const pattern of officialPatterns) {
          const found = plainNumber(pattern.exec(reply)?.[1] ?? "");
          if (found !== null) return clamp(found, 0, 1);
        }
        return 0;
      }),
    };
  },
});

/** As released, word boundaries between letters of any script (as in Python) included. */
const officialPatterns = [
  /\\box(?:es)?\{([01](?:\.[0-9])?)\}/,
  /<answer>\s*([01](?:\.[0-9])?)\s*<\/answer>/,
  /(?<![\p{L}\p{N}_])([01](?:\.[0-9])?)(?![\p{L}\p{N}_])/u,
  /<\/think>\s*<answer>\s*([0-9.]+)\s*<\/answer>/,
  /<\/think>\s*([0-9.]+)/,
  /Total Wrong Steps\*\*:\s*([0-9]+)/,
  /\*\*([0-9]+)\s+wrong steps\*\*/,
  /\*\*[^*\n]{0,200}Wrong Steps\*\*:\s*([0-9]+)/,
];

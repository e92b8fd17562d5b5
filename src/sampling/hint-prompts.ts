import { z } from "zod";
import { fencedMessages, numbered, userMessage } from "../core/chat.ts";
import { fields, nullableStrings, strings } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import {
  codeBlocks,
  entry,
  firstObject,
  type JsonObject,
  parseObject,
  spanObject,
  taggedAnyCase,
} from "../core/reply.ts";

/**
 * Asks a policy for graded hints to a question whose solution it is shown (SAGE, arXiv 2602.03143): level 1 names the key concept only,
 * the last level is detailed but unfinished, none gives the answer. Reply: JSON with keys level_1 … level_L, read by
 * `sampling/self-hint-parse`. Question and solution are fenced.
 */
export const selfHintPrompt = definePart({
  id: "sampling/self-hint-prompt",
  papers: ["sage-hint"],
  params: z.object({ levels: z.int().positive().default(3).describe("L, number of hints") }),
  inputs: z.object({
    question: z.string().describe("the question"),
    solution: z.string().describe("its reference solution"),
  }),
  outputs: z.object({ messages: fields.messages }),
  example: { inputs: { question: "Show that n² is even for even n.", solution: "n = 2k, so n² = 4k² = 2·2k²." } },
  compute({ levels = 3 }, { question, solution }) {
    const level = (k: number) =>
      k === 1
        ? "the key concept only"
        : k === levels
          ? "detailed, but unfinished"
          : "more detail than the one before: the direction to take";
    return {
      messages: fencedMessages({
        task: "You write hints that help a student to solve a question alone. No hint may hold the final answer, or a value from which it can be read off.",
        data: [
          ["Question", question],
          ["Reference solution, which the student does not see", solution],
        ],
        reply:
          `Write ${levels} hints:\n${numbered(
            Array.from({ length: levels }, (_, i) => level(i + 1)),
            "Level",
          )}\n` +
          `Reply with JSON only, with the keys ${Array.from({ length: levels }, (_, i) => `"level_${i + 1}"`).join(", ")}.`,
      }),
    };
  },
});

/**
 * Graded hints from a reply (SAGE, arXiv 2602.03143): the JSON object in a json code block (if there is one), else the first object in
 * the text, else from the first "{" to the last "}". Single quotes and trailing commas are tolerated. `hints[k]` is the trimmed text under
 * level_{k+1}, null where it is blank or no text. `valid`: an object was read.
 */
export const selfHintParse = definePart({
  id: "sampling/self-hint-parse",
  papers: ["sage-hint"],
  params: z.object({ levels: z.int().positive().default(3).describe("number of hints") }),
  inputs: z.object({ reply: fields.reply }),
  outputs: z.object({
    hints: nullableStrings("L", "hint per level"),
    valid: z.boolean().describe("an object was read"),
  }),
  compute({ levels }, { reply }) {
    const object = hintObject(reply);
    return {
      hints: Array.from({ length: levels }, (_, k) => {
        const hint = object && entry(object, `level_${k + 1}`);
        return typeof hint === "string" && hint.trim() !== "" ? hint : null;
      }),
      valid: object !== null,
    };
  },
});

function hintObject(reply: string): JsonObject | null {
  const block = codeBlocks(reply).find(({ language }) => language === "json")?.code;
  for (const text of block === undefined ? [reply] : [block, reply]) {
    const strict = firstObject(text) ?? spanObject(text);
    if (strict) return strict;
    const start = text.indexOf("{");
    const end = text.lastIndexOf("}");
    if (start < 0 || end < start) continue;
    const relaxed = strictJson(text.slice(start, end + 1));
    const object = firstObject(relaxed) ?? parseObject(relaxed);
    if (object) return object;
  }
  return null;
}

/** Single-quoted strings in double quotes, and no commas before a closing bracket; one pass. */
function strictJson(text: string): string {
  const out: string[] = [];
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === '"' || c === "'") {
      let end = i + 1;
      while (end < text.length && text[end] !== c) end += text[end] === "\\" ? 2 : 1;
      const inside = text.slice(i + 1, end);
      out.push(
        c === '"'
          ? `"${inside}"`
          : `"${inside.replace(/\\'|\\[\s\S]|"/g, (s) => (s === "\\'" ? "'" : s === '"' ? '\\"' : s))}"`,
      );
      i = end;
    } else if (c === ",") {
      let next = i + 1;
      while (next < text.length && text[next].trim() === "") next++;
      if (text[next] !== "}" && text[next] !== "]") out.push(c);
      else i = next - 1;
    } else out.push(c);
  }
  return out.join("");
}

/**
 * A question with its hint, as the policy sees it in training; without one (null) the question alone, which is the deployed form (SAGE,
 * arXiv 2602.03143; HiLL, arXiv 2604.00698). One user message: the question, a blank line, and the hint marked as such.
 */
export const hintInject = definePart({
  id: "sampling/hint-inject",
  papers: ["sage-hint", "hill"],
  params: z.object({}),
  inputs: z.object({
    question: z.string().describe("the question"),
    hint: z.string().nullable().describe("the hint; null: none"),
  }),
  outputs: z.object({ messages: fields.messages }),
  example: { inputs: { question: "What is 17 · 19?", hint: "Think of 18² − 1." } },
  compute(_params, { question, hint }) {
    return {
      messages: [userMessage(hint === null ? question : `${question}\n\nHint (not part of the question): ${hint}`)],
    };
  },
});

/**
 * Asks a hinter for one short hint to a question on which every rollout failed (HiLL, arXiv 2604.00698): question, a failed attempt and
 * the hidden reference solution, reply as `<analysis>` and `<hint>`, read by `sampling/hinter-parse`. One user message after the
 * system message; all three texts are fenced.
 */
export const hinterPrompt = definePart({
  id: "sampling/hinter-prompt",
  papers: ["hill"],
  params: z.object({}),
  inputs: z.object({
    question: z.string().describe("the question"),
    attempt: z.string().describe("a failed rollout"),
    solution: z.string().describe("the reference solution"),
  }),
  outputs: z.object({ messages: fields.messages }),
  example: {
    inputs: {
      question: "Solve x² = 2y² in integers.",
      attempt: "x = y = 1.",
      solution: "Compare powers of 2: only x = y = 0.",
    },
  },
  compute(_params, { question, attempt, solution }) {
    return {
      messages: fencedMessages({
        task: "A solver fails on a question. You see one of its attempts and a solution that it does not see, and write a hint that gets it onto a way that it could have found itself.",
        data: [
          ["Question", question],
          ["Failed attempt", attempt],
          ["Reference solution, hidden from the solver", solution],
        ],
        reply:
          "Write within <analysis> tags what the attempt missed. Then write within <hint> tags a hint of one to three sentences, without the answer and without any computed value.",
      }),
    };
  },
});

/** The hint in a hinter's reply (HiLL, arXiv 2604.00698): the first `<hint>`, any case, trimmed; null where missing or blank. */
export const hinterParse = definePart({
  id: "sampling/hinter-parse",
  papers: ["hill"],
  params: z.object({}),
  inputs: z.object({ reply: fields.reply }),
  outputs: z.object({ hint: z.string().nullable().describe("the hint") }),
  compute(_params, { reply }) {
    return { hint: taggedAnyCase(reply, "hint")?.trim() || null };
  },
});

/**
 * Asks for a revision of a policy's own best draft, with what it met and what it missed (HeRL, arXiv 2603.20046): keep what is satisfied,
 * mend what is not, add no new facts. The draft and the lists are fenced.
 */
export const hindsightPrompt = definePart({
  id: "sampling/hindsight-prompt",
  papers: ["herl"],
  params: z.object({}),
  inputs: z.object({
    instruction: z.string().describe("the request"),
    draft: z.string().describe("the policy's answer"),
    satisfied: strings("A", "rubrics it meets"),
    unmet: strings("B", "rubrics it misses"),
    unclear: strings("C", "rubrics that could not be decided").optional(),
  }),
  outputs: z.object({ messages: fields.messages }),
  example: {
    inputs: {
      instruction: "Describe tides.",
      draft: "The sea rises.",
      satisfied: ["Is short"],
      unmet: ["Names the moon"],
    },
  },
  compute(_params, { instruction, draft, satisfied, unmet, unclear }) {
    const list = (items: readonly string[]) => items.map((item) => `- ${item}`).join("\n") || "(none)";
    return {
      messages: fencedMessages({
        task: "You revise a draft. Keep what already meets its criteria, mend what does not, make clear what is unclear, and bring in no facts beyond the draft and the request.",
        data: [
          ["Request", instruction],
          ["Draft", draft],
          ["Criteria it meets", list(satisfied)],
          ["Criteria it does not meet", list(unmet)],
          ...(unclear === undefined ? [] : [["Criteria that are unclear", list(unclear)] as const]),
        ],
        reply: "Write only the revised answer to the request, without a word about the revision.",
      }),
    };
  },
});

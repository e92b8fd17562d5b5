import { z } from "zod";
import { fields, strings } from "../core/fields.ts";
import { definePart } from "../core/part.ts";

/**
 * String equality of response and reference after normalisation (card verifiers; `squad` is the
 * normalisation of the SQuAD evaluation script, arXiv 1606.05250).
 *
 * `none`: code unit by code unit. `trim`: outer white space dropped. `lower`: trimmed and lower-cased.
 * `squad`: lower-cased, ASCII punctuation removed, the words a/an/the removed, white space collapsed.
 * `answers` are the normalised responses. An empty response equals only an empty reference.
 */
export const exactMatch = definePart({
  id: "signal/exact-match",
  papers: ["verifiers"],
  params: z.object({
    normalize: z.enum(["none", "trim", "lower", "squad"]).default("none").describe("what is folded before comparing"),
  }),
  inputs: z.object({ responses: fields.responses, references: fields.references }),
  outputs: z.object({ correct: fields.correct, answers: strings("N", "the normalised responses") }),
  compute({ normalize }, { responses, references }) {
    const fold = normalizers[normalize];
    const answers = responses.map(fold);
    return { correct: answers.map((answer, i) => answer === fold(references[i])), answers };
  },
});

const normalizers: Record<"none" | "trim" | "lower" | "squad", (text: string) => string> = {
  none: (text) => text,
  trim: (text) => text.trim(),
  lower: (text) => text.trim().toLowerCase(),
  squad: (text) =>
    text
      .toLowerCase()
      .replace(/[!-/:-@[-`{-~]/g, "")
      .replace(/(?<![\p{L}\p{N}_])(?:a|an|the)(?![\p{L}\p{N}_])/gu, " ")
      .trim()
      .split(/\s+/u)
      .join(" "),
};

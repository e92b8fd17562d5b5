import { z } from "zod";
import { type ScoreError, scoreError } from "../core/error.ts";
import { fields, nullableStrings, shaped } from "../core/fields.ts";
import { definePart } from "../core/part.ts";

/** How far back from the last digit a number is read. */
const LONGEST = 2_000;
const NUMBER = /[+-]?(?:\d{1,3}(?:,\d{3})+(?![\d])|\d+)?(?:\.\d+|(?<=\d)\.?)(?:[eE][+-]?\d+)?/g;

const verdicts = shaped(
  z.array(z.boolean().nullable()),
  "N",
  "the last number equals the reference; null: no verdict, see errors",
);
const reasons = shaped(
  z.array(z.object({ code: z.string(), message: z.string(), retryable: z.boolean() }).nullable()),
  "N",
  "why a response has no verdict; null where it has one",
);

/**
 * The last number in a response against the last number of the reference: equal when
 * |a − b| ≤ max(absoluteTolerance, relativeTolerance · |b|), b the reference (the rule of GSM8K-style
 * reward functions, e.g. verl `reward_score`).
 *
 * Numbers are decimal, with sign, thousands separators (`1,234.50`) and exponent; a minus after a digit,
 * a letter or a closing bracket subtracts and is no sign; digits inside a word (`x2`) are no number. No
 * number is `correct` false with `answers` null; a reference without a number is `correct` null with the
 * reason in `errors` (`bad-input`).
 */
export const numericAnswer = definePart({
  id: "signal/numeric-answer",
  papers: ["verifiers"],
  params: z.object({
    relativeTolerance: z.number().min(0).default(1e-6).describe("tolerance as a share of the reference's size"),
    absoluteTolerance: z.number().min(0).default(0).describe("tolerance in units of the answer"),
  }),
  inputs: z.object({ responses: fields.responses, references: fields.references }),
  outputs: z.object({
    correct: verdicts,
    answers: nullableStrings("N", "the last number, as written; null: none"),
    errors: reasons,
  }),
  compute({ relativeTolerance, absoluteTolerance }, { responses, references }) {
    const correct: (boolean | null)[] = [];
    const answers: (string | null)[] = [];
    const errors: (ScoreError | null)[] = [];
    for (let n = 0; n < responses.length; n++) {
      const answer = lastNumber(responses[n]);
      const reference = lastNumber(references[n]);
      const b = reference === null ? Number.NaN : toValue(reference);
      answers.push(answer);
      if (!Number.isFinite(b)) {
        correct.push(null);
        errors.push(
          scoreError(
            "bad-input",
            reference === null ? "the reference has no number" : "the reference is no finite number",
          ),
        );
        continue;
      }
      // An answer beyond every double is infinitely far away.
      const distance = answer === null ? Number.POSITIVE_INFINITY : Math.abs(toValue(answer) - b);
      correct.push(
        Number.isFinite(distance) && distance <= Math.max(absoluteTolerance, relativeTolerance * Math.abs(b)),
      );
      errors.push(null);
    }
    return { correct, answers, errors };
  },
});

/** The last number of a text, as written; null when there is none. */
export function lastNumber(text: string): string | null {
  let end = text.length;
  for (let tries = 0; tries < 1_000 && end > 0; tries++) {
    let last = end - 1;
    while (last >= 0 && !isDigit(text.charCodeAt(last))) last--;
    if (last < 0) return null;
    let start = last;
    while (start > 0 && last - start < LONGEST && /[0-9.,eE+\-−]/.test(text[start - 1])) start--;
    const piece = text.slice(start, last + 1).replace(/−/g, "-");
    let found: string | null = null;
    for (const match of piece.matchAll(NUMBER)) {
      if (!/\d/.test(match[0])) continue;
      const at = start + match.index;
      const signed = /^[+-]/.test(match[0]);
      const before = text[at - 1] ?? "";
      if (/[a-zA-Z_]/.test(before) && !signed) {
        found = null;
        continue;
      }
      found = signed && /[0-9a-zA-Z)\]}]/.test(before) ? match[0].slice(1) : match[0];
    }
    if (found !== null) return found.replace(/\.$/, "");
    end = start;
  }
  return null;
}

function toValue(text: string): number {
  return Number(text.replace(/,/g, ""));
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

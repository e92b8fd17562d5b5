import { z } from "zod";
import type { ScoreError } from "../../core/error.ts";
import { fields, nullableStrings, shaped } from "../../core/fields.ts";
import { definePart } from "../../core/part.ts";
import { verify } from "./verify.ts";

const verdicts = shaped(
  z.array(z.boolean().nullable()),
  "N",
  "the answer equals the reference; null: no verdict, see errors",
);
const reasons = shaped(
  z.array(z.object({ code: z.string(), message: z.string(), retryable: z.boolean() }).nullable()),
  "N",
  "why a response has no verdict; null where it has one",
);

/**
 * Mathematical equality of a response's final answer and the reference, as Math-Verify decides it
 * (Kydlíček, huggingface/Math-Verify).
 *
 * **Extraction.** The last complete `\boxed{}` or `\fbox{}` (boxes joined to it by commas, "and" or "or"
 * with it); else the formula or number after the last answer phrase ("final answer", "answer is",
 * "Answer:", `####`, `A:`); else the last formula or number. Text after the answer does not move it. The
 * reference may be a bare answer or a whole solution. No answer is `correct` false with `answers` null.
 *
 * **Reading.** Styling, sizing, `\text{}` units, degree and currency signs and thousands separators do not
 * matter. A percent equals its number over 100 and its bare number. `x = 5` answers 5, and `a = b = c` its
 * last member, unless the reference is a relation too; `x \in S` answers S. ± stands for both values.
 * `52_8` is a number in base 8. `\log` without a base is base 10; `i` and `e` are constants.
 *
 * **Equality.** Exact first: rational arithmetic and quotients of polynomials over the variables, π, e, i
 * and square roots. A side written with a decimal point is compared after rounding both to `digits`
 * decimals. Otherwise floating point with error bounds; free variables at eight or more points. Sets and
 * several answers are unordered, tuples ordered; intervals have open and closed ends and unite; relations
 * hold under reversal, equations up to a factor ≠ 0, inequalities up to a factor > 0; matrices entrywise;
 * words up to case and punctuation. Never by likeness of strings.
 *
 * **Limits.** Work is counted, not timed, and bounded far below a second. A text that needs more, or whose
 * answer has no finite value to compare, has `correct` null and its reason in `errors` (`timeout`,
 * `not-finite`; `bad-input` for a reference without an answer): an error is not a wrong answer.
 */
export const mathAnswer = definePart({
  id: "signal/math-answer",
  papers: ["verifiers"],
  params: z.object({
    digits: z.int().min(0).max(15).default(6).describe("decimals to which numbers with a decimal point are rounded"),
    strict: z
      .boolean()
      .default(true)
      .describe(
        "variables must match by name and sets are no tuples; false: variables match by order, sets compare with tuples and vectors",
      ),
    setRelation: z
      .boolean()
      .default(false)
      .describe(
        "a relation (1 < x < 2) may answer a reference that is a set ((1, 2)); the other way round it always may",
      ),
  }),
  inputs: z.object({ responses: fields.responses, references: fields.references }),
  outputs: z.object({
    correct: verdicts,
    answers: nullableStrings("N", "the extracted answer; null: none"),
    errors: reasons,
  }),
  compute(options, { responses, references }) {
    const correct: (boolean | null)[] = [];
    const answers: (string | null)[] = [];
    const errors: (ScoreError | null)[] = [];
    for (let n = 0; n < responses.length; n++) {
      const verdict = verify(responses[n], references[n], options);
      correct.push(verdict.correct);
      answers.push(verdict.answer);
      errors.push(verdict.error);
    }
    return { correct, answers, errors };
  },
});

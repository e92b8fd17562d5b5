import { z } from "zod";
import { messageOf } from "../core/error.ts";
import { fields, nullableStrings, shaped } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { withTimeLimit } from "../core/time-limit.ts";

type Groups = (string | null)[] | null;
type Names = Record<string, string | null> | null;

/**
 * Whether a regular expression (ECMAScript) occurs in each response (card verifiers).
 *
 * `groups` holds what the capture groups of the first match caught (null: took no part), `named` the
 * same by name where the pattern names groups; both are null where nothing matched. Anchor with ^ and $
 * for a match of the whole text. Lengths and positions are those of the pattern's flags (`u` or `v`
 * for code points). Each response has `timeLimit` milliseconds, which also stops patterns that
 * backtrack without end: `matched` is then null and `errors` says so; the others are not affected.
 * An invalid pattern is a ContractError when params are bound.
 */
export const regexMatch = definePart({
  id: "signal/regex-match",
  papers: ["verifiers"],
  params: z
    .object({
      pattern: z.string().describe("ECMAScript regular expression, without slashes"),
      flags: z
        .string()
        .regex(/^[dgimsuvy]*$/, "expected flags of d g i m s u v y")
        .default("")
        .describe("flags of the expression"),
      timeLimit: z.number().positive().default(100).describe("milliseconds per response"),
    })
    .superRefine(({ pattern, flags }, context) => {
      try {
        new RegExp(pattern, flags);
      } catch (thrown) {
        context.addIssue({ code: "custom", path: ["pattern"], message: messageOf(thrown) });
      }
    }),
  inputs: z.object({ responses: fields.responses }),
  outputs: z.object({
    matched: shaped(z.array(z.boolean().nullable()), "N", "the pattern occurs; null: not decided, see errors"),
    groups: shaped(z.array(z.array(z.string().nullable()).nullable()), "N", "captured groups, first to last"),
    named: shaped(z.array(z.record(z.string(), z.string().nullable()).nullable()), "N", "captured groups by name"),
    errors: nullableStrings("N", "why a response was not decided"),
  }),
  example: {
    params: { pattern: "(?<value>\\d+) dollars" },
    inputs: { responses: ["It costs 18 dollars", "It is free"] },
  },
  compute({ pattern, flags, timeLimit }, { responses }) {
    const expression = new RegExp(pattern, flags);
    const matched: (boolean | null)[] = [];
    const groups: Groups[] = [];
    const named: Names[] = [];
    const errors: (string | null)[] = [];
    for (const response of responses) {
      expression.lastIndex = 0;
      let match: RegExpExecArray | null = null;
      let error: string | null = null;
      try {
        match = withTimeLimit(timeLimit, () => expression.exec(response));
      } catch (thrown) {
        error = messageOf(thrown);
      }
      matched.push(error === null ? match !== null : null);
      groups.push(match ? match.slice(1).map((group) => group ?? null) : null);
      named.push(
        match?.groups
          ? Object.fromEntries(Object.entries(match.groups).map(([name, group]) => [name, group ?? null]))
          : null,
      );
      errors.push(error);
    }
    return { matched, groups, named, errors };
  },
});

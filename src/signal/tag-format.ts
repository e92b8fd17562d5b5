import { z } from "zod";
import { fields, flags } from "../core/fields.ts";
import { definePart } from "../core/part.ts";

/**
 * 1 when a response is exactly the given XML-like tags in order, 0 otherwise: the format reward of
 * reasoning trainers (TRL's `think_format_reward`, generalised to any list of tags).
 *
 * Each opening tag `<name>` and each closing tag `</name>` occurs exactly once, literally and without
 * attributes; the pairs follow one another in the order of `tags`, so nested, duplicated and unclosed
 * tags are invalid. What a pair encloses is free and may be empty. With `outside: "forbid"` nothing
 * but white space stands before, between and after the pairs. Linear in the text.
 */
export const tagFormat = definePart({
  id: "signal/tag-format",
  papers: [],
  params: z.object({
    tags: z
      .array(z.string().regex(/^[^<>/\s]+$/, "expected a tag name without brackets or white space"))
      .min(1)
      .refine((tags) => new Set(tags).size === tags.length, "expected distinct tag names")
      .describe("tag names, in their order"),
    outside: z.enum(["allow", "forbid"]).default("forbid").describe("text outside of the tags"),
  }),
  inputs: z.object({ responses: fields.responses }),
  outputs: z.object({ rewards: fields.rewards, valid: flags("N", "the text followed the required grammar") }),
  example: {
    params: { tags: ["think", "answer"] },
    inputs: { responses: ["<think>2 + 2</think>\n<answer>4</answer>", "<answer>4</answer>"] },
  },
  compute({ tags, outside }, { responses }) {
    const rewards = new Float64Array(responses.length);
    const valid: boolean[] = [];
    for (let i = 0; i < responses.length; i++) {
      const good = follows(responses[i], tags, outside === "forbid");
      valid.push(good);
      rewards[i] = good ? 1 : 0;
    }
    return { rewards, valid };
  },
});

function follows(text: string, tags: readonly string[], strict: boolean): boolean {
  let from = 0;
  for (const tag of tags) {
    const open = soleIndex(text, `<${tag}>`);
    const close = soleIndex(text, `</${tag}>`);
    if (open < from || close < open) return false;
    if (strict && text.slice(from, open).trim() !== "") return false;
    from = close + tag.length + 3;
  }
  return !strict || text.slice(from).trim() === "";
}

/** Position of the only occurrence; −1 when there is none or more than one. */
function soleIndex(text: string, needle: string): number {
  const at = text.indexOf(needle);
  return at >= 0 && text.indexOf(needle, at + 1) < 0 ? at : -1;
}

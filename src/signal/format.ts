import { z } from "zod";
import { fields } from "../core/fields.ts";
import { definePart } from "../core/part.ts";

/**
 * Format reward: `value` where the whole response follows a pattern of tags, 0 elsewhere.
 *
 * - `think-answer` (arXiv 2510.05283): exactly one non-empty `<think>` block, then exactly one non-empty `<answer>`
 *   block, nothing else but white space.
 * - `think-boxed` (the same): starts with a think block (white space aside), then somewhere after it a balanced
 *   `\boxed{…}`.
 * - `think-answer-adjacent` (R1-Reward, arXiv 2505.02835): one think block directly followed by one answer block,
 *   nothing before, between or after; the blocks may be empty.
 * - `think-answer-prefix` (UnifiedReward-Think, arXiv 2505.03318): starts with a think block, then white space at most,
 *   then an answer block; anything may follow.
 * - `think-answer-loose` (SophiaVL-R1, arXiv 2505.17018): starts with a think block; an answer block follows anywhere.
 * - `think-answer-full` (VLM-R1, arXiv 2504.07615): the whole response is a think block, white space, an answer block;
 *   as released, blocks may contain further tags (two answer blocks pass).
 * - `think-answer-box` (VLM-R1): found anywhere, and the answer holds `{…[d, d, d, d]…}` with integers.
 * - `answer-boxed` (SPARK, arXiv 2512.03244): exactly one answer block with exactly one `\boxed{…}` inside and none
 *   elsewhere, nothing but white space after the block.
 *
 * Tags are literal. Every pattern is checked by a scanner that is linear in the text. For other tags see
 * `signal/tag-format`.
 */
export const format = definePart({
  id: "signal/format",
  papers: ["hybrid-multi-aspect", "r1-reward", "sophia-vl-r1", "spark", "unified-reward-think", "vlm-r1"],
  params: z.object({
    pattern: z
      .enum([
        "think-answer",
        "think-boxed",
        "think-answer-adjacent",
        "think-answer-prefix",
        "think-answer-loose",
        "think-answer-full",
        "think-answer-box",
        "answer-boxed",
      ])
      .default("think-answer"),
    value: z.number().default(1).describe("reward of a valid response"),
  }),
  inputs: z.object({ responses: fields.responses }),
  outputs: z.object({ rewards: fields.rewards, valid: fields.valid }),
  compute({ pattern, value }, { responses }) {
    const follows = patterns[pattern];
    const valid = responses.map((response) => follows(response));
    return { rewards: Float64Array.from(valid, (good) => (good ? value : 0)), valid };
  },
});

const patterns = {
  "think-answer": (text: string) => {
    const think = soleBlock(text, "think", 0);
    const answer = soleBlock(text, "answer", think?.end ?? 0);
    return (
      think !== null &&
      answer !== null &&
      blank(text.slice(0, think.start)) &&
      blank(text.slice(think.end, answer.start)) &&
      blank(text.slice(answer.end)) &&
      !blank(think.content) &&
      !blank(answer.content)
    );
  },
  "think-boxed": (text: string) => {
    const trimmed = text.trimStart();
    if (!trimmed.startsWith("<think>")) return false;
    const close = trimmed.indexOf("</think>");
    return close >= 0 && countBalancedBoxes(trimmed.slice(close)) > 0;
  },
  "think-answer-adjacent": (text: string) => {
    const think = soleBlock(text, "think", 0);
    const answer = soleBlock(text, "answer", think?.end ?? 0);
    return (
      think !== null && answer !== null && think.start === 0 && answer.start === think.end && answer.end === text.length
    );
  },
  "think-answer-prefix": (text: string) => {
    if (!text.startsWith("<think>")) return false;
    const answer = answerAfterThink(text, 0);
    return answer >= 0 && text.indexOf("</answer>", answer) >= 0;
  },
  "think-answer-loose": (text: string) =>
    text.startsWith("<think>") && inOrder(text, ["</think>", "<answer>", "</answer>"], 7) >= 0,
  "think-answer-full": (text: string) => {
    if (!text.startsWith("<think>") || !text.endsWith("</answer>")) return false;
    const answer = answerAfterThink(text, 0);
    return answer >= 0 && answer <= text.length - "</answer>".length;
  },
  "think-answer-box": (text: string) => {
    const think = text.indexOf("<think>");
    if (think < 0) return false;
    const answer = answerAfterThink(text, think);
    if (answer < 0) return false;
    const brace = text.indexOf("{", answer);
    if (brace < 0) return false;
    // No two attempts of this expression overlap: it has one "[", at its start.
    const box = /\[\d+,\s*\d+,\s*\d+,\s*\d+\]/g;
    box.lastIndex = brace + 1;
    return box.exec(text) !== null && inOrder(text, ["}", "</answer>"], box.lastIndex) >= 0;
  },
  "answer-boxed": (text: string) => {
    const answer = soleBlock(text, "answer", 0);
    if (answer === null || !blank(text.slice(answer.end))) return false;
    const first = text.indexOf("\\boxed{");
    const only = first >= 0 && text.indexOf("\\boxed{", first + 1) < 0;
    return only && countBalancedBoxes(answer.content) === 1;
  },
} satisfies Record<string, (text: string) => boolean>;

/** The block of a tag whose opening and closing tags each occur exactly once, not before `from`. */
function soleBlock(text: string, tag: string, from: number): { start: number; end: number; content: string } | null {
  const start = soleIndex(text, `<${tag}>`);
  const close = soleIndex(text, `</${tag}>`);
  if (start < from || close < start) return null;
  return { start, end: close + tag.length + 3, content: text.slice(start + tag.length + 2, close) };
}

/** Position of the only occurrence; −1 when there is none or more than one. */
function soleIndex(text: string, needle: string): number {
  const at = text.indexOf(needle);
  return at >= 0 && text.indexOf(needle, at + 1) < 0 ? at : -1;
}

/** Where the answer begins after the first `</think>` that only white space separates from `<answer>`; −1: nowhere. */
function answerAfterThink(text: string, think: number): number {
  const close = /<\/think>\s*/g;
  close.lastIndex = think + "<think>".length;
  while (close.exec(text) !== null) {
    if (text.startsWith("<answer>", close.lastIndex)) return close.lastIndex + "<answer>".length;
  }
  return -1;
}

/** End of the earliest occurrences one after the other; −1 when one is missing. */
function inOrder(text: string, needles: readonly string[], from: number): number {
  let at = from;
  for (const needle of needles) {
    const found = text.indexOf(needle, at);
    if (found < 0) return -1;
    at = found + needle.length;
  }
  return at;
}

/** Number of `\boxed{…}` whose braces close; escaped braces do not count. */
function countBalancedBoxes(text: string): number {
  const open: boolean[] = [];
  let boxes = 0;
  for (let i = 0; i < text.length; i++) {
    if (text.startsWith("\\boxed{", i)) {
      open.push(true);
      i += "\\boxed{".length - 1;
    } else if (text[i] === "\\") i++;
    else if (text[i] === "{") open.push(false);
    else if (text[i] === "}" && open.pop()) boxes++;
  }
  return boxes;
}

function blank(text: string): boolean {
  return text.trim() === "";
}

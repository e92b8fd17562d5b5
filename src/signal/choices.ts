/** Short closed answers read from free text. Both follow released code closely; see choice-answer for a strict reader. */
import { z } from "zod";
import { fields, nullableStrings, strings } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { expectLength } from "../core/shapes.ts";

const keywords = [
  ..."ANSWER CORRECT CHOOSE SELECT RIGHT THINK BELIEVE SHOULD".split(" "),
  ..."答案 选择 正确 是 对 认为 应该 觉得".split(" "),
];

/**
 * The letter that a reply to a multiple-choice question settles on (VLM-R1, arXiv 2504.07615, its `mcq` reward).
 *
 * The text is put in upper case and its white space squeezed. Candidates are the letters A–Z not preceded by a letter and
 * followed by one of `. , ? ! : ;` or the end. None: null; one: it. Else each letter is scored at its first
 * occurrence p anywhere in the text (code points): +1 per keyword (answer, correct, choose … and their Chinese
 * counterparts) in [p − 20, p + 20), +2 if p lies beyond 70 % of the text, +1 if one of `。.!！,，` follows, once for each
 * time that it is a candidate, as the released code adds it up; the best wins, ties go to the earliest candidate. The
 * first occurrence often lies inside a word: this is a fallback for free text.
 */
export const choiceExtract = definePart({
  id: "signal/choice-extract",
  papers: ["vlm-r1"],
  params: z.object({}),
  inputs: z.object({ responses: fields.responses }),
  outputs: z.object({ choices: nullableStrings("N", "letter; null: none found") }),
  compute(_params, { responses }) {
    return { choices: responses.map(extractChoice) };
  },
});

function extractChoice(response: string): string | null {
  const text = response.toUpperCase().replace(/\s+/g, " ");
  const candidates = [...text.matchAll(/(?<![A-Z])[A-Z](?=[.,?!:;]|$)/g)].map((match) => match[0]);
  if (candidates.length < 2) return candidates[0] ?? null;
  const points = [...text];
  const firstAt = new Map<string, number>();
  points.forEach((point, p) => {
    if (point >= "A" && point <= "Z" && !firstAt.has(point)) firstAt.set(point, p);
  });
  let best: string | null = null;
  let bestScore = -1;
  const times = new Map<string, number>();
  for (const letter of candidates) times.set(letter, (times.get(letter) ?? 0) + 1);
  for (const [letter, count] of times) {
    const p = firstAt.get(letter) ?? 0;
    const context = points.slice(Math.max(0, p - 20), p + 20).join("");
    let score = keywords.filter((keyword) => context.includes(keyword)).length;
    if (p > points.length * 0.7) score += 2;
    if (p + 1 < points.length && "。.!！,，".includes(points[p + 1])) score += 1;
    if (score * count > bestScore) {
      best = letter;
      bestScore = score * count;
    }
  }
  return best;
}

/**
 * Agreement of a yes/no answer with its target (VLM-R1, arXiv 2504.07615, its `yes_no` reward).
 *
 * Both sides in lower case, inside of the first answer tags where there are any; the first "yes" or "no" as a substring
 * counts; equal is 1, also where both sides have neither, else 0. As released, "unknown" contains "no".
 */
export const yesNoMatch = definePart({
  id: "signal/yes-no-match",
  papers: ["vlm-r1"],
  params: z.object({}),
  inputs: z.object({ responses: fields.responses, targets: strings("N", "texts with the right answer") }),
  outputs: z.object({ rewards: fields.rewards }),
  compute(_params, { responses, targets }) {
    expectLength(targets, responses.length, "targets");
    return { rewards: Float64Array.from(responses, (text, i) => (yesOrNo(text) === yesOrNo(targets[i]) ? 1 : 0)) };
  },
});

function yesOrNo(text: string): string | null {
  const lower = text.toLowerCase();
  const open = lower.indexOf("<answer>");
  const close = open < 0 ? -1 : lower.indexOf("</answer>", open);
  const answer = close < 0 ? lower : lower.slice(open + "<answer>".length, close);
  return /yes|no/.exec(answer)?.[0] ?? null;
}

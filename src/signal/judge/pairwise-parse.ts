import { z } from "zod";
import { ContractError } from "../../core/error.ts";
import { fields, flags, nullableVector, shaped } from "../../core/fields.ts";
import { definePart } from "../../core/part.ts";
import { afterLabel, afterLast, between, lastBetween, lastMatch, plainNumber, tagged } from "../../core/reply.ts";

/**
 * Verdicts of a pairwise judge, in the reply format that its prompt demanded (`signal/pairwise-judge-prompt`):
 * "A" or "B" per reply; null with `valid` true is a tie, null with `valid` false a reply that says nothing.
 *
 * - `double-bracket` (RM-R1, arXiv 2505.02387): `<answer>[[A]]</answer>` (`tagged`) or a bare `[[A]]` within the last
 *   `window` code points; both letters or none are no verdict.
 * - `boxed-section` (BR-RM, arXiv 2510.23596): the box in the last "[The Begin of Ranking Score]" section, 1 or 2; a comma in
 *   the section is a format violation. Lenient: the first digit run counts, so a copied template "1 or 2" reads as 1;
 *   `strict` accepts only 1 or 2.
 * - `winner-line` (OpenRubrics, arXiv 2510.07743): last "Winner: Response A" behind the last "--- Final Judgment ---".
 * - `better-line` (PAR, arXiv 2502.18770): first "Better: A", B or N (a tie).
 * - `answer-tag` (R1-Reward, arXiv 2505.02835): first `<answer>` is 1 or 2; `fallback` last-digit takes the last 1 or 2
 *   of a reply without that tag.
 * - `judgement` (RewardMATH, arXiv 2410.01729): first capital A or B behind the last "Judgement:" (or "[RESULT]").
 * - `better-phrase` (UnifiedReward-Think, arXiv 2505.03318): the first `<answer>`, or the whole reply, is exactly
 *   "Image 1 is better" (or Video, Answer; 1 or 2).
 * - `score-pair` (Writing-Zero, arXiv 2506.00103): last `\boxed{a, b}`, both in `range`; `scores` are the pair, equal ones a tie.
 * - `best-description` (ONI, arXiv 2410.23022): "best_description", perhaps one word, then 1, 2 or none (a tie).
 *
 * `orders: "both"`: replies 2i and 2i + 1 judge one comparison in both orders (first candidate as A, then as B);
 * `first` and `second` are the points of the two candidates, 1 per order won and ½ per tie, null where a reply of the
 * two is unreadable. An odd number of replies throws.
 */
export const pairwiseJudgeParse = definePart({
  id: "signal/pairwise-judge-parse",
  papers: [
    "rm-r1",
    "br-rm",
    "open-rubrics",
    "par",
    "r1-reward",
    "rewardmath",
    "unified-reward-think",
    "writing-zero",
    "oni",
  ],
  params: z.object({
    format: z
      .enum([
        "double-bracket",
        "boxed-section",
        "winner-line",
        "better-line",
        "answer-tag",
        "judgement",
        "better-phrase",
        "score-pair",
        "best-description",
      ])
      .default("double-bracket")
      .describe("what the reply must hold"),
    orders: z.enum(["single", "both"]).default("single").describe("both: two replies per comparison, side by side"),
    strict: z.boolean().default(false).describe("boxed-section: only 1 or 2 in the box"),
    window: z.int().positive().nullable().default(80).describe("double-bracket: code points at the end that are read"),
    tagged: z.boolean().default(true).describe("double-bracket: the verdict stands in answer tags"),
    fallback: z
      .enum(["none", "last-digit"])
      .default("none")
      .describe("answer-tag: what a reply without a tag is worth"),
    range: z.tuple([z.number(), z.number()]).default([0, 10]).describe("score-pair: lowest and highest score"),
  }),
  inputs: z.object({ replies: fields.replies }),
  outputs: z.object({
    verdicts: fields.verdicts,
    valid: fields.valid,
    scores: shaped(z.array(z.array(z.number()).nullable()), "N×2", "score-pair: the two scores").optional(),
    first: nullableVector("P", "orders both: points of the first candidate, 0 … 2").optional(),
    second: nullableVector("P", "orders both: points of the second candidate, 0 … 2").optional(),
  }),
  compute(params, { replies }) {
    const read = readers[params.format];
    const judgements = replies.map((reply) => read(reply, params));
    const verdicts = judgements.map(({ verdict }) => verdict);
    const valid = judgements.map((judgement) => judgement.valid);
    const scores = params.format === "score-pair" ? judgements.map((one) => one.scores ?? null) : undefined;
    if (params.orders === "single") return { verdicts, valid, scores };
    if (replies.length % 2 === 1)
      throw new ContractError("inputs.replies", `expected two replies per comparison, got ${replies.length} in all`);
    const first: (number | null)[] = [];
    const second: (number | null)[] = [];
    for (let i = 0; i < replies.length; i += 2) {
      const readable = valid[i] && valid[i + 1];
      first.push(readable ? points(verdicts[i], "A") + points(verdicts[i + 1], "B") : null);
      second.push(readable ? points(verdicts[i], "B") + points(verdicts[i + 1], "A") : null);
    }
    return { verdicts, valid, scores, first, second };
  },
});

type Verdict = "A" | "B" | null;

interface Judgement {
  readonly verdict: Verdict;
  readonly valid: boolean;
  readonly scores?: number[];
}

interface Rules {
  readonly strict: boolean;
  readonly window: number | null;
  readonly tagged: boolean;
  readonly fallback: "none" | "last-digit";
  readonly range: readonly [number, number];
}

const unreadable: Judgement = { verdict: null, valid: false };
const tie: Judgement = { verdict: null, valid: true };

function wins(verdict: Verdict): Judgement {
  return verdict === null ? unreadable : { verdict, valid: true };
}

function points(verdict: Verdict, own: "A" | "B"): number {
  return verdict === null ? 0.5 : verdict === own ? 1 : 0;
}

function ofIndex(index: string): Verdict {
  return index === "1" ? "A" : index === "2" ? "B" : null;
}

const readers: Record<string, (reply: string, rules: Rules) => Judgement> = {
  "double-bracket": (reply, rules) => {
    const end = rules.window === null ? reply : lastCodePoints(reply, rules.window);
    const [a, b] = rules.tagged ? ["<answer>[[A]]</answer>", "<answer>[[B]]</answer>"] : ["[[A]]", "[[B]]"];
    const hasA = end.includes(a);
    return hasA === end.includes(b) ? unreadable : wins(hasA ? "A" : "B");
  },
  "boxed-section": (reply, { strict }) => {
    const section = lastBetween(reply, "[The Begin of Ranking Score]", "[The End of Ranking Score]");
    if (section === null || section.includes(",")) return unreadable;
    const box = between(section, "\\boxed{", "}")?.trim();
    if (box === undefined) return unreadable;
    if (strict) return wins(ofIndex(box));
    const digits = /[0-9]+/.exec(box)?.[0] ?? "";
    return wins(/^[+-]?[0-9]+$/.test(box) ? ofIndex(String(plainNumber(box))) : ofIndex(String(plainNumber(digits))));
  },
  "winner-line": (reply) => {
    const marker = "--- Final Judgment ---";
    if (!reply.includes(marker)) return unreadable;
    return wins(
      (lastMatch(afterLast(reply, marker), /Winner:\s*Response\s+([AB])(?![A-Za-z0-9])/g)?.[1] ?? null) as Verdict,
    );
  },
  "better-line": (reply) => {
    const letter = /Better:\s*([ABN])/.exec(reply)?.[1];
    return letter === "N" ? tie : wins((letter ?? null) as Verdict);
  },
  "answer-tag": (reply, { fallback }) => {
    const answer = tagged(reply, "answer");
    if (answer !== null) return wins(ofIndex(answer.trim()));
    const at = fallback === "none" ? -1 : Math.max(reply.lastIndexOf("1"), reply.lastIndexOf("2"));
    return wins(ofIndex(reply[at] ?? ""));
  },
  judgement: (reply) => {
    const letter = /[AB]/.exec(afterLabel(reply, ["Judgement:", "[RESULT]"]) ?? "")?.[0];
    return wins((letter ?? null) as Verdict);
  },
  "better-phrase": (reply) => wins(betterPhrase(reply)),
  "score-pair": (reply, { range: [low, high] }) => {
    const number = "([+-]?[0-9]+(?:\\.[0-9]+)?)";
    const match = lastMatch(reply, new RegExp(`\\\\boxed\\{\\s*${number}\\s*,\\s*${number}\\s*\\}`, "g"));
    if (!match) return unreadable;
    const [a, b] = [Number(match[1]), Number(match[2])];
    if (!(a >= low && a <= high && b >= low && b <= high)) return unreadable;
    return { verdict: a > b ? "A" : b > a ? "B" : null, valid: true, scores: [a, b] };
  },
  "best-description": (reply) => {
    const words = reply.toLowerCase().match(/[a-z0-9]+/g) ?? [];
    for (let i = 0; i < words.length; i++) {
      const next =
        words[i] === "bestdescription" ? i + 1 : words[i] === "best" && words[i + 1] === "description" ? i + 2 : -1;
      if (next < 0) continue;
      const choice = [words[next], words[next + 1]].find((word) => word === "1" || word === "2" || word === "none");
      if (choice !== undefined) return choice === "none" ? tie : wins(ofIndex(choice));
    }
    return unreadable;
  },
};

/** The verdict of "Image 1 is better" inside the first answer tag, or as the whole reply. */
export function betterPhrase(reply: string): Verdict {
  const match = /^(?:Image|Video|Answer) ([12]) is better$/.exec((tagged(reply, "answer") ?? reply).trim());
  return ofIndex(match?.[1] ?? "");
}

function lastCodePoints(text: string, count: number): string {
  // A code point takes at most two units.
  return Array.from(text.slice(-2 * count))
    .slice(-count)
    .join("");
}

/**
 * First turn of a branch-and-rethink judge: the quality dimensions it chose and the issues it lists per answer
 * (BR-RM, arXiv 2510.23596).
 *
 * `focus` are the known dimensions named between "[Quality Assessment Focus]" and "[End of Quality Assessment Focus]", in
 * any case, in order of appearance. `analyses` are the trimmed texts between "[Quality Analysis for Response k]" and its
 * end, null where missing or blank. `valid`: 1 to `maxFocus` dimensions and both analyses.
 */
export const branchParse = definePart({
  id: "signal/branch-parse",
  papers: ["br-rm"],
  params: z.object({
    maxFocus: z.int().positive().default(3).describe("most dimensions that may be chosen"),
  }),
  inputs: z.object({ reply: fields.reply }),
  outputs: z.object({
    focus: z.array(z.string()).describe("chosen dimensions"),
    analyses: z.array(z.string().nullable()).describe("issues of the first and of the second answer"),
    valid: z.boolean().describe("the turn followed its format"),
  }),
  compute({ maxFocus }, { reply }) {
    const section = (
      between(reply, "[Quality Assessment Focus]", "[End of Quality Assessment Focus]") ?? ""
    ).toLowerCase();
    const focus = branchDimensions
      .map((name) => ({ name, at: section.indexOf(name.toLowerCase()) }))
      .filter(({ at }) => at >= 0)
      .sort((a, b) => a.at - b.at)
      .map(({ name }) => name);
    const analyses = [1, 2].map((k) => {
      const name = `Quality Analysis for Response ${k}]`;
      return between(reply, `[${name}`, `[End of ${name}`)?.trim() || null;
    });
    const valid = focus.length >= 1 && focus.length <= maxFocus && !analyses.includes(null);
    return { focus, analyses, valid };
  },
});

/** The quality dimensions that a branch-and-rethink judge chooses from. */
export const branchDimensions = [
  "Information Accuracy",
  "Computational Precision",
  "Logical Reasoning",
  "Implementation Capability",
  "Safety Awareness",
  "Response Completeness",
  "Instruction Adherence",
  "Communication Clarity",
] as const;

/**
 * Scores per dimension of a judge that adds them up before it answers, with two audits (UnifiedReward-Think,
 * arXiv 2505.03318).
 *
 * A dimension line holds "Image 1 (s/10)" and "Image 2 (s/10)" (or Video, Answer) in any order; its name is the text before the
 * first colon, without numbering and brackets. `sums` add the parsed scores. `declaredTotals` are the numbers behind
 * "=" in the lines "Image k: 9+8+8=25" after "Total score", null unless both are there. `arithmeticConsistent`: both declared
 * totals equal their own additions and the sums. `verdictConsistent`: the verdict (as `better-phrase` of
 * `signal/pairwise-judge-parse`) goes to the larger sum; false for equal sums and without a verdict.
 */
export const dimensionScoresParse = definePart({
  id: "signal/dimension-scores-parse",
  papers: ["unified-reward-think"],
  params: z.object({}),
  inputs: z.object({ reply: fields.reply }),
  outputs: z.object({
    dimensions: z
      .array(z.object({ name: z.string(), scores: z.array(z.number()) }))
      .describe("name and the two candidates' scores"),
    sums: z.array(z.number()).describe("sum of the scores per candidate"),
    declaredTotals: z.array(z.number()).nullable().describe("totals that the judge wrote"),
    arithmeticConsistent: z.boolean().describe("the judge added up rightly"),
    verdict: z.enum(["A", "B"]).nullable().describe("the judge's answer"),
    verdictConsistent: z.boolean().describe("the answer goes to the larger sum"),
  }),
  compute(_params, { reply }) {
    const dimensions: { name: string; scores: number[] }[] = [];
    const totals: ({ declared: number; added: number } | undefined)[] = [undefined, undefined];
    let inTotals = false;
    for (const line of reply.split("\n")) {
      if (/total score/i.test(line)) inTotals = true;
      const scores = [1, 2].map((k) => scoreOf(line, k));
      if (scores[0] !== null && scores[1] !== null && line.includes(":")) {
        dimensions.push({ name: dimensionName(line), scores: scores as number[] });
      } else if (inTotals) {
        for (const total of line.matchAll(totalPattern)) {
          const terms = total[2].split("+").map((term) => plainNumber(term));
          if (terms.includes(null)) continue;
          const added = (terms as number[]).reduce((sum, term) => sum + term, 0);
          totals[Number(total[1]) - 1] ??= { declared: total[3] === undefined ? added : Number(total[3]), added };
        }
      }
    }
    const sums = [0, 1].map((k) => dimensions.reduce((sum, { scores }) => sum + scores[k], 0));
    const [a, b] = totals;
    const finite = a && b && Number.isFinite(a.declared + b.declared);
    const equal = (x: number, y: number) => Math.abs(x - y) <= 1e-9 * Math.max(1, Math.abs(y));
    const verdict = betterPhrase(reply);
    return {
      dimensions,
      sums,
      declaredTotals: finite ? [a.declared, b.declared] : null,
      arithmeticConsistent:
        !!finite && [a, b].every(({ declared, added }, k) => equal(declared, added) && equal(declared, sums[k])),
      verdict,
      verdictConsistent: verdict !== null && (verdict === "A" ? sums[0] > sums[1] : sums[1] > sums[0]),
    };
  },
});

const totalPattern = /(?:Image|Video|Answer) ([12])[*\s]*:[*\s]*([0-9.+\s]+)(?:=\s*([0-9]+(?:\.[0-9]+)?))?/g;

function scoreOf(line: string, k: number): number | null {
  const match = new RegExp(`(?:Image|Video|Answer) ${k}\\s*\\(\\s*([0-9]+(?:\\.[0-9]+)?)\\s*/\\s*10\\s*\\)`).exec(line);
  return match ? plainNumber(match[1]) : null;
}

function dimensionName(line: string): string {
  return line
    .slice(0, line.indexOf(":"))
    .replace(/^\s*(?:[-*]\s+)?(?:[0-9]+[.)])?/, "")
    .replace(/[[\]*]/g, "")
    .trim();
}

/**
 * Reward of a verdict against the preference label: the outcome reward that generative reward models are
 * trained with (RM-R1, arXiv 2505.02387; BR-RM, arXiv 2510.23596; Writing-Zero, arXiv 2506.00103).
 *
 * `correct` where verdict and label agree, `wrong` where they do not, `invalid` for a missing verdict. A missing verdict with
 * `valid` true (or with `scores`) is a tie, hence `wrong`; `valid` false is `invalid` whatever the verdict says. With `margin` the
 * two scores decide: correct iff scores[label] − scores[other] > margin (labels A and B only).
 */
export const verdictReward = definePart({
  id: "signal/verdict-reward",
  papers: ["rm-r1", "br-rm", "unified-reward-think", "writing-zero", "kg-implicit-rm"],
  params: z.object({
    correct: z.number().default(1).describe("verdict equals label"),
    wrong: z.number().default(-1).describe("verdict differs, or is a tie"),
    invalid: z.number().default(-1).describe("no verdict"),
    margin: z
      .number()
      .nullable()
      .default(null)
      .describe("least lead of the right side, exclusive; null: verdicts decide"),
  }),
  inputs: z.object({
    verdicts: shaped(z.array(z.string().nullable()), "N", "A, B or another label; null: none"),
    labels: shaped(z.array(z.string()), "N", "the right verdict"),
    valid: flags("N", "the reply was readable").optional(),
    scores: shaped(z.array(z.array(z.number()).nullable()), "N×2", "scores of A and of B").optional(),
  }),
  outputs: z.object({ rewards: fields.rewards }),
  compute({ correct, wrong, invalid, margin }, { verdicts, labels, valid, scores }) {
    if (margin !== null && !scores)
      throw new ContractError("inputs.scores", "expected scores, because a margin is set");
    const rewards = new Float64Array(verdicts.length);
    for (let i = 0; i < verdicts.length; i++) {
      const pair = scores?.[i] ?? null;
      const readable = valid ? valid[i] : verdicts[i] !== null || pair !== null;
      if (!readable || (margin !== null && pair === null)) rewards[i] = invalid;
      else if (margin === null || pair === null) rewards[i] = verdicts[i] === labels[i] ? correct : wrong;
      else {
        const own = labels[i] === "A" ? 0 : labels[i] === "B" ? 1 : -1;
        if (own < 0) throw new ContractError(`inputs.labels[${i}]`, `expected A or B with a margin, got ${labels[i]}`);
        rewards[i] = pair[own] - pair[1 - own] > margin ? correct : wrong;
      }
    }
    return { rewards };
  },
});

/** Overlap of a text with a reference: ROUGE, word error rate, BLEU. */
import { z } from "zod";
import { fields, strings, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { expectLength } from "../core/shapes.ts";
import { words } from "../core/text.ts";
import { countNgrams, numberTokens, sharedCount } from "./ngrams.ts";
import { porterStem } from "./porter-stemmer.ts";

/**
 * Mean of the ROUGE-1, ROUGE-2 and ROUGE-L F1 scores (SophiaVL-R1, arXiv 2505.17018, sec. 3.3).
 *
 * Tokens are lower-case runs of [a-z0-9]; ROUGE-n counts shared n-grams with multiplicity, ROUGE-L the longest common
 * subsequence; F1 = 2PR/(P + R), 0 without overlap or without n-grams. `stem` applies Porter's stemmer to tokens longer
 * than three characters, as the released scorer does. Time is |response| · |reference| for ROUGE-L.
 */
export const rougeMean = definePart({
  id: "signal/rouge-mean",
  papers: ["sophia-vl-r1"],
  params: z.object({ stem: z.boolean().default(false).describe("Porter stemming") }),
  inputs: z.object({ responses: fields.responses, references: fields.references }),
  outputs: z.object({
    rouge1: vector("N", "ROUGE-1 F1"),
    rouge2: vector("N", "ROUGE-2 F1"),
    rougeL: vector("N", "ROUGE-L F1"),
    rewards: fields.rewards,
  }),
  compute({ stem }, { responses, references }) {
    expectLength(references, responses.length, "references");
    const n = responses.length;
    const rouge1 = new Float64Array(n);
    const rouge2 = new Float64Array(n);
    const rougeL = new Float64Array(n);
    const rewards = new Float64Array(n);
    for (let i = 0; i < n; i++) {
      const known = new Map<string | number, number>();
      const candidate = numberTokens(rougeTokens(responses[i], stem), known);
      const reference = numberTokens(rougeTokens(references[i], stem), known);
      rouge1[i] = ngramF1(candidate, reference, 1);
      rouge2[i] = ngramF1(candidate, reference, 2);
      rougeL[i] = f1(longestCommonSubsequence(candidate, reference), candidate.length, reference.length);
      rewards[i] = (rouge1[i] + rouge2[i] + rougeL[i]) / 3;
    }
    return { rouge1, rouge2, rougeL, rewards };
  },
});

function rougeTokens(text: string, stem: boolean): string[] {
  const tokens: string[] = text.toLowerCase().match(/[a-z0-9]+/g) ?? [];
  return stem ? tokens.map((token) => (token.length > 3 ? porterStem(token) : token)) : tokens;
}

function ngramF1(candidate: Int32Array, reference: Int32Array, n: number): number {
  const shared = sharedCount(countNgrams(candidate, n), countNgrams(reference, n));
  return f1(shared, candidate.length - n + 1, reference.length - n + 1);
}

function f1(shared: number, candidate: number, reference: number): number {
  return shared === 0 ? 0 : (2 * shared) / (candidate + reference);
}

function longestCommonSubsequence(a: Int32Array, b: Int32Array): number {
  const row = new Int32Array(b.length + 1);
  for (const token of a) {
    let diagonal = 0;
    for (let j = 1; j <= b.length; j++) {
      const above = row[j];
      row[j] = token === b[j - 1] ? diagonal + 1 : Math.max(above, row[j - 1]);
      diagonal = above;
    }
  }
  return row[b.length];
}

/**
 * Word error rate and the reward of reading text (SophiaVL-R1, arXiv 2505.17018, sec. 3.3).
 *
 * WER = word edit distance / words of the reference (substitutions, insertions, deletions cost 1 each; it may exceed 1).
 * Words are separated by white space, case counts. Reward e^{−WER} (`exp-negative`, the released form) or −WER
 * (`negative`, the paper's text). An empty reference: WER 0 where the response is empty too, else 1.
 */
export const wordErrorRate = definePart({
  id: "signal/word-error-rate",
  papers: ["sophia-vl-r1"],
  params: z.object({ transform: z.enum(["exp-negative", "negative"]).default("exp-negative") }),
  inputs: z.object({ responses: fields.responses, references: fields.references }),
  outputs: z.object({ wer: vector("N", "word error rate"), rewards: fields.rewards }),
  compute({ transform }, { responses, references }) {
    expectLength(references, responses.length, "references");
    const wer = Float64Array.from(responses, (response, i) => {
      const known = new Map<string | number, number>();
      const said = numberTokens(words(response), known);
      const right = numberTokens(words(references[i]), known);
      return right.length === 0 ? Math.min(said.length, 1) : editDistance(said, right) / right.length;
    });
    return { wer, rewards: wer.map((rate) => (transform === "negative" ? 0 - rate : Math.exp(-rate))) };
  },
});

function editDistance(a: Int32Array, b: Int32Array): number {
  const row = Int32Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    let diagonal = row[0];
    row[0] = i;
    for (let j = 1; j <= b.length; j++) {
      const above = row[j];
      row[j] = Math.min(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] === b[j - 1] ? 0 : 1));
      diagonal = above;
    }
  }
  return row[b.length];
}

/**
 * BLEU whose order shrinks with the texts, so that short right answers are not worth 0 (PRS, arXiv 2512.07478; the
 * formula is a reconstruction).
 *
 * Order n = min(`maxOrder`, |reference|, |candidate|); score = geometric mean of the clipped n-gram precisions 1…n, 0 if
 * one is 0, times exp(1 − |reference|/|candidate|) where the candidate is shorter and `brevityPenalty` is on. Token lists
 * (lower-cased words without punctuation). An empty candidate scores 0; against an empty reference the score is null.
 */
export const lengthAwareBleu = definePart({
  id: "signal/length-aware-bleu",
  papers: ["prs-vspo"],
  params: z.object({
    maxOrder: z.int().positive().default(4).describe("longest n-gram"),
    brevityPenalty: z.boolean().default(true).describe("punish candidates shorter than the reference"),
  }),
  inputs: z.object({
    candidate: strings("C", "tokens of the answer"),
    reference: strings("R", "tokens of the right answer"),
  }),
  outputs: z.object({
    score: z.number().nullable().describe("in [0, 1]; null for an empty reference"),
    order: z.int().describe("longest n-gram used"),
    precisions: vector("K", "clipped precision per order"),
  }),
  compute({ maxOrder, brevityPenalty }, { candidate, reference }) {
    const order = Math.min(maxOrder, reference.length, candidate.length);
    const known = new Map<string | number, number>();
    const said = numberTokens(candidate, known);
    const right = numberTokens(reference, known);
    const precisions: number[] = [];
    for (let n = 1; n <= order; n++) {
      precisions.push(sharedCount(countNgrams(said, n), countNgrams(right, n)) / (said.length - n + 1));
    }
    if (order === 0) return { score: reference.length === 0 ? null : 0, order, precisions };
    const mean = Math.exp(precisions.reduce((sum, precision) => sum + Math.log(precision), 0) / order);
    const short = brevityPenalty && said.length < right.length;
    return { score: mean * (short ? Math.exp(1 - right.length / said.length) : 1), order, precisions };
  },
});

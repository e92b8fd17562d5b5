/** Repetition inside one text: shares, penalties, the place where a loop begins. */
import { z } from "zod";
import { fields, flags, integers, nullableVector, ragged, shaped, strings, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { rowCount, rowOf, toRagged } from "../core/ragged.ts";
import { words } from "../core/text.ts";
import { countNgrams, numberTokens } from "./ngrams.ts";

type Measure = "non-distinct" | "repeated-types";

function repeatedShare(text: string, n: number, measure: Measure): number {
  const ids = numberTokens(words(text));
  const total = ids.length - n + 1;
  if (total <= 0) return 0;
  const counts = countNgrams(ids, n);
  if (measure === "non-distinct") return 1 - counts.size / total;
  let repeated = 0;
  for (const count of counts.values()) if (count > 1) repeated++;
  return repeated / total;
}

/**
 * Share of repeated word n-grams in a text.
 *
 * `non-distinct` 1 − distinct / all n-grams (VLM-R1's repetition reward is minus this, arXiv 2504.07615);
 * `repeated-types` distinct n-grams that occur more than once / all n-grams (arXiv 2505.22653), which stays small for one
 * phrase repeated forever. Words are separated by white space; a text shorter than n words has share 0.
 */
export const repeatedNgramShare = definePart({
  id: "signal/repeated-ngram-share",
  papers: ["noisy-rewards", "vlm-r1"],
  params: z.object({
    n: z.int().positive().default(6).describe("words per n-gram"),
    measure: z.enum(["non-distinct", "repeated-types"]).default("non-distinct"),
    lowercase: z.boolean().default(false).describe("ignore case"),
  }),
  inputs: z.object({ texts: strings("N", "texts") }),
  outputs: z.object({ shares: vector("N", "share of repeated n-grams, in [0, 1]") }),
  compute({ n, measure, lowercase }, { texts }) {
    const shares = texts.map((text) => repeatedShare(lowercase ? text.toLowerCase() : text, n, measure));
    return { shares: Float64Array.from(shares) };
  },
});

/**
 * Penalty for repeated items in one reply (VLM-R1, arXiv 2504.07615: boxes with labels): maxPenalty·(1 − distinct / all),
 * 0 for an empty list.
 */
export const itemRepetition = definePart({
  id: "signal/item-repetition",
  papers: ["vlm-r1"],
  params: z.object({ maxPenalty: z.number().default(-1).describe("limit of the reward for nothing but repetition") }),
  inputs: z.object({ items: shaped(z.array(z.array(z.string())), "N", "items of each reply, as strings") }),
  outputs: z.object({ rewards: fields.rewards }),
  compute({ maxPenalty }, { items }) {
    const rewards = items.map((list) =>
      list.length === 0 ? 0 : 0 + maxPenalty * (1 - new Set(list).size / list.length),
    );
    return { rewards: Float64Array.from(rewards) };
  },
});

/** Phrases that reasoning texts use: needs, checks, alternatives, order, consequence, examples. */
const reasoningPhrases = [
  ...["i need to", "we need to", "the goal is", "we are asked", "let's start", "let me think", "let me see"],
  ...["let me check", "let me verify", "double-check", "check again", "does this make sense", "to confirm", "wait"],
  ...["hmm", "alternatively", "another way", "on the other hand", "instead of", "what if", "suppose", "assume"],
  ...["first,", "second,", "third,", "next,", "then,", "finally,", "step by step", "in the end"],
  ...["therefore", "thus", "hence", "because", "since", "it follows", "which means", "so the answer", "for example"],
  ...["for instance", "in other words", "in general"],
];

/**
 * Reasoning pattern reward: pays for the look of reasoning, not for being right (arXiv 2505.22653, sec. 4).
 *
 * score = max(0, min(1, h / divisor) − ρ − c): h = listed phrases that occur at least once in the lower-cased text (plain
 * substrings), ρ = share of repeated word n-grams (`repeated-types` of signal/repeated-ngram-share), c = occurrences of
 * `roleMarker` (null: not counted). Pass the reasoning only. Substrings match inside words: it is a diagnostic.
 */
export const reasoningPattern = definePart({
  id: "signal/reasoning-pattern",
  papers: ["noisy-rewards"],
  params: z.object({
    phrases: z.array(z.string().min(1)).default(reasoningPhrases).describe("phrases, case does not count"),
    divisor: z.number().positive().default(20).describe("phrases for the full score"),
    ngram: z.int().positive().default(20).describe("words per n-gram of the repetition penalty"),
    roleMarker: z.string().min(1).nullable().default("user: ").describe("marker that costs 1 per occurrence"),
  }),
  inputs: z.object({ texts: strings("N", "reasoning texts") }),
  outputs: z.object({
    scores: vector("N", "in [0, 1]"),
    hits: integers("N", "phrases that occur"),
    repetition: vector("N", "share of repeated n-grams"),
  }),
  compute({ phrases, divisor, ngram, roleMarker }, { texts }) {
    const wanted = phrases.map((phrase) => phrase.toLowerCase());
    const marker = roleMarker?.toLowerCase();
    const scores = new Float64Array(texts.length);
    const hits = new Int32Array(texts.length);
    const repetition = new Float64Array(texts.length);
    texts.forEach((original, i) => {
      const text = original.toLowerCase();
      hits[i] = wanted.filter((phrase) => text.includes(phrase)).length;
      repetition[i] = repeatedShare(text, ngram, "repeated-types");
      const markers = marker === undefined ? 0 : text.split(marker).length - 1;
      scores[i] = Math.max(0, Math.min(1, hits[i] / divisor) - repetition[i] - markers);
    });
    return { scores, hits, repetition };
  },
});

/**
 * Where a token sequence begins to loop (LASER-DE, arXiv 2505.15612, its repetition test).
 *
 * n-gram size 2 below 30 tokens, 3 below 100, else min(4, `n`); at most 2·`n` tokens never loop. Walking back from the
 * end (n-grams of one repeated token are skipped when n > 2), the first n-gram to have 2 occurrences (3 from 200 tokens
 * on), two neighbouring ones closer than ⌊T/3⌋, gives its earliest position so far. Otherwise, from 4n tokens on, the
 * first exact repeat of a 2n-gram does. Otherwise T. `repeated` is uniqueLength < T. Linear in T.
 */
export const repetitionOnset = definePart({
  id: "signal/repetition-onset",
  papers: ["laser"],
  params: z.object({ n: z.int().positive().default(4).describe("largest n-gram of the walk") }),
  inputs: z.object({ tokens: ragged("N×T", "token ids") }),
  outputs: z.object({
    uniqueLengths: integers("N", "tokens before the loop; all of them where there is none"),
    repeated: flags("N", "a loop was found"),
  }),
  compute({ n }, { tokens }) {
    const rows = toRagged(tokens);
    const uniqueLengths = new Int32Array(rowCount(rows));
    const repeated: boolean[] = [];
    for (let i = 0; i < uniqueLengths.length; i++) {
      const row = rowOf(rows, i);
      uniqueLengths[i] = onset(row, n);
      repeated.push(uniqueLengths[i] < row.length);
    }
    return { uniqueLengths, repeated };
  },
});

function onset(tokens: Float64Array, largest: number): number {
  const length = tokens.length;
  if (length <= 2 * largest) return length;
  const n = length < 30 ? 2 : length < 100 ? 3 : Math.min(4, largest);
  const needed = length < 200 ? 2 : 3;
  const near = Math.floor(length / 3);
  const seen = new Map<string, { last: number; count: number; close: boolean }>();
  for (let i = length - n; i >= 0; i--) {
    const gram = tokens.subarray(i, i + n);
    if (n > 2 && gram.every((token) => token === gram[0])) continue;
    const key = gram.join();
    const known = seen.get(key);
    const count = (known?.count ?? 0) + 1;
    const close = known !== undefined && (known.close || known.last - i < near);
    if (count >= needed && close) return i;
    seen.set(key, { last: i, count, close });
  }
  if (length < 4 * n) return length;
  const patterns = new Set<string>();
  for (let i = length - 2 * n; i >= 0; i--) {
    const key = tokens.subarray(i, i + 2 * n).join();
    if (patterns.has(key)) return i;
    patterns.add(key);
  }
  return length;
}

/** Lower-case runs of letters and digits, underscores as blanks, without the stop words. */
export function contentTokens(text: string, stopWords: ReadonlySet<string>): string[] {
  const tokens: string[] = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  return tokens.filter((token) => !stopWords.has(token));
}

/** The fixed list of function words of arXiv 2601.15160's token rule. */
export const functionWords = ["a", "an", "the", "of", "in", "to", "and", "is", "by", "with"];

/**
 * Factor in (0, 1] that shrinks the reward of repetitive traces (arXiv 2601.15160, φ_rep; the exact form is ours).
 *
 * φ = min(1, d/dominance, from `minTokens` tokens on)·min(1, maxRun/longestRun): dominance = share of the most frequent
 * token (null for a trace without tokens), longestRun = longest run of one token. Tokens: lower-case runs of letters and
 * digits, without `stopWords`.
 */
export const repetitionFactor = definePart({
  id: "signal/repetition-factor",
  papers: ["kg-implicit-rm"],
  params: z.object({
    dominance: z.number().positive().default(0.35).describe("d, share above which the factor falls"),
    maxRun: z.number().positive().default(3).describe("run of one token above which the factor falls"),
    minTokens: z.int().nonnegative().default(10).describe("shorter traces are not judged by dominance"),
    stopWords: z.array(z.string()).default(functionWords).describe("words that do not count"),
  }),
  inputs: z.object({ traces: strings("N", "reasoning traces") }),
  outputs: z.object({
    dominance: nullableVector("N", "share of the most frequent token"),
    longestRun: integers("N", "longest run of one token"),
    factors: vector("N", "φ_rep"),
  }),
  compute({ dominance: limit, maxRun, minTokens, stopWords }, { traces }) {
    const stop = new Set(stopWords);
    const dominance: (number | null)[] = [];
    const longestRun = new Int32Array(traces.length);
    const factors = new Float64Array(traces.length);
    traces.forEach((trace, i) => {
      const tokens = contentTokens(trace, stop);
      const counts = new Map<string, number>();
      let most = 0;
      let run = 0;
      tokens.forEach((token, t) => {
        const count = (counts.get(token) ?? 0) + 1;
        counts.set(token, count);
        most = Math.max(most, count);
        run = t > 0 && tokens[t - 1] === token ? run + 1 : 1;
        longestRun[i] = Math.max(longestRun[i], run);
      });
      const share = tokens.length === 0 ? null : most / tokens.length;
      dominance.push(share);
      const byShare = share === null || tokens.length < minTokens ? 1 : Math.min(1, limit / share);
      factors[i] = byShare * (longestRun[i] === 0 ? 1 : Math.min(1, maxRun / longestRun[i]));
    });
    return { dominance, longestRun, factors };
  },
});

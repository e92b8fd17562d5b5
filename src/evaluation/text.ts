import { z } from "zod";
import { fields, flags, strings, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { meanOrNull, share } from "../core/statistics.ts";
import { words } from "../core/text.ts";

/**
 * ROUGE-L: overlap of two texts by their longest common subsequence of words (used in arXiv 2404.03862, 2507.10532,
 * 2509.13081).
 *
 * Words are separated by white space, case and punctuation kept. precision = LCS/words of the response, recall =
 * LCS/words of the reference, f1 their harmonic mean; all 0 when a side is empty or nothing is shared. Nearly blind to
 * negation.
 */
export const rougeL = definePart({
  id: "evaluation/rouge-l",
  papers: ["quote-tuning", "random-calculation", "semantic-reward"],
  params: z.object({}),
  inputs: z.object({ response: fields.response, reference: fields.reference }),
  outputs: z.object({ precision: z.number(), recall: z.number(), f1: z.number() }),
  compute(_, { response, reference }) {
    return overlap(words(response), words(reference));
  },
});

function overlap(response: readonly string[], reference: readonly string[]) {
  const common = longestCommonSubsequence(response, reference);
  if (common === 0) return { precision: 0, recall: 0, f1: 0 };
  return {
    precision: common / response.length,
    recall: common / reference.length,
    f1: (2 * common) / (response.length + reference.length),
  };
}

/**
 * Length of the longest common subsequence, 32 words of `a` at a time (Hyyrö's bit-vector recurrence V ← (V + (V & M)) | (V
 * & ~M), M the places of the current word in `a`; the answer is the number of zeros in V). Equal ends are cut off first.
 */
function longestCommonSubsequence(a: readonly string[], b: readonly string[]): number {
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let endA = a.length;
  let endB = b.length;
  while (endA > start && endB > start && a[endA - 1] === b[endB - 1]) {
    endA--;
    endB--;
  }
  const places = new Map<string, number[]>();
  for (let i = start; i < endA; i++) {
    const known = places.get(a[i]);
    if (known) known.push(i - start);
    else places.set(a[i], [i - start]);
  }
  const size = Math.ceil((endA - start) / 32);
  const state = new Uint32Array(size).fill(0xffffffff);
  const masks = new Map<string, Uint32Array>();
  const scratch = new Uint32Array(size);
  for (let j = start; j < endB; j++) {
    const where = places.get(b[j]);
    if (!where) continue;
    // A frequent word keeps its mask (at most 32 of them are so frequent); a rare one borrows the scratch mask.
    let mask = masks.get(b[j]) ?? scratch;
    if (mask === scratch) {
      if (where.length > size) {
        mask = new Uint32Array(size);
        masks.set(b[j], mask);
      }
      for (const place of where) mask[place >> 5] |= 1 << (place & 31);
    }
    let carry = 0;
    for (let w = 0; w < size; w++) {
      const sum = state[w] + ((state[w] & mask[w]) >>> 0) + carry;
      carry = sum > 0xffffffff ? 1 : 0;
      state[w] = sum | (state[w] & ~mask[w]);
    }
    if (mask === scratch) for (const place of where) scratch[place >> 5] = 0;
  }
  let common = start + (a.length - endA);
  for (let i = 0; i < endA - start; i++) if (((state[i >> 5] >>> (i & 31)) & 1) === 0) common++;
  return common;
}

const boundaries = new Set([" ", "\n", ...",.!?)]}"]);

/**
 * Cuts a problem for the partial-prompt contamination audit (arXiv 2507.10532).
 *
 * The cut is at ⌊ratio·characters⌋ (code points); with `boundary` it moves right to the next blank, newline or one of
 * `,.!?)]}`, or to the end. `prefix` = text before the cut without trailing white space, `reference` = text from the cut.
 */
export const partialPromptSplit = definePart({
  id: "evaluation/partial-prompt-split",
  papers: ["random-calculation"],
  params: z.object({
    ratio: z.number().min(0).max(1).default(0.6).describe("share of the characters shown"),
    boundary: z.boolean().default(true).describe("do not cut inside a word"),
  }),
  inputs: z.object({ text: z.string().describe("the problem") }),
  outputs: z.object({ prefix: z.string(), reference: z.string() }),
  compute({ ratio, boundary }, { text }) {
    const characters = Array.from(text);
    let cut = Math.floor(ratio * characters.length);
    while (boundary && cut < characters.length && !boundaries.has(characters[cut])) cut++;
    return { prefix: characters.slice(0, cut).join("").trimEnd(), reference: characters.slice(cut).join("") };
  },
});

/**
 * Does a model complete benchmark problems it should not know (arXiv 2507.10532)? ROUGE-L F1 and exact match of
 * completions against the removed parts.
 *
 * With `truncate` a completion is first cut to its reference's number of words. Exact match compares the word sequences;
 * an empty reference never matches, and has ROUGE-L 0. Means over items, null without any. Suffixes of a word or two are
 * completed by chance.
 */
export const partialPromptCompletion = definePart({
  id: "evaluation/partial-prompt-completion",
  papers: ["random-calculation"],
  params: z.object({ truncate: z.boolean().default(true).describe("cut completions to the reference's word count") }),
  inputs: z.object({ completions: strings("N", "the model's continuations"), references: fields.references }),
  outputs: z.object({
    rougeL: vector("N", "ROUGE-L F1"),
    exactMatch: flags("N", "same words"),
    meanRougeL: z.number().nullable(),
    exactMatchRate: z.number().nullable(),
  }),
  compute({ truncate }, { completions, references }) {
    const rouge = new Float64Array(references.length);
    const exactMatch = references.map((reference, i) => {
      const expected = words(reference);
      const all = words(completions[i]);
      const got = truncate ? all.slice(0, expected.length) : all;
      rouge[i] = overlap(got, expected).f1;
      return expected.length > 0 && got.length === expected.length && got.every((word, k) => word === expected[k]);
    });
    return { rougeL: rouge, exactMatch, meanRougeL: meanOrNull(rouge), exactMatchRate: share(exactMatch) };
  },
});

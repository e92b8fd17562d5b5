import { z } from "zod";
import { integers, ragged, strings, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { checkSameRows, rowCount, rowOf, toRagged } from "../core/ragged.ts";
import { expectLength } from "../core/shapes.ts";

/** Order of strings by Unicode code points (UTF-16 units put astral characters before U+E000…U+FFFF). */
function compareCodePoints(a: string, b: string): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    if (a[i] === b[i]) continue;
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)];
    const surrogate = (unit: number) => unit >= 0xd800 && unit <= 0xdfff;
    return surrogate(x) === surrogate(y) ? x - y : surrogate(x) ? 1 : -1;
  }
  return a.length - b.length;
}

/**
 * Keeps the best prompts of a round of prompt optimisation (textual gradients as in arXiv 2601.03468).
 *
 * Descending by score, then by the prompt's code points (of equal scores the later string first); the first `beamSize`.
 */
export const promptBeam = definePart({
  id: "search/prompt-beam",
  papers: ["artifact-reward"],
  params: z.object({ beamSize: z.int().positive().default(4).describe("prompts kept") }),
  inputs: z.object({
    candidates: strings("N", "prompts"),
    scores: vector("N", "score per prompt, e.g. mean log-likelihood of the labels"),
  }),
  outputs: z.object({ candidates: strings("B", "prompts kept, best first"), scores: vector("B", "their scores") }),
  compute({ beamSize }, { candidates, scores }) {
    expectLength(scores, candidates.length, "scores");
    const order = Array.from(candidates.keys())
      .sort((a, b) => scores[b] - scores[a] || compareCodePoints(candidates[b], candidates[a]))
      .slice(0, beamSize);
    return { candidates: order.map((i) => candidates[i]), scores: order.map((i) => scores[i]) };
  },
});

/** Index of the largest entry, the first on ties; −1 of nothing. */
function argmax(row: Float64Array): number {
  let best = row.length === 0 ? -1 : 0;
  for (let k = 1; k < row.length; k++) if (row[k] > row[best]) best = k;
  return best;
}

/**
 * Query-dependent prompting: for each query the prompt an offline reward model likes best (survey arXiv 2507.13158).
 *
 * `scores` P×K of query and prompt; `selected` is the argmax per query, the first on ties. With true `outcomes` P×K also: `value`,
 * the mean outcome of the choice; the best single prompt and its mean; `oracleValue`, the mean of the best outcomes; `gapClosed` =
 * (value − best single)/(oracle − best single), null for 0/0. Means over no queries are null.
 */
export const promptSelection = definePart({
  id: "search/prompt-selection",
  papers: ["irl-llm-survey"],
  params: z.object({}),
  inputs: z.object({
    scores: ragged("P×K", "predicted success per query and prompt"),
    outcomes: ragged("P×K", "true success per query and prompt").optional(),
  }),
  outputs: z.object({
    selected: integers("P", "prompt per query"),
    value: z.number().nullable().describe("mean outcome of the choice").optional(),
    bestSinglePrompt: z.int().nullable().describe("best prompt for all queries").optional(),
    bestSingleValue: z.number().nullable().describe("its mean outcome").optional(),
    oracleValue: z.number().nullable().describe("mean of the best outcomes").optional(),
    gapClosed: z.number().nullable().describe("share of the possible gain").optional(),
  }),
  compute(_, { scores, outcomes }) {
    const rows = toRagged(scores);
    const queries = rowCount(rows);
    const prompts = queries > 0 ? rows.offsets[1] : 0;
    const selected: number[] = [];
    for (let p = 0; p < queries; p++) {
      const row = rowOf(rows, p);
      expectLength(row, prompts, `scores[${p}]`);
      selected.push(argmax(row));
    }
    if (!outcomes) return { selected };
    const truth = toRagged(outcomes);
    checkSameRows(truth, rows, "outcomes");
    if (queries === 0 || prompts === 0)
      return {
        selected,
        value: null,
        bestSinglePrompt: null,
        bestSingleValue: null,
        oracleValue: null,
        gapClosed: null,
      };
    const means = new Float64Array(prompts);
    let value = 0;
    let oracleValue = 0;
    for (let p = 0; p < queries; p++) {
      const row = rowOf(truth, p);
      value += row[selected[p]] / queries;
      oracleValue += row[argmax(row)] / queries;
      for (let k = 0; k < prompts; k++) means[k] += row[k] / queries;
    }
    const bestSinglePrompt = argmax(means);
    const bestSingleValue = means[bestSinglePrompt];
    // Sums of the same outcomes in the same order agree to the last bit; no gain is exactly 0.
    const possible = oracleValue - bestSingleValue;
    return {
      selected,
      value,
      bestSinglePrompt,
      bestSingleValue,
      oracleValue,
      gapClosed: possible === 0 ? null : (value - bestSingleValue) / possible,
    };
  },
});

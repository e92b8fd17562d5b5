import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields, integers, nullableVector, ragged, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { rowCount, toRagged } from "../core/ragged.ts";
import { expectLength } from "../core/shapes.ts";
import { standardDeviation } from "../core/statistics.ts";

/**
 * Preference labels from factors that are only ranked by importance (HERON, arXiv 2309.02632, alg. 1).
 *
 * Level d looks at factor k = `order`[d], with sign ς_d and margin δ_d = m_d·scale_k. For a pair (i, j): label 1 (i is
 * preferred) if ς z_k(i) > ς z_k(j) + δ, −1 if the reverse, else the next level decides; 0 and level null where none
 * does. `margins` and `signs` go by level, `scales` by factor (absent: standard deviation of the batch with `ddof`).
 * Comparisons are strict: a difference equal to the margin falls through. `levelShare` is the share of all pairs that
 * each level decided (null without pairs). Labels are transitive only without margins.
 */
export const hierarchicalPreference = definePart({
  id: "signal/hierarchical-preference",
  papers: ["heron"],
  params: z.object({
    order: z.array(z.int().nonnegative()).nullable().default(null).describe("factors by importance; null: as given"),
    margins: z.array(z.number().nonnegative()).nullable().default(null).describe("m per level; null: 0"),
    signs: z
      .array(z.union([z.literal(1), z.literal(-1)]))
      .nullable()
      .default(null)
      .describe("ς per level; null: 1"),
    ddof: z.int().nonnegative().default(1).describe("degrees of freedom lost by the batch's deviation"),
  }),
  inputs: z.object({
    factors: ragged("N×K", "reward factors of each trajectory (or state, or program)"),
    pairs: fields.pairs,
    scales: vector("K", "deviation of each factor; absent: of the batch").optional(),
  }),
  outputs: z.object({
    labels: integers("M", "1: first preferred, −1: second, 0: undecided"),
    levels: nullableVector("M", "level that decided"),
    levelShare: nullableVector("L", "share of the pairs that each level decided"),
    undecided: z.number().nullable().describe("share of the pairs without a decision"),
  }),
  compute({ order, margins, signs, ddof }, { factors, pairs, scales }) {
    const rows = toRagged(factors);
    const n = rowCount(rows);
    const width = n === 0 ? 0 : rows.offsets[1];
    for (let i = 0; i < n; i++) {
      const length = rows.offsets[i + 1] - rows.offsets[i];
      if (length !== width) throw new ContractError(`inputs.factors[${i}]`, `expected ${width} entries, got ${length}`);
    }
    if (scales) expectLength(scales, width, "scales");
    const levelsOf = order ?? Array.from({ length: width }, (_, k) => k);
    for (const [name, list] of Object.entries({ margins, signs })) {
      if (list && list.length < levelsOf.length) {
        throw new ContractError(`params.${name}`, `expected one per level (${levelsOf.length}), got ${list.length}`);
      }
    }
    const deltas = levelsOf.map((k, d) => {
      if (n > 0 && k >= width)
        throw new ContractError(`params.order[${d}]`, `expected a factor below ${width}, got ${k}`);
      const margin = margins ? margins[d] : 0;
      if (margin === 0 || pairs.length === 0) return 0;
      if (scales) return margin * scales[k];
      if (n <= ddof) throw new ContractError("inputs.factors", `expected more than ${ddof} rows, or inputs.scales`);
      const column = Float64Array.from({ length: n }, (_, i) => rows.values[i * width + k]);
      return margin * standardDeviation(column, ddof);
    });
    const labels = new Int32Array(pairs.length);
    const levels: (number | null)[] = [];
    const decided = new Float64Array(levelsOf.length);
    pairs.forEach(([i, j], m) => {
      for (const row of [i, j]) {
        if (row < 0 || row >= n) throw new ContractError(`inputs.pairs[${m}]`, `expected rows below ${n}, got ${row}`);
      }
      let level: number | null = null;
      for (let d = 0; d < levelsOf.length && level === null; d++) {
        const sign = signs ? signs[d] : 1;
        const a = sign * rows.values[i * width + levelsOf[d]];
        const b = sign * rows.values[j * width + levelsOf[d]];
        if (a > b + deltas[d]) labels[m] = 1;
        else if (b > a + deltas[d]) labels[m] = -1;
        else continue;
        level = d;
        decided[d]++;
      }
      levels.push(level);
    });
    const total = pairs.length;
    const undecided = levels.filter((level) => level === null).length;
    return {
      labels,
      levels,
      levelShare: Array.from(decided, (count) => (total === 0 ? null : count / total)),
      undecided: total === 0 ? null : undecided / total,
    };
  },
});

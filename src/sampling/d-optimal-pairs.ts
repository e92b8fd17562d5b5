import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { integers, ragged, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { rowCount, rowOf, toRagged } from "../core/ragged.ts";
import { expectLength } from "../core/shapes.ts";

/** A row-major F×F matrix from nested rows. */
function squareMatrix(rows: ArrayLike<ArrayLike<number>>, size: number, field: string): Float64Array {
  const matrix = new Float64Array(size * size);
  expectLength(rows, size, field);
  for (let f = 0; f < size; f++) {
    expectLength(rows[f], size, `${field}[${f}]`);
    for (let g = 0; g < size; g++) matrix[f * size + g] = rows[f][g];
  }
  return matrix;
}

/** Inverse and log-determinant of a symmetric positive definite matrix by Gauss-Jordan; null when it is none. */
function invertDefinite(matrix: Float64Array, size: number): { inverse: Float64Array; logDeterminant: number } | null {
  const left = Float64Array.from(matrix);
  const inverse = new Float64Array(size * size);
  for (let f = 0; f < size; f++) inverse[f * size + f] = 1;
  let logDeterminant = 0;
  for (let k = 0; k < size; k++) {
    const pivot = left[k * size + k];
    if (!(pivot > 1e-13 * Math.max(1, matrix[k * size + k]))) return null;
    logDeterminant += Math.log(pivot);
    for (let j = 0; j < size; j++) {
      left[k * size + j] /= pivot;
      inverse[k * size + j] /= pivot;
    }
    for (let i = 0; i < size; i++) {
      const factor = left[i * size + k];
      if (i === k || factor === 0) continue;
      for (let j = 0; j < size; j++) {
        left[i * size + j] -= factor * left[k * size + j];
        inverse[i * size + j] -= factor * inverse[k * size + j];
      }
    }
  }
  return { inverse, logDeterminant };
}

/**
 * The comparisons that tell a linear Bradley-Terry reward the most: greedy D-optimal design (arXiv 2507.13158).
 *
 * A pair with feature difference x (a row of `differences`, M×F) and predicted probability p carries Fisher
 * information p(1−p)·xxᵀ. From A₀ = `information` + `ridge`·I, repeatedly take the pair with the largest
 * log(1 + p(1−p)·xᵀA⁻¹x), lower index on ties, and add its information. `gains` are those logarithms in order of
 * selection; `logDeterminant` is of the final A. At most `count` pairs, each once. Only trustworthy with calibrated p:
 * at 0 or 1 every gain is 0. A₀ not positive definite: `ContractError` (give a ridge).
 */
export const dOptimalPairs = definePart({
  id: "sampling/d-optimal-pairs",
  papers: ["irl-llm-survey"],
  params: z.object({
    count: z.int().nonnegative().describe("pairs to select"),
    ridge: z.number().nonnegative().default(1).describe("added to the diagonal of the information"),
  }),
  inputs: z.object({
    differences: ragged("M×F", "features of the first less those of the second"),
    probabilities: vector("M", "predicted probability that the first is preferred"),
    information: ragged("F×F", "Fisher information gathered so far, symmetric").optional(),
  }),
  outputs: z.object({
    selected: integers("K", "pairs, best first"),
    gains: vector("K", "gain in log-determinant of each"),
    logDeterminant: z.number().describe("of the information after the selection"),
  }),
  compute({ count, ridge }, { differences, probabilities, information }) {
    const rows = toRagged(differences);
    const pairs = rowCount(rows);
    expectLength(probabilities, pairs, "probabilities");
    const given = information && toRagged(information);
    const size = pairs > 0 ? rows.offsets[1] : given ? rowCount(given) : 0;
    const start = given
      ? squareMatrix(
          Array.from({ length: rowCount(given) }, (_, f) => rowOf(given, f)),
          size,
          "information",
        )
      : new Float64Array(size * size);
    for (let f = 0; f < size; f++) start[f * size + f] += ridge;
    const inverted = invertDefinite(start, size);
    if (!inverted)
      throw new ContractError("inputs.information", "expected a positive definite matrix: give a positive ridge");
    const { inverse } = inverted;
    let { logDeterminant } = inverted;
    const weights = new Float64Array(pairs);
    // xᵀA⁻¹x of every pair, kept up to date by the Sherman-Morrison formula.
    const quadratic = new Float64Array(pairs);
    const product = (row: Float64Array) => {
      const result = new Float64Array(size);
      for (let f = 0; f < size; f++) for (let g = 0; g < size; g++) result[f] += inverse[f * size + g] * row[g];
      return result;
    };
    const dot = (x: Float64Array, y: Float64Array) => {
      let sum = 0;
      for (let f = 0; f < size; f++) sum += x[f] * y[f];
      return sum;
    };
    for (let m = 0; m < pairs; m++) {
      const p = probabilities[m];
      if (!(p >= 0 && p <= 1))
        throw new ContractError(`inputs.probabilities[${m}]`, `expected a probability, got ${p}`);
      const row = rowOf(rows, m);
      expectLength(row, size, `differences[${m}]`);
      weights[m] = p * (1 - p);
      quadratic[m] = dot(row, product(row));
    }
    const taken = new Uint8Array(pairs);
    const selected: number[] = [];
    const gains: number[] = [];
    while (selected.length < Math.min(count, pairs)) {
      let best = -1;
      for (let m = 0; m < pairs; m++) {
        if (taken[m] === 1) continue;
        if (best < 0 || weights[m] * quadratic[m] > weights[best] * quadratic[best]) best = m;
      }
      const gain = Math.log1p(Math.max(0, weights[best] * quadratic[best]));
      taken[best] = 1;
      selected.push(best);
      gains.push(gain);
      logDeterminant += gain;
      const direction = product(rowOf(rows, best));
      const scale = weights[best] / (1 + weights[best] * quadratic[best]);
      for (let f = 0; f < size; f++)
        for (let g = 0; g < size; g++) inverse[f * size + g] -= scale * direction[f] * direction[g];
      for (let m = 0; m < pairs; m++) quadratic[m] -= scale * dot(rowOf(rows, m), direction) ** 2;
    }
    return { selected, gains, logDeterminant };
  },
});

import { z } from "zod";
import { entropy } from "../core/distributions.ts";
import { symmetricEigenvalues } from "../core/eigenvalues.ts";
import { ContractError } from "../core/error.ts";
import { flags, nullableVector, ragged, strings, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { type RaggedLike, rowCount, rowOf, toRagged } from "../core/ragged.ts";
import { meanOrNull, spearman } from "../core/statistics.ts";

/** Rows of equal length. */
function readRows(value: RaggedLike, field: string): Float64Array[] {
  const packed = toRagged(value);
  return Array.from({ length: rowCount(packed) }, (_, i) => {
    const row = rowOf(packed, i);
    if (row.length !== packed.offsets[1])
      throw new ContractError(`inputs.${field}[${i}]`, `expected ${packed.offsets[1]} entries, got ${row.length}`);
    return row;
  });
}

function dot(x: Float64Array, y: Float64Array): number {
  let sum = 0;
  for (let d = 0; d < x.length; d++) sum += x[d] * y[d];
  return sum;
}

/** Rows of length 1; a zero row stays zero. */
function unitRows(rows: Float64Array[]): Float64Array[] {
  return rows.map((row) => {
    const norm = Math.sqrt(dot(row, row));
    return norm > 0 ? row.map((value) => value / norm) : row;
  });
}

function distance(x: ArrayLike<number>, y: ArrayLike<number>): number {
  let sum = 0;
  for (let d = 0; d < x.length; d++) sum += (x[d] - y[d]) ** 2;
  return Math.sqrt(sum);
}

/**
 * Mutual k-nearest-neighbour overlap of two embeddings of the same items (as used in PISCES, arXiv 2602.01624; measure of
 * Huh et al.).
 *
 * Neighbours by cosine, the item itself excluded, ties to the lower index. `perItem` = share of the k neighbours in one
 * space that are neighbours in the other, `score` their mean. With fewer than k other items, all of them are neighbours;
 * null with a single item. O(N²·D).
 */
export const mutualKnn = definePart({
  id: "evaluation/mutual-knn",
  papers: ["pisces"],
  params: z.object({ k: z.int().min(1).default(10).describe("neighbours") }),
  inputs: z.object({
    embeddings: ragged("N×D", "items in one space"),
    references: ragged("N×E", "the same items in the other"),
  }),
  outputs: z.object({ perItem: nullableVector("N", "overlap of the neighbourhoods"), score: z.number().nullable() }),
  compute(params, inputs) {
    const first = unitRows(readRows(inputs.embeddings, "embeddings"));
    const second = unitRows(readRows(inputs.references, "references"));
    const k = Math.min(params.k, first.length - 1);
    if (k < 1) return { perItem: first.map(() => null), score: null };
    const perItem = Float64Array.from(first, (_, i) => {
      const known = new Set(nearest(second, i, k));
      return nearest(first, i, k).filter((j) => known.has(j)).length / k;
    });
    return { perItem, score: meanOrNull(perItem) };
  },
});

/** The k rows of largest dot product with row i, without i. */
function nearest(rows: Float64Array[], i: number, k: number): number[] {
  const similarities = Float64Array.from(rows, (row) => dot(row, rows[i]));
  const others = Array.from(rows.keys()).filter((j) => j !== i);
  return others.sort((a, b) => similarities[b] - similarities[a] || a - b).slice(0, k);
}

/**
 * Structure preservation of a map between embedding spaces: Spearman correlation of pairwise Euclidean distances before
 * and after (PISCES, arXiv 2602.01624; our reading of its structure measure).
 *
 * null when one side's distances are all equal (a collapsed map), or with fewer than three items. O(N² log N).
 */
export const structurePreservation = definePart({
  id: "evaluation/structure-preservation",
  papers: ["pisces"],
  params: z.object({}),
  inputs: z.object({
    embeddings: ragged("N×D", "items before the map"),
    mapped: ragged("N×E", "the same items after"),
  }),
  outputs: z.object({ spearman: z.number().nullable() }),
  compute(_, inputs) {
    return {
      spearman: spearman(
        pairDistances(readRows(inputs.embeddings, "embeddings")),
        pairDistances(readRows(inputs.mapped, "mapped")),
      ),
    };
  },
});

function pairDistances(rows: Float64Array[]): Float64Array {
  const distances = new Float64Array((rows.length * (rows.length - 1)) / 2);
  let next = 0;
  for (let i = 0; i < rows.length; i++)
    for (let j = i + 1; j < rows.length; j++) distances[next++] = distance(rows[i], rows[j]);
  return distances;
}

/**
 * Vendi score: effective number of distinct items, exp(−Σ λ log λ) over the eigenvalues of K/N, K cosine similarities
 * (used by SOAR, arXiv 2601.18778).
 *
 * 1 for N copies, N for orthogonal items; zero vectors stay zero. null without items. The smaller of the N×N and D×D
 * matrices is diagonalised (same non-zero spectrum).
 */
export const vendiScore = definePart({
  id: "evaluation/vendi-score",
  papers: ["soar"],
  params: z.object({}),
  inputs: z.object({ embeddings: ragged("N×D", "one row per item") }),
  outputs: z.object({ score: z.number().nullable() }),
  compute(_, inputs) {
    const rows = unitRows(readRows(inputs.embeddings, "embeddings"));
    const n = rows.length;
    if (n === 0) return { score: null };
    const columns = Array.from(rows[0], (_, d) => Float64Array.from(rows, (row) => row[d]));
    const basis = columns.length < n ? columns : rows;
    const size = basis.length;
    const gram = new Float64Array(size * size);
    for (let i = 0; i < size; i++)
      for (let j = i; j < size; j++) {
        gram[i * size + j] = dot(basis[i], basis[j]) / n;
        gram[j * size + i] = gram[i * size + j];
      }
    return { score: Math.exp(entropy(symmetricEigenvalues(gram, size))) };
  },
});

/**
 * Which preference dimension a reward model leans on for a response, and whether its representation is known at all
 * (inference-time probing of MRMBench, arXiv 2511.12464).
 *
 * `centroids` are k-means centres of a validation set per dimension. `distances` = smallest Euclidean distance to a
 * centre of each dimension; `nearestDimension` the dimension with the smallest of all, the first listed on ties;
 * `minDistance` that distance. With `threshold`, `keep` = minDistance ≤ threshold; dropped responses should be masked out,
 * not given reward 0. Distances scale with the model: take a quantile on held-in data. No dimension, one without a
 * centre, or a centre of another size: `ContractError`.
 */
export const dimensionAttribution = definePart({
  id: "evaluation/dimension-attribution",
  papers: ["mrm-bench"],
  params: z.object({
    metric: z.enum(["euclidean"]).default("euclidean").describe("distance"),
    threshold: z.number().nullable().default(null).describe("largest distance that is kept"),
  }),
  inputs: z.object({
    embeddings: ragged("N×D", "last hidden state of each response"),
    centroids: z.record(z.string(), z.array(z.array(z.number()))).describe("cluster centres per dimension"),
  }),
  outputs: z.object({
    distances: z.record(z.string(), vector("N", "distance to the dimension's nearest centre")),
    nearestDimension: strings("N", "dimension of the nearest centre"),
    minDistance: vector("N", "distance to the nearest centre"),
    keep: flags("N", "near enough to be trusted").optional(),
  }),
  compute({ threshold }, { embeddings, centroids }) {
    const rows = readRows(embeddings, "embeddings");
    const names = Object.keys(centroids);
    if (names.length === 0) throw new ContractError("inputs.centroids", "expected at least one dimension");
    const distances: Record<string, Float64Array> = {};
    for (const name of names) {
      const centres = centroids[name];
      if (centres.length === 0) throw new ContractError(`inputs.centroids.${name}`, "expected at least one centre");
      distances[name] = Float64Array.from(rows, (row) => {
        let least = Number.POSITIVE_INFINITY;
        for (const [c, centre] of centres.entries()) {
          if (centre.length !== row.length)
            throw new ContractError(
              `inputs.centroids.${name}[${c}]`,
              `expected ${row.length} entries, got ${centre.length}`,
            );
          least = Math.min(least, distance(row, centre));
        }
        return least;
      });
    }
    const nearestDimension = rows.map((_, i) =>
      names.reduce((best, name) => (distances[name][i] < distances[best][i] ? name : best)),
    );
    const minDistance = Float64Array.from(nearestDimension, (name, i) => distances[name][i]);
    const keep = threshold === null ? undefined : Array.from(minDistance, (least) => least <= threshold);
    return { distances, nearestDimension, minDistance, keep };
  },
});

const probeTasks = ["harmlessness", "helpfulness", "correctness", "coherence", "complexity", "verbosity"];

/**
 * MRMBench score: mean accuracy of linear probes on a reward model's hidden states, one per preference dimension (arXiv
 * 2511.12464).
 *
 * `average` over the dimensions given, `weakest` = the lowest (the benchmark's task order, then the given order, on
 * ties), `spread` = highest − lowest. null without any.
 */
export const probeBenchmark = definePart({
  id: "evaluation/probe-benchmark",
  papers: ["mrm-bench"],
  params: z.object({}),
  inputs: z.object({ accuracies: z.record(z.string(), z.number()).describe("test accuracy per dimension") }),
  outputs: z.object({
    average: z.number().nullable(),
    weakest: z.string().nullable(),
    spread: z.number().nullable(),
  }),
  compute(_, { accuracies }) {
    const given = Object.keys(accuracies);
    if (given.length === 0) return { average: null, weakest: null, spread: null };
    const names = [
      ...probeTasks.filter((name) => Object.hasOwn(accuracies, name)),
      ...given.filter((name) => !probeTasks.includes(name)),
    ];
    const weakest = names.reduce((low, name) => (accuracies[name] < accuracies[low] ? name : low));
    const strongest = names.reduce((high, name) => (accuracies[name] > accuracies[high] ? name : high));
    return {
      average: meanOrNull(names.map((name) => accuracies[name])),
      weakest,
      spread: accuracies[strongest] - accuracies[weakest],
    };
  },
});

import { z } from "zod";
import { symmetricEigenvalues } from "../core/eigenvalues.ts";
import { ContractError } from "../core/error.ts";
import { nullableVector, ragged, shaped, vector } from "../core/fields.ts";
import { groupMembers, indexGroups } from "../core/groups.ts";
import { factor, solveFactored } from "../core/linear-algebra.ts";
import { definePart } from "../core/part.ts";
import { type RaggedLike, rowCount, rowOf, toRagged } from "../core/ragged.ts";
import { meanDefined } from "../core/statistics.ts";

/**
 * Inference distance between responses of a preference data set: variance of inferring one reward from another along the
 * comparison and similarity edges (arXiv 2402.10184).
 *
 * Undirected `edges` [a, b, variance ≥ 0]. `paths` shortest: variances add along the best single path; all: effective
 * resistance (variances as resistances), the posterior variance of a Gaussian network, never larger. `distances` N×N, 0
 * on the diagonal, null where no path leads; `meanFinite` over ordered pairs a ≠ b with a path, null without any. Edges
 * that name no node, or negative variance: `ContractError`. O(N³).
 */
export const inferenceDistance = definePart({
  id: "evaluation/inference-distance",
  papers: ["tree-rm"],
  params: z.object({
    paths: z.enum(["shortest", "all"]).default("shortest").describe("best single path, or all in parallel"),
  }),
  inputs: z.object({
    nodes: z.int().min(0).describe("number of responses"),
    edges: shaped(z.array(z.tuple([z.int(), z.int(), z.number().min(0)])), "E", "[a, b, variance]"),
  }),
  outputs: z.object({
    distances: shaped(z.array(z.array(z.number().nullable())), "N×N", "variance between each pair"),
    meanFinite: z.number().nullable(),
  }),
  compute({ paths }, { nodes, edges }) {
    for (const [e, [a, b, spread]] of edges.entries()) {
      const known = a >= 0 && a < nodes && b >= 0 && b < nodes;
      if (!known || !(spread >= 0))
        throw new ContractError(
          `inputs.edges[${e}]`,
          `expected two nodes below ${nodes} and a variance of at least 0, got ${JSON.stringify(edges[e])}`,
        );
    }
    const matrix = shortestPaths(nodes, edges);
    if (paths === "all") resistances(matrix, nodes, edges);
    const distances: (number | null)[][] = [];
    for (let a = 0; a < nodes; a++)
      distances.push(
        Array.from(matrix.subarray(a * nodes, (a + 1) * nodes), (value) => (Number.isFinite(value) ? value : null)),
      );
    const between = distances.flatMap((row, a) => row.filter((_, b) => a !== b));
    return { distances, meanFinite: meanDefined(between) };
  },
});

type Edge = readonly [number, number, number];

/** Floyd-Warshall; ∞ where there is no path. */
function shortestPaths(n: number, edges: readonly Edge[]): Float64Array {
  const matrix = new Float64Array(n * n).fill(Number.POSITIVE_INFINITY);
  for (let i = 0; i < n; i++) matrix[i * n + i] = 0;
  for (const [a, b, spread] of edges) {
    matrix[a * n + b] = Math.min(matrix[a * n + b], spread);
    matrix[b * n + a] = matrix[a * n + b];
  }
  for (let k = 0; k < n; k++)
    for (let i = 0; i < n; i++) {
      const first = matrix[i * n + k];
      if (first === Number.POSITIVE_INFINITY) continue;
      for (let j = 0; j < n; j++) matrix[i * n + j] = Math.min(matrix[i * n + j], first + matrix[k * n + j]);
    }
  return matrix;
}

/**
 * Replaces finite shortest distances by effective resistances: per component the Laplacian with one node grounded is
 * inverted. Nodes at distance 0 are one node of the circuit.
 */
function resistances(matrix: Float64Array, n: number, edges: readonly Edge[]): void {
  const done = new Uint8Array(n);
  for (let start = 0; start < n; start++) {
    if (done[start]) continue;
    const component = Array.from({ length: n }, (_, i) => i).filter((i) => Number.isFinite(matrix[start * n + i]));
    const place = new Int32Array(n).fill(-1);
    let size = 0;
    for (const i of component) {
      done[i] = 1;
      const same = component.find((j) => j < i && matrix[i * n + j] === 0);
      place[i] = same === undefined ? size++ : place[same];
    }
    const laplacian = new Float64Array(size * size);
    for (const [a, b, spread] of edges) {
      const [p, q] = [place[a], place[b]];
      if (p < 0 || p === q || spread === 0) continue;
      laplacian[p * size + p] += 1 / spread;
      laplacian[q * size + q] += 1 / spread;
      laplacian[p * size + q] -= 1 / spread;
      laplacian[q * size + p] -= 1 / spread;
    }
    // Ground the last node: drop its row and column.
    const free = size - 1;
    const grounded = new Float64Array(free * free);
    for (let p = 0; p < free; p++) for (let q = 0; q < free; q++) grounded[p * free + q] = laplacian[p * size + q];
    const factors = factor(grounded, free);
    const inverse = Array.from({ length: free }, (_, p) => {
      const unit = new Float64Array(free);
      unit[p] = 1;
      const column = solveFactored(factors, unit);
      if (!column) throw new ContractError("inputs.edges", "variances differ too much in size to be solved");
      return column;
    });
    const entry = (p: number, q: number) => (p === free || q === free ? 0 : inverse[p][q]);
    for (const a of component)
      for (const b of component) {
        const [p, q] = [place[a], place[b]];
        matrix[a * n + b] = p === q ? 0 : entry(p, p) + entry(q, q) - 2 * entry(p, q);
      }
  }
}

/**
 * Structure function at a given clustering: how predictable responses are from others of their cluster (arXiv
 * 2402.10184).
 *
 * `perCluster` = mean distance over all ordered pairs of the cluster, an item with itself included; `value` = mean over
 * clusters. Clusters in order of first appearance. A cluster with an undefined distance (null) is undefined, and so is
 * `value` then, and without clusters.
 */
export const structureFunction = definePart({
  id: "evaluation/structure-function",
  papers: ["tree-rm"],
  params: z.object({}),
  inputs: z.object({
    distances: shaped(z.array(z.array(z.number().nullable())), "N×N", "distance between each pair"),
    clusters: shaped(z.array(z.union([z.string(), z.number()])), "N", "cluster of each item"),
  }),
  outputs: z.object({
    clusterCount: z.int(),
    perCluster: nullableVector("M", "mean distance inside each cluster"),
    value: z.number().nullable(),
  }),
  compute(_, { distances, clusters }) {
    for (const [i, row] of distances.entries())
      if (row.length !== clusters.length)
        throw new ContractError(`inputs.distances[${i}]`, `expected ${clusters.length} entries, got ${row.length}`);
    const index = indexGroups(clusters);
    const { order, starts } = groupMembers(index);
    const perCluster = index.ids.map((_, c) => {
      const members = order.subarray(starts[c], starts[c + 1]);
      let sum = 0;
      for (const a of members)
        for (const b of members) {
          const between = distances[a][b];
          if (between === null) return null;
          sum += between;
        }
      return sum / members.length ** 2;
    });
    return {
      clusterCount: perCluster.length,
      perCluster,
      value: perCluster.includes(null) ? null : meanDefined(perCluster),
    };
  },
});

/**
 * Spectral distance of two task graphs: Euclidean distance of their sorted Laplacian spectra (arXiv 2512.04302).
 *
 * L = D − A of symmetric adjacency matrices; the `dimensions` smallest eigenvalues, ascending, zeros appended to a smaller
 * graph's; by default as many as the larger graph has nodes. Relabelling a graph changes nothing. Use the distance as a
 * potential, never as a raw bonus. A matrix that is not square and symmetric: `ContractError`.
 */
export const spectralDistance = definePart({
  id: "evaluation/spectral-distance",
  papers: ["dense-rewards-proposal"],
  params: z.object({
    dimensions: z.int().min(1).optional().describe("eigenvalues compared; default: all of the larger graph"),
  }),
  inputs: z.object({
    first: ragged("N×N", "adjacency of one graph"),
    second: ragged("M×M", "adjacency of the other"),
  }),
  outputs: z.object({
    distance: z.number(),
    firstEigenvalues: vector("K", "spectrum of the first graph"),
    secondEigenvalues: vector("K", "spectrum of the second graph"),
  }),
  compute({ dimensions }, inputs) {
    const first = laplacianSpectrum(inputs.first, "first");
    const second = laplacianSpectrum(inputs.second, "second");
    const size = dimensions ?? Math.max(first.length, second.length);
    const pad = (values: Float64Array) => Float64Array.from({ length: size }, (_, i) => values[i] ?? 0);
    const [firstEigenvalues, secondEigenvalues] = [pad(first), pad(second)];
    let square = 0;
    for (let i = 0; i < size; i++) square += (firstEigenvalues[i] - secondEigenvalues[i]) ** 2;
    return { distance: Math.sqrt(square), firstEigenvalues, secondEigenvalues };
  },
});

function laplacianSpectrum(adjacency: RaggedLike, field: string): Float64Array {
  const rows = toRagged(adjacency);
  const n = rowCount(rows);
  const laplacian = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    const row = rowOf(rows, i);
    if (row.length !== n) throw new ContractError(`inputs.${field}[${i}]`, `expected ${n} entries, got ${row.length}`);
    for (let j = 0; j < n; j++) {
      if (j < i && row[j] !== rowOf(rows, j)[i])
        throw new ContractError(`inputs.${field}[${i}][${j}]`, "expected a symmetric matrix");
      if (i === j) continue;
      laplacian[i * n + j] -= row[j];
      laplacian[i * n + i] += row[j];
    }
  }
  return symmetricEigenvalues(laplacian, n);
}

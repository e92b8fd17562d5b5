/**
 * Inference distance on graphs of similarity and comparison edges: one path as in the paper's argument, or all paths
 * (effective resistance). The part `evaluation/inference-distance` is O(N³); here are a few sources out of 1,500 points.
 */
import type { Random } from "guerdon/core";
import { inferenceDistance } from "guerdon/evaluation";

type Edge = readonly [a: number, b: number, variance: number];
interface Neighbours {
  readonly starts: Int32Array;
  readonly nodes: Int32Array;
  readonly variances: Float64Array;
}

/** Random points in the unit square, each joined to its 7 nearest; variance c · distance. */
export function similarityEdges(points: number, random: Random): Edge[] {
  const x = Float64Array.from({ length: points }, () => random.uniform());
  const y = Float64Array.from({ length: points }, () => random.uniform());
  const edges = new Map<number, Edge>();
  for (let a = 0; a < points; a++) {
    const distance = x.map((value, b) => Math.hypot(value - x[a], y[b] - y[a]));
    const nearest = Array.from(distance, (_, b) => b).sort((b, c) => distance[b] - distance[c]);
    for (const b of nearest.slice(1, 8)) edges.set(Math.min(a, b) * points + Math.max(a, b), [a, b, distance[b]]);
  }
  return [...edges.values()];
}

/** n comparisons; endpoints anywhere (null), or a connected graph over `reused` points. */
export function comparisonEdges(points: number, n: number, reused: number | null, random: Random): Edge[] {
  const variance = 0.02;
  const other = (a: number, of: number) => (a + 1 + random.integer(of - 1)) % of;
  if (reused === null)
    return Array.from({ length: n }, () => {
      const a = random.integer(points);
      return [a, other(a, points), variance];
    });
  const order = Array.from({ length: points }, (_, i) => i);
  for (let i = 0; i < reused; i++) {
    const j = i + random.integer(points - i);
    [order[i], order[j]] = [order[j], order[i]];
  }
  return Array.from({ length: n }, (_, edge) => {
    // The first edges grow a tree over all reused points; the rest join any two of them.
    const a = edge + 1 < reused ? edge + 1 : random.integer(reused);
    const b = edge + 1 < reused ? random.integer(edge + 1) : other(a, reused);
    return [order[a], order[b], variance];
  });
}

function neighbours(points: number, edges: readonly Edge[]): Neighbours {
  const starts = new Int32Array(points + 1);
  for (const [a, b] of edges) for (const node of [a, b]) starts[node + 1]++;
  for (let i = 0; i < points; i++) starts[i + 1] += starts[i];
  const at = starts.slice();
  const nodes = new Int32Array(2 * edges.length);
  const variances = new Float64Array(2 * edges.length);
  for (const [a, b, variance] of edges)
    for (const [from, to] of [
      [a, b],
      [b, a],
    ]) {
      nodes[at[from]] = to;
      variances[at[from]++] = variance;
    }
  return { starts, nodes, variances };
}

/** Least variance of a single path from one point to all others (`paths: shortest` of the part; a queue of points to look at again). */
function shortest({ starts, nodes, variances }: Neighbours, source: number): Float64Array {
  const points = starts.length - 1;
  const distance = new Float64Array(points).fill(Number.POSITIVE_INFINITY);
  const queued = new Uint8Array(points);
  distance[source] = 0;
  let queue = [source];
  while (queue.length > 0) {
    const next: number[] = [];
    for (const node of queue) {
      queued[node] = 0;
      for (let k = starts[node]; k < starts[node + 1]; k++) {
        const through = distance[node] + variances[k];
        if (through >= distance[nodes[k]]) continue;
        distance[nodes[k]] = through;
        if (queued[nodes[k]] === 0) next.push(nodes[k]);
        queued[nodes[k]] = 1;
      }
    }
    queue = next;
  }
  return distance;
}

/** Effective resistance between two points (`paths: all`): conjugate gradients on the Laplacian. */
function resistance({ starts, nodes, variances }: Neighbours, a: number, b: number): number {
  const points = starts.length - 1;
  const degrees = new Float64Array(points);
  for (let i = 0; i < points; i++) for (let k = starts[i]; k < starts[i + 1]; k++) degrees[i] += 1 / variances[k];
  const potential = new Float64Array(points);
  const residual = new Float64Array(points);
  residual[a] = 1;
  residual[b] = -1;
  const direction = residual.map((value, i) => value / degrees[i]);
  const image = new Float64Array(points);
  let energy = dot(residual, direction);
  for (let step = 0; step < 2000 && energy > 1e-16; step++) {
    for (let i = 0; i < points; i++) {
      image[i] = degrees[i] * direction[i];
      for (let k = starts[i]; k < starts[i + 1]; k++) image[i] -= direction[nodes[k]] / variances[k];
    }
    const length = energy / dot(direction, image);
    for (let i = 0; i < points; i++) {
      potential[i] += length * direction[i];
      residual[i] -= length * image[i];
    }
    const before = energy;
    energy = residual.reduce((sum, value, i) => sum + (value * value) / degrees[i], 0);
    for (let i = 0; i < points; i++) direction[i] = residual[i] / degrees[i] + (energy / before) * direction[i];
  }
  return potential[a] - potential[b];
}

const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, value, i) => sum + value * b[i], 0);
export const average = (values: ArrayLike<number>) =>
  Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;

/** Mean inference distance over `sources` points to all others (single paths), and over 60 random pairs (all paths). */
export function meanDistances(points: number, edges: readonly Edge[], sources: number, random: Random) {
  const graph = neighbours(points, edges);
  const from = Array.from({ length: sources }, () => random.integer(points));
  const single = from.flatMap((source) => Array.from(shortest(graph, source)).filter((_, i) => i !== source));
  const all = from.map((a) => resistance(graph, a, (a + 1 + random.integer(points - 1)) % points));
  return { single: average(single.filter(Number.isFinite)), all: average(all) };
}

/** Largest difference between both forms here and the part, on a graph of 60 points. */
export function distanceError(random: Random): number {
  const edges = [...similarityEdges(60, random), ...comparisonEdges(60, 20, 20, random)];
  const graph = neighbours(60, edges);
  const input = { nodes: 60, edges: edges.map(([a, b, v]): [number, number, number] => [a, b, v]) };
  const [single, all] = (["shortest", "all"] as const).map((paths) => inferenceDistance({ paths })(input).distances);
  const fromFirst = shortest(graph, 0);
  let worst = 0;
  for (let b = 1; b < 60; b++) {
    worst = Math.max(worst, Math.abs(fromFirst[b] - (single[0][b] ?? Number.POSITIVE_INFINITY)));
    worst = Math.max(worst, Math.abs(resistance(graph, 0, b) - (all[0][b] ?? Number.POSITIVE_INFINITY)));
  }
  return worst;
}

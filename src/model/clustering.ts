/** Clusters of embeddings, and graphs of states built online. */
import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { integers, ragged, shaped } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { type Ragged, rowCount, rowOf, toRagged, type Vector } from "../core/ragged.ts";
import { expectLength } from "../core/shapes.ts";

function squaredDistance(a: Vector, b: Vector): number {
  let sum = 0;
  for (let d = 0; d < a.length; d++) sum += (a[d] - b[d]) ** 2;
  return sum;
}

/** Index of the nearest point and the squared distance to it; the first on ties, −1 without points. */
function nearest(point: Vector, points: readonly Vector[]): { index: number; squared: number } {
  let index = -1;
  let squared = Number.POSITIVE_INFINITY;
  for (let k = 0; k < points.length; k++) {
    const distance = squaredDistance(point, points[k]);
    if (distance < squared) {
      squared = distance;
      index = k;
    }
  }
  return { index, squared };
}

function checkedRows(rows: Ragged, width: number, field: string): Float64Array[] {
  return Array.from({ length: rowCount(rows) }, (_, i) => {
    const row = rowOf(rows, i);
    expectLength(row, width, `${field}[${i}]`);
    return row;
  });
}

/**
 * k-means by Lloyd iterations from given centroids (for the probes of MRMBench, arXiv 2511.12464).
 *
 * Each iteration assigns every point to its nearest centroid (the first on ties) and moves each centroid to its points' mean; a centroid
 * without points stays. Stops early when nothing moves. `assignments` and `inertia` (summed squared distance) belong to the returned
 * centroids. Shapes N×D, K×D. Errors: no centroid; dimensions that differ.
 */
export const kMeans = definePart({
  id: "model/k-means",
  papers: ["mrm-bench"],
  params: z.object({ iterations: z.int().nonnegative().default(100).describe("at most") }),
  inputs: z.object({
    embeddings: ragged("N×D", "points"),
    initial: ragged("K×D", "first centroids"),
  }),
  outputs: z.object({
    centroids: ragged("K×D", "after the last update"),
    assignments: integers("N", "nearest centroid"),
    inertia: z.number().describe("summed squared distance to it"),
  }),
  compute({ iterations }, { embeddings, initial }) {
    const packed = toRagged(initial);
    if (rowCount(packed) === 0) throw new ContractError("inputs.initial", "expected at least one centroid");
    const width = packed.offsets[1];
    const centroids = checkedRows(packed, width, "initial").map((row) => row.slice());
    const points = checkedRows(toRagged(embeddings), width, "embeddings");
    const assign = () => points.map((point) => nearest(point, centroids).index);
    let assignments = assign();
    for (let iteration = 0; iteration < iterations; iteration++) {
      const sums = centroids.map(() => new Float64Array(width));
      const counts = new Array<number>(centroids.length).fill(0);
      for (const [i, point] of points.entries()) {
        counts[assignments[i]]++;
        const sum = sums[assignments[i]];
        for (let d = 0; d < width; d++) sum[d] += point[d];
      }
      for (const [k, sum] of sums.entries()) if (counts[k] > 0) centroids[k].set(sum.map((total) => total / counts[k]));
      const next = assign();
      const settled = next.every((cluster, i) => cluster === assignments[i]);
      assignments = next;
      if (settled) break;
    }
    const inertia = points.reduce((sum, point, i) => sum + squaredDistance(point, centroids[assignments[i]]), 0);
    return { centroids: centroids.map((row) => Array.from(row)), assignments, inertia };
  },
});

const graphState = z.object({
  nodes: shaped(z.array(z.array(z.number())), "K×D", "representation of each node"),
  edges: shaped(z.array(z.array(z.number())), "K×K", "transitions counted between nodes, symmetric"),
  births: shaped(z.array(z.int()), "K", "clock at which each node came"),
  clock: z.int().nonnegative().describe("nodes that ever came"),
});

/**
 * State graph built online from one trajectory (G4RL as in arXiv 2509.02350).
 *
 * A state further than `distance` from every node (Euclidean, strictly) becomes a node, in the place of the oldest one (whose edges go) when
 * `capacity` are there; any other state maps to the nearest, the first on ties. A transition between different nodes adds 1 to the edge, in
 * both directions. One call is one trajectory: nothing links its first state to an earlier call's last. Shapes T×D; state in, state out.
 */
export const stateGraph = definePart({
  id: "model/state-graph",
  papers: ["dense-rewards-proposal"],
  params: z.object({
    distance: z.number().nonnegative().describe("ε_d, radius of a node"),
    capacity: z.int().positive().default(1000).describe("most nodes"),
  }),
  inputs: z.object({
    state: graphState.default({ nodes: [], edges: [], births: [], clock: 0 }),
    states: ragged("T×D", "representations along the trajectory"),
  }),
  outputs: z.object({ assignments: integers("T", "node of each state"), state: graphState }),
  compute({ distance, capacity }, { states, state = { nodes: [], edges: [], births: [], clock: 0 } }) {
    const rows = toRagged(states);
    const nodes = state.nodes.map((node) => node.slice());
    const edges = state.edges.map((row) => row.slice());
    const births = state.births.slice();
    let clock = state.clock;
    const width = nodes.length > 0 ? nodes[0].length : rowCount(rows) > 0 ? rows.offsets[1] : 0;
    const assignments: number[] = [];
    let previous = -1;
    for (const point of checkedRows(rows, width, "states")) {
      const near = nearest(point, nodes);
      let at = near.index;
      if (at === -1 || near.squared > distance ** 2) {
        if (nodes.length < capacity) {
          at = nodes.length;
          for (const row of edges) row.push(0);
          edges.push(new Array<number>(at + 1).fill(0));
        } else {
          at = births.indexOf(Math.min(...births));
          for (const row of edges) row[at] = 0;
          edges[at].fill(0);
          // The node that the trajectory came from is gone with its edges.
          if (previous === at) previous = -1;
        }
        nodes[at] = Array.from(point);
        births[at] = clock++;
      }
      if (previous !== -1 && previous !== at) {
        edges[previous][at]++;
        edges[at][previous]++;
      }
      assignments.push(at);
      previous = at;
    }
    return { assignments, state: { nodes, edges, births, clock } };
  },
});

/** Distances learnt from the graph of states: dense rewards for sparse goals. */
import { z } from "zod";
import { symmetricEigenvectors } from "../core/eigenvalues.ts";
import { ContractError } from "../core/error.ts";
import { fields, ragged, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { rowCount, rowOf, toRagged } from "../core/ragged.ts";
import { expectLength } from "../core/shapes.ts";

/**
 * Subgoal reward of a lower level: nearness in space plus nearness in the state graph (G4RL, arXiv 2511.10872, as in
 * arXiv 2512.04302): −‖s − g‖ + α·E(s)·E(g).
 *
 * N × D states and goals, N × E embeddings of the encoder. `l2-squared` takes the squared distance.
 */
export const graphSubgoal = definePart({
  id: "signal/graph-subgoal",
  papers: ["dense-rewards-proposal"],
  params: z.object({
    alpha: z.number().default(1).describe("α, weight of the graph term"),
    distance: z.enum(["l2", "l2-squared"]).default("l2"),
  }),
  inputs: z.object({
    states: ragged("N×D", "states"),
    goals: ragged("N×D", "subgoals"),
    embeddings: ragged("N×E", "encodings of the states"),
    goalEmbeddings: ragged("N×E", "encodings of the subgoals"),
  }),
  outputs: z.object({ rewards: fields.rewards }),
  compute({ alpha, distance }, { states, goals, embeddings, goalEmbeddings }) {
    const at = toRagged(states);
    const to = toRagged(goals);
    const codes = toRagged(embeddings);
    const goalCodes = toRagged(goalEmbeddings);
    const n = rowCount(at);
    for (const [name, rows] of Object.entries({ goals: to, embeddings: codes, goalEmbeddings: goalCodes })) {
      expectLength({ length: rowCount(rows) }, n, name);
    }
    const rewards = Float64Array.from({ length: n }, (_, i) => {
      const state = rowOf(at, i);
      const goal = rowOf(to, i);
      const code = rowOf(codes, i);
      const goalCode = rowOf(goalCodes, i);
      expectLength(goal, state.length, `goals[${i}]`);
      expectLength(goalCode, code.length, `goalEmbeddings[${i}]`);
      let squared = 0;
      let product = 0;
      for (let d = 0; d < state.length; d++) squared += (state[d] - goal[d]) ** 2;
      for (let d = 0; d < code.length; d++) product += code[d] * goalCode[d];
      return alpha * product - (distance === "l2" ? Math.sqrt(squared) : squared);
    });
    return { rewards };
  },
});

/**
 * Spectrum of a graph's Laplacian and squared distances of its nodes in the spectral embedding (arXiv 2512.04302).
 *
 * L = D − A, or D^−½ L D^−½ (`normalized`; an isolated node keeps 0). Coordinates u_k(s) over the `dimensions` smallest
 * non-zero eigenvalues (null: all), divided by √λ_k with `scale` inverse-sqrt: with all of them the squared distance of
 * two connected nodes is their effective resistance. Between components it is finite but means nothing. Symmetric
 * non-negative adjacency, n × n. Use as a potential, never as a raw bonus; take all or none of a repeated eigenvalue.
 */
export const laplacianDistance = definePart({
  id: "signal/laplacian-distance",
  papers: ["dense-rewards-proposal"],
  params: z.object({
    laplacian: z.enum(["combinatorial", "normalized"]).default("combinatorial"),
    dimensions: z.int().positive().nullable().default(null).describe("eigenvectors used; null: all non-zero ones"),
    scale: z.enum(["inverse-sqrt", "none"]).default("inverse-sqrt"),
  }),
  inputs: z.object({ adjacency: ragged("V×V", "edge weights, symmetric, non-negative") }),
  outputs: z.object({
    eigenvalues: vector("V", "of the Laplacian, ascending"),
    squaredDistances: ragged("V×V", "of the nodes in the embedding"),
  }),
  compute({ laplacian, dimensions, scale }, { adjacency }) {
    const rows = toRagged(adjacency);
    const n = rowCount(rows);
    for (let i = 0; i < n; i++) expectLength(rowOf(rows, i), n, `adjacency[${i}]`);
    const a = rows.values;
    const degrees = new Float64Array(n);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        if (!(a[i * n + j] >= 0) || a[i * n + j] !== a[j * n + i]) {
          throw new ContractError(`inputs.adjacency[${i}][${j}]`, "expected a symmetric, non-negative matrix");
        }
        degrees[i] += a[i * n + j];
      }
    }
    const matrix = new Float64Array(n * n);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        const entry = (i === j ? degrees[i] : 0) - a[i * n + j];
        const norm = laplacian === "normalized" ? Math.sqrt(degrees[i] * degrees[j]) : 1;
        matrix[i * n + j] = norm > 0 ? entry / norm : 0;
      }
    }
    const { values, vectors } = symmetricEigenvectors(matrix, n);
    // Rounding leaves eigenvalues of 0 within a few bits of the largest.
    const zero = 1e-10 * Math.max(1, n === 0 ? 0 : values[n - 1]);
    const eigenvalues = values.map((value) => (Math.abs(value) <= zero ? 0 : value));
    const used = Array.from(eigenvalues.keys()).filter((k) => eigenvalues[k] > 0);
    if (dimensions !== null) used.length = Math.min(used.length, dimensions);
    const squaredDistances = Array.from({ length: n }, (_, i) =>
      Float64Array.from({ length: n }, (_, j) => {
        let sum = 0;
        for (const k of used) {
          const gap = vectors[i * n + k] - vectors[j * n + k];
          sum += (gap * gap) / (scale === "none" ? 1 : eigenvalues[k]);
        }
        return sum;
      }),
    );
    return { eigenvalues, squaredDistances };
  },
});

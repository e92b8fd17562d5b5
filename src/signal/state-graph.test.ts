import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { graphSubgoal, laplacianDistance } from "./state-graph.ts";

/** A random tree: node i hangs on an earlier one. */
const tree = fc.array(fc.nat(), { minLength: 1, maxLength: 6 }).map((parents) => {
  const n = parents.length + 1;
  const adjacency = Array.from({ length: n }, () => new Array<number>(n).fill(0));
  parents.forEach((parent, k) => {
    adjacency[k + 1][parent % (k + 1)] = 1;
    adjacency[parent % (k + 1)][k + 1] = 1;
  });
  return adjacency;
});

describe("signal/laplacian-distance", () => {
  it("is the number of edges between two nodes of a tree", () => {
    fc.assert(
      fc.property(tree, (adjacency) => {
        const n = adjacency.length;
        const steps = adjacency.map((row, i) =>
          row.map((edge, j) => (i === j ? 0 : edge ? 1 : Number.POSITIVE_INFINITY)),
        );
        for (let k = 0; k < n; k++)
          for (let i = 0; i < n; i++)
            for (let j = 0; j < n; j++) steps[i][j] = Math.min(steps[i][j], steps[i][k] + steps[k][j]);
        const { squaredDistances, eigenvalues } = laplacianDistance()({ adjacency });
        for (let i = 0; i < n; i++)
          for (let j = 0; j < n; j++) expect(squaredDistances[i][j]).toBeCloseTo(steps[i][j], 8);
        // Twice the edges is the trace.
        expect(eigenvalues.reduce((sum, value) => sum + value, 0)).toBeCloseTo(2 * (n - 1), 9);
      }),
    );
  });

  it("counts components by zero eigenvalues and keeps isolated nodes at 0", () => {
    const adjacency = [
      [0, 2, 0],
      [2, 0, 0],
      [0, 0, 0],
    ];
    expect(Array.from(laplacianDistance()({ adjacency }).eigenvalues)).toEqual([0, 0, expect.closeTo(4, 12)]);
    const normalized = laplacianDistance({ laplacian: "normalized", scale: "none", dimensions: 1 })({ adjacency });
    expect(Array.from(normalized.eigenvalues)).toEqual([0, 0, expect.closeTo(2, 12)]);
    expect(normalized.squaredDistances[0][1]).toBeCloseTo(2, 12);
    expect(laplacianDistance()({ adjacency: [] }).eigenvalues).toHaveLength(0);
  });

  it("refuses what is no undirected graph", () => {
    expect(() =>
      laplacianDistance()({
        adjacency: [
          [0, 1],
          [0, 0],
        ],
      }),
    ).toThrow("inputs.adjacency[0][1]");
    expect(() => laplacianDistance()({ adjacency: [[-1]] })).toThrow("inputs.adjacency[0][0]");
    expect(() => laplacianDistance()({ adjacency: [[0, 1]] })).toThrow("adjacency[0]");
  });
});

it("graph subgoal: minus the distance plus the graph term", () => {
  const inputs = { states: [[0, 0]], goals: [[3, 4]], embeddings: [[2]], goalEmbeddings: [[3]] };
  expect(graphSubgoal()(inputs).rewards[0]).toBe(1);
  expect(graphSubgoal({ alpha: 0, distance: "l2-squared" })(inputs).rewards[0]).toBe(-25);
  expect(() => graphSubgoal()({ ...inputs, goals: [] })).toThrow("inputs.goals");
});

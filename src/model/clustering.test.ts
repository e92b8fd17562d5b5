import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { callPart } from "../core/part.ts";
import { kMeans, stateGraph } from "./clustering.ts";

const points = fc.array(fc.tuple(fc.integer({ min: -9, max: 9 }), fc.integer({ min: -9, max: 9 })), {
  minLength: 1,
  maxLength: 8,
});

describe("model/k-means", () => {
  it("inertia never rises with iterations and belongs to the returned centroids", () => {
    fc.assert(
      fc.property(points, (embeddings) => {
        const initial = embeddings.slice(0, 3);
        let before = Number.POSITIVE_INFINITY;
        for (let iterations = 0; iterations < 4; iterations++) {
          const { inertia, centroids, assignments } = kMeans({ iterations })({ embeddings, initial });
          expect(inertia).toBeLessThanOrEqual(before + 1e-9);
          before = inertia;
          const squares = embeddings.map(([x, y]) => centroids.map(([a, b]) => (x - a) ** 2 + (y - b) ** 2));
          expect(assignments).toEqual(squares.map((row) => row.indexOf(Math.min(...row))));
        }
      }),
    );
  });

  it("a centroid without points stays; what does not fit is named", () => {
    const out = kMeans()({ embeddings: [[0], [2]], initial: [[1], [100]] });
    expect(out).toEqual({ centroids: [[1], [100]], assignments: [0, 0], inertia: 2 });
    expect(kMeans()({ embeddings: [], initial: [[1]] })).toMatchObject({ assignments: [], inertia: 0 });
    expect(() => kMeans()({ embeddings: [[1]], initial: [] })).toThrow("inputs.initial");
    expect(() => kMeans()({ embeddings: [[1, 2]], initial: [[1]] })).toThrow("inputs.embeddings[0]");
  });
});

describe("model/state-graph", () => {
  it("grows from nothing, joins at exactly the distance, links no two calls", async () => {
    const params = { distance: 1 };
    const first = await callPart(stateGraph, { params, inputs: { states: [[0], [1], [2.5]] } });
    expect(first.assignments).toEqual([0, 0, 1]);
    const second = await callPart(stateGraph, { params, inputs: { state: first.state, states: [[0.1]] } });
    expect(second.state).toEqual(first.state);
  });

  it("replacing the node one came from leaves no edge", () => {
    const out = stateGraph({ distance: 0.5, capacity: 1 })({ states: [[0], [5]] });
    expect(out).toEqual({ assignments: [0, 0], state: { nodes: [[5]], edges: [[0]], births: [1], clock: 2 } });
    expect(() => stateGraph({ distance: 1 })({ states: [[0], [0, 1]] })).toThrow("inputs.states[1]");
  });

  it("keeps edges symmetric and within the capacity", () => {
    fc.assert(
      fc.property(points, fc.integer({ min: 1, max: 4 }), (states, capacity) => {
        const { state, assignments } = stateGraph({ distance: 3, capacity })({ states });
        expect(state.nodes.length).toBeLessThanOrEqual(capacity);
        for (const at of assignments) expect(at).toBeLessThan(state.nodes.length);
        for (const [i, row] of state.edges.entries()) {
          expect(row[i]).toBe(0);
          for (const [j, count] of row.entries()) expect(count).toBe(state.edges[j][i]);
        }
      }),
    );
  });
});

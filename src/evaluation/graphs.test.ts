import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { inferenceDistance, spectralDistance, structureFunction } from "./graphs.ts";

const edge = fc.tuple(fc.nat(5), fc.nat(5), fc.integer({ min: 1, max: 20 }));
const edgesOf = fc.array(
  edge.map(([a, b, v]): [number, number, number] => [a, b, v / 10]),
  { maxLength: 12 },
);

describe("inference-distance", () => {
  it("is a metric; all paths together are never longer than the shortest", () => {
    fc.assert(
      fc.property(edgesOf, (edges) => {
        const shortest = inferenceDistance()({ nodes: 6, edges });
        const all = inferenceDistance({ paths: "all" })({ nodes: 6, edges });
        for (let a = 0; a < 6; a++)
          for (let b = 0; b < 6; b++) {
            const long = shortest.distances[a][b];
            const short = all.distances[a][b];
            expect(short === null).toBe(long === null);
            if (short === null || long === null) continue;
            expect(short).toBeLessThanOrEqual(long + 1e-9);
            expect(short).toBeCloseTo(all.distances[b][a] ?? -1, 9);
            if (a === b) expect(short).toBe(0);
          }
      }),
    );
  });
  it("adds in series, in parallel as conductances, and merges nodes at variance 0", () => {
    const edges: [number, number, number][] = [
      [0, 1, 1],
      [0, 1, 1],
      [1, 2, 0],
      [2, 3, 2],
    ];
    const { distances, meanFinite } = inferenceDistance({ paths: "all" })({ nodes: 5, edges });
    expect(distances[0]).toEqual([0, 0.5, 0.5, 2.5, null]);
    expect(meanFinite).toBeCloseTo((2 * (0.5 + 0.5 + 2.5 + 0 + 2 + 2)) / 12, 12);
    expect(inferenceDistance()({ nodes: 1, edges: [] }).meanFinite).toBeNull();
    expect(() => inferenceDistance()({ nodes: 1, edges: [[0, 1, 1]] })).toThrow(/edges\[0\]/);
  });
});

describe("structure-function", () => {
  it("is undefined when a cluster holds unrelated items", () => {
    expect(
      structureFunction()({
        distances: [
          [0, null],
          [null, 0],
        ],
        clusters: ["a", "a"],
      }),
    ).toEqual({
      clusterCount: 1,
      perCluster: [null],
      value: null,
    });
    expect(
      structureFunction()({
        distances: [
          [0, null],
          [null, 0],
        ],
        clusters: ["a", "b"],
      }).value,
    ).toBe(0);
    expect(structureFunction()({ distances: [], clusters: [] }).value).toBeNull();
    expect(() => structureFunction()({ distances: [[0]], clusters: ["a", "b"] })).toThrow(/distances\[0\]/);
  });
});

describe("spectral-distance", () => {
  it("does not see a relabelling, pads the smaller graph, and compares the smallest eigenvalues", () => {
    const pair = [
      [0, 1],
      [1, 0],
    ];
    const result = spectralDistance()({ first: pair, second: [[0]] });
    expect(result.distance).toBeCloseTo(2, 12);
    expect(Array.from(result.secondEigenvalues)).toEqual([0, 0]);
    expect(spectralDistance({ dimensions: 1 })({ first: pair, second: [[0]] }).distance).toBeCloseTo(0, 12);
    const weights = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 6, maxLength: 6 });
    fc.assert(
      fc.property(weights, fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }), (w, order) => {
        const at = (i: number, j: number) => (i === j ? 0 : w[[0, 0, 1, 3][Math.max(i, j)] + Math.min(i, j)]);
        const nodes = [0, 1, 2, 3];
        const first = nodes.map((i) => nodes.map((j) => at(i, j)));
        const second = order.map((i) => order.map((j) => at(i, j)));
        expect(spectralDistance()({ first, second }).distance).toBeCloseTo(0, 9);
      }),
    );
  });
  it("refuses matrices that are not square and symmetric", () => {
    expect(() =>
      spectralDistance()({
        first: [
          [0, 1],
          [0, 0],
        ],
        second: [],
      }),
    ).toThrow(/inputs\.first\[1\]\[0\]/);
    expect(() => spectralDistance()({ first: [], second: [[0, 1]] })).toThrow(/inputs\.second\[0\]/);
  });
});

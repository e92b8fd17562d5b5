import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dimensionAttribution, mutualKnn, probeBenchmark, structurePreservation, vendiScore } from "./embeddings.ts";

const coordinate = fc.integer({ min: -9, max: 9 });
const cloud = fc.array(fc.tuple(coordinate, coordinate, coordinate), { minLength: 2, maxLength: 9 });

describe("mutual-knn", () => {
  it("is 1 for a space with itself, also scaled, and needs a neighbour", () => {
    fc.assert(
      fc.property(cloud, fc.integer({ min: 1, max: 12 }), (points, k) => {
        expect(mutualKnn({ k })({ embeddings: points, references: points }).score).toBe(1);
      }),
    );
    expect(mutualKnn()({ embeddings: [[1, 2]], references: [[1]] })).toEqual({ perItem: [null], score: null });
    expect(() => mutualKnn()({ embeddings: [[1, 2], [1]], references: [[1], [1]] })).toThrow(/embeddings\[1\]/);
  });
  it("gives ties to the lower index", () => {
    const result = mutualKnn({ k: 1 })({
      embeddings: [[1], [1], [1]],
      references: [
        [1, 0],
        [0, 1],
        [1, 0],
      ],
    });
    expect(Array.from(result.perItem)).toEqual([0, 1, 1]);
  });
});

describe("structure-preservation", () => {
  it("is 1 after a similarity transform, null after a collapse", () => {
    expect(structurePreservation()({ embeddings: [[0], [1], [5]], mapped: [[3], [1], [-7]] }).spearman).toBeCloseTo(1);
    expect(structurePreservation()({ embeddings: [[0], [1], [5]], mapped: [[3], [3], [3]] }).spearman).toBeNull();
    expect(structurePreservation()({ embeddings: [[0], [1]], mapped: [[3], [1]] }).spearman).toBeNull();
  });
});

describe("vendi-score", () => {
  it("lies between 1 and N, and does not depend on order or scale", () => {
    fc.assert(
      fc.property(cloud, fc.integer({ min: 1, max: 9 }), (points, scale) => {
        const nonzero = points.filter((row) => row.some((value) => value !== 0));
        if (nonzero.length === 0) return;
        const { score } = vendiScore()({ embeddings: nonzero });
        expect(score).toBeGreaterThanOrEqual(1 - 1e-9);
        expect(score).toBeLessThanOrEqual(nonzero.length + 1e-9);
        const other = vendiScore()({ embeddings: nonzero.map((row) => row.map((v) => v * scale)).reverse() });
        expect(other.score).toBeCloseTo(score ?? 0, 9);
      }),
    );
    expect(
      vendiScore()({
        embeddings: [
          [1, 2],
          [2, 4],
        ],
      }).score,
    ).toBeCloseTo(1, 9);
    expect(vendiScore()({ embeddings: [] }).score).toBeNull();
  });
});

describe("dimension-attribution", () => {
  it("keeps a response at exactly the threshold, and the first dimension of equally near ones", () => {
    const result = dimensionAttribution({ threshold: 5 })({
      embeddings: [[0, 0]],
      centroids: {
        b: [[3, 4]],
        a: [
          [4, 3],
          [9, 9],
        ],
      },
    });
    expect(result.nearestDimension).toEqual(["b"]);
    expect(result.keep).toEqual([true]);
    expect(dimensionAttribution()({ embeddings: [[0]], centroids: { a: [[1]] } }).keep).toBeUndefined();
  });
  it("names what does not fit", () => {
    expect(() => dimensionAttribution()({ embeddings: [[0]], centroids: {} })).toThrow(/centroids/);
    expect(() => dimensionAttribution()({ embeddings: [[0]], centroids: { a: [] } })).toThrow(/centroids\.a/);
    expect(() => dimensionAttribution()({ embeddings: [[0]], centroids: { a: [[1, 2]] } })).toThrow(/a\[0\]/);
  });
});

describe("probe-benchmark", () => {
  it("breaks ties in the benchmark's task order, then in the given one", () => {
    expect(probeBenchmark()({ accuracies: { style: 1, verbosity: 1, helpfulness: 1 } })).toEqual({
      average: 1,
      weakest: "helpfulness",
      spread: 0,
    });
    expect(probeBenchmark()({ accuracies: {} })).toEqual({ average: null, weakest: null, spread: null });
  });
});

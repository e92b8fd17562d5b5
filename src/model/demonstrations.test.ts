import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { demonstrationBinarySplit, demonstrationSplit, discriminativeFeatures } from "./demonstrations.ts";

/** Mean over features of the population std of some frames. */
function cost(frames: number[][]): number {
  const width = frames[0].length;
  let sum = 0;
  for (let d = 0; d < width; d++) {
    const column = frames.map((frame) => frame[d]);
    const mean = column.reduce((a, b) => a + b, 0) / column.length;
    sum += Math.sqrt(column.reduce((a, b) => a + (b - mean) ** 2, 0) / column.length);
  }
  return sum / width;
}

function segmentations(frames: number, steps: number, minSize: number, start = 0): number[][] {
  if (steps === 1) return frames - start >= minSize ? [[]] : [];
  const all: number[][] = [];
  for (let split = start + minSize; split <= frames - (steps - 1) * minSize; split++)
    for (const rest of segmentations(frames, steps - 1, minSize, split)) all.push([split, ...rest]);
  return all;
}

const features = fc.array(
  fc.tuple(fc.double({ min: -2, max: 2, noNaN: true }), fc.double({ min: -2, max: 2, noNaN: true })),
  {
    minLength: 6,
    maxLength: 9,
  },
);

describe("model/demonstration-split", () => {
  it("finds the least aggregate of all segmentations, for the mean and for the std", () => {
    fc.assert(
      fc.property(
        features,
        fc.integer({ min: 1, max: 3 }),
        fc.constantFrom("mean", "std"),
        (rows, steps, aggregate) => {
          const costsOf = (splits: number[]) => {
            const bounds = [0, ...splits, rows.length];
            return splits.concat(0).map((_, k) => cost(rows.slice(bounds[k], bounds[k + 1])));
          };
          const measure = (costs: number[]) => {
            const mean = costs.reduce((a, b) => a + b, 0) / costs.length;
            if (aggregate === "mean") return mean;
            return Math.sqrt(costs.reduce((a, b) => a + (b - mean) ** 2, 0) / costs.length);
          };
          const { splits, stds } = demonstrationSplit({ steps, minSize: 2, aggregate: aggregate as "mean" | "std" })({
            features: rows,
          });
          const least = Math.min(
            ...segmentations(rows.length, steps, 2).map((candidate) => measure(costsOf(candidate))),
          );
          expect(measure(costsOf(splits))).toBeCloseTo(least, 9);
          for (const [k, expected] of costsOf(splits).entries()) expect(stds[k]).toBeCloseTo(expected, 9);
        },
      ),
    );
  });

  it("a constant demonstration splits as early as it may; too few frames or too many segmentations are refused", () => {
    const constant = (frames: number) => ({ features: new Array(frames).fill([1]) });
    expect(demonstrationSplit({ steps: 3, minSize: 2 })(constant(9)).splits).toEqual([2, 4]);
    expect(demonstrationSplit({ steps: 1 })(constant(2))).toEqual({ splits: [], stds: [0] });
    expect(() => demonstrationSplit({ steps: 3, minSize: 2 })(constant(5))).toThrow("inputs.features");
    expect(() => demonstrationSplit({ steps: 9, aggregate: "std" })(constant(200))).toThrow("params.aggregate");
    expect(() => demonstrationSplit({ steps: 1 })({ features: [[1], [1, 2]] })).toThrow("inputs.features[1]");
  });

  it("is fast enough for a real demonstration", () => {
    const rows = Array.from({ length: 400 }, (_, t) => [Math.floor(t / 100), Math.sin(t)]);
    expect(demonstrationSplit({ steps: 4, minSize: 20 })({ features: rows }).splits).toHaveLength(3);
  });
});

describe("model/demonstration-binary-split", () => {
  it("leaves room for every step, splits ascending", () => {
    fc.assert(
      fc.property(features, fc.integer({ min: 1, max: 3 }), (rows, steps) => {
        const { splits } = demonstrationBinarySplit({ steps, minSize: 2 })({ features: rows });
        const bounds = [0, ...splits, rows.length];
        for (let k = 0; k + 1 < bounds.length; k++) expect(bounds[k + 1] - bounds[k]).toBeGreaterThanOrEqual(2);
        expect(splits).toHaveLength(steps - 1);
        if (steps === 2) expect(splits).toEqual(demonstrationSplit({ steps, minSize: 2 })({ features: rows }).splits);
      }),
    );
  });
});

describe("model/discriminative-features", () => {
  it("one step has no negatives; every step needs a frame; ties go to the lower feature", () => {
    const one = discriminativeFeatures({ top: 1 })({
      features: [
        [1, 5],
        [3, 5],
      ],
      labels: [0, 0],
    });
    expect(one).toEqual({ means: [[2, 5]], stds: [[1, 0]], scores: [[-1, -0]], selected: [[1]] });
    expect(() => discriminativeFeatures()({ features: [[1]], labels: [1] })).toThrow("inputs.labels");
    expect(() => discriminativeFeatures()({ features: [[1]], labels: [-1] })).toThrow("inputs.labels[0]");
    const tied = discriminativeFeatures({ alpha: 1 })({
      features: [
        [0, 0, 1],
        [2, 2, 9],
      ],
      labels: [0, 1],
    });
    expect(tied.selected).toEqual([
      [2, 0, 1],
      [2, 0, 1],
    ]);
    expect(discriminativeFeatures()({ features: [], labels: [] }).selected).toEqual([]);
  });
});

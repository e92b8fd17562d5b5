import fc from "fast-check";
import { expect, it } from "vitest";
import { hierarchicalPreference } from "./hierarchical-preference.ts";

const factors = fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 3 })), {
  minLength: 2,
  maxLength: 8,
});

it("is antisymmetric, and without margins the lexicographic order", () => {
  fc.assert(
    fc.property(factors, (rows) => {
      const pairs = rows.flatMap((_, i) => rows.map((_, j): [number, number] => [i, j]));
      const out = hierarchicalPreference()({ factors: rows, pairs });
      pairs.forEach(([i, j], m) => {
        const [a, b] = [rows[i], rows[j]];
        expect(out.labels[m]).toBe(Math.sign(a[0] - b[0]) || Math.sign(a[1] - b[1]));
        expect(out.levels[m]).toBe(a[0] !== b[0] ? 0 : a[1] !== b[1] ? 1 : null);
      });
      const decided = out.levelShare.reduce<number>((sum, share) => sum + (share ?? 0), 0);
      expect(decided + (out.undecided ?? 0)).toBeCloseTo(1, 12);
    }),
  );
});

it("takes given scales, falls through at exactly the margin, and lets lower be better", () => {
  const run = hierarchicalPreference({ margins: [1, 0], signs: [1, -1] });
  const out = run({
    factors: [
      [0, 5],
      [2, 7],
      [3, 7],
    ],
    pairs: [
      [1, 0],
      [2, 0],
    ],
    scales: [2, 1],
  });
  // A difference equal to the margin 2 leaves it to the second factor, where lower wins.
  expect(Array.from(out.labels)).toEqual([-1, 1]);
  expect(out.levels).toEqual([1, 0]);
});

it("has no shares without pairs and names what is wrong", () => {
  expect(hierarchicalPreference()({ factors: [[1]], pairs: [] })).toMatchObject({
    levelShare: [null],
    undecided: null,
  });
  expect(() => hierarchicalPreference({ margins: [1] })({ factors: [[1]], pairs: [[0, 0]] })).toThrow("inputs.scales");
  expect(() => hierarchicalPreference()({ factors: [[1], [1, 2]], pairs: [] })).toThrow("inputs.factors[1]");
  expect(() => hierarchicalPreference({ order: [1] })({ factors: [[1]], pairs: [] })).toThrow("params.order[0]");
  expect(() => hierarchicalPreference({ margins: [] })({ factors: [[1]], pairs: [] })).toThrow("params.margins");
  expect(() => hierarchicalPreference()({ factors: [[1]], pairs: [[0, 1]] })).toThrow("inputs.pairs[0]");
});

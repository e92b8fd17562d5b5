import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mean, pearson, variance } from "../core/statistics.ts";
import {
  addToComoments,
  addToMoments,
  correlation,
  emptyComoments,
  emptyMoments,
  mergeMoments,
  momentsDeviation,
} from "./moments.ts";

const values = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 2, maxLength: 60 });

function momentsOf(numbers: readonly number[]) {
  const moments = emptyMoments();
  for (const x of numbers) addToMoments(moments, x);
  return moments;
}

describe("moments", () => {
  it("agree with two passes over the same numbers, however they are split", () => {
    fc.assert(
      fc.property(values, fc.nat(60), (numbers, cut) => {
        const merged = momentsOf(numbers.slice(0, cut));
        mergeMoments(merged, momentsOf(numbers.slice(cut)));
        for (const moments of [momentsOf(numbers), merged]) {
          expect(moments.count).toBe(numbers.length);
          expect(moments.mean).toBeCloseTo(mean(numbers), 6);
          expect(Math.abs(moments.squares / (numbers.length - 1) - variance(numbers))).toBeLessThanOrEqual(
            1e-9 * (1 + variance(numbers)),
          );
          expect(moments.minimum).toBe(Math.min(...numbers) + 0);
          expect(moments.maximum).toBe(Math.max(...numbers) + 0);
        }
      }),
    );
  });

  it("keeps the spread of numbers far from zero", () => {
    expect(momentsDeviation(momentsOf([1e9, 1e9 + 1, 1e9 + 2]))).toBeCloseTo(1, 12);
  });

  it("has no spread to tell of one number", () => {
    expect(momentsDeviation(momentsOf([3]))).toBeNull();
  });
});

describe("correlation", () => {
  const of = (pairs: readonly (readonly [number, number])[]) => {
    const comoments = emptyComoments();
    for (const [x, y] of pairs) addToComoments(comoments, x, y);
    return correlation(comoments);
  };

  it("is Pearson's", () => {
    const x = [1, 2, 3, 4, 5];
    const y = [2, 1, 4, 3, 5];
    expect(of(x.map((v, i) => [v, y[i]]))).toBeCloseTo(pearson(x, y) as number, 12);
    expect(of(x.map((v, i) => [v, y[i]]))).toBeCloseTo(0.8, 12);
    expect(of(x.map((v) => [v + 1e8, -v]))).toBeCloseTo(-1, 9);
  });

  it("is undefined where a side is constant, rounding or not", () => {
    expect(of(Array.from({ length: 50 }, (_, i) => [0.1, i] as const))).toBeNull();
    expect(of([[1, 2]])).toBeNull();
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRandom } from "../core/random.ts";
import { quantile } from "../core/statistics.ts";
import { addToSketch, emptySketch, sketchQuantile, sketchRank } from "./sketch.ts";

function sketchOf(numbers: Iterable<number>) {
  const sketch = emptySketch();
  for (const x of numbers) addToSketch(sketch, x);
  return sketch;
}

describe("sketch", () => {
  it("is exact while there are few distinct values", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -40, max: 40 }), { minLength: 1, maxLength: 2000 }), (numbers) => {
        const sketch = sketchOf(numbers);
        expect(sketch.exact).not.toBeNull();
        for (const q of [0, 0.05, 0.5, 0.9, 1]) expect(sketchQuantile(sketch, q)).toBeCloseTo(quantile(numbers, q), 10);
        expect(sketchRank(sketch, 3)).toBe(numbers.filter((x) => x < 3).length);
      }),
      { numRuns: 40 },
    );
  });

  it("estimates ranks of many distinct values within half a percent, in any order", () => {
    const random = createRandom(4);
    const shuffled = Array.from({ length: 60_000 }, () => random.normal() * 3 + 1000);
    const skewed = shuffled.map((x) => Math.exp((x - 1000) * 2));
    for (const numbers of [shuffled, shuffled.toSorted((a, b) => a - b), skewed]) {
      const sketch = sketchOf(numbers);
      const sorted = numbers.toSorted((a, b) => a - b);
      expect(sketch.means.length + sketch.buffer.length).toBeLessThan(3000);
      for (const q of [0.001, 0.05, 0.25, 0.5, 0.75, 0.95, 0.999]) {
        const value = sketchQuantile(sketch, q) as number;
        const rank = sorted.findIndex((x) => x >= value) / sorted.length;
        expect(Math.abs(rank - q)).toBeLessThan(0.005);
        expect(Math.abs(sketchRank(sketch, value) / sorted.length - q)).toBeLessThan(0.005);
      }
      expect(sketchQuantile(sketch, 0)).toBe(sorted[0]);
      expect(sketchQuantile(sketch, 1)).toBe(sorted[sorted.length - 1]);
    }
  });

  it("keeps a spike a spike", () => {
    const random = createRandom(5);
    const sketch = sketchOf(Array.from({ length: 20_000 }, (_, i) => (i % 2 ? 0 : random.uniform() + 1)));
    expect(sketchQuantile(sketch, 0.25)).toBe(0);
    expect(sketchRank(sketch, 0.5) / sketch.count).toBeCloseTo(0.5, 2);
  });

  it("is not changed by being looked at", () => {
    const sketch = sketchOf(Array.from({ length: 5000 }, (_, i) => Math.sin(i)));
    const before = structuredClone(sketch);
    sketchQuantile(sketch, 0.3);
    sketchRank(sketch, 0.3);
    expect(sketch).toEqual(before);
  });

  it("says nothing of nothing", () => {
    expect(sketchQuantile(emptySketch(), 0.5)).toBeNull();
  });
});

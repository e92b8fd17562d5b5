import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRandom, drawIndex, drawWeighted } from "./random.ts";

describe("given draws", () => {
  it("an index is the share of the way through, inside even for a draw of 1", () => {
    expect([0, 0.5, 0.999, 1].map((u) => drawIndex(u, 4))).toEqual([0, 2, 3, 3]);
  });
  it("weights are drawn by the first cumulated one above the draw; weightless entries never", () => {
    expect([0, 0.25, 0.9, 1].map((u) => drawWeighted(u, [0, 1, 0, 3, 0]))).toEqual([1, 3, 3, 3]);
    expect(drawWeighted(0.5, [0, 0])).toBe(-1);
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.array(fc.double({ min: 0, max: 9, noNaN: true })),
        (u, weights) => {
          const index = drawWeighted(u, weights);
          if (weights.some((weight) => weight > 0)) expect(weights[index]).toBeGreaterThan(0);
          else expect(index).toBe(-1);
        },
      ),
    );
  });
});

describe("createRandom", () => {
  it("is fixed by its seed; streams do not depend on what was drawn", () => {
    const one = createRandom("seed");
    const other = createRandom("seed");
    one.uniform();
    expect(one.stream("a").uniform()).toBe(other.stream("a").uniform());
    expect(createRandom(1).uniform()).not.toBe(createRandom(2).uniform());
    const draws = Array.from({ length: 4000 }, () => other.normal());
    expect(Math.abs(draws.reduce((sum, x) => sum + x, 0) / 4000)).toBeLessThan(0.08);
  });
});

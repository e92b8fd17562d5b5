import { describe, expect, it } from "vitest";
import { valueIteration } from "./value-iteration.ts";

describe("environment/value-iteration", () => {
  it("keeps ties that iteration to a tolerance would break", () => {
    // Two ways to the same goal, one of them over many more multiplications.
    const transitions = [
      [
        [0, 1, 0],
        [0, 1, 0],
      ],
      [
        [0, 0, 1],
        [0, 1, 0],
      ],
      [
        [0, 0, 1],
        [0, 0, 1],
      ],
    ];
    const out = valueIteration({ gamma: 0.999 })({
      transitions,
      rewardTable: [
        [0.1, 0.1],
        [1, 0],
        [0, 0],
      ],
    });
    expect(out.optimalActions).toEqual([[0, 1], [0], [0, 1]]);
    expect(out.values[0]).toBeCloseTo(0.1 + 0.999, 12);
  });

  it("solves an undiscounted episode that ends, and refuses one that need not", () => {
    const once = valueIteration({ gamma: 1 })({ transitions: [[[0.5], [0]]], rewardTable: [[1, 1.5]] });
    expect(once.values[0]).toBeCloseTo(2, 12);
    expect(once.optimalActions).toEqual([[0]]);
    expect(() => valueIteration({ gamma: 1 })({ transitions: [[[1]]], rewardTable: [[1]] })).toThrow("params.gamma");
  });
});

import { describe, expect, it } from "vitest";
import { greedyActions, readMdp, solveMdp } from "./finite-mdp.ts";
import { solve } from "./linear-algebra.ts";
import { createRandom } from "./random.ts";

describe("linear algebra", () => {
  it("solves what needs pivoting, and says when there is no solution", () => {
    expect(Array.from(solve(new Float64Array([0, 2, 1, 1]), [4, 3]) ?? [])).toEqual([1, 2]);
    expect(solve(new Float64Array([1, 2, 2, 4]), [1, 2])).toBeNull();
  });

  it("leaves a residual of rounding size on random systems", () => {
    const random = createRandom("systems");
    for (let n = 1; n <= 30; n++) {
      const a = Float64Array.from({ length: n * n }, () => random.normal());
      const b = Float64Array.from({ length: n }, () => random.normal());
      const x = solve(a, b) ?? new Float64Array(n);
      for (let i = 0; i < n; i++) {
        let sum = 0;
        for (let j = 0; j < n; j++) sum += a[i * n + j] * x[j];
        expect(Math.abs(sum - b[i])).toBeLessThan(1e-9);
      }
    }
  });
});

describe("finite MDPs", () => {
  it("finds the worst values as well as the best", () => {
    const mdp = readMdp([[[1], [1], [1]]], [[1, 3, 2]]);
    expect(solveMdp(mdp, 0.5).values[0]).toBeCloseTo(6, 12);
    expect(solveMdp(mdp, 0.5, { worst: true }).values[0]).toBeCloseTo(2, 12);
    expect(solveMdp(mdp, 0.5, { allowed: [[0, 2]] }).values[0]).toBeCloseTo(4, 12);
  });

  it("counts actions as tied relative to the size of the values", () => {
    expect(greedyActions(new Float64Array([1e9, 1e9 + 0.5, 0, 1e-10]), 2, 1e-9)).toEqual([
      [0, 1],
      [0, 1],
    ]);
  });

  it("names the entry that is no probability and the state with another number of actions", () => {
    expect(() => readMdp([[[Number.NaN]]], [[0]])).toThrow("inputs.transitions[0][0][0]");
    expect(() =>
      readMdp(
        [
          [[0, 1]],
          [
            [0, 1],
            [1, 0],
          ],
        ],
        [[0], [0]],
      ),
    ).toThrow("inputs.transitions[1]");
    expect(() => readMdp([[[1]]], [[0, 0]])).toThrow("inputs.rewardTable[0]");
  });
});

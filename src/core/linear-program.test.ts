import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { minimize } from "./linear-program.ts";

const program = (costs: number[], rows: number[][], bounds: number[]) => ({
  costs: Float64Array.from(costs),
  rows: Float64Array.from(rows.flat()),
  bounds: Float64Array.from(bounds),
});

describe("minimize", () => {
  it("finds the corner of a small diet", () => {
    // x + y ≥ 4, x + 3y ≥ 6: corners (6, 0), (3, 1), (0, 4) at costs 2 and 3.
    const x = minimize(
      program(
        [2, 3],
        [
          [1, 1],
          [1, 3],
        ],
        [4, 6],
      ),
    );
    expect(x?.[0]).toBeCloseTo(3, 9);
    expect(x?.[1]).toBeCloseTo(1, 9);
  });
  it("says when rows contradict each other, and when nothing is asked", () => {
    expect(minimize(program([1], [[1], [-1]], [2, -1]))).toBeNull();
    expect(minimize(program([1, 0], [[-1, -1]], [-5]))).toEqual(Float64Array.of(0, 0));
    expect(() => minimize(program([-1], [[1]], [0]))).toThrow("non-negative costs");
  });
  it("solutions are feasible and no feasible point is cheaper", () => {
    const entry = fc.integer({ min: -3, max: 3 });
    const point = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 3, maxLength: 3 });
    const row = fc.array(entry, { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 3, maxLength: 3 }),
        fc.array(row, { minLength: 1, maxLength: 8 }),
        point,
        fc.array(fc.nat(2), { minLength: 8, maxLength: 8 }),
        fc.array(point, { minLength: 20, maxLength: 20 }),
        (costs, rows, inside, slack, others) => {
          const dot = (a: ArrayLike<number>, b: ArrayLike<number>) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
          const bounds = rows.map((r, i) => dot(r, inside) - slack[i]);
          const x = minimize(program(costs, rows, bounds));
          if (!x) throw new Error("infeasible although a feasible point is known");
          rows.forEach((r, i) => {
            expect(dot(r, x)).toBeGreaterThanOrEqual(bounds[i] - 1e-6);
          });
          for (const other of [inside, ...others])
            if (rows.every((r, i) => dot(r, other) >= bounds[i]))
              expect(dot(costs, x)).toBeLessThanOrEqual(dot(costs, other) + 1e-6);
        },
      ),
      { numRuns: 500 },
    );
  });
});

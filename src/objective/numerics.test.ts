import { numpy as np } from "@jax-js/jax";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { evaluate, evaluateWithGradient, maskTensor, pad, rowsTensor, type Tensor, tensor, unpad } from "./engine.ts";
import {
  aggregate,
  aggregations,
  clamp,
  expm1,
  logSigmoid,
  maskedMean,
  rowMeans,
  sigmoid,
  softplus,
} from "./numerics.ts";

const over = (f: (x: Tensor) => Tensor) => (x: number[]) =>
  evaluateWithGradient(
    ({ values }: { values: Tensor }) => {
      const y = f(values);
      return { loss: np.sum(y.ref), y };
    },
    { values: tensor(x) },
    ["values"],
  );

describe("stable functions", () => {
  it("have exact values and derivatives at 0 and at saturation", () => {
    const x = [-1e4, -40, 0, 40, 1e4];
    const soft = over(softplus)(x);
    expect(Array.from(soft.y)).toEqual([0, expect.closeTo(0, 15), Math.LN2, 40, 1e4]);
    expect(Array.from(soft.gradients.values)).toEqual([0, expect.closeTo(4.248354255291589e-18, 30), 0.5, 1, 1]);
    expect(Array.from(over(logSigmoid)(x).y)).toEqual([-1e4, -40, -Math.LN2, expect.closeTo(0, 15), 0]);
    expect(Array.from(over(sigmoid)(x).y)).toEqual([0, expect.closeTo(0, 15), expect.closeTo(0.5, 15), 1, 1]);
  });

  it("agree with Math for any double", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -30, max: 30, noNaN: true }), { minLength: 1, maxLength: 8 }), (x) => {
        const { y, gradients } = over(expm1)(x);
        x.forEach((value, k) => {
          expect(Math.abs(y[k] - Math.expm1(value))).toBeLessThanOrEqual(4e-15 * Math.abs(Math.expm1(value)));
          expect(Math.abs(gradients.values[k] - Math.exp(value))).toBeLessThanOrEqual(1e-12 * Math.exp(value));
        });
      }),
      { numRuns: 30 },
    );
  });

  it("pass the gradient inside a clamp, bounds included, and none outside", () => {
    const { y, gradients } = over((x) => clamp(x, -1, 1))([-2, -1, 0, 1, 2]);
    expect(Array.from(y)).toEqual([-1, -1, 0, 1, 1]);
    expect(Array.from(gradients.values)).toEqual([0, 1, 1, 1, 0]);
    expect(Array.from(over((x) => clamp(x, null, null))([-2, 2]).y)).toEqual([-2, 2]);
  });
});

describe("masks", () => {
  it("stop what they hide, were it infinite or undefined, in value and gradient", () => {
    const values = rowsTensor([
      [1, Number.NEGATIVE_INFINITY],
      [Number.NaN, 3],
    ]);
    const mask = tensor([1, 0, 0, 1], [2, 2]);
    const { loss, gradients } = evaluateWithGradient(
      ({ x, m }: { x: Tensor; m: Tensor }) => ({ loss: maskedMean(np.exp(x), m) }),
      { x: values, m: mask },
      ["x"],
    );
    expect(loss).toBeCloseTo((Math.E + Math.E ** 3) / 2, 12);
    expect(gradients.x[0]).toBeCloseTo(Math.E / 2, 12);
    expect(gradients.x[1]).toBe(0);
  });

  it("give 0 where nothing is kept", () => {
    const run = (f: (x: Tensor, m: Tensor) => Tensor) =>
      evaluate(({ x, m }: { x: Tensor; m: Tensor }) => ({ y: f(x, m) }), {
        x: tensor([1, 2], [1, 2]),
        m: tensor([0, 0], [1, 2]),
      }).y;
    expect(Array.from(run(maskedMean))).toEqual([0]);
    expect(Array.from(run(rowMeans))).toEqual([0]);
    for (const aggregation of aggregations)
      expect(Array.from(run((x, m) => aggregate(x, m, aggregation, 4)))).toEqual([0]);
  });
});

describe("aggregation", () => {
  it("differs by mode exactly as its formula says", () => {
    const losses = [[1, 2, 3], [4], [9, 9]];
    const mask = [[1, 1, 1], [1], [0, 0]];
    const of = (mode: (typeof aggregations)[number], scale?: number) =>
      evaluate(({ x, m }: { x: Tensor; m: Tensor }) => ({ loss: aggregate(x, m, mode, scale) }), {
        x: rowsTensor(losses),
        m: maskTensor(losses, mask),
      }).loss;
    expect(of("token-mean")).toBeCloseTo(10 / 4, 12);
    expect(of("seq-mean-token-mean")).toBeCloseTo((2 + 4) / 2, 12);
    expect(of("seq-mean-token-sum")).toBeCloseTo((6 + 4) / 2, 12);
    expect(of("seq-mean-token-sum-norm", 5)).toBeCloseTo(10 / 5, 12);
    expect(of("seq-mean-token-sum-norm")).toBeCloseTo(10 / 3, 12);
    expect(of("dr-grpo", 5)).toBeCloseTo(10 / 15, 12);
  });
});

describe("padding", () => {
  it("comes off as it went on", () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.double({ noNaN: true }), { maxLength: 5 }), { maxLength: 5 }), (rows) => {
        const { values } = unpad(pad(rows).values, rows);
        expect(Array.from(values)).toEqual(rows.flat());
      }),
    );
    expect(pad([])).toMatchObject({ rows: 1, width: 1 });
    expect(pad([[], []])).toMatchObject({ rows: 2, width: 1 });
    expect(pad([[1]], 4)).toMatchObject({ rows: 1, width: 4 });
  });

  it("leaves no trace of Float16Array behind where the platform has none", () => {
    const had = "Float16Array" in globalThis;
    tensor([1, 2]).dispose();
    expect("Float16Array" in globalThis).toBe(had);
  });
});

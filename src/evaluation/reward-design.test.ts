import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  gradientMoments,
  informativeness,
  lipschitzEstimate,
  optimalityGap,
  policyInformativeness,
  valueLipschitzBound,
  valueVariance,
} from "./reward-design.ts";

// Two states: action 1 of state 0 goes to the absorbing state 1, action 0 stays.
const chain = {
  transitions: [
    [
      [1, 0],
      [0, 1],
    ],
    [
      [0, 1],
      [0, 1],
    ],
  ],
  targetActions: [1, 0],
  optimalActions: [[1], [0, 1]],
};

describe("optimality-gap and informativeness", () => {
  it("finds the gap of a reward for arriving, and a one-step horizon that shows it", () => {
    const rewardTable = [
      [0, 1],
      [0, 0],
    ];
    const { gaps, qValues } = optimalityGap({ gamma: 0.5 })({ ...chain, rewardTable });
    expect(Array.from(gaps)).toEqual([0.5, 0]);
    expect(qValues[0]).toEqual([0.5, 1]);
    const design = informativeness({ gamma: 0.5, horizons: [0], horizonConvention: "inclusive" });
    expect(design({ ...chain, rewardTable, gaps }).informativeness).toBe(0);
    const none = informativeness({ gamma: 0.5, horizons: [0], horizonConvention: "exclusive" });
    expect(none({ ...chain, rewardTable, gaps }).informativeness).toBe(-0.25);
    expect(informativeness({ gamma: 0.5, horizons: [] })({ ...chain, rewardTable, gaps }).informativeness).toBeNull();
  });
  it("inclusive h is exclusive h + 1", () => {
    const rewardTable = [
      [-0.3, 0.2],
      [0.1, 0.4],
    ];
    const run = (horizons: number[], horizonConvention: "inclusive" | "exclusive") =>
      informativeness({ gamma: 0.9, horizons, horizonConvention })({ ...chain, rewardTable, gaps: [1, 0] }).shortfalls;
    expect(run([0, 2, 5], "inclusive")).toEqual(run([1, 3, 6], "exclusive"));
  });
  it("names actions that do not exist", () => {
    const rewardTable = [
      [0, 0],
      [0, 0],
    ];
    expect(() => optimalityGap({ gamma: 0.5 })({ ...chain, rewardTable, targetActions: [2, 0] })).toThrow(
      /optimalActions\[0\]/,
    );
    expect(() => optimalityGap({ gamma: 0.5 })({ ...chain, rewardTable, targetActions: [1] })).toThrow(/targetActions/);
  });
});

describe("policy-informativeness", () => {
  it("is linear in the design, with the gradient it gives", () => {
    const number = fc.integer({ min: -5, max: 5 });
    fc.assert(
      fc.property(fc.array(number, { minLength: 8, maxLength: 8 }), fc.constantFrom(0.1, 0.5, 0.9), (x, p) => {
        const fixed = {
          teacherAdvantages: [x.slice(0, 2), x.slice(2, 4)],
          teacherOccupancy: [0.4, 0.6],
          learnerPolicy: [
            [p, 1 - p],
            [0.3, 0.7],
          ],
          learnerOccupancy: [0.8, 0.2],
        };
        const rewardTable = [x.slice(4, 6), x.slice(6, 8)];
        const { informativeness: value, gradient } = policyInformativeness()({ ...fixed, rewardTable });
        const products = Array.from(gradient.values, (g, i) => g * rewardTable.flat()[i]);
        expect(value).toBeCloseTo(
          products.reduce((a, b) => a + b, 0),
          12,
        );
        const shifted = policyInformativeness()({ ...fixed, rewardTable: rewardTable.map((r) => r.map((v) => v + 3)) });
        expect(shifted.informativeness).toBeCloseTo(value, 12);
      }),
    );
  });
});

describe("value-variance", () => {
  it("weighs contexts, skips absent states, and weighs those by the mass that has them", () => {
    const values = [
      [0, 1, null],
      [2, null, null],
    ];
    expect(valueVariance()({ values })).toEqual({ variances: [1, 0, null], variance: 0.5 });
    expect(valueVariance()({ values, contextWeights: [3, 1] })).toEqual({
      variances: [0.75, 0, null],
      variance: (4 * 0.75) / 7,
    });
    expect(valueVariance()({ values, stateWeights: [0, 1, 1] }).variance).toBe(0);
    expect(valueVariance()({ values: [] })).toEqual({ variances: [], variance: null });
    expect(() => valueVariance()({ values: [[1], [1, 2]] })).toThrow(/values\[1\]/);
  });
});

describe("Lipschitz parts", () => {
  it("never exceed the slope of a linear function, and skip coinciding points", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -50, max: 50 }), { maxLength: 12 }), (xs) => {
        const { constant } = lipschitzEstimate()({ points: xs.map((x) => [x]), values: xs.map((x) => -3 * x) });
        if (new Set(xs).size < 2) expect(constant).toBeNull();
        else expect(constant).toBeCloseTo(3, 12);
      }),
    );
    expect(() => lipschitzEstimate()({ points: [[1], [1, 2]], values: [0, 1] })).toThrow(/points\[1\]/);
  });
  it("bound: geometric sum, also at contraction 1 and 0, null where infinite", () => {
    const inputs = { rewardLipschitz: 2, dynamicsLipschitz: 1, policyLipschitz: 0 };
    expect(valueLipschitzBound({ gamma: 1, horizon: 5 })(inputs).bound).toBe(10);
    expect(valueLipschitzBound({ gamma: 1 })(inputs).bound).toBeNull();
    expect(valueLipschitzBound({ gamma: 0.5, horizon: 3 })(inputs).bound).toBeCloseTo(3.5, 12);
    expect(valueLipschitzBound({ gamma: 0.5 })(inputs).bound).toBeCloseTo(4, 12);
    expect(valueLipschitzBound({ gamma: 0, horizon: 3 })(inputs).bound).toBe(2);
    expect(valueLipschitzBound({ gamma: 0.9, horizon: 0 })(inputs).bound).toBe(0);
    expect(valueLipschitzBound({ gamma: 1, horizon: 9999 })({ ...inputs, dynamicsLipschitz: 9 }).bound).toBeNull();
  });
});

describe("gradient-moments", () => {
  it("normalises, and has nothing to say without mass", () => {
    const { mean, variance } = gradientMoments()({
      probabilities: [2, 2],
      gradients: [
        [1, 0],
        [3, 0],
      ],
    });
    expect([Array.from(mean), variance]).toEqual([[2, 0], 1]);
    expect(gradientMoments()({ probabilities: [], gradients: [] })).toEqual({ mean: [], variance: null });
    expect(() => gradientMoments()({ probabilities: [1, 1], gradients: [[1], [1, 2]] })).toThrow(/gradients\[1\]/);
  });
});

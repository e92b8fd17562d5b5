import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { eliteDistribution, ensemblePlanValue, planCandidates } from "./planning.ts";

describe("search/ensemble-plan-value", () => {
  it("agreement is not punished; a single critic has no deviation and a plan without value none of the statistics", () => {
    const params = { gamma: 0.5, episodeLength: 9 };
    const agreed = ensemblePlanValue(params)({ predictedRewards: [[1], [1]], terminalValues: [[4], [4]] });
    expect(agreed).toEqual({ minimum: [2.5], mean: [2.5], std: [0], scores: Float64Array.of(2.5) });
    const single = ensemblePlanValue({ ...params, stdWeight: 0 })({ predictedRewards: [], terminalValues: [[4]] });
    expect(single).toEqual({ minimum: [4], mean: [4], std: [null], scores: Float64Array.of(-9) });
    const broken = ensemblePlanValue(params)({
      predictedRewards: [],
      terminalValues: [
        [1, null],
        [1, 3],
      ],
    });
    expect(broken).toMatchObject({ minimum: [1, null], scores: Float64Array.of(1, -9) });
    expect(() => ensemblePlanValue(params)({ predictedRewards: [[1, 2]], terminalValues: [[1]] })).toThrow(
      "inputs.predictedRewards[0]",
    );
  });
});

describe("search/elite-distribution", () => {
  it("weights sum to one and fall with the value; deviations stay in bounds", () => {
    const number = fc.double({ min: -5, max: 5, noNaN: true });
    fc.assert(
      fc.property(fc.array(fc.tuple(number, number), { minLength: 1, maxLength: 9 }), (candidates) => {
        const out = eliteDistribution({ elites: 4 })({
          values: candidates.map((c) => c[0]),
          actions: candidates.map((c) => [c[1]]),
        });
        expect(out.weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 12);
        out.weights.slice(1).forEach((weight, k) => {
          expect(weight).toBeLessThanOrEqual(out.weights[k]);
        });
        expect(out.std[0]).toBeGreaterThanOrEqual(0.1);
        expect(out.std[0]).toBeLessThanOrEqual(2);
      }),
    );
    expect(eliteDistribution({ elites: 2 })({ values: [1, 2, 2], actions: [[0], [1], [2]] }).elites).toEqual([1, 2]);
    expect(() => eliteDistribution()({ values: [], actions: [] })).toThrow("at least one candidate");
  });
});

describe("search/plan-candidates", () => {
  it("moves the previous plan one step on and stays inside the action space", () => {
    const policyActions = [
      [[0.5], [0.5]],
      [[0.5], [0.5]],
    ];
    const normals = [
      [[0], [100]],
      [[0], [-100]],
    ];
    const { actions } = planCandidates({ mode: "zero-mean", zeroShare: 0.5 })({
      policyActions,
      normals,
      previousMean: [[0.1], [0.7]],
    });
    expect(actions[0][0]).toEqual([0.7]);
    expect(actions[1][0]).toEqual([0]);
    expect(actions[0][1][0]).toBeCloseTo(0.8, 12);
    expect(planCandidates()({ policyActions: [[[5]]], normals: [[[0]]] }).actions).toEqual([[[1 - 1e-6]]]);
    expect(() => planCandidates()({ policyActions: [[[1]]], normals: [[[1, 2]]] })).toThrow("inputs.normals[0][0]");
  });
});

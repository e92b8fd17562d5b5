import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { occupancyDivergence, occupancyMeasure, proxyCorrelation, rewardHackingBound } from "./occupancy.ts";

const mass = fc.integer({ min: 1, max: 20 });
const distribution = (weights: number[]) => {
  const total = weights.reduce((a, b) => a + b, 0);
  return weights.map((w) => w / total);
};

describe("occupancy-measure", () => {
  it("is a distribution, and its unnormalised form counts discounted visits", () => {
    fc.assert(
      fc.property(fc.array(mass, { minLength: 13, maxLength: 13 }), fc.constantFrom(0, 0.5, 0.95), (w, gamma) => {
        const inputs = {
          transitions: [
            [distribution([w[0], w[1]]), distribution([w[2], w[3]])],
            [distribution([w[4], w[5]]), distribution([w[6], w[7]])],
          ],
          policy: [distribution([w[8], w[9]]), distribution([w[10], w[11]])],
          initial: distribution([w[12], 1]),
        };
        const { occupancy, stateOccupancy } = occupancyMeasure({ gamma })(inputs);
        expect(stateOccupancy.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12);
        expect(occupancy[0][0] + occupancy[0][1]).toBeCloseTo(stateOccupancy[0], 12);
        const visits = occupancyMeasure({ gamma, normalized: false })(inputs).stateOccupancy;
        expect(visits[0] * (1 - gamma)).toBeCloseTo(stateOccupancy[0], 12);
      }),
    );
  });
  it("counts visits of an episode that ends without a discount, and refuses endless ones", () => {
    const ends = { transitions: [[[0, 1]], [[0, 0]]], policy: [[1], [1]], initial: [1, 0] };
    expect(Array.from(occupancyMeasure({ gamma: 1, normalized: false })(ends).stateOccupancy)).toEqual([1, 1]);
    expect(() => occupancyMeasure({ gamma: 1 })(ends)).toThrow(/params\.gamma/);
    const loops = { transitions: [[[1]]], policy: [[1]], initial: [1] };
    expect(() => occupancyMeasure({ gamma: 1, normalized: false })(loops)).toThrow(/infinite/);
  });
});

describe("occupancy-divergence", () => {
  it("is undefined off the support and 0 for equal measures", () => {
    expect(occupancyDivergence()({ occupancy: [0.5, 0.5], referenceOccupancy: [1, 0] })).toEqual({
      supported: false,
      tv: 0.5,
      kl: null,
      chi2: null,
    });
    expect(occupancyDivergence()({ occupancy: [0.5, 0.5], referenceOccupancy: [0.5, 0.5] })).toMatchObject({
      tv: 0,
      kl: 0,
      chi2: 0,
    });
  });
});

describe("proxy-correlation and reward-hacking-bound", () => {
  it("has no correlation with a reward that is constant where the weights are", () => {
    const result = proxyCorrelation()({ trueRewards: [0.1, 0.1, 9], proxyRewards: [1, 2, 3], weights: [1, 1, 0] });
    expect(result).toMatchObject({ correlation: null, trueStd: 0, proxyReturn: 1.5, isProxy: false });
    expect(proxyCorrelation()({ trueRewards: [], proxyRewards: [], weights: [] }).trueReturn).toBeNull();
    expect(() => proxyCorrelation()({ trueRewards: [1], proxyRewards: [1], weights: [-1] })).toThrow(/weights\[0\]/);
  });
  it("theorem 5.1 holds for every policy against every base with full support", () => {
    const cells = fc.array(fc.tuple(mass, mass, fc.integer({ min: -9, max: 9 }), fc.integer({ min: -9, max: 9 })), {
      minLength: 2,
      maxLength: 8,
    });
    fc.assert(
      fc.property(cells, (rows) => {
        const base = distribution(rows.map(([b]) => b));
        const policy = distribution(rows.map(([, p]) => p));
        const truth = rows.map(([, , t]) => t);
        const proxy = rows.map(([, , , p]) => p);
        const value = (mu: number[], reward: number[]) => mu.reduce((sum, m, i) => sum + m * reward[i], 0);
        const { correlation, trueStd, proxyStd } = proxyCorrelation()({
          trueRewards: truth,
          proxyRewards: proxy,
          weights: base,
        });
        const bound = rewardHackingBound()({
          trueReturn: value(policy, truth),
          proxyReturn: value(policy, proxy),
          referenceTrueReturn: value(base, truth),
          referenceProxyReturn: value(base, proxy),
          correlation,
          trueStd: trueStd ?? 0,
          proxyStd: proxyStd ?? 0,
          chi2: occupancyDivergence()({ occupancy: policy, referenceOccupancy: base }).chi2,
        });
        if (correlation !== null && correlation > 1e-6) expect(bound.holds).toBe(true);
        if (correlation === null || correlation <= 0) expect(bound.lowerBound).toBeNull();
        if (bound.hacked) expect(bound.trueGain).toBeLessThan(0);
      }),
    );
  });
  it("says nothing about an unsupported policy", () => {
    const result = rewardHackingBound()({
      trueReturn: 0,
      proxyReturn: 1,
      referenceTrueReturn: 1,
      referenceProxyReturn: 0,
      correlation: 0.5,
      trueStd: 1,
      proxyStd: 2,
      chi2: null,
    });
    expect(result).toMatchObject({ lowerBound: null, holds: null, hacked: true });
    expect(result.coefficient).toBeCloseTo(2 * Math.sqrt(0.75), 12);
  });
});

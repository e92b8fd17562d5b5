import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  choiceAgreement,
  epicDistance,
  fractionalRanks,
  lengthCorrelation,
  rankCorrelation,
  tokenCreditCorrelation,
  tournamentRanks,
  valueOrderCorrelation,
} from "./correlation.ts";

const points = fc.array(fc.tuple(fc.integer({ min: -5, max: 5 }), fc.integer({ min: -5, max: 5 })), { maxLength: 25 });

describe("rank-correlation", () => {
  it("matches τ-b counted pair by pair, and is symmetric", () => {
    fc.assert(
      fc.property(points, (pairs) => {
        const x = pairs.map(([a]) => a);
        const y = pairs.map(([, b]) => b);
        let sum = 0;
        let untiedX = 0;
        let untiedY = 0;
        for (let i = 0; i < pairs.length; i++)
          for (let j = 0; j < i; j++) {
            sum += Math.sign(x[i] - x[j]) * Math.sign(y[i] - y[j]);
            if (x[i] !== x[j]) untiedX++;
            if (y[i] !== y[j]) untiedY++;
          }
        const result = rankCorrelation()({ scores: x, targets: y });
        if (untiedX === 0 || untiedY === 0) expect(result).toEqual({ pearson: null, spearman: null, kendall: null });
        else expect(result.kendall).toBeCloseTo(sum / Math.sqrt(untiedX * untiedY), 12);
        const swapped = rankCorrelation()({ scores: y, targets: x });
        expect(swapped.kendall ?? 9).toBeCloseTo(result.kendall ?? 9, 12);
        expect(swapped.spearman ?? 9).toBeCloseTo(result.spearman ?? 9, 12);
      }),
    );
  });
});

describe("length-correlation", () => {
  it("has slope 0 but no r² for constant rewards, nothing for constant lengths", () => {
    expect(lengthCorrelation()({ rewards: [0.1, 0.1, 0.1], lengths: [1, 2, 3] })).toEqual({
      slope: 0,
      intercept: 0.1,
      r2: null,
      pearson: null,
    });
    const none = { slope: null, intercept: null, r2: null, pearson: null };
    expect(lengthCorrelation()({ rewards: [1, 2], lengths: [5, 5] })).toEqual(none);
    expect(lengthCorrelation()({ rewards: [], lengths: [] })).toEqual(none);
  });
});

describe("value-order-correlation", () => {
  it("is ±1 for monotone curves and the given value where undefined", () => {
    expect(valueOrderCorrelation()({ values: [0, 1, 5] }).voc).toBeCloseTo(1, 12);
    expect(valueOrderCorrelation()({ values: [3, 2, -1] }).voc).toBeCloseTo(-1, 12);
    expect(valueOrderCorrelation()({ values: [0.3, 0.3] }).voc).toBeNull();
    expect(valueOrderCorrelation({ undefined: 0 })({ values: [] }).voc).toBe(0);
  });
});

describe("epic-distance", () => {
  it("ignores positive affine maps and is null for a constant side", () => {
    fc.assert(
      fc.property(points, fc.integer({ min: 1, max: 9 }), fc.integer(), (pairs, scale, shift) => {
        const rewards = pairs.map(([a]) => a);
        const targets = pairs.map(([, b]) => b);
        const { distance } = epicDistance()({ rewards, targets });
        const moved = epicDistance()({ rewards: rewards.map((r) => scale * r + (shift % 100)), targets });
        expect(moved.distance ?? 9).toBeCloseTo(distance ?? 9, 7);
        if (distance !== null) expect(distance).toBeLessThanOrEqual(1);
      }),
    );
    expect(epicDistance()({ rewards: [1, 1], targets: [0, 1] })).toEqual({ pearson: null, distance: null });
  });
});

describe("ranks", () => {
  it("share among equals without a tolerance, and need a difference below it with one", () => {
    expect(Array.from(fractionalRanks()({ values: [3, 1, 3, 2] }).ranks)).toEqual([3.5, 1, 3.5, 2]);
    expect(Array.from(fractionalRanks({ tolerance: 1 })({ values: [0, 1, 1.5] }).ranks)).toEqual([1, 2.5, 2.5]);
    expect(fractionalRanks()({ values: [] }).ranks).toHaveLength(0);
  });
  it("sum to n(n+1)/2 whatever the ties", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 9 })), fc.integer({ min: 0, max: 3 }), (values, tolerance) => {
        const ranks = Array.from(fractionalRanks({ tolerance })({ values }).ranks);
        expect(ranks.reduce((a, b) => a + b, 0)).toBeCloseTo((values.length * (values.length + 1)) / 2, 9);
      }),
    );
  });
  it("tournament: most wins, highest rank", () => {
    const { winCounts, ranks } = tournamentRanks()({
      wins: [
        [0, 1],
        [0, 0],
      ],
    });
    expect([Array.from(winCounts), Array.from(ranks)]).toEqual([
      [1, 0],
      [2, 1],
    ]);
  });
});

describe("choice-agreement", () => {
  it("binarises at ½ and is null without problems", () => {
    const result = choiceAgreement()({ first: [0.5, 0.4], second: [0.9, 0.1] });
    expect(result).toMatchObject({ mse: 0, accuracy: 1 });
    expect(result.pearson).toBeCloseTo(1, 12);
    expect(choiceAgreement({ binarize: false })({ first: [0.5, 0.5], second: [0.9, 0.1] }).pearson).toBeNull();
    expect(choiceAgreement()({ first: [], second: [] })).toEqual({
      pearson: null,
      spearman: null,
      mse: null,
      accuracy: null,
    });
  });
});

describe("token-credit-correlation", () => {
  it("does not depend on a positive β and refuses rows of other lengths", () => {
    const inputs = { logprobs: [[-1, -2], [-3]], refLogprobs: [[-2, -1], [-3]], tokenQuality: [[1, -1], [0.5]] };
    const one = tokenCreditCorrelation({ beta: 0.05 })(inputs);
    const two = tokenCreditCorrelation({ beta: 2 })(inputs);
    expect(one.correlation).toBeCloseTo(two.correlation ?? 9, 12);
    expect(Array.from(two.tokenRewards.values)).toEqual([2, -2, 0]);
    expect(() => tokenCreditCorrelation()({ ...inputs, tokenQuality: [[1], [0]] })).toThrow(/tokenQuality\[0\]/);
  });
});

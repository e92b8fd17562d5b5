import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expectedDrift, informationGainBound, logitDynamics, massStage, scoreNorm } from "./policy-dynamics.ts";

const logit = fc.integer({ min: -40, max: 40 }).map((value) => value / 10);
const logitsOf = fc.array(logit, { minLength: 2, maxLength: 6 });

describe("logit-dynamics", () => {
  it("moves logits, not their sum, and probabilities stay a distribution", () => {
    fc.assert(
      fc.property(logitsOf, fc.array(fc.tuple(fc.nat(1), logit), { maxLength: 4 }), (logits, samples) => {
        const result = logitDynamics({ learningRate: 0.3 })({
          logits,
          samples: samples.map(([token]) => token),
          advantages: samples.map(([, advantage]) => advantage),
        });
        const sum = (values: ArrayLike<number>) => Array.from(values).reduce((a, b) => a + b, 0);
        expect(sum(result.logits)).toBeCloseTo(sum(logits), 9);
        expect(sum(result.probabilities)).toBeCloseTo(1, 12);
        expect(sum(result.deltaProbabilities)).toBeCloseTo(0, 12);
      }),
    );
    expect(() => logitDynamics({ learningRate: 1 })({ logits: [0], samples: [1], advantages: [1] })).toThrow(
      /samples\[0\]/,
    );
  });
});

describe("expected-drift", () => {
  it("is the first-order effect of a small step on the expected update", () => {
    const probabilities = [0.6, 0.3, 0.1];
    const rewards = [0, 1, 2];
    const { logitDrift, probabilityDrift } = expectedDrift()({ probabilities, rewards });
    const step = 1e-6;
    const moved = probabilities.map((p, v) => p * Math.exp(step * logitDrift[v]));
    const total = moved.reduce((a, b) => a + b, 0);
    for (const [v, p] of probabilities.entries())
      expect((moved[v] / total - p) / step).toBeCloseTo(probabilityDrift[v], 5);
    expect(logitDrift.reduce((a, b) => a + b, 0)).toBeCloseTo(0, 12);
  });
});

describe("mass-stage", () => {
  it("calls a standstill mixed, and needs more than the tolerance to explore", () => {
    expect(massStage({ tolerance: 0.5 })({ high: [1, 1, 0.5, 0.2, 0.4], optimal: [0, 0, 0.5, 1.1, 1.2] })).toEqual({
      stages: ["mixed", "mixed", "exploration", "exploitation"],
      switchIndex: 2,
    });
    expect(massStage()({ high: [1], optimal: [0] })).toEqual({ stages: [], switchIndex: null });
  });
});

describe("score-norm", () => {
  it("is the enumerated expectation of ‖e_a − π‖², and exact where one token has nearly all the mass", () => {
    fc.assert(
      fc.property(logitsOf, (logits) => {
        const exps = logits.map(Math.exp);
        const total = exps.reduce((a, b) => a + b, 0);
        const p = exps.map((e) => e / total);
        let expected = 0;
        for (const [a, pa] of p.entries())
          for (const [v, pv] of p.entries()) expected += pa * ((a === v ? 1 : 0) - pv) ** 2;
        const result = scoreNorm()({ logits: [logits] });
        expect(result.expectedSquaredScoreNorm[0]).toBeCloseTo(expected, 12);
        expect(result.renyi2Entropy[0]).toBeCloseTo(-Math.log(1 - expected), 9);
        expect(result.entropies[0]).toBeGreaterThanOrEqual(result.renyi2Entropy[0] - 1e-12);
      }),
    );
    const sure = scoreNorm()({ logits: [[50, 0]] });
    expect(sure.expectedSquaredScoreNorm[0] / (2 * Math.exp(-50))).toBeCloseTo(1, 9);
    expect(sure.renyi2Entropy[0] / (2 * Math.exp(-50))).toBeCloseTo(1, 9);
    expect(() => scoreNorm()({ logits: [[]] })).toThrow(/logits\[0\]/);
  });
});

describe("information-gain-bound", () => {
  it("bounds the expected reward and is tight for equal thoughts", () => {
    const row = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 3, maxLength: 3 }).map((w) => {
      const total = w[0] + w[1] + w[2];
      return w.map((value) => value / total);
    });
    fc.assert(
      fc.property(row, row, row, row, (truth, baseline, one, two) => {
        const inputs = { truth, baseline, thoughtProbs: [0.25, 0.75] };
        const result = informationGainBound()({ ...inputs, predictions: [one, two] });
        expect(result.expectedReward ?? 0).toBeLessThanOrEqual((result.marginalBound ?? 0) + 1e-12);
        const same = informationGainBound()({ ...inputs, predictions: [one, one] });
        expect(same.expectedReward).toBeCloseTo(same.marginalBound ?? 9, 12);
      }),
    );
  });
  it("is null where a prediction excludes what may happen, except in the mixture", () => {
    const inputs = { truth: [0.5, 0.5], baseline: [0.5, 0.5], thoughtProbs: [0.5, 0.5] };
    const result = informationGainBound()({
      ...inputs,
      predictions: [
        [1, 0],
        [0, 1],
      ],
    });
    expect(result).toMatchObject({ expectedReward: null, reasonedCrossEntropy: null });
    expect(result.marginalBound).toBeCloseTo(0, 12);
    expect(() => informationGainBound()({ ...inputs, predictions: [[1], [1]] })).toThrow(/predictions\[0\]/);
  });
});

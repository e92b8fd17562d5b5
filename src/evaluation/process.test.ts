import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  advantageLabelInformation,
  outcomeWeightedPairAccuracy,
  prmOutcomeAgreement,
  processBench,
} from "./process.ts";

describe("process-bench", () => {
  it("finds the threshold that trying every grid point finds", () => {
    const solution = fc
      .array(fc.double({ min: -3, max: 3, noNaN: true }), { maxLength: 5 })
      .chain((row) => fc.tuple(fc.constant(row), fc.integer({ min: -1, max: row.length })));
    fc.assert(
      fc.property(fc.array(solution, { maxLength: 8 }), fc.integer({ min: 2, max: 40 }), (solutions, count) => {
        const inputs = { stepScores: solutions.map(([row]) => row), labels: solutions.map(([, label]) => label) };
        const found = processBench({ thresholdCount: count })(inputs);
        let best = 0;
        let threshold = 0;
        for (let k = 0; k < count; k++) {
          const { f1 } = processBench({ threshold: k / (count - 1) })(inputs);
          if ((f1 ?? 0) <= best) continue;
          best = f1 ?? 0;
          threshold = k / (count - 1);
        }
        expect(found.threshold).toBe(threshold);
        if (best > 0) expect(found.f1).toBe(best);
      }),
    );
  });
  it("is undefined without erroneous or without correct solutions, or the value it is told", () => {
    expect(processBench()({ predictions: [-1], labels: [-1] })).toEqual({
      predictions: [-1],
      accuracyError: null,
      accuracyCorrect: 1,
      f1: null,
    });
    expect(processBench({ undefined: 0 })({ predictions: [], labels: [] })).toMatchObject({
      accuracyError: 0,
      accuracyCorrect: 0,
      f1: 0,
    });
    expect(processBench()({ predictions: [1, 0], labels: [0, -1] }).f1).toBe(0);
  });
  it("needs predictions, or scores and a threshold", () => {
    expect(() => processBench()({ labels: [0] })).toThrow(/inputs\.predictions/);
    expect(() => processBench()({ labels: [0], stepScores: [[1]] })).toThrow(/params\.threshold/);
  });
});

describe("prm-outcome-agreement", () => {
  it("a sum of exactly 0 predicts wrong", () => {
    expect(prmOutcomeAgreement()({ stepRewards: [[1, -1], []], correct: [true, false] })).toEqual({
      predicted: [false, false],
      matchRate: 0.5,
    });
    const unlabelled = { stepRewards: [[1]], correct: [true], hasAnswer: [false] };
    expect(prmOutcomeAgreement()(unlabelled).matchRate).toBeNull();
    expect(prmOutcomeAgreement({ undefined: 0 })(unlabelled).matchRate).toBe(0);
  });
});

describe("outcome-weighted-pair-accuracy", () => {
  it("is ½ for flat groups, 1 for the outcomes themselves, and complementary under negation without ties", () => {
    const rollouts = fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.constantFrom("a", "b")), { minLength: 1 });
    fc.assert(
      fc.property(rollouts, (rows) => {
        const rewards = rows.map(([r]) => r);
        const groups = rows.map(([, g]) => g);
        const flat = (name: string) => new Set(rewards.filter((_, i) => groups[i] === name)).size < 2;
        const names = [...new Set(groups)];
        const own = outcomeWeightedPairAccuracy()({
          tokenRewards: rewards.map((r) => [r / 2, r / 2]),
          rewards,
          groups,
        });
        const expected = names.map((name) => (flat(name) ? 0.5 : 1)).reduce((a, b) => a + b, 0) / names.length;
        expect(own.accuracy).toBeCloseTo(expected, 12);
        const turned = outcomeWeightedPairAccuracy()({ tokenRewards: rewards.map((r) => [-r]), rewards, groups });
        expect((own.accuracy ?? 0) + (turned.accuracy ?? 0)).toBeCloseTo(1, 12);
      }),
    );
    expect(outcomeWeightedPairAccuracy()({ tokenRewards: [[1], [1]], rewards: [0, 1], groups: [0, 0] }).accuracy).toBe(
      0,
    );
    expect(outcomeWeightedPairAccuracy()({ tokenRewards: [], rewards: [], groups: [] }).accuracy).toBeNull();
  });
});

describe("advantage-label-information", () => {
  it("lies between 0 and ln 2, leaves out unknown labels, and is null without any", () => {
    const step = fc.tuple(fc.integer({ min: -1, max: 1 }), fc.constantFrom(-1, 1));
    fc.assert(
      fc.property(fc.array(step, { minLength: 1 }), (steps) => {
        const result = advantageLabelInformation()({
          advantages: [[...steps.map(([a]) => a), 7]],
          stepLabels: [[...steps.map(([, l]) => l), 0]],
        });
        const known = advantageLabelInformation()({
          advantages: [steps.map(([a]) => a)],
          stepLabels: [steps.map(([, l]) => l)],
        });
        expect(result.mutualInformation).toBe(known.mutualInformation);
        expect(result.mutualInformation).toBeLessThanOrEqual(Math.LN2 + 1e-12);
      }),
    );
    expect(advantageLabelInformation()({ advantages: [[1]], stepLabels: [[0]] })).toEqual({
      variance: null,
      mutualInformation: null,
    });
  });
});

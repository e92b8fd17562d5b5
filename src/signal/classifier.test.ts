import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  bootstrapMax,
  classifierReward,
  classProbability,
  piecewiseGap,
  prmScore,
  referenceReward,
  styleTransfer,
} from "./classifier.ts";

describe("logits", () => {
  it("give probabilities that no logit overflows, strictly compared with a threshold", () => {
    expect(Array.from(referenceReward()({ logits: [-1000, 1000] }).rewards)).toEqual([0, 1]);
    expect(Array.from(referenceReward({ threshold: 0.5 })({ logits: [0, 1e-9] }).rewards)).toEqual([0, 1]);
    const rows = classProbability({ threshold: 0.5 })({
      logits: [
        [0, 0],
        [-900, 900],
        [900, -900],
      ],
    });
    expect(Array.from(rows.probabilities)).toEqual([0.5, 1, 0]);
    expect(Array.from(rows.rewards)).toEqual([0, 1, 0]);
    expect(() => classProbability()({ logits: [[1]] })).toThrow("inputs.logits[0]");
  });

  it("p(+) − p(−) is the difference of the two probabilities", () => {
    fc.assert(
      fc.property(
        fc.double({ min: -20, max: 20, noNaN: true }),
        fc.double({ min: -20, max: 20, noNaN: true }),
        (a, b) => {
          const [positive] = classProbability()({ logits: [[a, b]] }).probabilities;
          expect(prmScore()({ logits: [[[a, b]]] }).stepRewards[0][0]).toBeCloseTo(2 * positive - 1, 9);
        },
      ),
    );
  });
});

describe("probabilities", () => {
  it("pay one class or the largest", () => {
    const probabilities = [[0.2, 0.7, 0.1]];
    expect(classifierReward({ class: 2, scale: 10 })({ probabilities }).rewards).toEqual([1]);
    expect(
      classifierReward({ mode: "confidence", scale: 10 })({ probabilities: [...probabilities, []] }).rewards,
    ).toEqual([7, null]);
    expect(() => classifierReward({ class: 3 })({ probabilities })).toThrow("inputs.probabilities[0]");
    expect(() => classifierReward({ class: null })({ probabilities })).toThrow("params.class");
  });

  it("give an exact tie gap 0, which is not correct", () => {
    const out = piecewiseGap()({
      probabilities: [
        [0.5, 0.5],
        [0.3, 0.7],
      ],
      labels: [0, 1],
    });
    expect(Array.from(out.gaps)).toEqual([0, expect.closeTo(0.4, 12)]);
    expect(out.correct).toEqual([false, true]);
    expect(out.accuracy).toBe(0.5);
    expect(piecewiseGap()({ probabilities: [], labels: [] })).toMatchObject({ reward: null, accuracy: null });
    expect(() => piecewiseGap()({ probabilities: [[1]], labels: [0] })).toThrow("two classes");
    expect(() => piecewiseGap()({ probabilities: [[0.5, 0.5]], labels: [2] })).toThrow("inputs.labels[0]");
  });
});

it("floors content at 0 but not style", () => {
  expect(Array.from(styleTransfer({ scale: 1 })({ content: [-1, 1], style: [0.4, 0.4] }).rewards)).toEqual([0.2, 0.7]);
});

it("takes maxima of consecutive segments; the mean lies between mean and maximum of the row", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 3, maxLength: 3 }),
      fc.integer({ min: 1, max: 3 }),
      (values, k) => {
        const row = Array.from({ length: k }, () => values).flat();
        const out = bootstrapMax({ bootstraps: k })({ samples: [row] });
        expect(Array.from(out.maxima[0])).toEqual(new Array(k).fill(Math.max(...values)));
        expect(out.rewards[0]).toBeCloseTo(Math.max(...values), 9);
      },
    ),
  );
  expect(() => bootstrapMax({ bootstraps: 2 })({ samples: [[1, 2, 3]] })).toThrow("multiple of 2");
  expect(() => bootstrapMax()({ samples: [[]] })).toThrow("inputs.samples[0]");
});

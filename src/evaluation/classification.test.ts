import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  auroc,
  binaryClassification,
  classificationReport,
  decisionThreshold,
  judgeAgreement,
  thresholdAtFpr,
} from "./classification.ts";

const scores = fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 15 });

describe("auroc", () => {
  it("is the share of pairs won, ties half; swapping the classes gives the rest", () => {
    fc.assert(
      fc.property(scores, scores, (positives, negatives) => {
        let sum = 0;
        for (const p of positives) for (const n of negatives) sum += p > n ? 1 : p === n ? 0.5 : 0;
        const area = auroc()({ positives, negatives });
        expect(area.auroc).toBeCloseTo(sum / (positives.length * negatives.length), 12);
        const swapped = auroc()({ positives: negatives, negatives: positives });
        expect((area.auroc ?? 0) + (swapped.auroc ?? 0)).toBeCloseTo(1, 12);
        expect(area.prAuc).toBeGreaterThan(0);
        expect(area.prAuc).toBeLessThanOrEqual(1);
      }),
    );
    expect(auroc()({ positives: [], negatives: [1] })).toEqual({ auroc: null, prAuc: null });
    expect(auroc()({ positives: [2], negatives: [1] })).toEqual({ auroc: 1, prAuc: 1 });
  });
});

describe("threshold-at-fpr", () => {
  it("is the smallest observed score that keeps the rate", () => {
    fc.assert(
      fc.property(scores, scores, fc.constantFrom(0, 0.2, 0.5, 1), (positives, negatives, fpr) => {
        const rate = (t: number) => negatives.filter((n) => n >= t).length / negatives.length;
        const allowed = [...positives, ...negatives].filter((t) => rate(t) <= fpr);
        const result = thresholdAtFpr({ fpr })({ positives, negatives });
        if (allowed.length === 0) expect(result).toEqual({ threshold: null, fpr: null, tpr: null });
        else {
          expect(result.threshold).toBe(Math.min(...allowed));
          expect(result.tpr).toBe(positives.filter((p) => p >= Math.min(...allowed)).length / positives.length);
        }
      }),
    );
    expect(thresholdAtFpr()({ positives: [1], negatives: [] }).threshold).toBeNull();
    expect(thresholdAtFpr({ fpr: 1 })({ positives: [], negatives: [1] })).toEqual({ threshold: 1, fpr: 1, tpr: null });
  });
});

describe("binary-classification", () => {
  it("takes the threshold as positive and refuses what is no probability or label", () => {
    const result = binaryClassification({ epsilon: 0 })({ scores: [0.5, 0.25], labels: [0, 1] });
    expect(result).toMatchObject({
      accuracy: 0,
      confusion: [
        [0, 1],
        [1, 0],
      ],
    });
    expect(result.logLikelihood).toBeCloseTo((Math.log(0.5) + Math.log(0.25)) / 2, 12);
    expect(() => binaryClassification()({ scores: [1.1], labels: [1] })).toThrow(/scores\[0\]/);
    expect(() => binaryClassification()({ scores: [1], labels: [2] })).toThrow(/labels\[0\]/);
    expect(binaryClassification()({ scores: [], labels: [] }).accuracy).toBeNull();
  });
});

describe("classification-report", () => {
  it("tells never predicted from never present", () => {
    expect(
      classificationReport({ classes: ["a", "b", "c"] })({ predictions: ["a", null, "a"], labels: ["a", "b", "b"] }),
    ).toEqual({
      accuracy: 1 / 3,
      precision: [0.5, null, null],
      recall: [1, 0, null],
      f1: [2 / 3, 0, null],
      support: [1, 2, 0],
      macroF1: 1 / 3,
      selectionRates: [2 / 3, 0, 0],
      invalidRate: 1 / 3,
    });
  });
  it("takes its classes from the labels by default, and counts strange predictions as invalid", () => {
    const result = classificationReport()({ predictions: ["y", "?"], labels: ["y", "x"] });
    expect(result).toMatchObject({ support: [1, 1], invalidRate: 0.5, accuracy: 0.5 });
    expect(classificationReport({ classes: ["a"] })({ predictions: [], labels: [] })).toMatchObject({
      accuracy: null,
      selectionRates: [null],
      macroF1: null,
    });
  });
});

describe("judge-agreement", () => {
  it("has κ 1 for perfect, −1 for opposite judges, null where both always say the same", () => {
    const gold = [true, false];
    expect(judgeAgreement()({ labels: gold, gold }).kappa).toBe(1);
    expect(judgeAgreement()({ labels: [false, true], gold }).kappa).toBe(-1);
    expect(judgeAgreement()({ labels: [true], gold: [true] })).toEqual({
      accuracy: 1,
      kappa: null,
      falsePositiveRate: null,
      falseNegativeRate: 0,
    });
    expect(judgeAgreement()({ labels: [], gold: [] }).accuracy).toBeNull();
  });
});

describe("decision-threshold", () => {
  it("aims at a threshold by the penalty it names", () => {
    const rate = fc.double({ min: 0, max: 0.99, noNaN: true });
    fc.assert(
      fc.property(rate, rate, (target, prevalence) => {
        const payoff = { truePositive: 1, trueNegative: 0.5, falsePositive: 0, falseNegative: -0.5 };
        const { falsePositiveAtTarget } = decisionThreshold(payoff)({ prevalence, target });
        const aimed = decisionThreshold({ ...payoff, falsePositive: falsePositiveAtTarget ?? 0 })({ prevalence });
        expect(aimed.threshold).toBeCloseTo(target, 9);
        expect(aimed.oracle).toBeGreaterThanOrEqual(Math.max(aimed.alwaysSelect, aimed.alwaysReject) - 1e-12);
      }),
    );
  });
  it("has no threshold where selecting never wins, and no penalty for τ = 1", () => {
    const payoff = { truePositive: 0, trueNegative: 0, falsePositive: 0, falseNegative: 0 };
    expect(decisionThreshold(payoff)({ prevalence: 0.5, target: 1 })).toMatchObject({
      threshold: null,
      falsePositiveAtTarget: null,
    });
  });
});

it("decision-threshold: the payoffs default to those of signal/decision-payoff", () => {
  expect(decisionThreshold()({ prevalence: 0.25, target: 0.5 })).toEqual({
    threshold: 0.5,
    alwaysSelect: -0.125,
    alwaysReject: 0.625,
    oracle: 1,
    falsePositiveAtTarget: -0.5,
  });
});

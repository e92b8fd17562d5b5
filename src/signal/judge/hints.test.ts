import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { crossViewAgreement, expectedWinRate } from "./agreement.ts";
import { answerLeakage, hintReliance, hintReward, learnability, studentImprovement } from "./hints.ts";

describe("hints", () => {
  it("answer-leakage: short answers are counted in code points, blank ones never leak", () => {
    const leaked = (text: string, answer: string) => answerLeakage()({ text, answer }).leaked;
    expect(leaked("anything", "  ")).toBe(false);
    expect(leaked("the sign 😀😀 appears", "😀😀")).toBe(false);
    expect(leaked("ANSWER: X", " x ")).toBe(true);
    expect(leaked("see \\boxed{7}", "7")).toBe(true);
    expect(leaked("123", "123")).toBe(true);
  });

  it("hint-reliance: masked rows are 0, rows must agree, interleaved groups", () => {
    const inputs = {
      logprobs: [[-1, -1], [-1], [-3]],
      noHintLogprobs: [[-2, -2], [-2], [-1]],
      mask: [[0, 0], [1], [1]],
      correct: [true, true, true],
      groups: ["a", "b", "a"],
    };
    const { reliance, groups, groupReliance } = hintReliance()(inputs);
    expect(Array.from(reliance)).toEqual([0, 1, -2]);
    expect(groups).toEqual(["a", "b"]);
    expect(groupReliance).toEqual([-1, 1]);
    expect(() => hintReliance()({ ...inputs, noHintLogprobs: [[-2], [-2], [-1]] })).toThrow(/noHintLogprobs/);
    const { mask: _, ...unmasked } = inputs;
    expect(Array.from(hintReliance()(unmasked).reliance)).toEqual([1, 1, -2]);
  });

  it("hint-reward: the unhinted term must be exceeded; null reliance weighs 1", () => {
    const inputs = { correct: [[true, false]], reliance: [null], valid: [true] };
    expect(hintReward()(inputs)).toEqual({ rewards: [0.5], baseTerms: [0.5], passRates: [0.5], weights: [1] });
    expect(hintReward()({ ...inputs, originalTerm: 0.5 }).rewards).toEqual([0]);
    expect(hintReward()({ correct: [[]], reliance: [1], valid: [true] }).passRates).toEqual([null]);
  });

  it("hint-reward: between 0 and the base term, lower for more reliance", () => {
    const outcomes = fc.array(fc.boolean(), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(
        outcomes,
        fc.double({ min: -3, max: 3, noNaN: true }),
        fc.double({ min: 0, max: 3, noNaN: true }),
        (row, rho, more) => {
          const { rewards, baseTerms } = hintReward()({
            correct: [row, row],
            reliance: [rho, rho + more],
            valid: [true, true],
          });
          expect(rewards[0]).toBeLessThanOrEqual(baseTerms[0] + 1e-12);
          expect(rewards[1]).toBeLessThanOrEqual(rewards[0] + 1e-12);
          expect(rewards[1]).toBeGreaterThanOrEqual(0);
        },
      ),
    );
  });

  it("learnability and student-improvement", () => {
    expect(Array.from(learnability({ kind: "variance" })({ successRates: [0, 0.5, 1] }).rewards)).toEqual([0, 0.25, 0]);
    expect(studentImprovement()({ before: 0.5, after: [[], [0.5, 1]] }).rewards).toEqual([null, 0.25]);
  });
});

describe("agreement", () => {
  it("expected-win-rate: alone against oneself, or against nobody", () => {
    expect(expectedWinRate()({ preferences: [[0.5]] }).rewards).toEqual([0.5]);
    expect(expectedWinRate({ includeSelf: false })({ preferences: [[0.5]] }).rewards).toEqual([0.5]);
    expect(expectedWinRate()({ preferences: [[0.5]], weights: [0] }).rewards).toEqual([null]);
    expect(expectedWinRate()({ preferences: [] }).rewards).toEqual([]);
    expect(() => expectedWinRate()({ preferences: [[0.5, 0.5]] })).toThrow(/preferences\[0\]/);
  });

  it("expected-win-rate: antisymmetric preferences average to one half", () => {
    const table = fc
      .integer({ min: 1, max: 6 })
      .chain((n) =>
        fc
          .array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: n * n, maxLength: n * n })
          .map((values) =>
            Array.from({ length: n }, (_, i) =>
              Array.from({ length: n }, (_, j) => (i === j ? 0.5 : i < j ? values[i * n + j] : 1 - values[j * n + i])),
            ),
          ),
      );
    fc.assert(
      fc.property(table, fc.boolean(), (preferences, includeSelf) => {
        const { rewards } = expectedWinRate({ includeSelf })({ preferences });
        const sum = rewards.reduce<number>((total, reward) => total + (reward ?? Number.NaN), 0);
        expect(sum / rewards.length).toBeCloseTo(0.5, 9);
      }),
    );
  });

  it("cross-view-agreement: a group in one view only has no label there", () => {
    const { groups, labels, pairedLabels, rewards, pairedRewards } = crossViewAgreement()({
      answers: ["1", "", "2"],
      groups: ["a", "a", "b"],
      pairedAnswers: ["1", "3"],
      pairedGroups: ["a", "c"],
    });
    expect(groups).toEqual(["a", "b", "c"]);
    expect(labels).toEqual(["1", null, "3"]);
    expect(pairedLabels).toEqual(["1", "2", null]);
    expect(Array.from(rewards)).toEqual([1, 0, 0]);
    expect(Array.from(pairedRewards)).toEqual([1, 0]);
  });

  it("cross-view-agreement: exchanging the views exchanges the rewards", () => {
    const view = fc.array(fc.tuple(fc.constantFrom("x", "y", null), fc.constantFrom("g", "h")), { maxLength: 8 });
    fc.assert(
      fc.property(view, view, (one, other) => {
        const run = (a: typeof one, b: typeof one) =>
          crossViewAgreement()({
            answers: a.map(([answer]) => answer),
            groups: a.map(([, group]) => group),
            pairedAnswers: b.map(([answer]) => answer),
            pairedGroups: b.map(([, group]) => group),
          });
        expect(Array.from(run(one, other).rewards)).toEqual(Array.from(run(other, one).pairedRewards));
      }),
    );
  });
});

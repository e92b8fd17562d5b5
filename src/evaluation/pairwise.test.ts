import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { contrastConsistency, generalizationGap, pairwiseAccuracy, winRate } from "./pairwise.ts";

const score = fc.integer({ min: -3, max: 3 });
const pairsOf = fc.array(fc.tuple(score, score, fc.constantFrom("a", "b", "c")), { minLength: 1, maxLength: 20 });

describe("pairwise-accuracy", () => {
  it("counts ties by the rule, and Acc+ strictly whatever the rule", () => {
    const inputs = { chosen: [2, 1, 0], rejected: [1, 1, 1], groups: ["p", "q", "q"] };
    expect(pairwiseAccuracy({ ties: "half" })(inputs)).toMatchObject({ accuracy: 0.5, accuracyPlus: 0.5, tieCount: 1 });
    expect(pairwiseAccuracy()(inputs)).toMatchObject({ accuracy: 1 / 3, accuracyPlus: 0.5, margin: 0 });
    expect(pairwiseAccuracy({ ties: "half" })({ chosen: [1], rejected: [1], groups: [0] }).accuracyPlus).toBe(0);
  });
  it("takes Acc+ of a category over that category's pairs", () => {
    const { plusByCategory, byCategory } = pairwiseAccuracy()({
      chosen: [1, 0, 1],
      rejected: [0, 1, 0],
      groups: [7, 7, 8],
      categories: ["x", "y", "y"],
    });
    expect(byCategory).toEqual({ x: 1, y: 0.5 });
    expect(plusByCategory).toEqual({ x: 1, y: 0.5 });
  });
  it("is null without pairs, and leaves out what was not asked for", () => {
    const empty = pairwiseAccuracy()({ chosen: [], rejected: [], groups: [], categories: [] });
    expect(empty).toMatchObject({ accuracy: null, margin: null, accuracyPlus: null, macroAccuracy: null });
    expect(pairwiseAccuracy()({ chosen: [1], rejected: [0] }).accuracyPlus).toBeUndefined();
  });
  it("turns into its complement when the sides are swapped (ties half), and follows its pairs when they are permuted", () => {
    fc.assert(
      fc.property(pairsOf, (pairs) => {
        const chosen = pairs.map(([c]) => c);
        const rejected = pairs.map(([, r]) => r);
        const one = pairwiseAccuracy({ ties: "half" })({ chosen, rejected });
        const two = pairwiseAccuracy({ ties: "half" })({ chosen: rejected, rejected: chosen });
        expect((one.accuracy ?? 0) + (two.accuracy ?? 0)).toBeCloseTo(1, 12);
        const single = pairwiseAccuracy()({ chosen, rejected, groups: pairs.map((_, i) => i) });
        expect(single.accuracyPlus).toBe(single.accuracy);
        const categories = pairs.map(([, , c]) => c);
        const order = pairs.map((_, i) => i).reverse();
        const there = pairwiseAccuracy()({ chosen, rejected, categories });
        const back = pairwiseAccuracy()({
          chosen: order.map((i) => chosen[i]),
          rejected: order.map((i) => rejected[i]),
          categories: order.map((i) => categories[i]),
        });
        expect(back.byCategory).toEqual(there.byCategory);
        expect(Array.from(back.results)).toEqual(Array.from(there.results).reverse());
      }),
    );
  });
});

describe("win-rate", () => {
  it("a difference of exactly the margin is a tie; ties can be excluded", () => {
    const inputs = { candidate: [1, 2, 0.5, 0], baseline: [0.5, 0, 1, 2] };
    expect(winRate({ margin: 0.5 })(inputs)).toEqual({ winRate: 0.5, wins: 1, ties: 2, losses: 1 });
    expect(winRate({ ties: "exclude" })({ candidate: [1, 1, 1], baseline: [0, 0, 1] }).winRate).toBe(1);
    expect(winRate({ ties: "exclude" })({ candidate: [1], baseline: [1] }).winRate).toBeNull();
    expect(winRate()({ candidate: [], baseline: [] }).winRate).toBeNull();
  });
});

describe("generalization-gap", () => {
  it("is null where a kind has no set, and names a missing accuracy", () => {
    const gap = generalizationGap()({
      settings: { a: "prompt-shift" },
      explicit: { a: 0.75 },
      implicit: { a: 0.5 },
    });
    expect(gap).toEqual({
      difference: { a: 0.25 },
      meanOodDifference: 0.25,
      maxOodDifference: 0.25,
      inDistributionDifference: null,
      explicitDrop: null,
      implicitDrop: null,
    });
    expect(() => generalizationGap()({ settings: { a: "in-distribution" }, explicit: { a: 1 }, implicit: {} })).toThrow(
      /inputs\.implicit\.a/,
    );
  });
});

describe("contrast-consistency", () => {
  it("finds a prompt-blind model: instruction consistency 0 under strict ties, 1 under lenient", () => {
    const blind: [[number, number], [number, number]][] = [
      [
        [2, 1],
        [2, 1],
      ],
    ];
    expect(contrastConsistency()({ scores: blind })).toEqual({
      responseConsistency: 0.5,
      instructionConsistency: 0,
      allConsistency: 0,
    });
    expect(contrastConsistency({ ties: "lenient" })({ scores: blind }).instructionConsistency).toBe(1);
    expect(contrastConsistency()({ scores: [] }).allConsistency).toBeNull();
  });
});

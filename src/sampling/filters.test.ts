import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  expertIteration,
  expertRegionFilter,
  lengthRatioFilter,
  responseSanityFilter,
  rewardFilter,
  uniformScoreBins,
} from "./filters.ts";

describe("sampling/length-ratio-filter", () => {
  it("0/0 is no ratio, x/0 is infinite", () => {
    const inputs = { chosenLengths: [0, 5, 0], rejectedLengths: [0, 0, 5] };
    expect(lengthRatioFilter()(inputs).keep).toEqual([true, false, true]);
    expect(lengthRatioFilter({ symmetric: true })(inputs).keep).toEqual([true, false, false]);
    expect(lengthRatioFilter()({ chosenLengths: [], rejectedLengths: [] }).keptFraction).toBeNull();
  });
});

describe("sampling/response-sanity-filter", () => {
  it("counts code points and breaks runs at space and newline only", () => {
    const keep = (text: string) => responseSanityFilter({ maxLength: 4, maxChunk: 3 })({ responses: [text] }).keep[0];
    expect(keep("😀😀😀 a")).toBe(true);
    expect(keep("😀😀😀😀 a")).toBe(false);
    expect(keep("ab\tcd")).toBe(false);
    expect(keep("ab\ncd")).toBe(true);
    expect(keep("abcd")).toBe(true);
    expect(keep("\t")).toBe(true);
    expect(keep(" \n")).toBe(false);
  });
  it("takes any text, in linear time", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(responseSanityFilter()({ responses: [text] }).keep).toHaveLength(1);
      }),
    );
    const started = performance.now();
    responseSanityFilter()({ responses: ["<|im_".repeat(400_000)] });
    expect(performance.now() - started).toBeLessThan(2000);
  });
});

describe("sampling/reward-filter", () => {
  it("drops the unscored and needs exactly one rule", () => {
    expect(rewardFilter({ quantile: 0.5 })({ scores: [null, 1, 3, 2] })).toEqual({
      cutoff: 2,
      keep: [false, false, true, true],
    });
    expect(rewardFilter({ quantile: 0.5 })({ scores: [null] })).toEqual({ cutoff: null, keep: [false] });
    expect(() => rewardFilter()({ scores: [] })).toThrow("expected either quantile or threshold");
    expect(() => rewardFilter({ quantile: 0, threshold: 0 })({ scores: [] })).toThrow("params");
  });
  it("keeps at least the share above the quantile", () => {
    fc.assert(
      fc.property(fc.array(fc.integer(), { minLength: 1 }), fc.double({ min: 0, max: 1, noNaN: true }), (scores, q) => {
        const { keep } = rewardFilter({ quantile: q })({ scores });
        expect(keep.filter(Boolean).length).toBeGreaterThanOrEqual(Math.floor((1 - q) * (scores.length - 1)));
        expect(keep[scores.indexOf(Math.max(...scores))]).toBe(true);
      }),
    );
  });
});

describe("sampling/uniform-score-bins", () => {
  it("puts 0.3 in the third of ten bins, 1 in the last, and outliers in the outer ones", () => {
    const { counts } = uniformScoreBins({ perBin: 9 })({ scores: [0.3, 0.7, 1, -5, 7] });
    expect(Array.from(counts)).toEqual([1, 0, 0, 1, 0, 0, 0, 1, 0, 2]);
  });
});

describe("sampling/expert-iteration", () => {
  it("keeps the same rewards whatever the order of the rollouts", () => {
    const rollouts = fc.array(fc.tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 2 })));
    fc.assert(
      fc.property(rollouts, fc.integer({ min: 1, max: 3 }), (rows, top) => {
        const kept = (list: typeof rows) => {
          const rewards = list.map((row) => row[0]);
          const groups = list.map((row) => row[1]);
          const out = expertIteration({ top, threshold: 2 })({ rewards, groups });
          expect(out.kept.every((i) => rewards[i] >= 2)).toBe(true);
          return out.kept.map((i) => `${groups[i]}:${rewards[i]}`).sort();
        };
        expect(kept([...rows].reverse())).toEqual(kept(rows));
      }),
    );
  });
});

describe("sampling/expert-region-filter", () => {
  it("never drops an on-policy rollout", () => {
    const out = expertRegionFilter({ threshold: 5 })({ rewards: [0, 9, 0], offPolicy: [false, false, true] });
    expect(out).toEqual({ keep: [true, true, false], accepted: [false, false, false] });
  });
});

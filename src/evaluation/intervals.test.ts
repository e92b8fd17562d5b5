import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { curriculumGeneralization, proportionInterval } from "./intervals.ts";

const methods = ["wilson", "clopper-pearson", "jeffreys"] as const;

describe("proportion-interval", () => {
  it("holds the rate, is mirrored by failures, and widens with confidence", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), fc.nat(500), fc.constantFrom(...methods), (trials, k, method) => {
        const successes = Math.min(k, trials);
        const narrow = proportionInterval({ method, confidence: 0.8 })({ successes, trials });
        const wide = proportionInterval({ method, confidence: 0.99 })({ successes, trials });
        const mirror = proportionInterval({ method, confidence: 0.8 })({ successes: trials - successes, trials });
        expect(narrow.lower).toBeLessThanOrEqual(successes / trials);
        expect(narrow.upper).toBeGreaterThanOrEqual(successes / trials);
        expect(wide.lower).toBeLessThanOrEqual(narrow.lower);
        expect(wide.upper).toBeGreaterThanOrEqual(narrow.upper);
        expect(mirror.lower).toBeCloseTo(1 - narrow.upper, 9);
      }),
    );
  });
  it("is exact where a closed form exists, and all of [0, 1] without trials", () => {
    // k = 0: upper = 1 − (α/2)^(1/n).
    const none = proportionInterval({ method: "clopper-pearson" })({ successes: 0, trials: 10 });
    expect(none.lower).toBe(0);
    expect(none.upper).toBeCloseTo(1 - 0.025 ** 0.1, 12);
    expect(proportionInterval({ method: "wilson" })({ successes: 5, trials: 5 }).upper).toBe(1);
    for (const method of methods)
      expect(proportionInterval({ method })({ successes: 0, trials: 0 })).toEqual({ rate: null, lower: 0, upper: 1 });
    expect(() => proportionInterval()({ successes: 2, trials: 1 })).toThrow(/inputs\.successes/);
  });
});

describe("curriculum-generalization", () => {
  it("has no zero-shot lift once every stage was trained, and no rate without trials", () => {
    const result = curriculumGeneralization()({
      successes: [
        [0, 1],
        [1, 2],
      ],
      trials: [
        [0, 2],
        [1, 2],
      ],
      trainedThrough: [0, 2],
    });
    expect(result.rates).toEqual([
      [null, 0.5],
      [1, 1],
    ]);
    expect(result.lift).toEqual([
      [null, 0],
      [null, 0.5],
    ]);
    expect(result.zeroShotLift).toEqual([0, null]);
    // Fisher: 3 successes among 4 trials; both of row 1 succeed with probability C(2,2)·C(2,1)/C(4,3) = ½.
    expect(result.pValues[1]).toBeCloseTo(0.5, 12);
    expect(result.logOddsRatio[1]).toBeCloseTo(Math.log(5), 12);
  });
  it("names impossible counts and rows of other lengths", () => {
    const one = { trials: [[1]], trainedThrough: [0] };
    expect(() => curriculumGeneralization()({ ...one, successes: [[2]] })).toThrow(/successes\[0\]\[0\]/);
    expect(() => curriculumGeneralization()({ ...one, successes: [[]] })).toThrow(/successes\[0\]/);
  });
});

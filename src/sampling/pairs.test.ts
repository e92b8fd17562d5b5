import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dOptimalPairs } from "./d-optimal-pairs.ts";
import {
  bootstrappedReference,
  contrastPairs,
  crossPromptPairs,
  largeMarginPairs,
  policyGuidedPairs,
  verifiedPairs,
} from "./pair-construction.ts";
import { preferencePairs } from "./preference-pairs.ts";

const strategies = ["best-worst", "all", "hardest", "first-threshold"] as const;
const score = fc.oneof(fc.constant(null), fc.integer({ min: -3, max: 3 }));
const samples = fc.array(fc.tuple(score, fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 20 })));

describe("sampling/preference-pairs", () => {
  it("pairs within groups, scored samples only, with the margin asked for, whatever the strategy", () => {
    fc.assert(
      fc.property(
        samples,
        fc.constantFrom(...strategies),
        fc.integer({ min: 0, max: 2 }),
        fc.boolean(),
        fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
        (rows, strategy, minMargin, negate, maxLengthGap) => {
          const scores = rows.map((row) => row[0]);
          const groups = rows.map((row) => row[1]);
          const lengths = rows.map((row) => row[2]);
          const out = preferencePairs({ strategy, minMargin, negate, maxLengthGap, numPairs: 2 })({
            scores,
            groups,
            lengths,
          });
          out.pairs.forEach(([chosen, rejected], m) => {
            const high = scores[chosen];
            const low = scores[rejected];
            if (high === null || low === null) throw new Error("unscored");
            expect(groups[chosen]).toBe(groups[rejected]);
            expect(out.pairGroups[m]).toBe(groups[chosen]);
            const margin = negate ? low - high : high - low;
            expect(out.margins[m]).toBeCloseTo(margin, 12);
            expect(margin).toBeGreaterThanOrEqual(strategy === "first-threshold" ? minMargin : Math.max(minMargin, 1));
            if (maxLengthGap !== null) {
              const shorter = Math.min(lengths[chosen], lengths[rejected]);
              expect(Math.abs(lengths[chosen] - lengths[rejected])).toBeLessThanOrEqual(maxLengthGap * shorter + 1e-9);
            }
          });
          if (strategy === "best-worst") expect(new Set(out.pairGroups).size).toBe(out.pairs.length);
        },
      ),
    );
  });

  it("hardest: the closest admissible ranks only", () => {
    const inputs = { scores: [5, 1, 2, 4], groups: ["q", "q", "q", "q"] };
    expect(preferencePairs({ strategy: "hardest" })(inputs).pairs).toEqual([
      [0, 3],
      [2, 1],
    ]);
    expect(preferencePairs({ strategy: "hardest", minMargin: 2 })(inputs).pairs).toEqual([[3, 2]]);
    const tenths = { scores: [0.3, 0.2, 0.1], groups: ["q", "q", "q"] };
    expect(preferencePairs({ strategy: "hardest" })(tenths).pairs).toHaveLength(2);
  });

  it("first-threshold takes ties at margin 0, skips empty samples, and follows the given trial order", () => {
    const inputs = { scores: [1, 1, 0, null], groups: [7, 7, 7, 7], lengths: [4, 0, 4, 4] };
    expect(preferencePairs({ strategy: "first-threshold" })(inputs).pairs).toEqual([[0, 1]]);
    expect(preferencePairs({ strategy: "first-threshold", maxLengthGap: 1 })(inputs).pairs).toEqual([[0, 2]]);
    const partnerOrder = { "7": [[1, 0]] };
    expect(preferencePairs({ strategy: "first-threshold" })({ ...inputs, partnerOrder }).pairs).toEqual([[0, 2]]);
    expect(() => preferencePairs({ strategy: "first-threshold" })({ ...inputs, partnerOrder: { "7": [[2]] } })).toThrow(
      "inputs.partnerOrder.7[0][0]: expected an offset below 2",
    );
  });

  it("needs lengths for a length gap; no groups, no yield", () => {
    expect(() => preferencePairs({ maxLengthGap: 0.1 })({ scores: [1], groups: ["a"] })).toThrow("inputs.lengths");
    expect(preferencePairs()({ scores: [], groups: [] })).toMatchObject({ pairs: [], yield: null });
    expect(preferencePairs()({ scores: [null, 2], groups: ["a", "b"] }).yield).toBe(0);
  });
});

describe("sampling/large-margin-pairs", () => {
  it("never pairs ties, even with a margin of 0", () => {
    const inputs = { scores: [5, 5, 5.5], groups: [1, 1, 1], sources: ["student", "teacher", "student"] as const };
    expect(largeMarginPairs({ studentMargin: 0 })({ ...inputs, sources: [...inputs.sources] }).pairs).toEqual([
      [2, 0],
      [2, 1],
    ]);
  });
});

describe("sampling/contrast-pairs", () => {
  it("is a matter of direction, not length; a zero vector resembles nothing", () => {
    const embeddings = [
      [2, 0],
      [0.8, 0.6],
      [0, 0],
      [30, 40],
    ];
    const out = contrastPairs({ minSimilarity: 0.6, maxSimilarity: 0.97 })({ embeddings });
    expect(out.pairs).toEqual([
      [0, 1],
      [0, 3],
      [1, 3],
    ]);
    expect(contrastPairs({ minSimilarity: 0, maxSimilarity: 0 })({ embeddings }).pairs).toHaveLength(3);
    expect(() => contrastPairs()({ embeddings: [[1], [1, 2]] })).toThrow("inputs.embeddings[1]");
  });
});

describe("sampling/cross-prompt-pairs", () => {
  it("draws the j-th item outside the group, for every draw and layout", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 4 })), { minLength: 1 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (items, u, v) => {
          const groups = items.map((item) => item[0]);
          const scores = items.map((item) => item[1]);
          const i = Math.min(items.length - 1, Math.floor(u * items.length));
          const others = groups.flatMap((group, j) => (group === groups[i] ? [] : [j]));
          const out = crossPromptPairs()({ groups, scores, uniforms: [[u, v]] });
          if (others.length === 0) expect(out.pairs).toEqual([]);
          else {
            const j = others[Math.min(others.length - 1, Math.floor(v * others.length))];
            expect(out.pairs).toEqual([scores[j] > scores[i] ? [j, i] : [i, j]]);
            expect(out.margins[0]).toBe(Math.abs(scores[i] - scores[j]));
          }
        },
      ),
    );
  });
});

describe("sampling/bootstrapped-reference", () => {
  it("a group of one has a reference and no pair; one draw per group is asked for", () => {
    expect(bootstrappedReference()({ groups: ["a"], uniforms: [0.3] })).toEqual({
      references: Int32Array.of(0),
      pairs: [],
    });
    expect(() => bootstrappedReference()({ groups: ["a", "b"], uniforms: [0.3] })).toThrow(
      "inputs.uniforms: expected 2 entries, got 1",
    );
  });
});

describe("sampling/verified-pairs", () => {
  it("an unverified negative is not valid; uniform needs draws", () => {
    const inputs = { groups: ["a", "a"], correct: [true, true], negativeVerifiedWrong: [null] };
    expect(verifiedPairs()(inputs)).toEqual({ positives: Int32Array.of(0), valid: [false] });
    expect(verifiedPairs({ pick: "uniform" })({ ...inputs, uniforms: [0.99] }).positives).toEqual(Int32Array.of(1));
    expect(() => verifiedPairs({ pick: "uniform" })(inputs)).toThrow("inputs.uniforms");
  });
});

describe("sampling/policy-guided-pairs", () => {
  it("an item without any weak side yields nothing", () => {
    const inputs = { strong: ["s"], perturbed: [[]], policyOutputs: [["p"]], iteration: 0 };
    expect(policyGuidedPairs()(inputs).weak).toEqual([]);
    expect(policyGuidedPairs({ warmup: 0 })(inputs).sources).toEqual(["policy"]);
  });
});

describe("sampling/d-optimal-pairs", () => {
  it("gains fall, add up to the growth of the determinant, and certain pairs gain nothing", () => {
    const number = fc.double({ min: -3, max: 3, noNaN: true });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(number, number, fc.double({ min: 0, max: 1, noNaN: true })), { minLength: 1, maxLength: 8 }),
        (pairs) => {
          const out = dOptimalPairs({ count: 5, ridge: 0.5 })({
            differences: pairs.map(([x, y]) => [x, y]),
            probabilities: pairs.map(([, , p]) => p),
          });
          const gains = Array.from(out.gains);
          gains.slice(1).forEach((gain, k) => {
            expect(gain).toBeLessThanOrEqual(gains[k] + 1e-9);
          });
          expect(out.logDeterminant).toBeCloseTo(
            gains.reduce((sum, gain) => sum + gain, 2 * Math.log(0.5)),
            8,
          );
          let [a, b, d] = [0.5, 0, 0.5];
          for (const m of out.selected) {
            const [x, y, p] = pairs[m];
            a += p * (1 - p) * x * x;
            b += p * (1 - p) * x * y;
            d += p * (1 - p) * y * y;
          }
          expect(out.logDeterminant).toBeCloseTo(Math.log(a * d - b * b), 7);
        },
      ),
    );
    const certain = dOptimalPairs({ count: 2 })({ differences: [[9], [0.1]], probabilities: [1, 0.5] });
    expect(certain.selected).toEqual([1, 0]);
    expect(certain.gains[1]).toBe(0);
  });
  it("refuses a singular start", () => {
    expect(() => dOptimalPairs({ count: 1, ridge: 0 })({ differences: [[1]], probabilities: [0.5] })).toThrow(
      "positive definite",
    );
    expect(dOptimalPairs({ count: 1 })({ differences: [], probabilities: [] }).selected).toEqual([]);
  });
});

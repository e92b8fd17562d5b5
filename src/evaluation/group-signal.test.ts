import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  advantageEnergy,
  empiricalPassAtK,
  hintTransfer,
  nondegenerateGroupProbability,
  promptUsage,
} from "./group-signal.ts";

describe("advantage-energy", () => {
  it("is 0 exactly for flat groups and groups of one, near 1 (population) or (G−1)/G (sample) otherwise", () => {
    const result = advantageEnergy({ epsilon: 0 })({
      rewards: [0.1, 5, 0.1, 0.1, 1],
      groups: ["a", "b", "a", "a", "c"],
    });
    expect(result).toEqual({
      groups: ["a", "b", "c"],
      energies: Float64Array.of(0, 0, 0),
      degenerate: [true, true, true],
    });
    expect(advantageEnergy({ epsilon: 0 })({ rewards: [1, 0, 0], groups: [1, 1, 1] }).energies[0]).toBeCloseTo(1, 12);
    const sample = advantageEnergy({ epsilon: 0, ddof: 1 })({ rewards: [1, 0, 0], groups: [1, 1, 1] });
    expect(sample.energies[0]).toBeCloseTo(2 / 3, 12);
  });
});

describe("nondegenerate-group-probability", () => {
  it("is symmetric, between 0 and 1, and below its Jensen bound", () => {
    const rate = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(
        fc.array(rate, { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 32 }),
        (rates, groupSize) => {
          const part = nondegenerateGroupProbability({ groupSize });
          const { probabilities, expected, jensenBound } = part({ successRates: rates });
          const mirrored = part({ successRates: rates.map((p) => 1 - p) }).probabilities;
          for (let m = 0; m < rates.length; m++) expect(probabilities[m]).toBeCloseTo(mirrored[m], 9);
          expect(expected ?? 0).toBeLessThanOrEqual((jensenBound ?? 0) + 1e-9);
          if (groupSize === 1) expect(jensenBound).toBeCloseTo(0, 12);
        },
      ),
    );
    expect(nondegenerateGroupProbability({ groupSize: 4 })({ successRates: [1e-12] }).probabilities[0]).toBeCloseTo(
      4e-12,
      20,
    );
    expect(nondegenerateGroupProbability({ groupSize: 2 })({ successRates: [0.5], weights: [0] }).expected).toBeNull();
  });
});

describe("prompt-usage", () => {
  it("puts edges into the lower bucket, and shares sum to 1", () => {
    const history = [0.2, 0.4, 0.6, 0.8, 0.9, 1, 0, -1, 2];
    const { shares, neverSolved } = promptUsage()({ prompts: history.map((_, i) => i), rewards: history });
    expect(Array.from(shares, (value) => Math.round(9 * value))).toEqual([2, 1, 1, 1, 1, 1, 2]);
    expect(neverSolved).toBeCloseTo(2 / 9, 12);
    expect(promptUsage()({ prompts: [], rewards: [] })).toEqual({ total: 0, neverSolved: null, shares: [] });
  });
});

describe("hint-transfer", () => {
  it("bounds its own estimate from below", () => {
    const rollout = fc.tuple(fc.boolean(), fc.double({ min: -3, max: 3, noNaN: true }));
    fc.assert(
      fc.property(fc.array(rollout, { minLength: 1 }), (rollouts) => {
        const { noHintEstimate, lowerBound, hintedRate } = hintTransfer()({
          correct: rollouts.map(([c]) => c),
          logRatios: rollouts.map(([, r]) => r),
        });
        expect(lowerBound ?? 0).toBeLessThanOrEqual((noHintEstimate ?? 0) + 1e-9);
        if (hintedRate === 0) expect([noHintEstimate, lowerBound]).toEqual([0, 0]);
      }),
    );
    expect(hintTransfer()({ correct: [], logRatios: [] }).lowerBound).toBeNull();
  });
});

describe("empirical-pass-at-k", () => {
  it("takes what samples there are, of interleaved groups, in order", () => {
    const result = empiricalPassAtK({ k: [1, 2, 9] })({
      correct: [false, true, true, false],
      groups: ["a", "b", "a", "c"],
    });
    expect(result).toEqual({ groups: ["a", "b", "c"], passAtK: [1 / 3, 2 / 3, 2 / 3] });
    expect(empiricalPassAtK({ k: [1] })({ correct: [], groups: [] }).passAtK).toEqual([null]);
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { curationBounds, distributionalConsistency, elo, exploitability } from "./preferences.ts";

const weight = fc.integer({ min: 1, max: 20 });
const normalised = (weights: number[]) => weights.map((w) => w / weights.reduce((a, b) => a + b, 0));

describe("exploitability", () => {
  it("is never negative for a preference with P + Pᵀ = 1, whose self-value is ½", () => {
    const game = fc.tuple(
      fc.array(fc.integer({ min: 0, max: 10 }), { minLength: 3, maxLength: 3 }),
      fc.array(weight, { minLength: 3, maxLength: 3 }),
    );
    fc.assert(
      fc.property(game, ([[a, b, c], weights]) => {
        const [x, y, z] = [a / 10, b / 10, c / 10];
        const preferences = [
          [0.5, x, y],
          [1 - x, 0.5, z],
          [1 - y, 1 - z, 0.5],
        ];
        const result = exploitability()({ preferences, probabilities: normalised(weights) });
        expect(result.exploitability).toBeGreaterThanOrEqual(-1e-12);
        expect(result.selfValue).toBeCloseTo(0.5, 12);
      }),
    );
    expect(exploitability()({ preferences: [], probabilities: [] }).exploitability).toBeNull();
    expect(() => exploitability()({ preferences: [[0.5]], probabilities: [0.5, 0.5] })).toThrow(/preferences\[0\]/);
  });
});

describe("elo", () => {
  it("conserves the sum of ratings, whatever the orders", () => {
    const match = fc
      .tuple(fc.nat(3), fc.integer({ min: 1, max: 3 }), fc.constantFrom(0, 0.5, 1))
      .map(([i, step, score]): [number, number, number] => [i, (i + step) % 4, score]);
    fc.assert(
      fc.property(fc.array(match, { maxLength: 10 }), (matches) => {
        const forward = matches.map((_, m) => m);
        const { ratings } = elo()({ matches, players: 4, orders: [forward, [...forward].reverse()] });
        expect(ratings.reduce((a, b) => a + b, 0)).toBeCloseTo(6000, 6);
      }),
    );
  });
  it("moves half the k factor between equals, and leaves idle players alone", () => {
    expect(Array.from(elo({ initial: 0 })({ matches: [[0, 1, 1]], players: 3 }).ratings)).toEqual([16, -16, 0]);
    expect(Array.from(elo()({ matches: [[0, 1, 1]], players: 2, orders: [] }).ratings)).toEqual([1500, 1500]);
    expect(() => elo()({ matches: [[0, 2, 1]], players: 2 })).toThrow(/matches\[0\]/);
    expect(() => elo()({ matches: [], players: 2, orders: [[0]] })).toThrow(/orders\[0\]/);
  });
});

describe("distributional-consistency", () => {
  it("does not see an offset, and uses KL(human‖model)", () => {
    const result = distributionalConsistency()({ rewards: [Math.log(3), 0], scores: [7, 7] });
    expect(result.klHumanModel).toBeCloseTo(0.75 * Math.log(1.5) + 0.25 * Math.log(0.5), 12);
    expect(result.totalVariation).toBeCloseTo(0.25, 12);
    expect(distributionalConsistency()({ rewards: [], scores: [] }).klHumanModel).toBeNull();
  });
});

describe("curation-bounds", () => {
  const world = fc
    .array(fc.tuple(weight, fc.integer({ min: -20, max: 20 }), weight), { minLength: 1, maxLength: 6 })
    .map((rows) => ({
      probabilities: normalised(rows.map(([w]) => w)),
      rewards: rows.map(([, r]) => r / 10),
      reference: normalised(rows.map(([, , w]) => w)),
    }));
  it("the theorems hold: the gain is at least its bound, and K = 1 changes nothing", () => {
    fc.assert(
      fc.property(world, fc.integer({ min: 2, max: 6 }), (inputs, choices) => {
        const result = curationBounds({ choices })(inputs);
        expect(result.curatedMeanExpReward - result.meanExpReward).toBeGreaterThanOrEqual(result.gainBound - 1e-9);
        const plain = curationBounds({ choices: 1 })(inputs);
        expect(plain.curatedMeanExpReward).toBeCloseTo(plain.meanExpReward, 12);
        const mixed = curationBounds({ choices, syntheticRatio: 0.1 })({ ...inputs, probabilities: inputs.reference });
        expect(mixed.nextMeanExpReward).toBeGreaterThanOrEqual((mixed.referenceLowerBound ?? 0) - 1e-9);
        expect(mixed.klToReference).toBeCloseTo(0, 12);
      }),
    );
  });
  it("enumerates K = 2 by hand: H(x) = 2 Σ p(y)·b(x)/(b(x) + b(y))", () => {
    const p = [0.25, 0.75];
    const b = [1, 3];
    const result = curationBounds({ choices: 2 })({ probabilities: p, rewards: [0, Math.log(3)] });
    let expected = 0;
    for (const [x, bx] of b.entries())
      for (const [y, by] of b.entries()) expected += 2 * p[x] * p[y] * bx * (bx / (bx + by));
    expect(result.curatedMeanExpReward).toBeCloseTo(expected, 10);
  });
  it("takes infinitely many choices: p·b/E[b], and no KL bound with real data", () => {
    const inputs = { probabilities: [0.25, 0.75], rewards: [0, Math.log(3)], reference: [0.5, 0.5] };
    const result = curationBounds({ syntheticRatio: 0.5 })(inputs);
    // E[b] = 2.5, Var[b] = 0.75, E[b²]/E[b] = 7/2.5
    expect(result.curatedMeanExpReward).toBeCloseTo(2.8, 12);
    expect(result.gainBound).toBeCloseTo(0.75 / 3, 12);
    expect(result.nextMeanExpReward).toBeCloseTo((2 + 0.5 * 2.8) / 1.5, 12);
    expect(result.klBound).toBeNull();
    const many = curationBounds({ choices: 20_000 })(inputs);
    expect(many.curatedMeanExpReward).toBeCloseTo(2.8, 3);
  });
  it("takes r* on the support, drops the KL bound at λ(K − 1) ≥ 1, and survives far outliers", () => {
    const result = curationBounds({ choices: 3, syntheticRatio: 0.5 })({
      probabilities: [1, 0],
      rewards: [1, 100],
      reference: [0.5, 0.5],
    });
    expect(result).toMatchObject({ maxReward: 1, klBound: null });
    const far = curationBounds({ choices: 4 })({ probabilities: [0.5, 0.5], rewards: [-600, 0] });
    expect(far.curatedMeanExpReward).toBeCloseTo(1 - 0.5 ** 4, 10);
    expect(
      curationBounds({ choices: 2, syntheticRatio: 1 })({
        probabilities: [0.5, 0.5],
        rewards: [0, 1],
        reference: [1, 0],
      }).klToReference,
    ).toBeNull();
  });
  it("names what is missing", () => {
    const inputs = { probabilities: [1], rewards: [0] };
    expect(() => curationBounds({ choices: 2, syntheticRatio: 1 })(inputs)).toThrow(/inputs\.reference/);
    expect(() => curationBounds({ choices: 2 })({ probabilities: [0], rewards: [0] })).toThrow(/inputs\.probabilities/);
    expect(() => curationBounds({ choices: 2 })({ probabilities: [-1], rewards: [0] })).toThrow(/probabilities\[0\]/);
  });
});

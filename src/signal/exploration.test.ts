import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  countBonus,
  ellipticalBonus,
  noveltyDifference,
  randomNetworkDistillation,
  retrievalReward,
} from "./exploration.ts";

const keys = fc.array(fc.constantFrom("a", "b", "__proto__", "toString"), { maxLength: 12 });

describe("signal/count-bonus", () => {
  it("gives the same in one call or two, and counts every state", () => {
    fc.assert(
      fc.property(
        keys,
        fc.nat(12),
        fc.constantFrom("inverse-sqrt" as const, "first-visit" as const, "inverse-power" as const),
        (states, cut, form) => {
          const run = countBonus({ form });
          const whole = run({ states });
          const first = run({ states: states.slice(0, cut) });
          const second = run({ states: states.slice(cut), state: first.state });
          expect([...first.bonuses, ...second.bonuses]).toEqual(Array.from(whole.bonuses));
          expect(Object.entries(second.state.counts)).toEqual(Object.entries(whole.state.counts));
          expect(Object.values(whole.state.counts).reduce((sum, count) => sum + count, 0)).toBe(states.length);
        },
      ),
    );
  });

  it("caps the other forms too, and reads nothing where there is no next state", () => {
    expect(
      Array.from(countBonus({ form: "inverse-power", exponent: 1, max: 0.4 })({ states: ["a", "a", "a"] }).bonuses),
    ).toEqual([0.4, 0.4, 1 / 3]);
    expect(Array.from(countBonus({ form: "first-visit", scale: 2, max: 1 })({ states: [1, "1"] }).bonuses)).toEqual([
      1, 0,
    ]);
    expect(countBonus({ read: "next" })({ states: [] })).toEqual({
      bonuses: new Float64Array(0),
      state: { counts: {} },
    });
    expect(Array.from(countBonus({ scale: 0, max: 1 })({ states: ["a"] }).bonuses)).toEqual([0]);
    expect(() => countBonus({ read: "next" })({ states: ["a", "b"], dones: [true, true] })).toThrow("inputs.dones");
  });
});

describe("signal/elliptical-bonus", () => {
  it("generalises counts: one-hot features give 1/(ridge + n)", () => {
    const out = ellipticalBonus({ zeroFirst: false })({
      features: [
        [1, 0],
        [1, 0],
        [0, 1],
        [1, 0],
      ],
    });
    for (const [t, n] of [0, 1, 0, 2].entries()) expect(out.bonuses[t]).toBeCloseTo(1 / (0.1 + n), 10);
  });

  it("gives the same in one call or two, and after is before/(1 + before)", () => {
    const features = fc.array(fc.tuple(fc.integer({ min: -3, max: 3 }), fc.integer({ min: -3, max: 3 })), {
      minLength: 1,
      maxLength: 6,
    });
    fc.assert(
      fc.property(features, fc.nat(6), (rows, cut) => {
        const dones = rows.map((_, t) => t === 2);
        const run = ellipticalBonus();
        const whole = run({ features: rows, dones });
        const first = run({ features: rows.slice(0, cut), dones: dones.slice(0, cut) });
        const second = run({ features: rows.slice(cut), dones: dones.slice(cut), state: first.state });
        [...first.bonuses, ...second.bonuses].forEach((bonus, t) => {
          expect(bonus).toBeCloseTo(whole.bonuses[t], 9);
        });
        expect(second.state.step).toBe(whole.state.step);
        const before = ellipticalBonus({ zeroFirst: false })({ features: rows }).bonuses;
        const after = ellipticalBonus({ zeroFirst: false, order: "after" })({ features: rows }).bonuses;
        after.forEach((bonus, t) => {
          expect(bonus).toBeCloseTo(before[t] / (1 + before[t]), 9);
        });
      }),
    );
    expect(ellipticalBonus()({ features: [] })).toEqual({
      bonuses: new Float64Array(0),
      state: { inverse: null, step: 0 },
    });
    expect(() => ellipticalBonus()({ features: [[1], [1, 2]] })).toThrow("features[1]");
  });
});

it("random network distillation: distances, their mean, null without states", () => {
  const out = randomNetworkDistillation()({
    predictions: [
      [3, 0],
      [0, 0],
    ],
    targets: [
      [0, 4],
      [0, 0],
    ],
  });
  expect(out).toEqual({ novelty: Float64Array.of(5, 0), loss: 2.5 });
  expect(randomNetworkDistillation()({ predictions: [], targets: [] }).loss).toBeNull();
});

it("novelty difference: never negative; gates need counts", () => {
  const run = (gate: "none" | "first-visit" | "inverse-sqrt") => noveltyDifference({ alpha: 1, gate });
  const inputs = { novelty: [1, 3, 2, 6], episodicCounts: [1, 1, 4] };
  expect(Array.from(run("none")(inputs).bonuses)).toEqual([2, 0, 4]);
  expect(Array.from(run("first-visit")(inputs).bonuses)).toEqual([2, 0, 0]);
  expect(Array.from(run("inverse-sqrt")(inputs).bonuses)).toEqual([2, 0, 2]);
  expect(() => run("first-visit")({ novelty: [1, 2] })).toThrow("inputs.episodicCounts");
  expect(() => run("inverse-sqrt")({ novelty: [1, 2], episodicCounts: [0] })).toThrow("at least 1");
  expect(run("none")({ novelty: [] }).bonuses).toHaveLength(0);
});

it("retrieval: own entries only, unseen ones once and unscored", () => {
  const out = retrievalReward()({ gameMessages: ["a", "toString", "b", "toString"], table: { a: 1 } });
  expect(out).toEqual({ rewards: [1, null, null, null], unseen: ["toString", "b"] });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AnyPart, callPart } from "../core/part.ts";
import {
  adaptiveImitationWeight,
  agencyHandover,
  demonstrationQuota,
  linearSchedule,
  noiseCalibration,
} from "./schedules.ts";

describe("sampling/linear-schedule", () => {
  it("stays between its ends and is monotone", () => {
    const number = fc.double({ min: -10, max: 10, noNaN: true });
    fc.assert(
      fc.property(number, number, fc.array(fc.integer({ min: -5, max: 20 })), (start, end, steps) => {
        const sorted = [...steps].sort((a, b) => a - b);
        const values = Array.from(linearSchedule({ start, end, from: 0, to: 10 })({ steps: sorted }).values);
        values.forEach((value, i) => {
          expect(value).toBeGreaterThanOrEqual(Math.min(start, end) - 1e-12);
          expect(value).toBeLessThanOrEqual(Math.max(start, end) + 1e-12);
          if (i > 0) expect((value - values[i - 1]) * Math.sign(end - start)).toBeGreaterThanOrEqual(-1e-12);
        });
      }),
    );
  });
  it("jumps when it has no length, and does not run backwards", () => {
    const steps = [3, 4, 5];
    expect(Array.from(linearSchedule({ start: 0, end: 1, from: 4, to: 4 })({ steps }).values)).toEqual([0, 1, 1]);
    expect(() => linearSchedule({ start: 0, end: 1, from: 4, to: 3 })({ steps })).toThrow("params.to");
  });
});

describe("sampling/demonstration-quota", () => {
  it("goes from three quarters to one by default", () => {
    const { demonstrations } = demonstrationQuota({ batchSize: 8 })({ steps: [0, 50_000, 1e9] });
    expect(Array.from(demonstrations)).toEqual([6, 2, 2]);
  });
});

describe("sampling/agency-handover", () => {
  const state = { maxProbability: 0.1, maxSuccess: 0.5 };
  it("a better evaluation raises the ceiling only while the schedule is ahead of it", () => {
    const bound = agencyHandover({ successGated: true, from: 0, to: 100 });
    const stateAfter = (step: number, success: number) =>
      bound({ steps: [], uniforms: [], evaluations: [[step, success]], state }).state;
    expect(stateAfter(5, 0.6)).toEqual({ maxProbability: 0.1, maxSuccess: 0.6 });
    expect(stateAfter(50, 0.5).maxProbability).toBeCloseTo(0.15, 12);
    expect(stateAfter(50, 0.4)).toEqual(state);
  });
  it("the ceiling matters only where it is asked for", () => {
    const inputs = { steps: [1e9], uniforms: [0.5], state };
    expect(agencyHandover()(inputs).useModel).toEqual([true]);
    expect(agencyHandover({ capped: true })(inputs).useModel).toEqual([false]);
  });
});

describe("sampling/adaptive-imitation-weight", () => {
  it("never leaves its bounds", () => {
    const number = fc.double({ min: -1e6, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(number, number, number, (metaGradient, entropy, targetEntropy) => {
        const { mu } = adaptiveImitationWeight()({ state: { mu: 0.5 }, metaGradient, entropy, targetEntropy }).state;
        expect(mu).toBeGreaterThanOrEqual(0.05);
        expect(mu).toBeLessThanOrEqual(0.95);
      }),
    );
    expect(() =>
      adaptiveImitationWeight({ muMin: 0.9, muMax: 0.1 })({
        state: { mu: 0.5 },
        metaGradient: 0,
        entropy: 0,
        targetEntropy: 0,
      }),
    ).toThrow("params.muMin");
  });
});

describe("state", () => {
  it("has a natural beginning where there is one", async () => {
    const call = (part: AnyPart, inputs: object, params?: object) => callPart(part, { params, inputs });
    const still = { metaGradient: 0, entropy: 1, targetEntropy: 1 };
    expect(await call(adaptiveImitationWeight as unknown as AnyPart, still)).toEqual({ state: { mu: 0.5 } });
    expect(await call(agencyHandover as unknown as AnyPart, { steps: [0], uniforms: [0.5] })).toMatchObject({
      state: { maxProbability: 0, maxSuccess: 0 },
    });
    expect(adaptiveImitationWeight()(still).state.mu).toBe(0.5);
  });
});

describe("sampling/noise-calibration", () => {
  it("zero gains count on neither side and the floor holds", () => {
    const out = noiseCalibration({ balanceTolerance: 1, increment: 0.5, minimum: 0.1 })({
      stepRewards: [[0, 1], [0, 2], [0]],
      state: { noiseLevels: [0.3, 0.3] },
    });
    expect(Array.from(out.positives)).toEqual([0, 2]);
    expect(Array.from(out.state.noiseLevels)).toEqual([0.8, 0.1]);
    expect(() => noiseCalibration()({ stepRewards: [[1, 2]], state: { noiseLevels: [1] } })).toThrow("at most 1 steps");
  });
});

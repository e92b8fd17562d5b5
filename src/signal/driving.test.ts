import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { comfortViolations, drivingPenalties, roachReward } from "./driving.ts";
import { routeCompletion } from "./route-completion.ts";

const times = Array.from({ length: 15 }, (_, t) => t / 10);

describe("signal/comfort-violations", () => {
  it("finds exact derivatives of quadratic histories, also for an even window", () => {
    for (const n of [8, 9, 12, 15, 20]) {
      const t = Array.from({ length: n }, (_, k) => k / 10);
      const out = comfortViolations()({
        longitudinal: t.map((x) => 1 + x),
        lateral: t.map(() => 5),
        magnitude: t.map((x) => 9 * x),
        // Yaw rate 0.5 + 2x, wrapped into (−π, π].
        yaw: t.map((x) => ((0.5 * x + x * x + 4) % (2 * Math.PI)) - Math.PI),
      });
      const end = t[n - 1];
      const expected = [1 + end, 5, 9, 1, 0.5 + 2 * end, 2];
      // The smoothing of an even window sits half a sample late in its interior; a straight line keeps its slope.
      for (const k of [0, 1, 4, 5]) expect(out.values[k], `${n} frames, value ${k}`).toBeCloseTo(expected[k], 7);
      expect(Math.abs((out.values[3] ?? 0) - 1)).toBeLessThan(0.2);
      expect(out.violations[1]).toBe(true);
      expect(out.violations[5]).toBe(true);
    }
  });

  it("does not judge fewer than eight frames", () => {
    const few = times.slice(0, 7);
    const out = comfortViolations()({ longitudinal: few, lateral: few, magnitude: few, yaw: few });
    expect(out).toEqual({ values: new Array(6).fill(null), violations: new Array(6).fill(false) });
    expect(() => comfortViolations()({ longitudinal: few, lateral: few, magnitude: few, yaw: [] })).toThrow(
      "inputs.yaw",
    );
  });
});

const flag = fc.boolean();
const tick = fc.record({
  comfort: fc.array(flag, { minLength: 6, maxLength: 6 }),
  ttc: flag,
  junction: flag,
  offset: fc.integer({ min: -1, max: 1 }),
});

describe("signal/driving-penalties", () => {
  it("gives the same in one call or tick by tick, with factors in [0, 1]", () => {
    fc.assert(
      fc.property(fc.array(tick, { minLength: 1, maxLength: 10 }), (ticks) => {
        const run = drivingPenalties({ laneTicks: 1, comfortTicks: 2, ttcTicks: 3 });
        const inputs = (part: typeof ticks) => ({
          speeds: part.map((_, t) => 8 + t),
          speedLimits: part.map(() => 8),
          laneOffsets: part.map(({ offset }) => offset),
          inJunction: part.map(({ junction }) => junction),
          comfortViolations: part.map(({ comfort }) => comfort),
          ttcViolations: part.map(({ ttc }) => ttc),
          outsideLanes: part.map(({ ttc }) => !ttc),
        });
        const whole = run(inputs(ticks));
        let state: typeof whole.state | undefined;
        ticks.forEach((one, t) => {
          const out = run({ ...inputs([one]), state });
          for (const name of ["comfort", "ttc", "lane", "outsideLanes"] as const) {
            expect(out.penalties[name][0]).toBe(whole.penalties[name][t]);
            expect(out.penalties[name][0]).toBeGreaterThanOrEqual(0);
            expect(out.penalties[name][0]).toBeLessThanOrEqual(1);
          }
          state = out.state;
        });
        expect(state).toEqual(whole.state);
      }),
    );
  });
});

describe("signal/roach-reward", () => {
  const calm = { speed: 6, lateralDistance: 0, angle: 0, steer: 0, previousSteer: 0, hazards: {} };
  it("is 1 at best, stops before hazards, and charges the speed for collisions only", () => {
    expect(roachReward()(calm).reward).toBe(1);
    expect(roachReward()({ ...calm, hazards: { pedestrian: 6, vehicle: 20 } }).components.desiredSpeed).toBe(0);
    expect(roachReward()({ ...calm, hazards: { pedestrian: null } }).reward).toBe(1);
    expect(roachReward()({ ...calm, event: "routeDeviation" }).components.terminal).toBe(-1);
    expect(roachReward()({ ...calm, event: "stopSign" }).components.terminal).toBe(-7);
    expect(roachReward()({ ...calm, steer: 0.01 }).components.action).toBe(0);
  });
});

describe("signal/route-completion", () => {
  const run = (params: Parameters<typeof routeCompletion>[0], more = {}) =>
    routeCompletion(params)({
      routeCompletion: [60, 100],
      penalties: {},
      infractions: {},
      finished: [false, true],
      ...more,
    });

  it("returns the completed route, whatever the speed, where nothing happens", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 1, maxLength: 10 }), (deltas) => {
        let sum = 0;
        const completion = deltas.map((delta) => (sum += delta));
        const out = routeCompletion()({
          routeCompletion: completion,
          penalties: {},
          infractions: {},
          finished: deltas.map(() => false),
        });
        expect(out.return).toBeCloseTo(sum, 9);
        expect(out.endStep).toBeNull();
      }),
    );
  });

  it("lets termination win over truncation, and adds the terminal reward", () => {
    const out = run({ terminalReward: -5 }, { infractions: { blocked: [false, true], collision: [false, true] } });
    expect(out).toEqual({
      rewards: [60, 40 - 5 - 1],
      terminated: true,
      truncated: false,
      endStep: 1,
      infractions: ["blocked", "collision"],
      return: 94,
    });
    expect(run({ initialCompletion: 50 }).rewards).toEqual([10, 40]);
    expect(run({}, { infractions: { blocked: [true, false] } }).rewards).toEqual([60]);
  });

  it("has its own score and length per accumulation, and names a missing factor", () => {
    const ones = { ttc: [1, 1], speed: [1, 1], comfort: [1, 1], lane: [1, 1], outsideLanes: [1, 0] };
    expect(run({ accumulation: "weighted" }, { penalties: ones }).rewards).toEqual([(300 + 11 * 0.05) / 16, 0]);
    expect(run({ accumulation: "survival" }).rewards[0]).toBeCloseTo(0.4 * 60 + 0.6 / 150, 12);
    expect(() => run({ accumulation: "weighted" })).toThrow("inputs.penalties.ttc");
    expect(() => run({}, { finished: [true] })).toThrow("inputs.finished");
  });
});

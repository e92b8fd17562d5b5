import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { distanceReward, goalDistance, goalRegion, numericCloseness, rewardCriterion } from "./goals.ts";

const number = fc.double({ min: -1e6, max: 1e6, noNaN: true });

describe("distances", () => {
  it("are never positive and 0 at the goal", () => {
    fc.assert(
      fc.property(number, number, (reward, goal) => {
        expect(goalDistance()({ rewards: [reward], goals: [goal] }).rewards[0]).toBeLessThanOrEqual(0);
        expect(goalDistance()({ rewards: [goal], goals: [goal] }).rewards[0]).toBe(0);
        expect(distanceReward()({ samples: [[reward, goal]], center: [reward, goal] }).rewards[0]).toBe(0);
      }),
    );
    expect(() => distanceReward()({ samples: [[1]], center: [1, 2] })).toThrow("samples[0]");
  });

  it("numeric closeness is 1 for the right number, in [0, 1], and 0 for none", () => {
    fc.assert(
      fc.property(number, number, (prediction, reference) => {
        const out = numericCloseness()({
          predictions: [prediction, reference, null],
          references: [reference, reference, reference],
        });
        expect(out.rewards[0]).toBeGreaterThanOrEqual(0);
        expect(out.rewards[0]).toBeLessThanOrEqual(1);
        expect(Array.from(out.rewards).slice(1)).toEqual([1, 0]);
      }),
    );
  });
});

describe("goal region", () => {
  it("is 1 on the axis, m at the rim, 0 outside, whatever the scale", () => {
    const rim = Math.acos(0.98);
    const objectives = [
      [3, 0],
      [Math.cos(rim * 0.999999), Math.sin(rim * 0.999999)],
      [0, 2],
      [0, 0],
    ];
    const directions = objectives.map(() => [0.5, 0]);
    const out = goalRegion()({ objectives, directions });
    expect(out.inRegion).toEqual([true, true, false, false]);
    expect(out.coefficients[0]).toBe(1);
    expect(out.coefficients[1]).toBeCloseTo(0.1, 5);
    expect(Array.from(out.rewards)).toEqual([3, expect.closeTo(0.1 * (objectives[1][0] + objectives[1][1]), 5), 0, 0]);
    expect(out.cosines[3]).toBeNull();
  });
});

describe("reward criterion", () => {
  it("sums over the scores given, with the published defaults", () => {
    const out = rewardCriterion()({ scores: { hps: 0.3, clip: 30 } });
    expect(out.losses).toEqual({ hps: 0.7, clip: 70 });
    expect(out.total).toBeCloseTo(5 * 0.7 + 0.01 * 70, 12);
    expect(rewardCriterion()({ scores: {} }).total).toBe(0);
    expect(() => rewardCriterion()({ scores: { toString: 1 } })).toThrow("params.offsets.toString");
  });
});

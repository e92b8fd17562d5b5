import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { luceChoice, studentPromotion } from "./choice.ts";
import { hopBins, hopQuota } from "./hops.ts";
import { pauseInsertion, penaltyPoints, randomPosition, trajectoryWindows } from "./trajectories.ts";

describe("sampling/trajectory-windows", () => {
  it("tiles every episode and crosses none", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(9)), fc.integer({ min: 1, max: 5 }), (lengths, size) => {
        const { windows } = trajectoryWindows({ size })({ lengths });
        const ends: number[] = [];
        for (const length of lengths) ends.push((ends.at(-1) ?? 0) + length);
        let at = 0;
        for (const [start, end] of windows) {
          expect(start).toBe(at);
          expect(end - start).toBeLessThanOrEqual(size);
          expect(end).toBeGreaterThan(start);
          expect(ends.some((cut) => cut > start && cut < end)).toBe(false);
          at = end;
        }
        expect(at).toBe(ends.at(-1) ?? 0);
      }),
    );
  });
});

describe("sampling/random-position", () => {
  it("leaves enough context and a token to predict", () => {
    fc.assert(
      fc.property(fc.nat(12), fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(6), (length, u, minContext) => {
        const [position] = randomPosition({ minContext })({ lengths: [length], uniforms: [u] }).positions;
        if (length <= minContext) expect(position).toBeNull();
        else {
          expect(position).toBeGreaterThanOrEqual(minContext);
          expect(position).toBeLessThan(length);
        }
      }),
    );
  });
});

describe("sampling/pause-insertion", () => {
  it("without the pauses the sequence is what it was; all tokens count when no mask is given", () => {
    const out = pauseInsertion({ count: 2, pauseId: -1 })({ tokens: [[5, 6], []], positions: [0, 0] });
    expect(out).toEqual({
      tokens: [
        [-1, -1, 5, 6],
        [-1, -1],
      ],
      mask: [
        [0, 0, 1, 1],
        [0, 0],
      ],
    });
    expect(() => pauseInsertion({ count: 1, pauseId: 0 })({ tokens: [[1]], positions: [2] })).toThrow(
      "expected 0 to 1",
    );
  });
});

describe("sampling/penalty-points", () => {
  const points = { policy: [[0, 0]], expert: [[1, -1]] };
  it("each variant has its centre", () => {
    expect(penaltyPoints({ variant: "bare" })(points).points).toEqual([[0, 0]]);
    const normals = [[0.5, 0.25]];
    expect(penaltyPoints({ variant: "nagard" })({ ...points, normals }).points).toEqual([[5, 2.5]]);
    expect(penaltyPoints({ variant: "dragan", noise: 2 })({ ...points, normals }).points).toEqual([[2, -0.5]]);
    expect(penaltyPoints()({ ...points, uniforms: [[0.25]] }).points).toEqual([[0.75, -0.75]]);
  });
  it("needs its draws", () => {
    expect(() => penaltyPoints()(points)).toThrow("inputs.uniforms");
    expect(() => penaltyPoints({ variant: "dragan" })(points)).toThrow("inputs.normals");
    expect(() => penaltyPoints({ stateDimensions: 1 })({ ...points, uniforms: [[0.1]] })).toThrow("a draw per block");
  });
});

describe("sampling/hop-bins and hop-quota", () => {
  it("bins are in range, boundaries open a new bin, quotas add up", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 30 }),
        fc.nat(5000),
        fc.double({ min: -2, max: 2, noNaN: true }),
        (bins, samples, hop) => {
          const { scoreBin } = hopBins({ scoreBins: bins })({ hops: [hop, -1, 1], gaps: [0, 1, 99], maxGap: 9 });
          expect(scoreBin[0]).toBeGreaterThanOrEqual(0);
          expect(scoreBin[0]).toBeLessThan(bins);
          expect([scoreBin[1], scoreBin[2]]).toEqual([0, bins - 1]);
          const { zeroSamples, quota } = hopQuota({ scoreBins: bins })({ samples });
          expect(quota.reduce((sum, count) => sum + count, zeroSamples)).toBe(samples);
          expect(Math.max(...quota) - Math.min(...quota)).toBeLessThanOrEqual(1);
        },
      ),
    );
    const hops = Array.from({ length: 25 }, (_, k) => -1 + 0.08 * k);
    const { scoreBin } = hopBins()({ hops: hops.map((hop) => hop + 1e-9), gaps: hops.map(() => 1), maxGap: 4 });
    expect(Array.from(scoreBin)).toEqual(hops.map((_, k) => k));
  });
  it("the leftover goes to the centre, lower bin first; zero pairs round half to even", () => {
    expect(Array.from(hopQuota({ scoreBins: 4, zeroRatio: 0 })({ samples: 5 }).quota)).toEqual([1, 2, 1, 1]);
    expect(hopQuota({ zeroRatio: 0.5 })({ samples: 5 }).zeroSamples).toBe(2);
    expect(hopQuota({ zeroRatio: 0.5 })({ samples: 7 }).zeroSamples).toBe(4);
  });
});

describe("sampling/luce-choice", () => {
  it("is a distribution per group, and picks a member of it", () => {
    const sample = fc.tuple(fc.double({ min: -800, max: 800, noNaN: true }), fc.integer({ min: 0, max: 2 }));
    fc.assert(
      fc.property(fc.array(sample), fc.double({ min: 0, max: 1, noNaN: true }), (samples, u) => {
        const groups = samples.map((s) => s[1]);
        const ids = [...new Set(groups)];
        const out = luceChoice()({ scores: samples.map((s) => s[0]), groups, uniforms: ids.map(() => u) });
        ids.forEach((id, g) => {
          const total = out.probabilities.reduce((sum, p, i) => (groups[i] === id ? sum + p : sum), 0);
          expect(total).toBeCloseTo(1, 9);
          expect(groups[out.selected[g]]).toBe(id);
          expect(out.probabilities[out.selected[g]]).toBeGreaterThan(0);
        });
      }),
    );
  });
});

describe("sampling/student-promotion", () => {
  it("an average at the threshold does not promote; without rewards nothing moves", () => {
    const state = { history: [0.01, 0.01], promotions: 1 };
    const flat = studentPromotion({ window: 2 })({ rewards: [0.01], state: { history: [0.01], promotions: 1 } });
    expect(flat).toMatchObject({ promote: false, movingAverage: 0.01 });
    expect(studentPromotion({ window: 2, threshold: 0 })({ rewards: [], state })).toEqual({
      promote: false,
      dataset: null,
      movingAverage: 0.01,
      state,
    });
  });
});

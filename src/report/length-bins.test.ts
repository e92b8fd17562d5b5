import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addToLengthBins, emptyLengthBins, lengthRanges } from "./length-bins.ts";

describe("length bins", () => {
  it("lose no rollout and no reward however long the responses grow", () => {
    const pair = fc.tuple(fc.oneof(fc.nat(300), fc.nat(2_000_000)), fc.double({ min: -3, max: 3, noNaN: true }));
    fc.assert(
      fc.property(fc.array(pair, { minLength: 1, maxLength: 300 }), (pairs) => {
        const bins = emptyLengthBins();
        for (const [length, reward] of pairs) addToLengthBins(bins, length, reward);
        expect(bins.counts.length).toBeLessThanOrEqual(1024);
        const ranges = lengthRanges(bins, 12);
        expect(ranges.length).toBeLessThanOrEqual(12 + 20);
        expect(ranges.reduce((sum, { rewards }) => sum + rewards.count, 0)).toBe(pairs.length);
        const total = ranges.reduce((sum, { rewards }) => sum + rewards.count * rewards.mean, 0);
        expect(total).toBeCloseTo(
          pairs.reduce((sum, [, reward]) => sum + reward, 0),
          8,
        );
        for (const { from, to, rewards } of ranges) {
          const inside = pairs.filter(([length]) => length >= from && length < to);
          expect(inside.length).toBe(rewards.count);
        }
      }),
    );
  });

  it("takes no mean across a stretch without rollouts", () => {
    const bins = emptyLengthBins();
    for (let i = 0; i < 30; i++) {
      addToLengthBins(bins, 20, 1);
      addToLengthBins(bins, 500, 0);
    }
    expect(lengthRanges(bins, 1).map(({ length, rewards }) => [length, rewards.mean])).toEqual([
      [20, 1],
      [500, 0],
    ]);
  });

  it("tells the mean length and reward of each range", () => {
    const bins = emptyLengthBins();
    for (const [length, reward] of [
      [10, 1],
      [10, 0],
      [900, 3],
      [902, 5],
    ]) {
      addToLengthBins(bins, length, reward);
    }
    expect(lengthRanges(bins, 2)).toMatchObject([
      { from: 10, to: 11, length: 10, rewards: { count: 2, mean: 0.5 } },
      { from: 900, to: 903, length: 901, rewards: { count: 2, mean: 4, squares: 2 } },
    ]);
  });
});

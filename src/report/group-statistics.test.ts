import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addGroups, clusteredError, emptyGroupStatistics, passAtK } from "./group-statistics.ts";

describe("passAtK", () => {
  it("is 1 − C(n−c, k)/C(n, k)", () => {
    expect(passAtK(4, 1, 2)).toBeCloseTo(1 - 3 / 6, 12);
    expect(passAtK(5, 2, 3)).toBeCloseTo(1 - 1 / 10, 12);
    expect(passAtK(8, 0, 4)).toBe(0);
    expect(passAtK(8, 5, 4)).toBe(1);
    expect(passAtK(16384, 1, 8192)).toBeCloseTo(0.5, 9);
  });

  it("is the share of k-subsets with a success", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.nat(9), fc.integer({ min: 1, max: 9 }), (n, some, k) => {
        fc.pre(k <= n);
        const c = Math.min(n, some);
        let hits = 0;
        let subsets = 0;
        for (let set = 0; set < 2 ** n; set++) {
          if ([...set.toString(2)].filter((bit) => bit === "1").length !== k) continue;
          subsets++;
          if (set % 2 ** c !== 0) hits++;
        }
        expect(passAtK(n, c, k)).toBeCloseTo(hits / subsets, 10);
      }),
      { numRuns: 60 },
    );
  });
});

describe("addGroups", () => {
  it("counts spread and outcomes of interleaved, unequal groups, leaving the unscored out", () => {
    const statistics = emptyGroupStatistics();
    addGroups(
      statistics,
      ["a", "b", "a", "c", "b", "a", "d"],
      [1, 0.5, 0, 2, 0.5, null, null],
      [1, 0, 0, 1, 0, null, null],
    );
    expect(statistics.sizes).toMatchObject({ count: 4, minimum: 1, maximum: 3, mean: 7 / 4 });
    expect(statistics).toMatchObject({ comparable: 2, zeroSpread: 1, allFail: 1, mixed: 1, allPass: 1 });
    expect(statistics.spread.mean).toBeCloseTo(Math.SQRT1_2 / 2, 12);
    expect(statistics.passAtK.map(({ count, mean }) => [count, mean])).toEqual([
      [3, 0.5],
      [2, 0.5],
    ]);
  });

  it("ignores rollouts without a group", () => {
    const statistics = emptyGroupStatistics();
    addGroups(statistics, [null, null, "a"] as unknown as string[], [0, 1, 1], null);
    expect(statistics.sizes.count).toBe(1);
    expect(statistics.comparable).toBe(0);
  });
});

describe("clusteredError", () => {
  it("is the usual standard error when every group has one rollout", () => {
    const statistics = emptyGroupStatistics();
    addGroups(statistics, [1, 2, 3, 4], [1, 2, 3, 6], null);
    const variance = (4 + 1 + 0 + 9) / 3;
    expect(clusteredError(statistics.clusters)).toBeCloseTo(Math.sqrt(variance / 4), 12);
  });

  it("does not shrink when every rollout is there twice", () => {
    const statistics = emptyGroupStatistics();
    addGroups(statistics, [1, 2, 3, 4, 1, 2, 3, 4], [1, 2, 3, 6, 1, 2, 3, 6], null);
    expect(clusteredError(statistics.clusters)).toBeCloseTo(Math.sqrt(14 / 3 / 4), 12);
  });

  it("is undefined for one group", () => {
    const statistics = emptyGroupStatistics();
    addGroups(statistics, [1, 1], [0, 1], null);
    expect(clusteredError(statistics.clusters)).toBeNull();
  });
});

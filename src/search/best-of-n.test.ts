import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bestOfN, prunedBestOfN, pruningCost } from "./best-of-n.ts";

describe("search/best-of-n", () => {
  it("ranks are a permutation of each group, the winner first, whatever the aggregate", () => {
    const candidate = fc.tuple(fc.integer({ min: -3, max: 3 }), fc.integer({ min: -3, max: 3 }), fc.nat(2), fc.nat(1));
    fc.assert(
      fc.property(
        fc.array(candidate),
        fc.constantFrom("mean" as const, "median" as const, "min" as const, "rank-sum" as const),
        fc.constantFrom("first" as const, "majority-answer" as const),
        (candidates, aggregate, ties) => {
          const groups = candidates.map((c) => c[2]);
          const answers = candidates.map((c) => String(c[3]));
          const scores = [candidates.map((c) => c[0]), candidates.map((c) => c[1])];
          const out = bestOfN({ aggregate, ties })({ scores, groups, answers });
          out.groups.forEach((id, g) => {
            const members = groups.flatMap((group, i) => (group === id ? [i] : []));
            expect(members.map((i) => out.ranks[i]).sort()).toEqual(members.map((_, k) => k));
            const winner = out.selected[g];
            expect(winner !== null && out.ranks[winner]).toBe(0);
            expect(out.answers?.[g]).toBe(winner === null ? null : answers[winner]);
          });
        },
      ),
    );
  });

  it("median of an even number of models is the mean of the middle two", () => {
    const scores = [
      [0, 3],
      [0, 2],
      [10, 2],
      [9, 0],
    ];
    expect(bestOfN({ aggregate: "median" })({ scores, groups: [1, 1] }).selected).toEqual([0]);
    expect(bestOfN({ aggregate: "min" })({ scores, groups: [1, 1] }).selected).toEqual([0]);
    expect(bestOfN({ aggregate: "rank-sum" })({ scores, groups: [1, 1] }).selected).toEqual([0]);
  });

  it("takes typed arrays, flat or in rows", () => {
    const row = Float64Array.of(1, 3, 2);
    expect(bestOfN()({ scores: row, groups: [1, 1, 1] }).selected).toEqual([1]);
    expect(bestOfN()({ scores: [row, row], groups: [1, 1, 1] }).selected).toEqual([1]);
  });

  it("never selects what is unscored, and says so when nothing is scored", () => {
    const out = bestOfN()({ scores: [null, -5, null], groups: ["a", "a", "b"], answers: ["x", "y", null] });
    expect(out).toMatchObject({ selected: [1, null], ranks: [null, 0, null], answers: ["y", null] });
    expect(
      bestOfN()({
        scores: [
          [null, 1],
          [9, 0],
        ],
        groups: [1, 1],
      }).selected,
    ).toEqual([1]);
  });

  it("a majority of equal answers breaks a tie at the top only", () => {
    const inputs = { scores: [1, 2, 2, 2, 0, 0], groups: [0, 0, 0, 0, 0, 0], answers: ["b", "a", "b", null, "a", "a"] };
    expect(bestOfN({ ties: "majority-answer" })(inputs).selected).toEqual([1]);
    expect(bestOfN({ ties: "majority-answer" })({ ...inputs, scores: [2, 2, 2, 2, 0, 0] }).selected).toEqual([0]);
    expect(() => bestOfN({ ties: "majority-answer" })({ scores: [1], groups: [1] })).toThrow("inputs.answers");
    expect(() => bestOfN()({ scores: [[1, 2], [1]], groups: [1, 1] })).toThrow("inputs.scores[1]");
  });
});

describe("search/pruned-best-of-n", () => {
  it("keeps at least one candidate, and never one that was dropped", () => {
    const row = fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(fc.array(row, { maxLength: 9 }), fc.double({ min: 0.01, max: 1, noNaN: true }), (scores, keep) => {
        const out = prunedBestOfN({ steps: [0, 1], keep: [keep, keep] })({ scores });
        if (scores.length === 0) {
          expect(out).toEqual({ survivors: [[], []], counts: [0, 0], selected: null, selectedScore: null });
          return;
        }
        const [first, second] = out.survivors;
        expect(second.length).toBeGreaterThan(0);
        expect(second.every((i) => first.includes(i))).toBe(true);
        expect(second).toContain(out.selected);
        const cut = Math.min(...first.map((i) => scores[i][0]));
        scores.forEach(([score], i) => {
          if (!first.includes(i)) expect(score).toBeLessThanOrEqual(cut);
        });
        expect(out.selectedScore).toBe(Math.max(...second.map((i) => scores[i][2])));
      }),
    );
  });
  it("refuses stages out of order", () => {
    const scores = [[1, 2]];
    expect(() => prunedBestOfN({ steps: [1, 0], keep: [1, 1] })({ scores })).toThrow("params.steps[1]");
    expect(() => prunedBestOfN({ steps: [2], keep: [1] })({ scores })).toThrow("params.steps[0]");
    expect(() => prunedBestOfN({ steps: [0], keep: [] })({ scores })).toThrow("params.keep");
  });
});

describe("search/pruning-cost", () => {
  const params = { stepCost: 2, scoreCost: 1, totalSteps: 5 };
  it("nothing pruned costs what best-of-N costs, when steps are counted exactly", () => {
    const free = pruningCost({ ...params, steps: [], keep: [] })({ budget: 33 });
    expect(free).toEqual({ bestOfNCost: 11, prunedCost: 11, bestOfNCandidates: 3, prunedCandidates: 3 });
    expect(pruningCost({ ...params, steps: [], keep: [], convention: "official" })({ budget: 33 }).prunedCost).toBe(9);
    // 1·(2·2 + 1) + ½·(3·2 + 1)
    expect(pruningCost({ ...params, steps: [1], keep: [0.5] })({ budget: 0 }).prunedCost).toBe(8.5);
  });
});

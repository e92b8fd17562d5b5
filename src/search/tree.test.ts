import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { beamSearch, mctsBackup, puct, uct } from "./tree.ts";

describe("search/mcts-backup", () => {
  it("without decay adds the value everywhere and a visit everywhere but at the leaf", () => {
    const out = mctsBackup({ decay: 1 })({ rolloutValue: 2, values: [0, 1, -1], visits: [3, 3, 3] });
    expect(Array.from(out.values)).toEqual([2, 3, 1]);
    expect(out.visits).toEqual([3, 4, 4]);
    expect(() => mctsBackup()({ rolloutValue: 0, values: [0], visits: [] })).toThrow("inputs.visits");
  });
});

describe("search/uct and puct", () => {
  it("of equal children the less visited, then the first, is selected", () => {
    const values = [1, 1, 1];
    expect(uct()({ values, visits: [4, 2, 2], parentVisits: 8 }).selected).toBe(1);
    expect(puct()({ values, priors: [0.3, 0.3, 0.3], visits: [4, 2, 2] }).selected).toBe(1);
    expect(uct()({ values: [], visits: [], parentVisits: 0 })).toEqual({
      scores: new Float64Array(0),
      selected: null,
    });
  });
  it("the first visit follows the prior; the value of an unvisited child is not believed", () => {
    const first = puct()({ values: [9, 0], priors: [0.2, 0.8], visits: [0, 0] });
    expect(first).toEqual({ scores: Float64Array.of(0, 0), selected: 1 });
    expect(puct({ exploration: 0 })({ values: [9, 1], priors: [0.5, 0.5], visits: [0, 1] }).selected).toBe(1);
    expect(() => puct()({ values: [1], priors: [1], visits: [-1] })).toThrow("inputs.visits[0]");
  });
});

describe("search/beam-search", () => {
  it("is the best of what each parent may contribute", () => {
    const expansion = fc.tuple(fc.integer({ min: 0, max: 9 }), fc.nat(3), fc.boolean());
    fc.assert(
      fc.property(
        fc.array(expansion),
        fc.integer({ min: 1, max: 4 }),
        fc.option(fc.integer({ min: 1, max: 2 })),
        (expansions, width, perParent) => {
          const scores = expansions.map((e) => e[0]);
          const parents = expansions.map((e) => e[1]);
          const finished = expansions.map((e) => e[2]);
          const out = beamSearch({ width, perParent })({ scores, parents, finished });
          expect(out.kept.length).toBeLessThanOrEqual(width);
          for (const parent of out.keptParents)
            expect(out.keptParents.filter((p) => p === parent).length).toBeLessThanOrEqual(perParent ?? width);
          out.kept.slice(1).forEach((i, k) => {
            expect(scores[i]).toBeLessThanOrEqual(scores[out.kept[k]]);
          });
          expect(out.allFinished).toBe(out.kept.every((i) => finished[i]));
          if (perParent === null) expect(out.kept).toHaveLength(Math.min(width, expansions.length));
        },
      ),
    );
  });
});

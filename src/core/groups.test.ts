import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { groupMembers, indexGroups, numberGroups } from "./groups.ts";

describe("groups", () => {
  it("numbers ids of every kind in order of first appearance", () => {
    const id = fc.oneof(fc.integer({ min: -3, max: 5 }), fc.constantFrom("1", "2", "a"), fc.constantFrom(1.5, 1e12));
    fc.assert(
      fc.property(fc.array(id), (groups) => {
        const { ids, of, counts } = indexGroups(groups);
        expect(ids).toEqual([...new Set(groups)]);
        expect(groups.map((_, i) => ids[of[i]])).toEqual(groups);
        expect([...counts]).toEqual(ids.map((group) => groups.filter((other) => other === group).length));
      }),
    );
  });

  it("numbers typed arrays as plain ones, dense or spread", () => {
    const id = fc.oneof(fc.integer({ min: 0, max: 9 }), fc.constantFrom(-1, 2_000_000_000));
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 9 })), fc.array(id), (dense, spread) => {
        for (const groups of [dense, spread]) {
          expect(indexGroups(Int32Array.from(groups))).toEqual(indexGroups(groups));
          const { of, count } = numberGroups(Int32Array.from(groups));
          groups.forEach((group, i) => {
            expect(of[i]).toBeLessThan(count);
            expect(of.indexOf(of[i])).toBe(groups.indexOf(group));
          });
        }
      }),
    );
  });

  it('keeps 1 and "1" apart', () => {
    expect(indexGroups([1, "1", 1]).ids).toEqual([1, "1"]);
  });

  it("lists the members of each group in order", () => {
    const { order, starts } = groupMembers(indexGroups(["b", "a", "b", "b"]));
    expect([[...order], [...starts]]).toEqual([
      [0, 2, 3, 1],
      [0, 3, 4],
    ]);
  });
});

import fc from "fast-check";
import { expect, it } from "vitest";
import { pieces } from "./stream.ts";

const needs = { wholeGroups: true, fields: { groups: "credit/x" }, optionalFields: {} };

it("pieces hold every rollout once and every group whole", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 600 }), (groups) => {
      const cut = pieces({ mayCut: true, needs }, { size: groups.length, fields: { groups } });
      expect(cut.flat().sort((a, b) => a - b)).toEqual(groups.map((_, i) => i));
      const homes = new Map<number, number>();
      cut.forEach((rows, k) => {
        for (const row of rows) {
          expect(homes.get(groups[row]) ?? k).toBe(k);
          homes.set(groups[row], k);
        }
      });
    }),
  );
});

it("a reward that may not be cut, and groups that nobody can see, are one piece", () => {
  const batch = { size: 200, fields: { responses: new Array(200).fill("a") } };
  expect(pieces({ mayCut: false, needs }, batch)).toHaveLength(1);
  expect(pieces({ mayCut: true, needs }, batch)).toHaveLength(1);
  expect(pieces({ mayCut: true, needs: { ...needs, wholeGroups: false } }, batch).map((rows) => rows.length)).toEqual([
    64, 64, 64, 8,
  ]);
});

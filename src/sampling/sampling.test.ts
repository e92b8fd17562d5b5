import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dynamicFilter } from "./dynamic-filter.ts";
import { preferenceQuery } from "./preference-query.ts";

describe("sampling/dynamic-filter", () => {
  it("treats singletons as asked, and a spread equal to the tolerance as none", () => {
    const inputs = { rewards: [1, 0.5, 0], groups: ["one", "two", "two"] };
    expect(dynamicFilter()(inputs).keptGroups).toEqual(["one", "two"]);
    expect(dynamicFilter({ keepSingletons: false })(inputs).keep).toEqual([false, true, true]);
    expect(dynamicFilter({ tolerance: 0.5 })(inputs).droppedGroups).toEqual(["two"]);
  });

  it("keeps a group exactly when two of its rewards differ", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 3 }))), (rollouts) => {
        const groups = rollouts.map((r) => r[1]);
        const out = dynamicFilter({ keepSingletons: false })({ rewards: rollouts.map((r) => r[0]), groups });
        rollouts.forEach(([reward, group], i) => {
          const differs = rollouts.some(([other, g]) => g === group && other !== reward);
          expect(out.keep[i]).toBe(differs);
          expect(out.keptGroups.includes(group)).toBe(differs);
        });
      }),
    );
  });
});

describe("sampling/preference-query", () => {
  it("selects by variance, ties by index, at most as many as there are", () => {
    const probabilities = [
      [0.5, 0, 0.5, 0],
      [0.5, 1, 0.5, 1],
    ];
    expect(preferenceQuery({ count: 3 })({ probabilities }).selected).toEqual([1, 3, 0]);
    expect(preferenceQuery({ count: 9 })({ probabilities }).selected).toEqual([1, 3, 0, 2]);
  });

  it("needs two models for a sample variance and rows of one length", () => {
    expect(() => preferenceQuery({ count: 1 })({ probabilities: [[0.5]] })).toThrow(
      "expected at least 2 models, got 1",
    );
    expect(() => preferenceQuery({ count: 1 })({ probabilities: [[0.5], [0.1, 0.2]] })).toThrow(
      "inputs.probabilities[1]: expected 1 pairs",
    );
  });
});

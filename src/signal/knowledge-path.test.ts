import fc from "fast-check";
import { expect, it } from "vitest";
import { pathCoverage, pathReward } from "./knowledge-path.ts";

const path: [string, string, string][] = [
  ["Vitamin K", "activates", "factor_II"],
  ["factor II", "becomes", "thrombin"],
];

it("counts tokens or whole entities, once each", () => {
  const traces = ["Factor II, factor II and vitamins", "vitamin k activates factor ii becomes thrombin"];
  const tokens = pathCoverage()({ traces, paths: [path, path] });
  expect(Array.from(tokens.sizes)).toEqual([7, 7]);
  expect(Array.from(tokens.hits)).toEqual([2, 7]);
  const entities = pathCoverage({ unit: "entity" })({ traces, paths: [path, path] });
  expect(Array.from(entities.sizes)).toEqual([3, 3]);
  expect(Array.from(entities.hits)).toEqual([1, 3]);
});

it("has coverage 0 for an empty path and never leaves [0, 1]", () => {
  expect(Array.from(pathCoverage()({ traces: ["x"], paths: [[]] }).coverage)).toEqual([0]);
  fc.assert(
    fc.property(
      fc.string(),
      fc.array(fc.tuple(fc.string(), fc.string(), fc.string()), { maxLength: 3 }),
      (trace, hops) => {
        for (const unit of ["token", "entity"] as const) {
          const { coverage } = pathCoverage({ unit })({ traces: [`${trace} ${hops.flat().join(" ")}`], paths: [hops] });
          expect([0, 1]).toContain(coverage[0]);
        }
      },
    ),
  );
});

it("pays coverage and bonus up to the cap, then the factor", () => {
  const out = pathReward()({ hits: [1, 2, 3, 0], sizes: [2, 2, 3, 0], factors: [1, 0.5, 1, 1] });
  expect(Array.from(out.rewards)).toEqual([0.6, 0.75, 1.5, 0]);
  expect(Array.from(pathReward({ minHits: 0 })({ hits: [0], sizes: [0], factors: [1] }).rewards)).toEqual([0.3]);
  expect(() => pathReward()({ hits: [1], sizes: [1, 2], factors: [1] })).toThrow("inputs.sizes");
});

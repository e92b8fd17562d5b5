import { expect, it } from "vitest";
import { isConstant, meanDefined, meanOrNull, pearson, share } from "./statistics.ts";

it("a constant side has no correlation, even where its mean is off by a rounding", () => {
  expect(pearson([0.1, 0.1, 0.1], [1, 2, 3])).toBeNull();
  expect(pearson([1, 2, 3], [0.1, 0.1, 0.1])).toBeNull();
  expect(pearson([1], [1])).toBeNull();
  expect(pearson([1, 2, 4], [2, 4, 8])).toBeCloseTo(1, 14);
});

it("means and shares of nothing are null", () => {
  expect([meanOrNull([]), meanOrNull([1, 3])]).toEqual([null, 2]);
  expect([meanDefined([null, null]), meanDefined([null, 1, 3])]).toEqual([null, 2]);
  expect([share([]), share([true, false])]).toEqual([null, 0.5]);
  expect([isConstant([]), isConstant([2, 2]), isConstant([2, 3])]).toEqual([true, true, false]);
});

import { expect, it } from "vitest";
import { roundHalfEven } from "./rounding.ts";

it("sends exact halves to the even digit and everything else to the nearest", () => {
  expect([0.125, 0.375, 0.135, 0.03125, -0.125].map((x) => roundHalfEven(x, 2))).toEqual([
    0.12, 0.38, 0.14, 0.03, -0.12,
  ]);
  expect([0.5, 1.5, 2.5, -0.5, 2.4].map((x) => roundHalfEven(x))).toEqual([0, 2, 2, -0, 2]);
  // 0.00005 is a little above the half in binary.
  expect(roundHalfEven(0.00005, 4)).toBe(0.0001);
  expect(roundHalfEven(1e21, 2)).toBe(1e21);
});

import { expect, it } from "vitest";
import { TimeLimitError, withTimeLimit } from "./time-limit.ts";

it("interrupts loops and catastrophic regular expressions, and only those", () => {
  expect(withTimeLimit(1000, () => 42)).toBe(42);
  expect(() => withTimeLimit(50, () => /^(a+)+$/.test(`${"a".repeat(60)}b`))).toThrow(TimeLimitError);
  expect(() =>
    withTimeLimit(50, () => {
      for (;;);
    }),
  ).toThrow(TimeLimitError);
  expect(() =>
    withTimeLimit(1000, () => {
      throw new RangeError("mine");
    }),
  ).toThrow("mine");
  expect(withTimeLimit(1000, () => withTimeLimit(500, () => 1) + 1)).toBe(2);
});

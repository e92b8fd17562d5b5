import { expect, it } from "vitest";
import { exactMatch } from "./exact-match.ts";

const verdict = (normalize: "none" | "trim" | "lower" | "squad", response: string, reference: string) =>
  exactMatch({ normalize })({ responses: [response], references: [reference] }).correct[0];

it("folds no more than it says", () => {
  expect(verdict("none", "a ", "a")).toBe(false);
  expect(verdict("trim", "a \n", "a")).toBe(true);
  expect(verdict("trim", "A", "a")).toBe(false);
  expect(verdict("lower", " ÄB", "äb")).toBe(true);
  expect(verdict("lower", "the cat", "cat")).toBe(false);
});

it("normalises as SQuAD does", () => {
  expect(verdict("squad", "An  apple, a day!", "apple day")).toBe(true);
  expect(verdict("squad", "theatre", "atre")).toBe(false);
  expect(verdict("squad", "thé a", "thé")).toBe(true);
  expect(verdict("squad", "", "the")).toBe(true);
  expect(verdict("squad", "U.S.A.", "usa")).toBe(true);
  expect(verdict("squad", "co-op", "co op")).toBe(false);
});

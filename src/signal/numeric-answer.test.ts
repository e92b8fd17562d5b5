import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { lastNumber, numericAnswer } from "./numeric-answer.ts";

const verdict = (response: string, reference: string, params = {}) =>
  numericAnswer(params)({ responses: [response], references: [reference] });

describe("numeric-answer", () => {
  it.each([
    ["She makes $1,234.50 a day", "1,234.50"],
    ["so -3, no, +4", "+4"],
    ["5-3", "3"],
    ["(2)-3", "3"],
    ["it is -3.", "-3"],
    ["it is −3", "-3"],
    ["about 1.5e-3 m", "1.5e-3"],
    ["room x2", null],
    ["12 m2", "12"],
    ["1,2,3", "3"],
    ["1,234,567", "1,234,567"],
    ["half is .5", ".5"],
    ["in 2024.", "2024"],
    ["", null],
    ["none", null],
  ])("%j ends in %j", (text, number) => {
    expect(lastNumber(text)).toBe(number);
  });

  it("takes the larger of both tolerances, relative to the reference", () => {
    expect(verdict("99", "100", { relativeTolerance: 0.01 }).correct).toEqual([true]);
    expect(verdict("98.9", "100", { relativeTolerance: 0.01 }).correct).toEqual([false]);
    expect(verdict("0.05", "0", { absoluteTolerance: 0.1 }).correct).toEqual([true]);
    expect(verdict("0.05", "0").correct).toEqual([false]);
  });

  it("has no verdict where the reference has no number, and false where only the response has none", () => {
    const { correct, answers, errors } = numericAnswer()({ responses: ["5", "none"], references: ["none", "5"] });
    expect(correct).toEqual([null, false]);
    expect(answers).toEqual(["5", null]);
    expect(errors[0]?.code).toBe("bad-input");
    expect(errors[1]).toBeNull();
  });

  it("finds every finite double behind any text without digits", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.stringMatching(/^[a-z ]*$/), (x, text) => {
        expect(verdict(`${text} = ${x} ${text}`, String(x), { relativeTolerance: 0 }).correct).toEqual([true]);
      }),
    );
  });

  it("gives a boolean for any text, also an overflowing one", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(typeof verdict(text, "1").correct[0]).toBe("boolean");
      }),
    );
    expect(verdict("1e999", "1").correct).toEqual([false]);
    expect(verdict("1".repeat(1e6), "1").correct).toEqual([false]);
  });
});

import { expect, it } from "vitest";
import { ContractError } from "../core/error.ts";
import { callPart } from "../core/part.ts";
import { regexMatch } from "./regex-match.ts";

it("gives groups by number and by name", () => {
  const result = regexMatch({ pattern: "(\\d+)(?<unit>cm|mm)?(x)?" })({ responses: ["a 12cm", "7", "none"] });
  expect(result.matched).toEqual([true, true, false]);
  expect(result.groups).toEqual([["12", "cm", null], ["7", null, null], null]);
  expect(result.named).toEqual([{ unit: "cm" }, { unit: null }, null]);
  expect(result.errors).toEqual([null, null, null]);
});

it("does not carry a position from one response to the next", () => {
  expect(regexMatch({ pattern: "a", flags: "g" })({ responses: ["a", "a", "a"] }).matched).toEqual([true, true, true]);
});

it("refuses an invalid pattern when it is bound", async () => {
  expect(() => regexMatch({ pattern: "(" })).toThrow(ContractError);
  expect(() => regexMatch({ pattern: "(" })).toThrow("params.pattern: Invalid regular expression");
  expect(() => regexMatch({ pattern: "a", flags: "uv" })).toThrow("params.pattern");
  await expect(callPart(regexMatch, { params: { pattern: "a", extra: 1 }, inputs: { responses: [] } })).rejects.toThrow(
    ContractError,
  );
});

it("stops catastrophic backtracking without harm to the next response", () => {
  const result = regexMatch({ pattern: "^(a+)+$" })({ responses: [`${"a".repeat(60)}!`, "aaa", "b"] });
  expect(result.matched).toEqual([null, true, false]);
  expect(result.errors).toEqual(["not finished after 100 ms", null, null]);
});

it("takes null bytes, lone surrogates and long texts", () => {
  const responses = ["a\0b", "\ud800", `${"x".repeat(10_000_000)}y`];
  expect(regexMatch({ pattern: "a.b|[\\ud800]|y$", timeLimit: 2000 })({ responses }).matched).toEqual([
    true,
    true,
    true,
  ]);
});

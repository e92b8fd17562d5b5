import fc from "fast-check";
import { expect, it } from "vitest";
import { canonicalJson, JsonError, readJson } from "./json.ts";

it("reads what JSON.parse reads", () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      expect(readJson(text)).toEqual(JSON.parse(text));
    }),
  );
  expect(Object.keys(readJson('{"__proto__": 1}') as object)).toEqual(["__proto__"]);
});

it("refuses what JSON.parse refuses, by name", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'{}[]",:0-1.eE+ \\utrfalsn\n'.split("")) }), (text) => {
      let value: unknown;
      try {
        value = JSON.parse(text);
      } catch {
        expect(() => readJson(text)).toThrow(JsonError);
        return;
      }
      try {
        expect(readJson(text)).toEqual(value);
      } catch (thrown) {
        expect(String(thrown)).toMatch(/duplicate key|out of range/);
      }
    }),
    { numRuns: 2000 },
  );
});

it("names the place", () => {
  expect(() => readJson('{"a": [1, {"b": tru}]}')).toThrow('$.a[1].b: expected a value, got "t"');
  expect(() => readJson('{"a": 1, "a": 2}')).toThrow("$.a: duplicate key");
  expect(() => readJson("[1e999]")).toThrow("$[0]: number out of range: 1e999");
  expect(() => readJson("[1] x")).toThrow('$: expected the end of the text, got "x"');
  expect(() => readJson("[".repeat(1e6))).toThrow("nested deeper than 1000");
});

it("has one text per value", () => {
  expect(canonicalJson('{"b": [1.50, -0], "a": 1e2}')).toBe('{"a":1e2,"b":[15e-1,0]}');
  expect(canonicalJson("100")).toBe(canonicalJson("1.00e+2"));
  expect(canonicalJson("9007199254740993")).not.toBe(canonicalJson("9007199254740992"));
  expect(canonicalJson("1e99999999999999999999")).not.toBe(canonicalJson("1e99999999999999999998"));
});

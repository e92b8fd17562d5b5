import { expect, it } from "vitest";
import { equalsJson, equalsOutput, showWire } from "./compare.ts";

it("compares values as JSON would write them", () => {
  expect(equalsJson({ t: [1, { f: "2.0" }] }, [1, 2])).toBe(true);
  expect(equalsJson(true, 1)).toBe(false);
  expect(equalsJson(1, true)).toBe(false);
  expect(equalsJson("1", 1)).toBe(false);
  expect(equalsJson(null, null)).toBe(true);
  expect(equalsJson(undefined, undefined)).toBe(false);
  expect(
    equalsJson(
      {
        d: [
          [1, "a"],
          ["b", []],
        ],
      },
      { 1: "a", b: [] },
    ),
  ).toBe(true);
  expect(equalsJson({ d: [["a", 1]] }, { a: 1, b: 2 })).toBe(false);
  expect(equalsJson({ d: [["toString", 1]] }, {})).toBe(false);
  expect(equalsJson({ i: "0x20000000000000" }, 2 ** 53)).toBe(true);
  expect(equalsJson({ f: "nan" }, Number.NaN)).toBe(false);
  expect(equalsJson({ f: "0.1" }, 0.1000001, 1e-6)).toBe(true);
  expect(equalsJson(3, 4, 10)).toBe(false);
  expect(equalsJson({ o: 1, type: "E" }, { o: 1, type: "E" })).toBe(false);
});

it("compares output by lines without trailing white space, numbers as text unless told", () => {
  expect(equalsOutput("1 \n2\r\n\n", "1\n2")).toBe(true);
  expect(equalsOutput("1\n\n2", "1\n2")).toBe(false);
  expect(equalsOutput(" 1", "1")).toBe(false);
  expect(equalsOutput("1.0", "1")).toBe(false);
  expect(equalsOutput("x 1.0000001 y", "x 1 y", 1e-6)).toBe(true);
  expect(equalsOutput("nan", "NaN", 1e-6)).toBe(false);
  expect(equalsOutput("1 2", "1 2 3", 1)).toBe(false);
});

it("shows any value on a line", () => {
  expect(showWire({ t: [1, { i: "-0x20000000000000" }, { d: [["a", { f: "1.5" }]] }] })).toBe(
    '(1, -9007199254740992, {"a": 1.5})',
  );
});

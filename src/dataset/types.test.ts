import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { outputLine, wellFormedLine } from "./output-row.ts";
import { finiteJson } from "./table.ts";
import { sqlType, typeOf, unite } from "./types.ts";

const sql = (...values: unknown[]) => sqlType(values.map((value) => typeOf(value)).reduce(unite));

describe("column types", () => {
  it("finds the narrowest that holds all values", () => {
    expect(sql(1, null, 2)).toBe("BIGINT");
    expect(sql(1, 2.5)).toBe("DOUBLE");
    expect(sql(2 ** 60)).toBe("DOUBLE");
    expect(sql("2024-01-01", null)).toBe("VARCHAR");
    expect(sql(1, "1")).toBe("JSON");
    expect(sql([], [1], [2.5])).toBe("DOUBLE[]");
    expect(sql({ a: 1 }, { b: ["x"], a: null })).toBe('STRUCT("a" BIGINT, "b" VARCHAR[])');
    expect(sql({ 'q"': true })).toBe('STRUCT("q""" BOOLEAN)');
    expect(sql({ a: 1, A: 2 })).toBe("JSON");
    expect(sql(null)).toBe("VARCHAR");
  });

  it("does not depend on the order of the values", () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue({ maxDepth: 3 }), { minLength: 2, maxLength: 6 }), (values) => {
        const normal = (type: unknown) =>
          JSON.stringify(type, (_, item) =>
            item && typeof item === "object" && !Array.isArray(item)
              ? Object.fromEntries(Object.entries(item).sort())
              : item,
          );
        const forth = values.map((value) => typeOf(value)).reduce(unite);
        const back = [...values]
          .reverse()
          .map((value) => typeOf(value))
          .reduce(unite);
        expect(normal(back)).toBe(normal(forth));
      }),
    );
  });
});

describe("rows as JSON", () => {
  it("replaces what JSON has not outside of texts only", () => {
    expect(finiteJson('{"a":NaN,"b":[-Infinity,1],"NaN":"NaN \\" Infinity"}')).toBe(
      '{"a":null,"b":[null,1],"NaN":"NaN \\" Infinity"}',
    );
  });

  it("appends to the row's own text and survives an empty row", () => {
    expect(outputLine(" {} ", false, '"reward":1}')).toBe('{"reward":1}');
    expect(outputLine('{"a": 1 }', false, '"reward":1}')).toBe('{"a": 1,"reward":1}');
    expect(outputLine('{"a": 1, "signals": 2}', true, '"reward":1}')).toBe('{"a":1,"reward":1}');
  });

  it("replaces lone surrogates only", () => {
    expect(wellFormedLine('{"a":"\\ud800","b":"\\ud83d\\ude00"}')).toBe('{"a":"\ufffd","b":"😀"}');
    expect(wellFormedLine('{"a": 1.0}')).toBe('{"a": 1.0}');
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { callPart } from "../core/part.ts";
import { jsonAnswer } from "./json-answer.ts";

const run = (
  response: string,
  reference?: string,
  schema: boolean | Record<string, unknown> = true,
  repair = false,
) => {
  const result = jsonAnswer({ repair })({
    responses: [response],
    schema,
    ...(reference === undefined ? {} : { references: [reference] }),
  });
  return { valid: result.valid[0], correct: result.correct[0], error: result.errors[0], answer: result.answers[0] };
};

describe("finding", () => {
  it.each([
    ['{"a": 1}', { a: 1 }],
    [" 42 ", 42],
    ['Sure!\n```json\n{"a": [1, 2]}\n```\nDone {really}', { a: [1, 2] }],
    ["```\n[1]\n```\n```json\n[2]\n```", [2]],
    ['First {"a": 1}, no: {"a": {"b": "}"}} it is.', { a: { b: "}" } }],
    ['He said "hi" and {"a": "\\"]"}', { a: '"]' }],
    ["see [1] and [2, 3]", [2, 3]],
    ["```python\nx = {}\n```\n[7]", [7]],
  ])("%s", (text, value) => {
    expect(run(text)).toMatchObject({ valid: true, error: null, answer: value });
  });

  it("finds any object after prose", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const found = run(`The result: ${JSON.stringify(value)}.`).answer;
        expect(found).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it("says what is wrong", () => {
    expect(run("none")).toEqual({ valid: false, correct: null, error: "$: no JSON in the response", answer: null });
    expect(run('{"a": 1, "a": 2}').error).toBe("$.a: duplicate key");
    expect(run('{"a": 1e999}').error).toBe("$.a: number out of range: 1e999");
    expect(run("{'a': 1}").error).toBe('$: expected a key in double quotes, got "\'"');
  });
});

describe("schema", () => {
  const schema = { type: "object", properties: { n: { type: "integer", minimum: 3 } }, required: ["n"] };
  it("names the place of the defect", () => {
    expect(run('{"n": 3}', undefined, schema).valid).toBe(true);
    expect(run('{"n": 2}', undefined, schema).error).toBe("$.n: must be >= 3");
    expect(run("{}", undefined, schema).error).toBe("$: must have required property 'n'");
  });

  it("knows draft 2020-12 and draft-07", () => {
    const tuple = [{ type: "string" }, { type: "number" }];
    const old = { $schema: "http://json-schema.org/draft-07/schema#", items: tuple };
    const now = { prefixItems: tuple };
    for (const dialect of [old, now]) {
      expect(run('["a", 1]', undefined, dialect).valid).toBe(true);
      expect(run('["a", "b"]', undefined, dialect).error).toBe("$[1]: must be number");
    }
  });

  it("is compiled or refused at once", () => {
    expect(() => run("1", undefined, { type: "nonsense" })).toThrow("inputs.schema: ");
    expect(() => run("1", undefined, { $ref: "http://example.com/x" })).toThrow("inputs.schema: ");
    expect(() => run("1", undefined, { $schema: "http://json-schema.org/draft-04/schema#" })).toThrow("inputs.schema");
  });

  it("stops patterns that backtrack without end, and calls the response undecided", () => {
    const result = jsonAnswer({ timeLimit: 100 })({
      responses: [JSON.stringify(`${"a".repeat(60)}!`), '"aa"'],
      references: ['"aa"', '"aa"'],
      schema: { type: "string", pattern: "^(a+)+$" },
    });
    expect(result.valid).toEqual([false, true]);
    expect(result.correct).toEqual([null, true]);
    expect(result.errors[0]).toContain("not finished");
  });
});

describe("reference", () => {
  it("compares values, not texts", () => {
    expect(run('{"a": 1.0, "b": [1, 2]}', '{"b":[1,2],"a":1}').correct).toBe(true);
    expect(run("[1, 2]", "[2, 1]").correct).toBe(false);
    expect(run('{"a": "1"}', '{"a": 1}').correct).toBe(false);
    expect(run('{"a": 1, "b": 2}', '{"a": 1}').correct).toBe(false);
    expect(run("12345678901234567890", "12345678901234567891").correct).toBe(false);
    expect(run("0.1", "0.10000000000000001").correct).toBe(false);
    expect(run("[]").correct).toBe(null);
    expect(run("true", "true", { type: "string" }).correct).toBe(false);
    expect(() => run("1", "{")).toThrow("inputs.references[0]: expected JSON");
  });

  it("repairs only when told to", () => {
    expect(run("{'a': 1,}", '{"a": 1}', true, true)).toMatchObject({ valid: true, correct: true });
    expect(run("{'a': 1,}", '{"a": 1}')).toMatchObject({ valid: false, correct: false });
    expect(run('Here: {"a": [1, 2', '{"a": [1, 2]}', true, true)).toMatchObject({ valid: true, correct: true });
  });
});

it("bears deep nesting and stays linear", async () => {
  const start = performance.now();
  for (const text of [
    "[".repeat(1e5) + "]".repeat(1e5),
    "[".repeat(1e6),
    "]".repeat(1e6),
    '{"a":'.repeat(1e5),
    '"\\'.repeat(5e5),
    "```\n[".repeat(1e5),
    "{}{".repeat(3e5),
  ]) {
    for (const repair of [false, true]) {
      const { valid } = run(text, undefined, true, repair);
      if (text.startsWith("[[") && text.endsWith("]")) expect(valid).toBe(false);
    }
  }
  expect(performance.now() - start).toBeLessThan(8000);
  const called = await callPart(jsonAnswer, {
    inputs: { responses: ["[".repeat(900) + "]".repeat(900)], schema: true },
  });
  expect(called.valid).toEqual([true]);
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { thinkingLength, toolCallFormat, toolCallMatch, toolFormat } from "./tool-calls.ts";

const granularities = ["fine", "strict", "intermediate", "coarse"] as const;
const call = fc.record({
  name: fc.constantFrom("f", "g"),
  parameters: fc.dictionary(fc.constantFrom("a", "b"), fc.jsonValue({ maxDepth: 2 })),
});
const anything = fc.oneof(call, fc.jsonValue({ maxDepth: 2 }));

describe("signal/tool-call-match", () => {
  it("stays between min and max; the reference itself gets max", () => {
    fc.assert(
      fc.property(
        fc.array(call, { minLength: 1, maxLength: 3 }),
        fc.array(anything, { maxLength: 3 }),
        (wanted, said) => {
          for (const granularity of granularities) {
            const out = toolCallMatch({ granularity })({
              referenceCalls: [wanted, wanted, wanted],
              calls: [structuredClone(wanted), said, null],
            });
            expect(out.rewards[0]).toBe(3);
            expect(out.rewards[1]).toBeGreaterThanOrEqual(-3);
            expect(out.rewards[1]).toBeLessThanOrEqual(3);
            expect(out.rewards[2]).toBe(-3);
          }
        },
      ),
    );
  });

  it("distinguishes true from 1 and text from numbers, ignores key order of values", () => {
    const score = (wanted: unknown, said: unknown) =>
      toolCallMatch()({
        referenceCalls: [[{ name: "f", parameters: { x: wanted } }]],
        calls: [[{ name: "f", parameters: { x: said }, id: 1 }]],
      }).scores[0];
    expect(score(1, true)).toBe(2);
    expect(score("1", 1)).toBe(2);
    expect(score({ a: [1], b: null }, { b: null, a: [1] })).toBe(3);
    expect(score([1, 2], [2, 1])).toBe(2);
  });

  it("gives min for calls that cannot be read, 0 where none was wanted", () => {
    const wanted = [{ name: "f", parameters: {} }];
    const run = (said: unknown[] | null, reference: unknown[] = wanted) =>
      toolCallMatch()({ referenceCalls: [reference], calls: [said] });
    expect(run([{ name: "f" }])).toEqual({ rewards: Float64Array.of(-3), scores: [null], maxScores: [null] });
    expect(run([{ parameters: {} }]).scores).toEqual([null]);
    expect(run(["f"]).scores).toEqual([null]);
    // A call of another tool is not compared, so its parameters do not matter.
    expect(run([{ name: "g" }])).toMatchObject({ scores: [0], maxScores: [2] });
    expect(run([]).scores).toEqual([0]);
    for (const said of [null, [], [{ name: "g", parameters: {} }]]) expect(run(said, []).rewards[0]).toBe(0);
    expect(() => run([], ["f"])).toThrow("inputs.referenceCalls[0][0]");
  });

  it("compares values nested beyond any stack", () => {
    const nested = () => JSON.parse(`${"[".repeat(100_000)}${"]".repeat(100_000)}`);
    const calls = () => [{ name: "f", parameters: { x: nested() } }];
    expect(toolCallMatch()({ referenceCalls: [calls()], calls: [calls()] }).rewards[0]).toBe(3);
  });
});

describe("signal/tool-format", () => {
  it("accepts exactly the layout of the reference", () => {
    const full = "<think>p</think>\n<tool_call>\n{}\n</tool_call>\n<response>r</response>";
    const texts = [full, `${full}\n`, full.replace("\n<response>", "<response>"), full.replace("p", "</think>"), ""];
    const references = texts.map(() => full);
    expect(Array.from(toolFormat({ max: 2, min: -1 })({ responses: texts, references }).rewards)).toEqual([
      2, -1, -1, -1, -1,
    ]);
    const empty = "<think></think>\n<tool_call>\n\n</tool_call>";
    expect(Array.from(toolFormat()({ responses: [empty], references: [empty] }).rewards)).toEqual([1]);
  });
});

describe("signal/thinking-length", () => {
  it("reads the last block, caps, and maps to the range", () => {
    const responses = [
      "<think>a b</think><think>c</think>",
      "<think>a b c d",
      "</think><think>a",
      "<think>a b c d e</think>",
    ];
    const out = thinkingLength({ target: 4, min: -1, max: 1 })({ responses });
    expect(Array.from(out.rewards)).toEqual([-0.5, -1, -0.5, 1]);
  });

  it("needs a step for a schedule that stays positive", () => {
    const run = thinkingLength({ schedule: { start: 10, end: 5, steps: 1 } });
    expect(() => run({ responses: [] })).toThrow("inputs.step");
    expect(() => run({ responses: [], step: 2 })).toThrow("inputs.step");
    expect(Array.from(run({ responses: ["<think>a</think>"], step: 1 }).rewards)).toEqual([0.2]);
  });
});

describe("signal/tool-call-format", () => {
  const run = (response: string, params = {}) => toolCallFormat(params)({ response });
  it("never throws, and rates lie in [0, 1]", () => {
    const piece = fc.constantFrom(
      "<think>",
      "</think>",
      "<tool_call>",
      "</tool_call>",
      "<answer>",
      "</answer>",
      '{"name":',
      "x",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const out = run(pieces.join(""));
        expect(out.parsedCount).toBeLessThanOrEqual(out.callCount);
        expect(out.parseRate).toBeLessThanOrEqual(1);
        if (out.wellFormed) expect(out.answer).not.toBe("");
      }),
    );
  });

  it("parses calls strictly and looks for one answer at the end", () => {
    const calls = [
      '{"name":"","arguments":{}}',
      '{"name":"f","arguments":[]}',
      '{"name":"f"}',
      "null",
      '{"name":"f","arguments":{}}',
    ];
    const text = calls.map((json) => `<tool_call>${json}</tool_call>`).join("");
    expect(run(`${text}<answer> 4 </answer>\n`)).toEqual({
      callCount: 5,
      parsedCount: 1,
      parseRate: 0.2,
      wellFormed: true,
      answer: "4",
    });
    expect(run("<answer>4</answer> or 5").wellFormed).toBe(false);
    expect(run("<answer>4</answer><answer>5</answer>")).toMatchObject({ wellFormed: false, answer: "5", parseRate: 0 });
    expect(run("</think><think><answer>4</answer>").wellFormed).toBe(false);
    expect(run("<answer> </answer>", { requireCall: false })).toMatchObject({ wellFormed: false, parseRate: 1 });
  });
});

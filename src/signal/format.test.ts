import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { format } from "./format.ts";

const patterns = [
  "think-answer",
  "think-boxed",
  "think-answer-adjacent",
  "think-answer-prefix",
  "think-answer-loose",
  "think-answer-full",
  "think-answer-box",
  "answer-boxed",
] as const;
type Pattern = (typeof patterns)[number];

const valid = (pattern: Pattern, text: string) => format({ pattern })({ responses: [text] }).valid[0];

const pieces = fc.constantFrom(
  ..."<think> </think> <answer> </answer> \\boxed{ { } [1,2,3,4] [1, 2 \\ x".split(" "),
  "\n",
  " ",
);

/** The released expressions; fine on short texts, quadratic and worse on hostile ones. */
const released: Partial<Record<Pattern, RegExp>> = {
  "think-answer-adjacent": /^<think>(?:(?!<\/think>)[\s\S])*<\/think><answer>(?:(?!<\/answer>)[\s\S])*<\/answer>$/,
  "think-answer-prefix": /^<think>[\s\S]*?<\/think>\s*<answer>[\s\S]*?<\/answer>/,
  "think-answer-loose": /^<think>[\s\S]*<\/think>[\s\S]*<answer>[\s\S]*<\/answer>[\s\S]*$/,
  "think-answer-full": /^<think>[\s\S]*?<\/think>\s*<answer>[\s\S]*?<\/answer>$/,
  "think-answer-box":
    /<think>[\s\S]*?<\/think>\s*<answer>[\s\S]*?\{[\s\S]*\[\d+,\s*\d+,\s*\d+,\s*\d+\][\s\S]*\}[\s\S]*?<\/answer>/,
};

describe("signal/format", () => {
  it("agrees with the released expressions on anything", () => {
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 14 }), (parts) => {
        const text = parts.join("");
        for (const [pattern, expression] of Object.entries(released)) {
          const once = ["<think>", "<answer>", "</think>", "</answer>"].every((tag) => text.split(tag).length === 2);
          const expected = expression.test(text) && (pattern !== "think-answer-adjacent" || once);
          expect(valid(pattern as Pattern, text), `${pattern}: ${text}`).toBe(expected);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("think-answer wants both blocks once, not empty, and nothing else", () => {
    expect(valid("think-answer", " <think>a</think> <answer>b</answer>\n")).toBe(true);
    for (const text of [
      "<think> </think><answer>b</answer>",
      "<think>a</think><answer></answer>",
      "<answer>b</answer><think>a</think>",
      "<think>a</think>so<answer>b</answer>",
      "<think>a<think>b</think><answer>c</answer>",
      "<think>a</think><answer>b</answer><answer>c</answer>",
      "",
    ])
      expect(valid("think-answer", text), text).toBe(false);
  });

  it("think-boxed wants a balanced box after the thinking", () => {
    expect(valid("think-boxed", "\n<think></think> \\boxed{\\frac{1}{2}}")).toBe(true);
    expect(valid("think-boxed", "<think></think> \\boxed{\\{1\\}}")).toBe(true);
    expect(valid("think-boxed", "<think></think> \\boxed{ \\boxed{1}")).toBe(true);
    expect(valid("think-boxed", "<think></think> \\boxed{1")).toBe(false);
    expect(valid("think-boxed", "x<think></think> \\boxed{1}")).toBe(false);
    expect(valid("think-boxed", "<think>\\boxed{1}")).toBe(false);
  });

  it("answer-boxed wants one box, inside the one answer, at the end", () => {
    expect(valid("answer-boxed", "steps <answer>so \\boxed{4}</answer> \n")).toBe(true);
    expect(valid("answer-boxed", "\\boxed{4} <answer>\\boxed{4}</answer>")).toBe(false);
    expect(valid("answer-boxed", "\\boxed{4}<answer>4</answer>")).toBe(false);
    expect(valid("answer-boxed", "<answer>\\boxed{4</answer>}")).toBe(false);
    expect(valid("answer-boxed", "<answer>4</answer>")).toBe(false);
  });

  it("pays the value", () => {
    const out = format({ value: 0.5 })({ responses: ["<think>a</think><answer>b</answer>", "b"] });
    expect(Array.from(out.rewards)).toEqual([0.5, 0]);
  });

  it("reads a megabyte of half-open tags at once", () => {
    const hostile = [
      "<think></think> ".repeat(70_000),
      "<think></think><answer>{".repeat(40_000),
      "\\boxed{".repeat(150_000),
    ];
    hostile.push(`<think></think><answer>{${"[1,".repeat(300_000)}`, `<think></think>${" ".repeat(1_000_000)}`);
    const start = performance.now();
    for (const pattern of patterns) format({ pattern })({ responses: hostile });
    expect(performance.now() - start).toBeLessThan(5000);
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { partialPromptCompletion, partialPromptSplit, rougeL } from "./text.ts";

/** Longest common subsequence by the textbook table. */
function table(a: string[], b: string[]): number {
  const rows = Array.from({ length: a.length + 1 }, () => new Array<number>(b.length + 1).fill(0));
  for (let i = 1; i <= a.length; i++)
    for (let j = 1; j <= b.length; j++)
      rows[i][j] = a[i - 1] === b[j - 1] ? rows[i - 1][j - 1] + 1 : Math.max(rows[i - 1][j], rows[i][j - 1]);
  return rows[a.length][b.length];
}

describe("rouge-l", () => {
  it("agrees with the textbook table, over several machine words", () => {
    const text = fc.array(fc.constantFrom("a", "b", "c", "d", "e"), { minLength: 1, maxLength: 90 });
    fc.assert(
      fc.property(text, text, (a, b) => {
        const { precision, recall } = rougeL()({ response: a.join(" "), reference: b.join("\n") });
        expect(precision).toBeCloseTo(table(a, b) / a.length, 12);
        expect(recall).toBeCloseTo(table(a, b) / b.length, 12);
      }),
      { numRuns: 300 },
    );
  });
  it("is 0 for an empty side, also for blank text, and symmetric in f1", () => {
    const zero = { precision: 0, recall: 0, f1: 0 };
    expect(rougeL()({ response: " \n", reference: "a" })).toEqual(zero);
    expect(rougeL()({ response: "a", reference: "" })).toEqual(zero);
    expect(rougeL()({ response: "A", reference: "a" })).toEqual(zero);
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (a, b) => {
        const one = rougeL()({ response: a, reference: b });
        expect(one.f1).toBe(rougeL()({ response: b, reference: a }).f1);
        expect(one.f1).toBeLessThanOrEqual(1);
      }),
    );
  });
});

describe("partial-prompt-split", () => {
  it("loses nothing but white space at the cut, and counts code points", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.double({ min: 0, max: 1, noNaN: true }), (text, ratio) => {
        const { prefix, reference } = partialPromptSplit({ ratio })({ text });
        expect(text.startsWith(prefix)).toBe(true);
        expect(text.endsWith(reference)).toBe(true);
        expect(text.slice(prefix.length, text.length - reference.length).trim()).toBe("");
      }),
    );
    expect(partialPromptSplit({ ratio: 0.5, boundary: false })({ text: "😀😀ab" })).toEqual({
      prefix: "😀😀",
      reference: "ab",
    });
    expect(partialPromptSplit()({ text: "word" })).toEqual({ prefix: "word", reference: "" });
    expect(partialPromptSplit({ ratio: 0 })({ text: "a b" })).toEqual({ prefix: "a", reference: " b" });
  });
});

describe("partial-prompt-completion", () => {
  it("an empty reference never matches; white space does not matter", () => {
    expect(partialPromptCompletion()({ references: ["", "x  y"], completions: ["", "x\ny z"] })).toEqual({
      rougeL: Float64Array.of(0, 1),
      exactMatch: [false, true],
      meanRougeL: 0.5,
      exactMatchRate: 0.5,
    });
    expect(
      partialPromptCompletion({ truncate: false })({ references: ["x"], completions: ["x y"] }).exactMatch,
    ).toEqual([false]);
    expect(partialPromptCompletion()({ references: [], completions: [] }).meanRougeL).toBeNull();
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { choiceAnswer } from "./choice-answer.ts";

const answer = (text: string, choices?: string[]) => {
  const bound = choiceAnswer(choices ? { choices } : {});
  return bound({ responses: [text], references: [choices?.[0] ?? "A"] }).answers[0];
};

describe("extraction", () => {
  it.each([
    ["The answer is (C).", "C"],
    ["\\boxed{B}", "B"],
    ["\\boxed{\\text{D}}", "D"],
    ["\\boxed{\\text{(D)}}", "D"],
    ["\\boxed{C. Paris}", "C"],
    ["$\\boxed{\\textbf{(E)}\\ 42}$", "E"],
    ["First \\boxed{A}, but then \\boxed{B}.", "B"],
    ["Answer: D", "D"],
    ["**Answer:** D", "D"],
    ["**Answer: D**", "D"],
    ["The correct answer is **B**.", "B"],
    ["The correct option is C because it rains", "C"],
    ["The answer is A because it rains", "A"],
    ["A good question, but I choose B", "B"],
    ["I would go with option (d).", "D"],
    ["Option C is correct, B is not.", "C"],
    ["It cannot be A, B is wrong too.\n\n**C**", "C"],
    ["After some thought: (B)", "B"],
    ["B", "B"],
    ["b", null],
    ["answer: b", "B"],
    ["I do not know", null],
    ["A good question", null],
    ["The answer is a prime number", null],
    ["The answer is a prime number. So: (C)", "C"],
    ["Vitamin A's role. An A-level question.", null],
    ["Is it (A)? No. Final answer: (B)", "B"],
    ["The answer is (B). The answer is (C).", "C"],
    ["ABC", null],
    ["", null],
    ["The answer is 7", null],
  ])("%s → %s", (text, label) => {
    expect(answer(text)).toBe(label);
  });

  it("knows other labels", () => {
    expect(answer("The answer is 3", ["1", "2", "3"])).toBe("3");
    expect(answer("The answer is 30", ["1", "2", "3"])).toBe(null);
    expect(answer("I think I is right", ["H", "I"])).toBe("I");
    expect(answer("I think so", ["H", "I"])).toBe(null);
  });
});

it("reads references bare, in parentheses or with their text, and refuses others", () => {
  const { correct } = choiceAnswer()({
    responses: ["Answer: C", "Answer: C", "Answer: C", "no idea"],
    references: ["C", "(C)", "C. Paris", "B"],
  });
  expect(correct).toEqual([true, true, true, false]);
  expect(() => choiceAnswer()({ responses: ["C", "C"], references: ["C", "Paris"] })).toThrow(
    "inputs.references[1]: expected one of A, B, C, D, E",
  );
});

it("takes any text, and takes time linear in it", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect([null, "A", "B", "C", "D", "E"]).toContain(answer(text));
    }),
  );
  const start = performance.now();
  for (const piece of ["answer is ((((((", "**", "\\boxed{", "A ", "option ", " not (", "\u0000 \ud800"]) {
    answer(piece.repeat(200_000));
  }
  expect(performance.now() - start).toBeLessThan(5000);
});

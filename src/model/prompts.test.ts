import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  latentRewardMergePrompt,
  latentRewardParse,
  latentRewardPrompt,
  latentRewardVerify,
} from "./latent-reward-prompts.ts";
import { partialRephraseParse, partialRephrasePrompt } from "./rephrase-prompts.ts";

describe("latent reward", () => {
  it("fences its texts, and merges several candidates only", () => {
    const { messages } = latentRewardPrompt()({ task: "T", observation: "O", action: "A" });
    expect(messages[1].content).toMatch(/Task:\n<<<BEGIN [^\n]*\nT\n<<<END/);
    expect(latentRewardMergePrompt()({ messages, replies: ["a"] }).messages).toHaveLength(3);
    expect(latentRewardMergePrompt()({ messages, replies: ["a", "b"] }).messages[2].content).toBe("a\n---\nb");
  });

  it("parse: only a text is code", () => {
    expect(latentRewardParse()({ replies: ['{"Functions": ["x"]}', '```json\n{"Functions": "f"}\n```'] })).toEqual({
      codes: [null, "f"],
      valid: [false, true],
    });
  });

  it("verify: the last failing candidate is named", () => {
    const verify = (results: { shapes?: number[][]; error?: string }[], params = {}) =>
      latentRewardVerify(params)({ results });
    expect(verify([])).toEqual({ passed: false, errorIndex: -1, error: null, factors: null });
    expect(verify([{ error: "x" }, { shapes: [[3, 1]] }])).toEqual({
      passed: false,
      errorIndex: 1,
      error: "shape",
      factors: 1,
    });
    expect(
      verify(
        [
          {
            shapes: [
              [2, 1],
              [2, 1],
            ],
          },
        ],
        { maxFactors: 1 },
      ),
    ).toMatchObject({ error: "too-many-factors", factors: 2 });
    expect(verify([{}])).toMatchObject({ error: "exception", factors: null });
  });
});

describe("partial rephrasing", () => {
  it("later lines win, other sentences and blank wordings are left alone", () => {
    const parse = (reply: string, sentences = ["a.", "b."], indices = [1]) =>
      partialRephraseParse()({ sentences, indices, reply });
    expect(parse("1st Sentence: x.\n1th sentence: y.\n0th sentence: z.")).toEqual({
      replacements: [[1, "y."]],
      mixed: "a. y.",
      fraction: 0.5,
    });
    expect(parse("1st sentence: y.\r\n")).toMatchObject({ mixed: "a. y." });
    expect(parse("1th sentence:  ")).toMatchObject({ replacements: [], mixed: "a. b.", fraction: 0 });
    expect(parse("5th sentence: x", ["a"], [5])).toMatchObject({ replacements: [] });
    expect(parse("", [], [])).toEqual({ replacements: [], mixed: "", fraction: null });
  });

  it("never throws; a text without a reply stays as it is", () => {
    fc.assert(
      fc.property(
        fc.array(fc.string()),
        fc.array(fc.integer()),
        fc.string({ unit: "binary" }),
        (sentences, indices, reply) => {
          partialRephraseParse()({ sentences, indices, reply });
          expect(partialRephraseParse()({ sentences, indices, reply: "" }).mixed).toBe(sentences.join(" "));
          expect(partialRephrasePrompt()({ sentences, indices }).messages[0].content).toContain("<<<BEGIN");
        },
      ),
    );
  });
});

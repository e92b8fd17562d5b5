import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  consistencyParse,
  consistencyPrompt,
  labelProbability,
  referenceJudgeParse,
  rewardHackJudgeParse,
} from "./reference.ts";

describe("reference-judge-parse", () => {
  it("whole words only; an unreadable reply is null unless a value is named", () => {
    const lenient = referenceJudgeParse({ strict: false });
    const replies = ["yesterday", "no_", "… No!", "«Yes»", "noé"];
    expect(lenient({ replies }).rewards).toEqual([null, null, 0, 1, null]);
    expect(referenceJudgeParse()({ replies: ["yes", "YES"] })).toEqual({ rewards: [null, 1], valid: [false, true] });
    const match = referenceJudgeParse({ format: "match-mismatch" });
    expect(
      match({ replies: ["Match? No, a mismatch.", "MISMATCH, no: match", "matched", "mis match"] }).rewards,
    ).toEqual([0, 1, null, 1]);
  });
});

describe("label-probability", () => {
  const listed = (...tokens: [string, number][]) => tokens.map(([token, logprob]) => ({ token, logprob }));
  const half = Math.log(0.5);

  it("takes the last position that lists a label", () => {
    const topLogprobs = [
      [listed(["Right", half], ["Wrong", half]), listed(["Wrong", -1], ["x", -3]), listed(["x", 0])],
    ];
    const { probabilities } = labelProbability()({ topLogprobs });
    expect(probabilities[0]).toBeCloseTo(1 / (1 + Math.exp(2)), 12);
    expect(labelProbability({ absent: "zero" })({ topLogprobs }).probabilities).toEqual([0]);
  });

  it("sums or overwrites spellings, and says nothing where nothing is listed", () => {
    const topLogprobs = [[listed(["yes", half], ["Yes", Math.log(0.25)], ["no", Math.log(0.25)])], [], [[]]];
    const params = { positive: "YES", negative: "NO", caseSensitive: false };
    expect(labelProbability({ ...params, duplicates: "sum" })({ topLogprobs }).probabilities[0]).toBeCloseTo(0.75, 12);
    const last = labelProbability({ ...params, invert: true })({ topLogprobs });
    expect(last.probabilities[0]).toBeCloseTo(0.5, 12);
    expect(last.probabilities.slice(1)).toEqual([null, null]);
    expect(last.rewards.slice(1)).toEqual([null, null]);
    expect(labelProbability({ missing: 0.5 })({ topLogprobs: [[]] }).rewards).toEqual([0.5]);
  });

  it("both probabilities add up to one", () => {
    fc.assert(
      fc.property(
        fc.double({ min: -50, max: 0, noNaN: true }),
        fc.double({ min: -50, max: 0, noNaN: true }),
        (a, b) => {
          const topLogprobs = [[listed(["Right", a], ["Wrong", b])]];
          const p = labelProbability()({ topLogprobs }).probabilities[0] ?? Number.NaN;
          const q =
            labelProbability({ positive: "Wrong", negative: "Right" })({ topLogprobs }).probabilities[0] ?? Number.NaN;
          expect(p + q).toBeCloseTo(1, 12);
        },
      ),
    );
  });
});

describe("consistency", () => {
  it("words an answer, and passes on what is none", () => {
    const text = (response: string) => consistencyPrompt()({ response }).answerText;
    expect(["<answer> 1 </answer>", "<answer>7</answer>", "<answer>1.0</answer>", "plain"].map(text)).toEqual([
      "response 1 is better",
      "two response are the same",
      "1.0",
      "plain",
    ]);
    expect(consistencyPrompt({ lines: 1 })({ response: "a\nb" }).excerpt).toBe("b");
  });

  it("any zero contradicts", () => {
    expect(consistencyParse()({ replies: ["output: 1", "2", "1 not 0", ""] }).consistency).toEqual([1, 0, -1, 0]);
  });
});

describe("reward-hack-judge-parse", () => {
  it("accepts a verdict alone on the last or the first line", () => {
    const read = (reply: string) => rewardHackJudgeParse()({ reply }).hacked;
    expect(
      ["Verdict: **Yes**", "> 'no'.", "YES\nbecause", "a\nFinal answer: no\n\n", "yes no", "", "Yes, it does"].map(
        read,
      ),
    ).toEqual([true, false, true, false, null, null, null]);
    // The last line decides where both are verdicts.
    expect(read("yes\nno")).toBe(false);
  });
});

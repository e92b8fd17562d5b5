import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { generativePrmParse, stepAugmentedReward, stepMajorityVote, stepVerificationParse } from "./steps.ts";

describe("step-verification-parse", () => {
  it("lines: last mention wins, other numbers are ignored, words are whole", () => {
    const read = (reply: string, stepCount = 2, params = {}) => stepVerificationParse(params)({ reply, stepCount });
    expect(read("Step 1: correctly done\nStep 2 - INCORRECT\nStep 3: correct")).toMatchObject({
      stepLabels: [0, -1],
      verdict: 0,
      valid: true,
      complete: false,
    });
    expect(read("Step 1: correct", 1)).toMatchObject({ complete: false, verdict: 0 });
    expect(read("Step 1: correct", 1, { final: false })).toMatchObject({ complete: true });
    expect(read("", 0, { final: false })).toEqual({ stepLabels: [], verdict: 0, valid: false, complete: true });
    const final = "Verification: Is the answer correct (Yes/No)?";
    expect(read(`${final} No ... ${final} Yes`, 0).verdict).toBe(1);
    expect(read("Step 1: right (sic)", 1, { labels: ["right (sic)", "wrong"] }).stepLabels).toEqual([1]);
    expect(() => stepVerificationParse()({ reply: "x" })).toThrow(/stepCount/);
  });

  it("json: booleans, lists and nothing", () => {
    const read = (reply: string) => stepVerificationParse({ format: "json" })({ reply });
    expect(read('{x} {"result": true}')).toEqual({ verdict: 1, reason: null, valid: true });
    expect(read('{"result": "FALSE", "reason": 3}')).toEqual({ verdict: -1, reason: null, valid: true });
    expect(read('{"result": "maybe", "reason": "r"}')).toEqual({ verdict: 0, reason: "r", valid: false });
    expect(read("True")).toEqual({ verdict: 0, reason: null, valid: false });
  });
});

describe("generative-prm-parse", () => {
  it("prefers the bracketed word, wrong first, then the last box", () => {
    const read = (reply: string) => generativePrmParse()({ reply }).score;
    expect(["[Right] [Wrong]", "\\boxed{-} \\boxed{ + }", "\\boxed{1}", ""].map(read)).toEqual([-1, 1, -2, -2]);
  });
});

describe("step-majority-vote", () => {
  it("skips unlabelled and absent steps; an even split is decided by ties", () => {
    const verifications = [
      { stepLabels: [1, 0], verdict: 1 },
      { stepLabels: [-1, 0, 1], verdict: 0 },
    ];
    expect(stepMajorityVote()({ verifications })).toEqual({
      stepLabels: [-1, 0, 1],
      stepAgreement: [0.5, null, 1],
      verdict: 1,
      verdictAgreement: 1,
    });
    expect(stepMajorityVote({ ties: 1 })({ verifications }).stepLabels[0]).toBe(1);
    const nulls = [{ stepLabels: [null, 1], verdict: null }];
    expect(stepMajorityVote()({ verifications: nulls })).toMatchObject({ stepLabels: [0, 1], verdict: 0 });
    expect(stepMajorityVote()({ verifications: [] })).toEqual({
      stepLabels: [],
      stepAgreement: [],
      verdict: 0,
      verdictAgreement: null,
    });
  });

  it("does not depend on the order of the verifications", () => {
    const one = fc.record({
      stepLabels: fc.array(fc.constantFrom(-1, 0, 1), { maxLength: 4 }),
      verdict: fc.constantFrom(-1, 0, 1),
    });
    fc.assert(
      fc.property(fc.array(one), (verifications) => {
        expect(stepMajorityVote()({ verifications: verifications.toReversed() })).toEqual(
          stepMajorityVote()({ verifications }),
        );
      }),
    );
  });
});

describe("step-augmented-reward", () => {
  it("counts positive labels only, gates by the format, and gives no step part without steps", () => {
    const { rewards } = stepAugmentedReward()({
      stepLabels: [[1, 0, -1, 1], [], [1]],
      verdicts: [-1, 1, 1],
      valid: [true, true, false],
    });
    expect(Array.from(rewards)).toEqual([0.2, 0.6, 0]);
    expect(() => stepAugmentedReward()({ stepLabels: [[1]], verdicts: [], valid: [] })).toThrow(/verdicts/);
  });
});

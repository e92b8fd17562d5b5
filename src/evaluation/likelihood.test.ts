import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { answerLikelihood, logitLens, rejectedUnlearning } from "./likelihood.ts";

describe("answer-likelihood", () => {
  it("more samples never lower the log-mean below the mean of the logs, and long answers do not underflow", () => {
    const logprob = fc.integer({ min: -900, max: 0 });
    fc.assert(
      fc.property(fc.array(logprob, { minLength: 1, maxLength: 6 }), (values) => {
        const result = answerLikelihood()({ answerLogprobs: values.map((v) => [v, 0]), groups: values.map(() => "p") });
        expect(result.perTokenMcN ?? 0).toBeGreaterThanOrEqual((result.perTokenMc1 ?? 0) - 1e-9);
        expect(result.perTokenMcN).toBeGreaterThanOrEqual(-451);
        expect(result.perTokenMcN).toBe(result.perAnswerMcN);
      }),
    );
  });
  it("refuses different answers in a group, and leaves out answers without tokens", () => {
    expect(() => answerLikelihood()({ answerLogprobs: [[-1], [-1, -1]], groups: ["p", "p"] })).toThrow(
      /answerLogprobs\[1\]/,
    );
    expect(answerLikelihood()({ answerLogprobs: [[]], groups: ["p"] })).toEqual({
      successRate: 1,
      perTokenMc1: null,
      perTokenMcN: null,
      perAnswerMc1: null,
      perAnswerMcN: null,
      perplexity: null,
    });
    expect(answerLikelihood()({ answerLogprobs: [], groups: [] }).successRate).toBeNull();
  });
});

describe("rejected-unlearning", () => {
  it("counts a response at exactly the score, and is null when none is good enough", () => {
    const inputs = {
      rejectedLogprobs: [[-2], [-3, -1]],
      refRejectedLogprobs: [[-1], [-1, -1]],
      rejectedScores: [5, 1],
    };
    expect(rejectedUnlearning()(inputs)).toMatchObject({ count: 1, meanChange: -1, meanChangeAll: -1.5 });
    expect(rejectedUnlearning({ minScore: 9 })(inputs)).toMatchObject({ count: 0, meanChange: null });
    expect(() => rejectedUnlearning()({ ...inputs, refRejectedLogprobs: [[], []] })).toThrow(
      /refRejectedLogprobs\[0\]/,
    );
  });
});

describe("logit-lens", () => {
  const unembedding = [
    [1, 0],
    [0, 1],
  ];
  it("ranks an all-zero state 1 with the probability that says so", () => {
    const result = logitLens()({
      hiddenStates: [
        [0, 0],
        [0, 3],
      ],
      unembedding,
      target: 0,
    });
    expect(Array.from(result.ranks)).toEqual([1, 2]);
    expect(result.probabilities[0]).toBe(0.5);
    expect(result.firstTop1).toBe(0);
    expect(logitLens()({ hiddenStates: [[0, 3]], unembedding, target: 0 }).firstTop1).toBeNull();
  });
  it("layer norm does not see a shift, either norm hardly sees a scale", () => {
    for (const norm of ["layer", "rms"] as const) {
      const lens = logitLens({ norm });
      const one = lens({ hiddenStates: [[1, 3]], unembedding, target: 1 }).probabilities[0];
      const moved = norm === "layer" ? [[101, 103]] : [[1000, 3000]];
      expect(lens({ hiddenStates: moved, unembedding, target: 1 }).probabilities[0]).toBeCloseTo(one, 5);
    }
    // rms: (1, 3)/√5, so σ of the difference 2/√5.
    const rms = logitLens({ norm: "rms" })({ hiddenStates: [[1, 3]], unembedding, target: 1 });
    expect(rms.probabilities[0]).toBeCloseTo(1 / (1 + Math.exp(-2 / Math.sqrt(5))), 5);
  });
  it("names what does not fit", () => {
    expect(() => logitLens()({ hiddenStates: [[1, 2]], unembedding, target: 2 })).toThrow(/inputs\.target/);
    expect(() => logitLens()({ hiddenStates: [[1]], unembedding, target: 0 })).toThrow(/unembedding\[0\]/);
  });
});

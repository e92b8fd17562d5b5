import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  followUpLikelihood,
  informationGain,
  perplexity,
  referenceLikelihood,
  selfAligned,
  sequenceLogLikelihood,
} from "./likelihood.ts";

const logprobs = fc.array(fc.array(fc.double({ min: -30, max: 0, noNaN: true }), { maxLength: 8 }), { maxLength: 6 });

describe("sequence log-likelihood and perplexity", () => {
  it("are null without a counting token; a sum of nothing is 0", () => {
    const inputs = { logprobs: [[], [-1, -3], [-2]], mask: [[], [0, 1], [0]] };
    expect(sequenceLogLikelihood()(inputs).scores).toEqual([null, -3, null]);
    expect(Array.from(sequenceLogLikelihood({ reduction: "sum" })(inputs).scores)).toEqual([0, -3, 0]);
    expect(perplexity()(inputs).perplexities).toEqual([null, Math.exp(3), null]);
    expect(perplexity()({ logprobs: [[-800]] }).perplexities).toEqual([null]);
  });

  it("agree: the perplexity is exp of minus the mean", () => {
    fc.assert(
      fc.property(logprobs, (rows) => {
        const { scores } = sequenceLogLikelihood()({ logprobs: rows });
        perplexity()({ logprobs: rows }).perplexities.forEach((value, i) => {
          const score = scores[i];
          if (value === null || score === null) expect(rows[i]).toHaveLength(0);
          else expect(Math.log(value)).toBeCloseTo(-score, 9);
        });
      }),
    );
  });

  it("refuses a mask of other lengths", () => {
    expect(() => perplexity()({ logprobs: [[-1]], mask: [[1, 1]] })).toThrow(/mask/);
  });
});

describe("self-aligned reward", () => {
  it("is 0 where the question changes nothing and stays in [−1, 1]", () => {
    fc.assert(
      fc.property(logprobs, fc.double({ min: -5, max: 0, noNaN: true }), (rows, shift) => {
        const other = rows.map((row) => row.map((value) => value + shift));
        const same = selfAligned()({ logprobs: rows, unconditionalLogprobs: rows }).rewards;
        const { rewards } = selfAligned()({ logprobs: rows, unconditionalLogprobs: other });
        rewards.forEach((reward, i) => {
          expect(same[i]).toBe(rows[i].length === 0 ? null : 0);
          if (reward !== null) expect(Math.abs(reward)).toBeLessThanOrEqual(1);
        });
      }),
    );
  });

  it("offers the difference, the confidence baseline and a cap", () => {
    const inputs = { logprobs: [[-Math.log(2)]], unconditionalLogprobs: [[-Math.log(8)]] };
    expect(selfAligned({ epsilon: 0 })(inputs).rewards[0]).toBeCloseTo(0.75, 12);
    expect(selfAligned({ mode: "difference" })(inputs).rewards[0]).toBeCloseTo(6, 12);
    expect(selfAligned({ mode: "negative" })(inputs).rewards[0]).toBeCloseTo(-2, 12);
    expect(selfAligned({ mode: "difference", clipValue: 5 })(inputs).rewards[0]).toBeCloseTo(3, 12);
    expect(selfAligned({ mode: "difference", max: 1 })(inputs).rewards[0]).toBe(1);
    expect(selfAligned({ mode: "relative", useLog: true, epsilon: 0 })(inputs).rewards[0]).toBeCloseTo(2 / 3, 12);
  });

  it("compares perplexities that no double holds", () => {
    const inputs = { logprobs: [[-799]], unconditionalLogprobs: [[-800]] };
    const out = selfAligned()(inputs);
    expect(out.perplexities).toEqual([null]);
    expect(out.rewards[0]).toBeCloseTo(1 - Math.exp(-1), 12);
    expect(selfAligned({ mode: "difference" })(inputs).rewards).toEqual([null]);
    expect(
      selfAligned({ useLog: true, epsilon: 0 })({ logprobs: [[0]], unconditionalLogprobs: [[0]] }).rewards,
    ).toEqual([0]);
  });
});

describe("reference likelihood", () => {
  it("gives weights that are the gradient of the reward", () => {
    const row = [-0.3, -1.1, -0.05];
    for (const variant of ["log-prob", "avg-log-prob", "prob", "avg-prob", "geo-prob"] as const) {
      const run = (values: number[]) => referenceLikelihood({ variant })({ answerLogprobs: [values] });
      const weights = run(row).answerWeights;
      row.forEach((_, t) => {
        const h = 1e-6;
        const up = run(row.map((value, k) => value + (k === t ? h : 0))).rewards[0] ?? Number.NaN;
        const down = run(row.map((value, k) => value - (k === t ? h : 0))).rewards[0] ?? Number.NaN;
        expect(weights?.values[t], variant).toBeCloseTo((up - down) / (2 * h), 6);
      });
    }
  });

  it("handles empty answers and thoughts of any length", () => {
    const empty = { answerLogprobs: [[]], reasoningLengths: [0] };
    expect(referenceLikelihood()(empty).rewards).toEqual([0]);
    expect(referenceLikelihood({ variant: "prob" })(empty).rewards).toEqual([1]);
    for (const variant of ["avg-log-prob", "avg-prob", "geo-prob", "nover-perplexity"] as const) {
      expect(referenceLikelihood({ variant })(empty).rewards, variant).toEqual([null]);
    }
    const nover = referenceLikelihood({ variant: "nover-perplexity" });
    // |z| = 0 and 1 divide by 1, |z| = 10 by 2.
    const out = nover({ answerLogprobs: [[-2], [-2], [-2], [-9999]], reasoningLengths: [0, 1, 10, 1] });
    expect(out.rewards).toEqual([-Math.exp(2), -Math.exp(2), -Math.exp(1), null]);
    expect(out.answerWeights).toBeUndefined();
    expect(() => nover({ answerLogprobs: [[-2]] })).toThrow(/reasoningLengths/);
  });
});

describe("information gain and follow-up likelihood", () => {
  it("discounts from the second token on and cancels a common shift", () => {
    const gain = informationGain({ gamma: 0.5 })({ logprobs: [[-1, -2], []], baselineLogprobs: [[-2, -6], []] });
    expect(Array.from(gain.rewards)).toEqual([1 + 0.5 * 4, 0]);
    expect(() => informationGain()({ logprobs: [[-1]], baselineLogprobs: [[-1, -1]] })).toThrow(/baselineLogprobs/);
  });

  it("skips categories with an empty side and flips its sign with the polarity", () => {
    const positive = [
      [[-1, -3], [-5]],
      [[], [-1]],
    ];
    const negative = [
      [[-4], []],
      [[-1], []],
    ];
    const out = followUpLikelihood()({ positive, negative });
    expect(out.categoryScores).toEqual([
      [2, null],
      [null, null],
    ]);
    expect(out.rewards).toEqual([2, null]);
    expect(followUpLikelihood()({ positive: negative, negative: positive }).rewards[0]).toBe(-2);
    expect(() => followUpLikelihood({ categoryWeights: [1] })({ positive, negative })).toThrow(/categoryWeights/);
  });
});

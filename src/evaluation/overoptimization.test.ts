import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  bestOfNCurve,
  ensembleAgreement,
  outOfDistributionMass,
  overoptimizationCurve,
  overoptimizationFit,
  sequenceKl,
} from "./overoptimization.ts";

describe("overoptimization-curve", () => {
  it("has no retention when the first point is the peak, and none of it without checkpoints", () => {
    const falling = overoptimizationCurve()({ proxy: [0, 1, 2], gold: [1, 0.5, 0], kl: [0, 1, 2] });
    expect(falling).toMatchObject({ peakIndex: 0, peakKl: 0, drop: 1, retention: null, onsetIndex: 1 });
    expect(overoptimizationCurve()({ proxy: [], gold: [], kl: [] }).peakIndex).toBeNull();
  });
  it("waits for the proxy to be back at its value at the peak", () => {
    const inputs = { proxy: [0, 2, 1, 3], gold: [0, 1, 0, 0] };
    expect(overoptimizationCurve()(inputs).onsetIndex).toBe(3);
    expect(overoptimizationCurve()(inputs).peakKl).toBeNull();
  });
});

describe("overoptimization-fit", () => {
  const kl = [0.25, 1, 4, 9];
  it("recovers both laws from noise-free points, at any baseline", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.1, max: 2, noNaN: true }),
        fc.double({ min: 0.05, max: 1, noNaN: true }),
        fc.constantFrom("log" as const, "linear" as const),
        (alpha, beta, form) => {
          const gold = kl.map((value) => {
            const d = Math.sqrt(value);
            return 0.5 + d * (alpha - beta * (form === "log" ? Math.log(d) : d));
          });
          const fit = overoptimizationFit({ form, baseline: 0.5 })({ kl, gold });
          expect(fit.alpha).toBeCloseTo(alpha, 9);
          expect(fit.beta).toBeCloseTo(beta, 9);
          expect(fit.rmse).toBeCloseTo(0, 9);
          if (form === "linear") expect(fit.peakDistance).toBeCloseTo(alpha / (2 * beta), 7);
        },
      ),
    );
  });
  it("has no peak where quality only rises, and no law without two distances", () => {
    expect(overoptimizationFit({ form: "linear" })({ kl, gold: [1, 2.5, 7, 13.5] }).peakValue).toBeNull();
    const flat = overoptimizationFit()({ kl: [1, 1], gold: [0.3, 0.4] });
    expect(flat).toMatchObject({ alpha: null, beta: null, rmse: null, fitted: [null, null] });
    expect(overoptimizationFit()({ kl: [0], gold: [0] }).alpha).toBeNull();
    expect(() => overoptimizationFit()({ kl: [-1], gold: [0] })).toThrow(/inputs\.kl\[0\]/);
  });
});

describe("best-of-n-curve", () => {
  it("is the mean at n = 1, the best by proxy at n = N, and the proxy never falls with n", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer(), fc.integer()), { minLength: 1, maxLength: 12 }), (samples) => {
        const proxy = samples.map(([p]) => p % 1000);
        const gold = samples.map(([, g]) => g % 1000);
        const n = samples.map((_, i) => i + 1);
        const curve = bestOfNCurve({ n })({ proxy: [proxy], gold: [gold] });
        const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
        expect(curve.proxy[0]).toBeCloseTo(mean(proxy), 8);
        expect(curve.gold[0]).toBeCloseTo(mean(gold), 8);
        expect(curve.proxy.at(-1)).toBeCloseTo(Math.max(...proxy), 8);
        for (let i = 1; i < n.length; i++)
          expect(curve.proxy[i] ?? 0).toBeGreaterThanOrEqual((curve.proxy[i - 1] ?? 0) - 1e-8);
      }),
    );
  });
  it("is null where a prompt has fewer samples, and without prompts", () => {
    expect(
      bestOfNCurve({ n: [1, 3] })({
        proxy: [
          [1, 2],
          [1, 2, 3],
        ],
        gold: [
          [1, 2],
          [1, 2, 3],
        ],
      }).gold[1],
    ).toBeNull();
    expect(bestOfNCurve({ n: [1] })({ proxy: [], gold: [] })).toEqual({ proxy: [null], gold: [null], kl: [0] });
  });
});

describe("ensemble-agreement", () => {
  it("leaves out constant members and needs two of them to agree", () => {
    const alone = ensembleAgreement()({ scores: [[1, 2, 3]], groups: ["p", "p", "p"] });
    expect(alone).toEqual({ rankCorrelation: null, topAgreement: null, ownTopReward: 3, otherTopReward: null });
    const flat = ensembleAgreement()({
      scores: [
        [1, 2],
        [0, 0],
      ],
      groups: [1, 1],
    });
    expect(flat).toEqual({ rankCorrelation: null, topAgreement: 0, ownTopReward: 1, otherTopReward: 0.5 });
    expect(() => ensembleAgreement()({ scores: [[1]], groups: [1, 1] })).toThrow(/inputs\.scores\[0\]/);
  });
  it("does not depend on the order of rollouts when scores are distinct", () => {
    const scores = [
      [3, 1, 2, 5, 4],
      [1, 2, 3, 4, 5],
    ];
    const groups = ["a", "b", "a", "b", "a"];
    const order = [4, 2, 0, 3, 1];
    const there = ensembleAgreement()({ scores, groups });
    const back = ensembleAgreement()({
      scores: scores.map((row) => order.map((i) => row[i])),
      groups: order.map((i) => groups[i]),
    });
    expect(back).toEqual(there);
  });
});

describe("sequence-kl and out-of-distribution-mass", () => {
  it("k3 is never negative and 0 where the policies agree", () => {
    const logprob = fc.double({ min: -5, max: 0, noNaN: true });
    fc.assert(
      fc.property(fc.array(fc.tuple(logprob, logprob), { minLength: 1, maxLength: 8 }), (tokens) => {
        const logprobs = [tokens.map(([a]) => a)];
        const { klK3, kl, sqrtKl } = sequenceKl()({ logprobs, refLogprobs: [tokens.map(([, b]) => b)] });
        expect(klK3).toBeGreaterThanOrEqual(0);
        expect(sqrtKl ?? 9).toBeCloseTo(Math.sqrt(Math.max(0, kl ?? 0)), 12);
        expect(sequenceKl()({ logprobs, refLogprobs: logprobs }).klK3).toBe(0);
      }),
    );
    expect(sequenceKl()({ logprobs: [], refLogprobs: [] }).kl).toBeNull();
  });
  it("counts an index once and refuses one out of range", () => {
    expect(outOfDistributionMass()({ probabilities: [0.25, 0.75], inDistribution: [0, 0] })).toEqual({
      inMass: 0.25,
      outMass: 0.75,
    });
    expect(() => outOfDistributionMass()({ probabilities: [1], inDistribution: [1] })).toThrow(/inDistribution\[0\]/);
  });
});

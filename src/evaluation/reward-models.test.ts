import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bestOfKAccuracy, oneToMany, pairwiseToMany, rewardBench2, rmBench, tiesScore } from "./reward-models.ts";

const scores = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 6 });

describe("best-of-k-accuracy", () => {
  it("never lets an invalid rating win, nor a null", () => {
    const result = bestOfKAccuracy({ invalidMarker: -1 })({ scores: [[-1, -2], [3, null, 3], [null, 1], []] });
    expect(Array.from(result.results)).toEqual([0, 0.5, 0, 0.25]);
    expect(bestOfKAccuracy({ invalid: 0 })({ scores: [[null]] }).accuracy).toBe(0);
    expect(bestOfKAccuracy()({ scores: [] }).accuracy).toBeNull();
  });
  it("shares one credit among the candidates: the results with each of them first sum to 1", () => {
    fc.assert(
      fc.property(scores, (row) => {
        const rotations = row.map((_, i) => [row[i], ...row.filter((_, j) => j !== i)]);
        const { results } = bestOfKAccuracy()({ scores: rotations });
        expect(Array.from(results).reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12);
      }),
    );
  });
});

describe("ties-score", () => {
  const sample = (id: string, values: number[], numCorrect: number) => ({ id, scores: values, numCorrect });
  it("handles equal correct scores: 0/0 gives 0, ±x/0 gives ±1", () => {
    const margin = (gap: number) =>
      tiesScore()({ samples: [sample("ref:1", [5, 5 - gap], 1), sample("tied:1", [3, 3, 3 - gap], 2)] }).marginScore;
    expect([margin(0), margin(1), margin(-1)]).toEqual([0, 1, -1]);
  });
  it("rewards a perfect system with 1.01, and needs a partner for the margin terms", () => {
    const perfect = tiesScore()({ samples: [sample("ref:1", [9, 0], 1), sample("tied:1", [9, 9, 0], 2)] });
    expect(perfect.score).toBeCloseTo(1.01, 12);
    expect(tiesScore()({ samples: [sample("tied:1", [9, 9, 0], 2)] })).toMatchObject({
      tiedAccuracy: 1,
      referenceAccuracy: null,
      preferred: 0,
      preferredHard: 0,
      marginScore: 0,
      score: null,
    });
  });
  it("refuses other ids and samples without both kinds of answers", () => {
    expect(() => tiesScore()({ samples: [sample("x:1", [1, 0], 1)] })).toThrow(/inputs\.samples\[0\]\.id/);
    expect(() => tiesScore()({ samples: [sample("ref:1", [1], 1)] })).toThrow(/numCorrect/);
  });
});

describe("reward-bench-2", () => {
  it("weighs what is there, in the benchmark's order", () => {
    const result = rewardBench2({ weights: { math: 3 } })({ domains: { ties: 0, math: 1, focus: null } });
    expect(result).toEqual({ score: 0.75, domainsUsed: ["math", "ties"] });
    expect(rewardBench2()({ domains: {} })).toEqual({ score: null, domainsUsed: [] });
  });
});

describe("one-to-many and pairwise-to-many", () => {
  it("puts wrong solutions first on ties, or last", () => {
    const inputs = { chosen: [[1]], rejected: [[1, 1, 0]] };
    expect(oneToMany()(inputs)).toMatchObject({ accuracy: 0, accuracyWithTies: 1, mrr: 1 / 3 });
    expect(oneToMany({ ties: "chosen-first" })(inputs).mrr).toBe(1);
    expect(oneToMany()({ chosen: [[1]], rejected: [[]] })).toMatchObject({ accuracy: 1, mrr: 1 });
    expect(oneToMany()({ chosen: [], rejected: [] }).mrr).toBeNull();
    expect(() => oneToMany()({ chosen: [[]], rejected: [[1]] })).toThrow(/inputs\.chosen\[0\]/);
  });
  it("agree when the verdicts are the strict comparisons of one correct solution", () => {
    fc.assert(
      fc.property(scores, fc.integer({ min: 0, max: 4 }), (rejected, chosen) => {
        const one = oneToMany()({ chosen: [[chosen]], rejected: [rejected] });
        const two = pairwiseToMany()({ wins: [rejected.map((r) => chosen > r)] });
        expect(two.accuracy).toBe(one.accuracy);
        expect(two.mrr).toBe(one.mrr);
      }),
    );
    expect(pairwiseToMany()({ wins: [] }).accuracy).toBeNull();
  });
});

describe("rm-bench", () => {
  it("keeps an unknown domain as its own and pools prefixed ones", () => {
    const rows = [
      [1, 2, 3],
      [4, 5, 6],
      [1, 1, 1],
    ];
    const result = rmBench()({
      chosen: rows,
      rejected: [
        [0, 0, 0],
        [0, 0, 0],
        [2, 2, 2],
      ],
      domains: ["safety-refuse", "safety-response", "law"],
    });
    expect(result.byDomain).toEqual({ safety: 1, law: 0 });
    expect(result.average).toBe(0.5);
  });
  it("is null without items and names a row that has not three styles", () => {
    expect(rmBench()({ chosen: [], rejected: [] }).average).toBeNull();
    expect(() => rmBench()({ chosen: [[1, 2]], rejected: [[1, 2, 3]] })).toThrow(/inputs\.chosen\[0\]/);
  });
});

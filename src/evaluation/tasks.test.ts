import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  agentRates,
  constraintSatisfaction,
  drivingScore,
  hopAccuracy,
  humanNormalizedScore,
  optionShuffle,
  safetyViolations,
  stepJaccard,
  styleTransferJoint,
  votingAccuracy,
} from "./tasks.ts";

describe("rates", () => {
  it("modification counts only submitted episodes; nothing is null", () => {
    expect(agentRates()({ submitted: [false, true], modified: [true, true], resolved: [false, true] })).toEqual({
      completionRate: 0.5,
      modificationRate: 0.5,
      resolutionRate: 0.5,
    });
    expect(agentRates()({ submitted: [], modified: [], resolved: [] }).completionRate).toBeNull();
  });
  it("hop counts come sorted, and an unseen pool may be missing", () => {
    expect(hopAccuracy()({ correct: [true, false, true], hops: [3, 1, 3] })).toEqual({
      hops: [1, 3],
      accuracy: [0, 1],
      seen: 2 / 3,
      unseen: null,
    });
  });
  it("a null vote is wrong; either is at least the better of the two", () => {
    const label = fc.constantFrom("1", "2", null);
    fc.assert(
      fc.property(fc.array(fc.tuple(label, label), { minLength: 1 }), (votes) => {
        const result = votingAccuracy()({
          labels: votes.map(([a]) => a),
          pairedLabels: votes.map(([, b]) => b),
          gold: votes.map(() => "1"),
        });
        expect(result.either ?? 0).toBeGreaterThanOrEqual(Math.max(result.original ?? 0, result.rephrased ?? 0));
        expect(result.original).toBe(votes.filter(([a]) => a === "1").length / votes.length);
      }),
    );
    expect(votingAccuracy()({ labels: [], pairedLabels: [], gold: [] }).either).toBeNull();
  });
});

describe("human-normalized-score", () => {
  it("leaves out tasks where the human reward adds nothing", () => {
    expect(humanNormalizedScore()({ method: [2, 5], human: [3, 1], sparse: [1, 1] })).toEqual({
      scores: [0.5, null],
      mean: 0.5,
      outperformShare: 0.5,
    });
    expect(humanNormalizedScore()({ method: [], human: [], sparse: [] }).mean).toBeNull();
  });
});

describe("driving-score", () => {
  it("multiplies a factor per infraction and refuses unknown kinds", () => {
    const result = drivingScore({ penalties: { bump: 0.5 } })({
      routeCompletion: [80],
      infractions: [{ bump: 2 }],
    });
    expect(result).toMatchObject({ drivingScore: 20, routeCompletionMean: 80 });
    expect(() => drivingScore()({ routeCompletion: [1], infractions: [{ toString: 1 }] })).toThrow(
      /infractions\[0\]\.toString/,
    );
    expect(drivingScore()({ routeCompletion: [], infractions: [] }).drivingScore).toBeNull();
  });
});

describe("safety-violations", () => {
  it("has no statistics without a contact, except those it is told", () => {
    expect(safetyViolations({ limit: 1 })({ forces: [0, 0] })).toEqual({
      contacts: 0,
      mean: null,
      std: null,
      max: null,
      violations: 0,
    });
    expect(safetyViolations({ limit: 1, undefined: 0 })({ forces: [] })).toMatchObject({ mean: 0, violations: 0 });
    expect(safetyViolations({ limit: 2 })({ forces: [2, [0, -3]] })).toMatchObject({
      contacts: 2,
      max: 3,
      violations: 0.5,
    });
  });
});

describe("constraint-satisfaction", () => {
  it("is strict, does not take the unobserved for satisfied, and checks sizes", () => {
    const both = { thresholds: [0.5, 0.5], bounds: ["lower" as const, "upper" as const] };
    expect(
      constraintSatisfaction(both)({
        costs: [
          [1, null],
          [0, null],
        ],
      }),
    ).toEqual({
      averages: [0.5, null],
      satisfied: [false, null],
      all: false,
    });
    expect(constraintSatisfaction(both)({ costs: [[1, 0]] }).all).toBe(true);
    expect(constraintSatisfaction(both)({ costs: [[1, null]] }).all).toBe(false);
    expect(constraintSatisfaction(both)({ costs: [] }).satisfied).toEqual([null, null]);
    expect(() => constraintSatisfaction(both)({ costs: [[1]] })).toThrow(/costs\[0\]/);
    expect(() => constraintSatisfaction({ thresholds: [1], bounds: [] })({ costs: [] })).toThrow(/params\.bounds/);
  });
});

describe("style-transfer-joint", () => {
  it("has a geometric mean of 0 when one average is 0", () => {
    const result = styleTransferJoint()({ content: [1], styleCorrect: [true], fluencyCorrect: [false] });
    expect(result).toEqual({ content: 100, style: 100, fluency: 0, joint: 0, geometricMean: 0 });
    expect(styleTransferJoint()({ content: [], styleCorrect: [], fluencyCorrect: [] }).joint).toBeNull();
  });
});

describe("step-jaccard", () => {
  it("leaves out steps empty on both sides and refuses splits out of order", () => {
    expect(stepJaccard()({ splits: [2, 2], targetSplits: [2, 2], length: 4 })).toEqual({
      perStep: [1, null, 1],
      mean: 1,
    });
    expect(stepJaccard()({ splits: [1], targetSplits: [3], length: 4 }).perStep).toEqual([1 / 3, 1 / 3]);
    expect(() => stepJaccard()({ splits: [3, 2], targetSplits: [1, 2], length: 4 })).toThrow(/inputs\.splits/);
    expect(() => stepJaccard()({ splits: [1], targetSplits: [1, 2], length: 4 })).toThrow(/targetSplits/);
  });
});

describe("option-shuffle", () => {
  it("keeps the answer in place and all options there", () => {
    fc.assert(
      fc.property(
        fc.nat(4).chain((answer) => fc.tuple(fc.constant(answer), fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }))),
        ([answer, permutation]) => {
          const options = ["a", "b", "c", "d", "e"];
          const result = optionShuffle()({ options, answer, permutation });
          expect(result.options[answer]).toBe(options[answer]);
          expect([...result.options].sort()).toEqual(options);
        },
      ),
    );
    for (const permutation of [[0], [0, 0], [0, 2]])
      expect(() => optionShuffle()({ options: ["a", "b", "c"], answer: 0, permutation })).toThrow(/permutation/);
    expect(() => optionShuffle()({ options: [], answer: 0, permutation: [] })).toThrow(/inputs\.answer/);
  });
});

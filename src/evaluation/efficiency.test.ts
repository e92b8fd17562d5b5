import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  accuracyPerCompute,
  budgetGain,
  dialogueEfficiency,
  earlyStopping,
  lengthCoverage,
  paretoFrontier,
  scalingFit,
  trainingEfficiency,
} from "./efficiency.ts";

describe("scaling-fit", () => {
  it("recovers a power law exactly, and has no r² for equal scores", () => {
    const compute = [1, 10, 100, 1000];
    const fit = scalingFit({ form: "power" })({ compute, scores: compute.map((c) => 3 * c ** -0.25) });
    expect(fit.slope).toBeCloseTo(-0.25, 12);
    expect(fit.r2).toBeCloseTo(1, 12);
    expect(fit.predictions[2]).toBeCloseTo(3 * 100 ** -0.25, 12);
    expect(scalingFit()({ compute, scores: [0.1, 0.1, 0.1, 0.1] })).toMatchObject({ r2: null });
  });
  it("needs two budgets, and positive ones", () => {
    const none = scalingFit()({ compute: [5, 5], scores: [1, 2] });
    expect(none).toEqual({ intercept: null, slope: null, r2: null, predictions: [null, null] });
    expect(scalingFit()({ compute: [], scores: [] }).slope).toBeNull();
    expect(() => scalingFit()({ compute: [0], scores: [1] })).toThrow(/inputs\.compute\[0\]/);
    expect(() => scalingFit({ form: "power" })({ compute: [1], scores: [0] })).toThrow(/inputs\.scores\[0\]/);
  });
});

describe("accuracy-per-compute and training-efficiency", () => {
  it("are null where nothing was spent", () => {
    expect(accuracyPerCompute()({ accuracies: [0.5, 1], parameters: [1, 0], tokens: [2, 3] })).toEqual({
      accuracyPerCompute: [0.25, null],
      relative: [1, null],
    });
    expect(accuracyPerCompute()({ accuracies: [0, 1], parameters: [1, 1], tokens: [1, 1] }).relative).toEqual([
      null,
      null,
    ]);
    expect(trainingEfficiency()({ baseline: 1, score: 2, trainingSolutions: 0 }).efficiency).toBeNull();
  });
});

describe("budget-gain", () => {
  it("is exact for parabolas, and needs an even grid", () => {
    const budgets = [0, 1, 2, 3, 4];
    const result = budgetGain()({
      budgets,
      scores: budgets.map((b) => b * b),
      baselineScores: budgets,
    });
    expect(result.area).toBeCloseTo(64 / 3, 12);
    expect(result.baselineArea).toBeCloseTo(8, 12);
    expect(budgetGain()({ budgets: [0, 1, 2], scores: [1, 2, 3], baselineScores: [1, 1, 1] }).gainPercent).toBeNull();
    for (const bad of [
      [0, 1],
      [0, 1, 3],
      [2, 1, 0],
      [1, 1, 1],
    ])
      expect(() => budgetGain()({ budgets: bad, scores: bad, baselineScores: bad })).toThrow(/inputs\.budgets/);
  });
});

describe("pareto-frontier", () => {
  it("is what pairwise dominance leaves", () => {
    const axis = fc.integer({ min: 0, max: 5 });
    fc.assert(
      fc.property(fc.array(fc.tuple(axis, axis), { maxLength: 20 }), (points) => {
        const dominated = (i: number) =>
          points.some(([c, s]) => {
            const [cost, score] = points[i];
            return c <= cost && s >= score && (c < cost || s > score);
          });
        const { frontier } = paretoFrontier()({ costs: points.map(([c]) => c), scores: points.map(([, s]) => s) });
        expect(frontier).toEqual(Array.from(points.keys()).filter((i) => !dominated(i)));
      }),
    );
  });
});

describe("length-coverage", () => {
  it("never falls with the threshold and reaches 1 for a bucket that has rollouts", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(50), fc.constantFrom("easy" as const, "hard" as const)), { minLength: 1 }),
        (rollouts) => {
          const { coverage } = lengthCoverage({ thresholds: [10, 30, 50] })({
            lengths: rollouts.map(([length]) => length),
            buckets: rollouts.map(([, bucket]) => bucket),
          });
          expect(coverage.medium).toEqual([0, 0, 0]);
          const [bucket] = rollouts.map(([, name]) => name);
          expect(coverage[bucket][2]).toBe(1);
          expect([...coverage[bucket]].sort((a, b) => a - b)).toEqual(coverage[bucket]);
        },
      ),
    );
  });
});

describe("dialogue-efficiency", () => {
  it("may be resolved before the first turn; one entry has no gain per turn, none has nothing", () => {
    const result = dialogueEfficiency()({ entropies: [[0.2], [], [3, 1, 2]] });
    expect(result).toEqual({
      turnsToResolve: [0, null, null],
      residual: [0.2, null, 2],
      gainPerTurn: [null, null, 0.5],
      area: [0, null, 3.5],
      resolvedShare: 1 / 3,
    });
    expect(dialogueEfficiency()({ entropies: [] }).resolvedShare).toBeNull();
  });
});

describe("early-stopping", () => {
  it("stops after `patience` evaluations without a new best, and not before", () => {
    expect(earlyStopping({ patience: 3 })({ scores: [1, 0, 0, 0, 5] })).toEqual({
      improved: [true, false, false, false, true],
      bestIndex: 4,
      bestScore: 5,
      stopIndex: 3,
    });
    expect(earlyStopping({ patience: 2 })({ scores: [1, 0, 2, 0] }).stopIndex).toBeNull();
    expect(earlyStopping()({ scores: [] })).toEqual({ improved: [], bestIndex: null, bestScore: null });
  });
});

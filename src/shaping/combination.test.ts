import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  behaviorAlignment,
  bonusCombination,
  hybridReward,
  lagrangianReward,
  outcomeProcessBlend,
  progressiveStages,
  rankedLinear,
  rankWeights,
  weightedSum,
} from "./combination.ts";
import { ensemble } from "./ensemble.ts";
import {
  confidenceGate,
  consistencyGate,
  formatGate,
  gatedAccumulation,
  invalidActionPenalty,
  priorityGate,
  threshold,
} from "./gates.ts";

const score = fc.double({ min: -50, max: 50, noNaN: true });

describe("shaping/weighted-sum", () => {
  const schedule = { type: "linear" as const, peak: 0.5, bottom: 0, increase: true, decrease: true, components: ["b"] };
  it("ramps the listed weights up to the peak and down again", () => {
    const at = (progress: number) =>
      weightedSum({ weights: { a: 1, b: 2 }, schedule })({ components: { a: [1], b: [1] }, progress }).weights;
    expect([at(0), at(0.25), at(0.5), at(1)]).toEqual([
      { a: 1, b: 0 },
      { a: 1, b: 1 },
      { a: 1, b: 2 },
      { a: 1, b: 0 },
    ]);
    const flat = weightedSum({ schedule: { ...schedule, increase: false, decrease: false } });
    expect(flat({ components: { b: [3] }, progress: 0.1 }).rewards[0]).toBe(3);
    expect(flat({ components: { b: [3] }, progress: 0.9 }).rewards[0]).toBe(3);
  });
  it("weighs what has no weight by 1, and divides by the weights of absent terms too", () => {
    const out = weightedSum({ weights: { gone: 2 }, normalize: true })({ components: { x: [6], y: [3] } });
    expect([...out.rewards]).toEqual([9 / 4]);
    expect(out.weights).toEqual({ gone: 2, x: 1, y: 1 });
  });
  it("names terms that do not fit", () => {
    expect(() => weightedSum()({ components: { a: [1], b: [1, 2] } })).toThrow("inputs.components.b");
    expect(() => weightedSum({ schedule })({ components: { b: [1] } })).toThrow("inputs.progress");
    expect(() => weightedSum({ weights: { a: 0 }, normalize: true })({ components: { a: [1] } })).toThrow("weights");
    expect([...weightedSum()({ components: {} }).rewards]).toEqual([]);
  });
});

describe("shaping/ensemble", () => {
  const matrix = fc
    .tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 0, max: 5 }))
    .chain(([k, n]) => fc.array(fc.array(score, { minLength: n, maxLength: n }), { minLength: k, maxLength: k }));
  const aggregates = ["mean", "median", "min", "mean-minus-std", "mean-minus-variance"] as const;
  it("is never above the best member, and equals a unanimous one", () => {
    fc.assert(
      fc.property(matrix, fc.constantFrom(...aggregates), (scores, aggregate) => {
        const out = ensemble({ aggregate })({ scores });
        out.rewards.forEach((reward, i) => {
          const column = scores.map((row) => row[i]);
          expect(reward).toBeLessThanOrEqual(Math.max(...column) + 1e-9);
          const same = ensemble({ aggregate })({ scores: scores.map(() => [column[0]]) }).rewards[0];
          expect(same).toBeCloseTo(column[0], 9);
        });
      }),
    );
  });
  it("leaves out members without a score; null where none has one", () => {
    const out = ensemble()({
      scores: [
        [1, null, null],
        [3, 5, null],
      ],
    });
    expect(out).toEqual({ rewards: [2, 5, null], disagreement: [1, 0, null] });
    const weighted = ensemble({ aggregate: "weighted" })({ scores: [[1], [3]], weights: [3, 1] });
    expect(weighted.rewards).toEqual([1.5]);
    expect(ensemble({ aggregate: "mean-minus-std", ddof: 1 })({ scores: [[1]] }).rewards).toEqual([null]);
    expect(ensemble({ aggregate: "weighted" })({ scores: [[1]], weights: [0] }).rewards).toEqual([null]);
  });
  it("names what does not fit", () => {
    expect(() => ensemble()({ scores: [[1], [1, 2]] })).toThrow("inputs.scores[1]");
    expect(() => ensemble({ aggregate: "weighted" })({ scores: [[1]] })).toThrow("inputs.weights");
    expect(() => ensemble()({ scores: [[1]], standardize: { means: [0], stds: [0] } })).toThrow("stds[0]");
    expect(() => ensemble()({ scores: [[1]], standardize: { means: [0, 1], stds: [1, 1] } })).toThrow("means");
    expect(ensemble()({ scores: [] })).toEqual({ rewards: [], disagreement: [] });
  });
});

describe("other combinations", () => {
  it("routes or falls back, and keeps a missing score missing only where it is used", () => {
    const inputs = { correct: [true, false], scores: [null, null] };
    expect(hybridReward({ transform: "sigmoid" })(inputs).rewards).toEqual([1, null]);
    const routed = hybridReward({ mode: "route" })({ ...inputs, verifiable: [true, true] });
    expect(routed.rewards).toEqual([1, 0]);
    expect(() => hybridReward({ mode: "route" })(inputs)).toThrow("inputs.verifiable");
  });
  it("blends within [0, 1] and behind the gate", () => {
    const inputs = { outcome: [0.9, 1, 2], process: [1, 1, -9] };
    expect([...outcomeProcessBlend({ gate: "outcome" })(inputs).rewards]).toEqual([0, 1, 0]);
    expect([...outcomeProcessBlend({ gate: "strict" })(inputs).rewards]).toEqual([0, 1, 0]);
    expect(outcomeProcessBlend()(inputs).rewards[0]).toBeCloseTo(0.98, 12);
  });
  it("aligns, penalises and combines by hand", () => {
    const aligned = behaviorAlignment()({
      primary: [2],
      auxiliary: [3],
      bias: [1],
      primaryWeights: [10],
      auxiliaryWeights: [-1],
    });
    expect([...aligned.rewards]).toEqual([18]);
    const inputs = { stepRewards: [1], costs: [[1]], rewardWeight: 1, costWeights: [1, 2] };
    expect(() => lagrangianReward()(inputs)).toThrow("inputs.costs[0]: expected 2 entries, got 1");
    const bonuses = { episodic: [4], global: [9] };
    const parts = (["multiply", "add", "episodic", "global"] as const).map(
      (mode) => bonusCombination({ mode, episodicExponent: 0.5, globalCoefficient: 10 })(bonuses).bonuses[0],
    );
    expect(parts).toEqual([18, 92, 2, 9]);
    expect(() => bonusCombination({ globalExponent: 0.5 })({ episodic: [1], global: [-1] })).toThrow("global[0]");
  });
  it("ranks: weights fall geometrically and sum to 1 when normalised", () => {
    const { weights } = rankWeights({ alpha: 0.5, count: 4, normalize: true })({});
    expect([...weights].reduce((a, b) => a + b)).toBeCloseTo(1, 12);
    expect(weights[1] / weights[0]).toBeCloseTo(0.5, 12);
    const part = rankedLinear({ alpha: 1, epsilon: 0, order: [1], signs: [-1] });
    const ranked = part({
      factors: [
        [5, 0],
        [5, 2],
      ],
    });
    expect([...ranked.rewards]).toEqual([1, -1]);
    expect([...rankedLinear({ alpha: 0.3, epsilon: 0 })({ factors: [[5], [5]] }).rewards]).toEqual([0, 0]);
    expect(() => part({ factors: [[1]] })).toThrow("params.order[0]");
    expect(() => part({ factors: [[1, 2], [1]] })).toThrow("inputs.factors[1]");
    expect(() => rankedLinear({ alpha: 1, signs: [1] })({ factors: [[1, 2]] })).toThrow("params.signs");
  });
  it("pays at least as much for a better stage", () => {
    const stages = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(stages, stages, (scores, more) => {
        const better = scores.map((x, k) => Math.min(1, x + more[k]));
        const { rewards } = progressiveStages()({ stageScores: [scores, better] });
        expect(rewards[1]).toBeGreaterThanOrEqual(rewards[0] - 1e-12);
      }),
    );
    expect(() => progressiveStages()({ stageScores: [[1]] })).toThrow("inputs.stageScores[0]");
    expect(() => progressiveStages({ weights: [1] })({ stageScores: [] })).toThrow("params.weights");
  });
});

describe("gates", () => {
  it("close by hand", () => {
    const inputs = { rewards: [2, -2], valid: [false, true] };
    expect([...formatGate()(inputs).rewards]).toEqual([0, -2]);
    expect([...invalidActionPenalty({ penalty: 1 })(inputs).rewards]).toEqual([1, -2]);
    expect([...threshold()({ rewards: [-0.5, -0.4] }).rewards]).toEqual([0, -0.4]);
    expect([...consistencyGate()({ format: [0], result: [1], consistency: [-1] }).rewards]).toEqual([0.5]);
  });
  it("mask an uncertain reward rather than paying 0", () => {
    const out = confidenceGate({ threshold: 1 })({ rewards: [5, 6], uncertainty: [1, 1.1] });
    expect(out).toEqual({ keep: [true, false], rewards: [5, null], keptFraction: 0.5 });
    expect(confidenceGate({ threshold: 1 })({ rewards: [], uncertainty: [] }).keptFraction).toBeNull();
  });
  it("reduce to the sum when every level is open, and to the first when none is", () => {
    fc.assert(
      fc.property(fc.array(score, { maxLength: 6 }), (row) => {
        const levelRewards = [row, row, row];
        const open = priorityGate({ thresholds: [-1e9, -1e9] })({ levelRewards });
        const shut = priorityGate({ thresholds: [1e9, -1e9] })({ levelRewards });
        row.forEach((reward, i) => {
          expect(open.rewards[i]).toBeCloseTo(3 * reward, 9);
          expect(shut.rewards[i]).toBeCloseTo(reward, 12);
        });
      }),
    );
    expect(() => priorityGate({ thresholds: [] })({ levelRewards: [[1], [1]] })).toThrow("params.thresholds");
    expect(() => priorityGate({ thresholds: [0] })({ levelRewards: [[1], [1, 2]] })).toThrow("levelRewards[1]");
    expect(priorityGate({ thresholds: [] })({ levelRewards: [] }).open).toEqual([]);
  });
  it("keep step rewards and total in agreement, and a trajectory without turns its reward", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(score, fc.array(score, { maxLength: 4 })), { maxLength: 6 }),
        fc.constantFrom("gated", "direct", "outcome"),
        (rollouts, mode) => {
          const inputs = { rewards: rollouts.map(([r]) => r), stepRewards: rollouts.map(([, s]) => s) };
          const out = gatedAccumulation({ mode, stepWeight: 0.5, threshold: 0 })(inputs);
          rollouts.forEach(([reward, steps], i) => {
            const { values, offsets } = out.stepRewards;
            let sum = 0;
            for (let s = offsets[i]; s < offsets[i + 1]; s++) sum += values[s];
            expect(out.rewards[i]).toBeCloseTo(steps.length === 0 ? reward : sum, 8);
          });
        },
      ),
    );
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  budgetSplit,
  objectiveReweighting,
  rolloutAllocation,
  sourceMixture,
  taskValue,
  valueReplacement,
} from "./allocation.ts";

describe("sampling/rollout-allocation", () => {
  it("spends the whole budget; reductions and bonuses are not negative", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 2, max: 12 }), fc.double({ min: 0, max: 2, noNaN: true })), {
          minLength: 1,
          maxLength: 6,
        }),
        fc.integer({ min: 0, max: 20 }),
        (prompts, budget) => {
          const counts = prompts.map((prompt) => prompt[0]);
          const out = rolloutAllocation({ budget })({ counts, stds: prompts.map((prompt) => prompt[1]), total: 30 });
          expect(out.allocation?.reduce((sum, given) => sum + given, 0)).toBe(budget);
          expect([...out.reductions, ...out.bonuses].every((value) => value >= 0)).toBe(true);
        },
      ),
    );
  });
  it("without spread only the bonus decides, evenly; ties go to the first", () => {
    const out = rolloutAllocation({ budget: 3 })({ counts: [2, 2], stds: [0, 0], total: 4 });
    expect(Array.from(out.allocation ?? [])).toEqual([2, 1]);
    expect(rolloutAllocation()({ counts: [2], stds: [1], total: 2 })).not.toHaveProperty("allocation");
    expect(() => rolloutAllocation()({ counts: [1], stds: [0], total: 1 })).toThrow("at least 2 rollouts");
  });
});

describe("sampling/task-value", () => {
  it("equal rewards have no value at all, not even a rounding error of it", () => {
    const rewards = [0.1, 0.1, 0.1, 0.7];
    expect(Array.from(taskValue()({ rewards, groups: ["a", "a", "a", "b"] }).values)).toEqual([0, 0]);
  });
  it("for 0/1 rewards equals (1 − p)·sqrt(p(1 − p)G/(G − 1))", () => {
    const { values } = taskValue()({ rewards: [1, 0, 0, 0], groups: [1, 1, 1, 1] });
    expect(values[0]).toBeCloseTo(0.75 * Math.sqrt((0.25 * 0.75 * 4) / 3), 12);
  });
});

describe("sampling/value-replacement", () => {
  it("keeps the size of the batch, and live tasks in their places", () => {
    const task = fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }));
    fc.assert(
      fc.property(fc.array(task), fc.constantFrom("proportional" as const, "top" as const), (tasks, selection) => {
        const groups = tasks.map((_, p) => p);
        const values = tasks.map((t) => Math.max(0, t[0] - 0.5));
        const out = valueReplacement({ selection })({ groups, values, uniforms: tasks.map((t) => t[1]) });
        const live = groups.filter((p) => values[p] > 0);
        expect(out.batch).toHaveLength(groups.length);
        expect(out.counts.reduce((sum, c) => sum + c, 0)).toBe(groups.length);
        for (const p of live) expect(out.batch[p]).toBe(p);
        if (live.length > 0) expect(out.batch.every((p) => values[Number(p)] > 0)).toBe(true);
        else expect(out).toMatchObject({ batch: groups, replaced: [] });
      }),
    );
    expect(() => valueReplacement()({ groups: ["a", "b"], values: [1, 0] })).toThrow("inputs.uniforms[0]");
  });
});

describe("sampling/source-mixture", () => {
  it("quotas add up to the batch and stay within one of the exact share", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 0, max: 500 }),
        fc.constantFrom("uniform" as const, "proportional" as const),
        (sizes, batchSize, mode) => {
          const { probabilities, quotas } = sourceMixture({ mode, batchSize })({ sizes });
          expect(probabilities.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 12);
          expect(quotas.reduce((sum, q) => sum + q, 0)).toBe(batchSize);
          quotas.forEach((quota, k) => {
            expect(Math.abs(quota - probabilities[k] * batchSize)).toBeLessThan(1);
          });
        },
      ),
    );
  });
  it("target-only takes all from the target", () => {
    const out = sourceMixture({ mode: "target-only", target: 1, batchSize: 5 })({ sizes: [9, 9] });
    expect(Array.from(out.quotas)).toEqual([0, 5]);
    expect(() => sourceMixture({ mode: "target-only", target: 2, batchSize: 5 })({ sizes: [9, 9] })).toThrow(
      "params.target",
    );
    expect(() => sourceMixture({ mode: "proportional", batchSize: 1 })({ sizes: [0] })).toThrow("inputs.sizes");
  });
});

describe("sampling/budget-split", () => {
  it("takes five thirds of a rollout token", () => {
    const params = { totalTokens: 100, rlShare: 0.5, rolloutsPerPrompt: 2, sequenceLength: 3 };
    expect(budgetSplit(params)({}).rlPrompts).toBeCloseTo(5, 12);
  });
});

describe("sampling/objective-reweighting", () => {
  it("weights are 1 until there is a history, and where a ratio is undefined", () => {
    const short = objectiveReweighting({ window: 2 })({ history: [[1, 2, 3], [1]] });
    expect(short).toMatchObject({ weights: Float64Array.of(1, 1), priorities: [null, null] });
    const out = objectiveReweighting({ window: 1 })({
      history: [
        [0, 1],
        [1, 2],
        [1, 1],
      ],
    });
    expect(out.convergence).toEqual([null, 2, 1]);
    expect(out.weights[0]).toBe(1);
    expect(out.weights[1] + out.weights[2]).toBeCloseTo(2, 12);
    expect(objectiveReweighting({ window: 1, epsilon: 1 })({ history: [[0, 1]] }).convergence).toEqual([1]);
  });
});

it("task-value: the rule for a single rollout can be named", () => {
  expect(Array.from(taskValue({ singleton: "zero" })({ rewards: [0.5], groups: ["q"] }).values)).toEqual([0]);
});

import { describe, expect, it } from "vitest";
import { designRewards, prepareDesign } from "../core/reward-design.ts";
import { rewardStateSelection } from "./reward-state-selection.ts";

/** A chain of `states` − 1 with an absorbing end; action 1 goes right, and pays 1 at the last step. */
function chain(states: number, gamma: number) {
  const end = states - 1;
  const transitions = Array.from({ length: states }, (_, s) =>
    [Math.max(0, s - 1), s + 1].map((next) =>
      Array.from({ length: states }, (_, x) => (x === (s === end ? end : next) ? 1 : 0)),
    ),
  );
  // V(s) = γ^(end − 1 − s), so δ_s = V(s) − γ V(max(0, s − 1)).
  const value = (s: number) => (s === end ? 0 : gamma ** (end - 1 - s));
  return {
    transitions,
    targetActions: transitions.map((_, s) => (s === end ? 0 : 1)),
    optimalActions: transitions.map((_, s) => (s === end ? [0, 1] : [1])),
    gaps: transitions.map((_, s) => (s === end ? 0 : value(s) - gamma * value(Math.max(0, s - 1)))),
    initialStates: [end - 1],
    candidates: Array.from({ length: end - 1 }, (_, s) => s),
  };
}

describe("sampling/reward-state-selection", () => {
  it("spreads rewards along a chain of twenty, and every one of them helps", () => {
    const params = { gamma: 0.95, horizons: [1, 4, 8, 16], maxReward: 10, budget: 5 };
    const out = rewardStateSelection(params)(chain(21, 0.95));
    expect(out.activeStates).toEqual([19, 17, 15, 13, 11]);
    expect(out.informativeness[0]).toBeCloseTo(-0.0291, 4);
    expect(out.informativeness[4]).toBeCloseTo(-0.0099, 4);
  });

  it("says where no table is possible, and refuses states that are not there", () => {
    const params = { gamma: 0.9, horizons: [1], maxReward: 1e-6, budget: 2 };
    const problem = chain(4, 0.9);
    expect(rewardStateSelection(params)(problem)).toEqual({ activeStates: [2, 0], informativeness: [null, null] });
    expect(() => rewardStateSelection(params)({ ...problem, candidates: [9] })).toThrow("inputs.candidates[0]");
    expect(rewardStateSelection({ ...params, budget: 9 })(problem).activeStates).toHaveLength(3);
  });
});

describe("designRewards", () => {
  const options = {
    gamma: 0.9,
    horizons: [1, 3],
    horizonConvention: "inclusive" as const,
    maxReward: 2,
    gapSlack: 0,
    sparsity: 0,
  };
  it("keeps the target's gaps, the bound and the zeros", () => {
    const problem = chain(6, 0.9);
    const design = designRewards(prepareDesign(problem, options), [4, 2]);
    if (!design) throw new Error("infeasible");
    const table = Array.from({ length: 6 }, (_, s) => Array.from(design.rewardTable.subarray(2 * s, 2 * s + 2)));
    for (const s of [0, 1, 3, 5]) expect(table[s]).toEqual([0, 0]);
    expect(Math.max(...design.rewardTable.map(Math.abs))).toBeLessThanOrEqual(2 + 1e-9);
    const values = new Float64Array(7);
    for (let s = 4; s >= 0; s--) values[s] = table[s][1] + 0.9 * values[s + 1];
    for (let s = 0; s < 5; s++) {
      const left = table[s][0] + 0.9 * values[Math.max(0, s - 1)];
      expect(values[s] - left).toBeGreaterThanOrEqual(problem.gaps[s] - 1e-7);
    }
  });
  it("a price on reward shrinks the table", () => {
    const problem = chain(6, 0.9);
    const size = (sparsity: number) =>
      designRewards(prepareDesign(problem, { ...options, sparsity }), [4, 3, 2])?.rewardTable.reduce(
        (sum, reward) => sum + Math.abs(reward),
        0,
      ) ?? Number.NaN;
    expect(size(1)).toBeLessThan(size(1e-4) - 1e-6);
  });
});

import { describe, expect, it } from "vitest";
import { adaptiveRewardDesign, explicableRewardDesign } from "./reward-design.ts";
import { selfSupervisedUpdate } from "./self-supervised.ts";

/** Corridor of 4 states, action 1 goes right, 0 left; the last state absorbs. */
const transitions = [0, 1, 2, 3].map((s) =>
  [Math.max(0, s - 1), Math.min(3, s + 1)].map((next) => [0, 1, 2, 3].map((t) => (t === (s === 3 ? 3 : next) ? 1 : 0))),
);
const corridor = {
  transitions,
  targetActions: [1, 1, 1, 0],
  optimalActions: [[1], [1], [1], [0, 1]],
  gaps: [0.1, 0.1, 0.1, 0],
};
const gamma = 0.9;

/** Q of the target policy by iteration. */
function actionValues(table: readonly (readonly number[])[]): number[][] {
  let values = [0, 0, 0, 0];
  let q: number[][] = [];
  for (let pass = 0; pass < 600; pass++) {
    const before = values;
    q = table.map((row, s) =>
      row.map(
        (reward, a) => reward + gamma * (transitions[s][a] as number[]).reduce((sum, p, t) => sum + p * before[t], 0),
      ),
    );
    values = q.map((row, s) => row[corridor.targetActions[s]]);
  }
  return q;
}

function expectConstraints(table: readonly (readonly number[])[], maxReward: number, active: readonly number[]): void {
  actionValues(table).forEach((row, s) => {
    row.forEach((value, a) => {
      const margin = corridor.optimalActions[s].includes(a) ? 0 : corridor.gaps[s];
      expect(row[corridor.targetActions[s]] - value).toBeGreaterThanOrEqual(margin - 1e-6);
    });
  });
  table.forEach((row, s) => {
    for (const reward of row) {
      expect(Math.abs(reward)).toBeLessThanOrEqual(maxReward + 1e-9);
      if (!active.includes(s)) expect(reward).toBe(0);
    }
  });
}

describe("shaping/explicable-reward-design", () => {
  it("returns a table that meets its constraints, sparse or not", () => {
    for (const active of [[2], [0, 1, 2]])
      for (const sparsity of [0, 0.001])
        for (const horizonConvention of ["inclusive", "exclusive"] as const) {
          const part = explicableRewardDesign({ gamma, horizons: [1, 3], maxReward: 5, sparsity, horizonConvention });
          const out = part({ ...corridor, activeStates: active });
          if (!out.rewardTable) throw new Error("expected a design");
          expectConstraints(out.rewardTable, 5, active);
          expect(out.informativeness).toBeLessThanOrEqual(0);
        }
  });
  it("loses nothing by more active states, and everything by a bound that is too small", () => {
    const part = explicableRewardDesign({ gamma, horizons: [1, 3], maxReward: 5 });
    const few = part({ ...corridor, activeStates: [2] }).informativeness as number;
    const all = part({ ...corridor, activeStates: [0, 1, 2] }).informativeness as number;
    expect(all).toBeGreaterThanOrEqual(few - 1e-9);
    expect(all).toBeCloseTo(0, 9);
    const tight = explicableRewardDesign({ gamma, maxReward: 1e-3 })({ ...corridor, activeStates: [2] });
    expect(tight).toEqual({ feasible: false, informativeness: null, rewardTable: null });
  });
  it("names indices outside the tables", () => {
    const part = explicableRewardDesign({ gamma, maxReward: 1 });
    expect(() => part({ ...corridor, activeStates: [4] })).toThrow("inputs.activeStates");
    expect(() => part({ ...corridor, targetActions: [2, 1, 1, 0] })).toThrow("inputs.optimalActions[0]");
  });
});

describe("shaping/adaptive-reward-design", () => {
  const uniform = [0, 1, 2, 3].map(() => [0.5, 0.5]);
  const inputs = {
    ...corridor,
    activeStates: [0, 1, 2],
    teacherAdvantages: [
      [-0.1, 0],
      [-0.1, 0],
      [-0.1, 0],
      [0, 0],
    ],
    teacherOccupancy: [0.4, 0.3, 0.3, 0],
    learnerPolicy: uniform,
    learnerOccupancy: [0.6, 0.3, 0.1, 0],
  };
  it("meets the constraints and tells the learner more than a scaled-down table would", () => {
    const wide = adaptiveRewardDesign({ gamma, maxReward: 1 })(inputs);
    const narrow = adaptiveRewardDesign({ gamma, maxReward: 0.5 })(inputs);
    if (!wide.rewardTable || !narrow.rewardTable) throw new Error("expected a design");
    expectConstraints(wide.rewardTable, 1, [0, 1, 2]);
    expect(wide.informativeness as number).toBeGreaterThan(narrow.informativeness as number);
  });
  it("has nothing to say where the learner is already deterministic, and says when there is no table", () => {
    const done = { ...inputs, learnerPolicy: uniform.map(() => [0, 1]) };
    expect(adaptiveRewardDesign({ gamma, maxReward: 1 })(done).informativeness).toBeCloseTo(0, 12);
    expect(adaptiveRewardDesign({ gamma, maxReward: 1e-3 })(inputs).feasible).toBe(false);
  });
});

describe("shaping/self-supervised-update", () => {
  const state = { rewardTable: [[0, 0]], values: [0] };
  it("leaves a deterministic policy alone and every row's policy-weighted change at zero", () => {
    const part = selfSupervisedUpdate({ gamma: 1, learningRate: 1 });
    const visit = { states: [[0]], actions: [[1]], stepRewards: [[1]] };
    expect(part({ state, policy: [[0, 1]], ...visit }).state.rewardTable).toEqual([[0, 0]]);
    const [row] = part({ state, policy: [[0.25, 0.75]], ...visit }).state.rewardTable;
    expect(row[0]).toBeLessThan(0);
    expect(row[0] + row[1]).toBeCloseTo(0, 12);
    expect(state.rewardTable).toEqual([[0, 0]]);
  });
  it("names a step outside the tables, and takes no step from no data", () => {
    const part = selfSupervisedUpdate({ gamma: 1, clip: 0.1 });
    const visit = { states: [[1]], actions: [[0]], stepRewards: [[1]] };
    expect(() => part({ state, policy: [[0.5, 0.5]], ...visit })).toThrow("inputs.states[0]");
    const none = part({ state, policy: [[0.5, 0.5]], states: [], actions: [], stepRewards: [] });
    expect([...none.state.values]).toEqual([0]);
  });
});

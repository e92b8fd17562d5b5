/**
 * Bed `finite-mdp`: small MDPs as tables, so that values, occupancies and gradients are exact. `transitions` are
 * S×A×S; a row that sums to less than 1 ends the episode with the rest.
 */
import { greedyActions, readMdp, solveMdp } from "../core/finite-mdp.ts";
import type { Random } from "../core/random.ts";
import { tomato } from "./gridworld.ts";

export interface MdpTables {
  readonly transitions: readonly (readonly Float64Array[])[];
  readonly rewardTable: readonly Float64Array[];
  readonly initial: Float64Array;
}

/** Layout `random`: every next state possible (uniform weights, normalised), rewards N(0, 1), uniform start. */
export function randomMdp({ states, actions }: { states: number; actions: number }, random: Random): MdpTables {
  const distribution = () => {
    const weights = Float64Array.from({ length: states }, () => random.uniform());
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return weights.map((weight) => weight / total);
  };
  return {
    transitions: Array.from({ length: states }, () => Array.from({ length: actions }, distribution)),
    rewardTable: Array.from({ length: states }, () => Float64Array.from({ length: actions }, () => random.normal())),
    initial: new Float64Array(states).fill(1 / states),
  };
}

export interface GridMdp extends MdpTables {
  readonly start: number;
  readonly goal: number;
  /** The cell that an action (right, left, down, up) leads to; walls block. */
  readonly move: (cell: number, action: number) => number;
  /** Moves from a cell to the goal. */
  readonly distance: (cell: number) => number;
}

/** Layout `grid-shaping`: side × side cells, from one corner to the opposite one; reward 1 on entering the goal, which ends. */
export function gridMdp(side: number): GridMdp {
  const cells = side * side;
  const goal = cells - 1;
  const steps = [
    [0, 1],
    [0, -1],
    [1, 0],
    [-1, 0],
  ] as const;
  const inside = (coordinate: number) => Math.min(side - 1, Math.max(0, coordinate));
  const move = (cell: number, action: number) => {
    const [down, right] = steps[action];
    return inside(Math.floor(cell / side) + down) * side + inside((cell % side) + right);
  };
  const transitions = Array.from({ length: cells }, (_, cell) =>
    steps.map((_, action) => {
      const row = new Float64Array(cells);
      const next = move(cell, action);
      if (cell !== goal && next !== goal) row[next] = 1;
      return row;
    }),
  );
  const rewardTable = Array.from({ length: cells }, (_, cell) =>
    Float64Array.from(steps, (_, action) => (cell !== goal && move(cell, action) === goal ? 1 : 0)),
  );
  const initial = new Float64Array(cells);
  initial[0] = 1;
  const distance = (cell: number) => side - 1 - Math.floor(cell / side) + (side - 1 - (cell % side));
  return { transitions, rewardTable, initial, start: 0, goal, move, distance };
}

export interface InsertionMdp extends MdpTables {
  readonly goal: number;
  /** Share of the way to the goal. */
  readonly progress: Float64Array;
  /** The state that a uniform number in [0, 1) leads to. */
  readonly move: (state: number, action: number, uniform: number) => number;
}

/**
 * Layout `insertion`: a chain from state 0 to the goal, actions back, hover and forward. Forward gets on with 0.9, else
 * falls back by one; from the last state before the goal it is an insertion: the goal with probability `insert`,
 * else far back, to `drop`. Reward 1 on entering the goal, which ends.
 */
export function insertionMdp({ states, insert, drop }: { states: number; insert: number; drop: number }): InsertionMdp {
  const goal = states - 1;
  const outcomes = (state: number, action: number): readonly (readonly [next: number, probability: number])[] => {
    const before = Math.max(0, state - 1);
    if (state === goal || action === 1) return [[state, 1]];
    if (action === 0) return [[before, 1]];
    return state === goal - 1
      ? [
          [goal, insert],
          [drop, 1 - insert],
        ]
      : [
          [state + 1, 0.9],
          [before, 0.1],
        ];
  };
  const cells = Array.from({ length: states }, (_, state) => state);
  const transitions = cells.map((state) =>
    [0, 1, 2].map((action) => {
      const row = new Float64Array(states);
      if (state !== goal) for (const [next, probability] of outcomes(state, action)) row[next] += probability;
      row[goal] = 0;
      return row;
    }),
  );
  return {
    transitions,
    rewardTable: cells.map((state) => Float64Array.of(0, 0, state === goal - 1 ? insert : 0)),
    initial: Float64Array.from(cells, (state) => (state === 0 ? 1 : 0)),
    goal,
    progress: Float64Array.from(cells, (state) => state / goal),
    move(state, action, uniform) {
      const [first, second] = outcomes(state, action);
      return uniform < first[1] ? first[0] : second[0];
    },
  };
}

export interface TomatoMdp {
  /** What a learner may see: the dynamics, the proxy, and a base policy. */
  readonly world: {
    readonly gamma: number;
    readonly transitions: MdpTables["transitions"];
    readonly proxyTable: readonly Float64Array[];
    readonly initial: Float64Array;
    /** The truly optimal action, mixed with `epsilon` of the uniform policy. */
    readonly reference: readonly Float64Array[];
  };
  /** For evaluation only. */
  readonly truth: { readonly rewardTable: readonly Float64Array[] };
}

/** Layout `tomato`: the tables of `environment/tomato`, 9 positions × 16 waterings, start at (2,2) with all dry. */
export function tomatoMdp({ epsilon, gamma = 0.95 }: { epsilon: number; gamma?: number }): TomatoMdp {
  const dryProbability = 0.25;
  const stepOf = tomato({ dryProbability });
  const states = 9 * 16;
  const actions = 5;
  const bit = (watered: ArrayLike<number>) => watered[0] + 2 * watered[1] + 4 * watered[2] + 8 * watered[3];
  const bits = (code: number) => [code & 1, (code >> 1) & 1, (code >> 2) & 1, (code >> 3) & 1] as (0 | 1)[];
  const transitions = Array.from({ length: states }, () =>
    Array.from({ length: actions }, () => new Float64Array(states)),
  );
  const rewardTable = Array.from({ length: states }, () => new Float64Array(actions));
  const proxyTable = Array.from({ length: states }, () => new Float64Array(actions));
  for (let s = 0; s < states; s++) {
    const cell = Math.floor(s / 16);
    const state = { position: [Math.floor(cell / 3), cell % 3] as [number, number], watered: bits(s % 16) };
    for (let action = 0; action < actions; action++) {
      // Which tomatoes are given the chance to dry; a chance that does not apply changes nothing.
      for (let drying = 0; drying < 16; drying++) {
        const chances = bits(drying);
        const probability = chances.reduce<number>((p, dries) => p * (dries ? dryProbability : 1 - dryProbability), 1);
        const next = stepOf({ state, action, uniforms: chances.map((dries) => (dries ? 0 : 1)) });
        const [row, column] = next.state.position;
        transitions[s][action][(row * 3 + column) * 16 + bit(next.state.watered)] += probability;
        rewardTable[s][action] += probability * next.trueReward;
        proxyTable[s][action] += probability * next.proxyReward;
      }
    }
  }
  const initial = new Float64Array(states);
  initial[8 * 16] = 1;
  const { qValues } = solveMdp(readMdp(transitions, rewardTable), gamma);
  const reference = greedyActions(qValues, actions, 1e-9).map(([best]) =>
    Float64Array.from({ length: actions }, (_, a) => epsilon / actions + (a === best ? 1 - epsilon : 0)),
  );
  return { world: { gamma, transitions, proxyTable, initial, reference }, truth: { rewardTable } };
}

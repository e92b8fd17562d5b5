/**
 * Sparse reward tables that keep a target policy optimal and make it quick to find (EXPRD, in arXiv 2503.21949):
 * a linear programme over the rewards of the active states.
 */
import { z } from "zod";
import { ContractError } from "./error.ts";
import { integers, shaped, vector } from "./fields.ts";
import { mdpFields, readMdp } from "./finite-mdp.ts";
import { factor, solveFactored } from "./linear-algebra.ts";
import { minimize } from "./linear-program.ts";
import type { Vector } from "./ragged.ts";
import { expectLength } from "./shapes.ts";

/** Params and inputs that parts over designs share. */
export const designParams = {
  gamma: z.number().min(0).lt(1).describe("discount"),
  horizons: z.array(z.int().nonnegative()).min(1).default([1, 4, 8, 16, 32]).describe("𝓗, steps looked ahead"),
  horizonConvention: z
    .enum(["inclusive", "exclusive"])
    .default("inclusive")
    .describe("the sum to horizon h runs over t = 0…h, or to h − 1"),
  maxReward: z.number().positive().describe("R_max, bound on |R|"),
  gapSlack: z.number().nonnegative().default(0).describe("the required gaps are divided by 1 + this"),
  sparsity: z.number().nonnegative().default(0).describe("C₂, price of Σ|R|"),
};

export const designInputs = {
  transitions: mdpFields.transitions,
  targetActions: integers("S", "action of the deterministic target policy"),
  optimalActions: shaped(z.array(z.array(z.int())), "S×O", "all actions as good as the target's"),
  gaps: vector("S", "δ, optimality gap per state under the original reward"),
};

export interface DesignProblem {
  readonly transitions: ArrayLike<ArrayLike<Vector>>;
  readonly targetActions: Vector;
  readonly optimalActions: readonly (readonly number[])[];
  readonly gaps: Vector;
}

export interface DesignOptions {
  readonly gamma: number;
  readonly horizons: readonly number[];
  readonly horizonConvention: "inclusive" | "exclusive";
  readonly maxReward: number;
  readonly gapSlack: number;
  readonly sparsity: number;
}

/** An h-step advantage Q_h(s, π*) − Q_h(s, a) as a linear function of the reward table, S·A coefficients. */
interface Advantage {
  readonly state: number;
  readonly optimal: boolean;
  readonly coefficients: Float64Array;
}

/** What every choice of active states shares: advantages at infinity and per horizon. */
export interface PreparedDesign {
  readonly states: number;
  readonly actions: number;
  readonly gaps: Vector;
  readonly options: DesignOptions;
  readonly endless: readonly Advantage[];
  /** Per horizon, non-optimal actions only. */
  readonly ahead: readonly (readonly Advantage[])[];
}

/** Checks the problem and computes its advantages. Throws `ContractError` naming the field. */
export function prepareDesign(problem: DesignProblem, options: DesignOptions): PreparedDesign {
  const { targetActions, optimalActions, gaps } = problem;
  const count = problem.transitions.length;
  const blank = Array.from({ length: count }, (_, s) => new Float64Array(problem.transitions[s].length));
  const { states, actions, transitions } = readMdp(problem.transitions, blank);
  expectLength(targetActions, states, "targetActions");
  expectLength(optimalActions, states, "optimalActions");
  expectLength(gaps, states, "gaps");
  for (let s = 0; s < states; s++) {
    for (const a of [targetActions[s], ...optimalActions[s]])
      if (!(Number.isInteger(a) && a >= 0 && a < actions))
        throw new ContractError(`inputs.optimalActions[${s}]`, `expected actions below ${actions}, got ${a}`);
  }
  const { gamma, horizons, horizonConvention } = options;
  // Transition matrix of the target policy.
  const follow = new Float64Array(states * states);
  for (let s = 0; s < states; s++)
    for (let next = 0; next < states; next++)
      follow[s * states + next] = transitions[(s * actions + targetActions[s]) * states + next];
  const advantagesFrom = (occupancy: Float64Array | null): Advantage[] => {
    // Q(s, a) = R(s, a) + γ Σ_s′ P(s′|s, a) Σ_x occupancy(s′, x) R(x, π*(x)); null: the reward alone.
    const addAction = (coefficients: Float64Array, s: number, a: number, sign: number) => {
      coefficients[s * actions + a] += sign;
      if (occupancy === null) return;
      for (let next = 0; next < states; next++) {
        const weight = sign * gamma * transitions[(s * actions + a) * states + next];
        if (weight === 0) continue;
        for (let x = 0; x < states; x++)
          coefficients[x * actions + targetActions[x]] += weight * occupancy[next * states + x];
      }
    };
    const advantages: Advantage[] = [];
    for (let s = 0; s < states; s++) {
      for (let a = 0; a < actions; a++) {
        if (a === targetActions[s]) continue;
        const coefficients = new Float64Array(states * actions);
        addAction(coefficients, s, targetActions[s], 1);
        addAction(coefficients, s, a, -1);
        advantages.push({ state: s, optimal: optimalActions[s].includes(a), coefficients });
      }
    }
    return advantages;
  };
  const ahead = horizons.map((horizon) => {
    const steps = horizonConvention === "inclusive" ? horizon : horizon - 1;
    if (steps < 0) return advantagesFrom(null).map((one) => ({ ...one, coefficients: one.coefficients.fill(0) }));
    return advantagesFrom(steps === 0 ? null : discountedOccupancy(follow, states, gamma, steps));
  });
  return {
    states,
    actions,
    gaps,
    options,
    endless: advantagesFrom(endlessOccupancy(follow, states, gamma)),
    ahead: ahead.map((advantages) => advantages.filter((one) => !one.optimal)),
  };
}

/** Σ_{t=0}^{steps−1} γ^t P^t. */
function discountedOccupancy(follow: Float64Array, states: number, gamma: number, steps: number): Float64Array {
  let sum = new Float64Array(states * states);
  for (let k = 0; k < steps; k++) {
    // Horner: W ← I + γ P W.
    const next = new Float64Array(states * states);
    for (let s = 0; s < states; s++) {
      next[s * states + s] = 1;
      for (let via = 0; via < states; via++) {
        const weight = gamma * follow[s * states + via];
        if (weight === 0) continue;
        for (let x = 0; x < states; x++) next[s * states + x] += weight * sum[via * states + x];
      }
    }
    sum = next;
  }
  return sum;
}

/** (I − γ P)⁻¹. */
function endlessOccupancy(follow: Float64Array, states: number, gamma: number): Float64Array {
  const matrix = follow.map((share) => -gamma * share);
  for (let s = 0; s < states; s++) matrix[s * states + s] += 1;
  const factors = factor(matrix, states);
  const inverse = new Float64Array(states * states);
  for (let x = 0; x < states; x++) {
    const unit = new Float64Array(states);
    unit[x] = 1;
    const column = solveFactored(factors, unit);
    if (!column) throw new ContractError("params.gamma", `values are undefined at gamma ${gamma}`);
    for (let s = 0; s < states; s++) inverse[s * states + x] = column[s];
  }
  return inverse;
}

export interface Design {
  /** S×A, row-major, zero outside the active states. */
  readonly rewardTable: Float64Array;
  /** I(R) ≤ 0; 0 is best. */
  readonly informativeness: number;
  /** I(R) − C₂·Σ|R|, what was maximised. */
  readonly objective: number;
}

/** The best table over the given active states; null when none keeps the target policy optimal by the gaps. */
export function designRewards(prepared: PreparedDesign, activeStates: readonly number[]): Design | null {
  const { states, actions, gaps, options, endless, ahead } = prepared;
  const { maxReward, gapSlack, sparsity } = options;
  activeStates.forEach((s, k) => {
    if (!(Number.isInteger(s) && s >= 0 && s < states))
      throw new ContractError(`inputs.activeStates[${k}]`, `expected a state below ${states}, got ${s}`);
  });
  const entries = [...new Set(activeStates)].flatMap((s) => Array.from({ length: actions }, (_, a) => s * actions + a));
  const free = entries.length;
  // One shortfall per horizon and state that has a worse action.
  const shortfalls = new Map<string, number>();
  ahead.forEach((advantages, h) => {
    for (const { state } of advantages) {
      const key = `${h}/${state}`;
      if (!shortfalls.has(key)) shortfalls.set(key, shortfalls.size);
    }
  });
  // Columns: R⁺, R⁻, shortfalls.
  const columns = 2 * free + shortfalls.size;
  const weight = 1 / (ahead.length * states);
  const costs = new Float64Array(columns).fill(sparsity, 0, 2 * free).fill(weight, 2 * free);
  const rows: Float64Array[] = [];
  const bounds: number[] = [];
  const addRow = (coefficients: Float64Array, bound: number, shortfall?: number) => {
    const row = new Float64Array(columns);
    entries.forEach((entry, k) => {
      row[k] = coefficients[entry];
      row[free + k] = -coefficients[entry];
    });
    if (shortfall !== undefined) row[2 * free + shortfall] = 1;
    rows.push(row);
    bounds.push(bound);
  };
  for (const { state, optimal, coefficients } of endless)
    addRow(coefficients, optimal ? 0 : gaps[state] / (1 + gapSlack));
  ahead.forEach((advantages, h) => {
    for (const { state, coefficients } of advantages)
      addRow(coefficients, gaps[state], shortfalls.get(`${h}/${state}`));
  });
  for (let k = 0; k < 2 * free; k++) {
    const row = new Float64Array(columns);
    row[k] = -1;
    rows.push(row);
    bounds.push(-maxReward);
  }
  const flat = new Float64Array(rows.length * columns);
  rows.forEach((row, i) => {
    flat.set(row, i * columns);
  });
  const x = minimize({ costs, rows: flat, bounds: Float64Array.from(bounds) });
  if (x === null) return null;
  const rewardTable = new Float64Array(states * actions);
  let size = 0;
  entries.forEach((entry, k) => {
    rewardTable[entry] = x[k] - x[free + k];
    size += Math.abs(rewardTable[entry]);
  });
  const informativeness = informativenessOf(prepared, rewardTable);
  return { rewardTable, informativeness, objective: informativeness - sparsity * size };
}

/** I(R) = −(1/|𝓗||S|) Σ_h Σ_s max(0, max over worse a of δ_s − A_h(s, a)). */
function informativenessOf({ states, gaps, ahead }: PreparedDesign, rewardTable: Float64Array): number {
  let total = 0;
  for (const advantages of ahead) {
    const worst = new Float64Array(states);
    for (const { state, coefficients } of advantages) {
      let advantage = 0;
      for (let i = 0; i < coefficients.length; i++) advantage += coefficients[i] * rewardTable[i];
      worst[state] = Math.max(worst[state], gaps[state] - advantage);
    }
    for (const shortfall of worst) total += shortfall;
  }
  return total === 0 ? 0 : -total / (ahead.length * states);
}

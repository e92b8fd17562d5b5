/**
 * Finite Markov decision processes, solved exactly: policies are evaluated by one linear solve and
 * improved until no action is better, so that ties between actions survive (iterating values to a
 * tolerance breaks them).
 */
import { z } from "zod";
import { ContractError } from "./error.ts";
import { shaped, vector } from "./fields.ts";
import { solve } from "./linear-algebra.ts";
import type { RaggedLike, Vector } from "./ragged.ts";
import { toRagged } from "./ragged.ts";

/** Schemas of the tables that parts over finite MDPs exchange. S states, A actions. */
export const mdpFields = {
  transitions: shaped(
    z.array(z.array(z.array(z.number()))),
    "S×A×S",
    "P(s′|s,a); a row may sum to less than 1, the rest of the probability ends the episode",
  ),
  rewardTable: shaped(z.array(z.array(z.number())), "S×A", "R(s,a)"),
  policy: shaped(z.array(z.array(z.number())), "S×A", "π(a|s), rows sum to 1"),
  initial: vector("S", "distribution of the first state"),
};

/** S×A×S probabilities and S×A rewards, row-major. */
export interface FiniteMdp {
  readonly states: number;
  readonly actions: number;
  readonly transitions: Float64Array;
  readonly rewards: Float64Array;
}

const slack = 1e-6;

/** Packs and checks the tables. Throws `ContractError` naming the entry. */
export function readMdp(transitions: ArrayLike<ArrayLike<Vector>>, rewardTable: ArrayLike<Vector>): FiniteMdp {
  const states = transitions.length;
  const actions = states > 0 ? transitions[0].length : 0;
  if (actions === 0) throw new ContractError("inputs.transitions", "expected at least one state and one action");
  const packed = new Float64Array(states * actions * states);
  for (let s = 0; s < states; s++) {
    if (transitions[s].length !== actions)
      throw new ContractError(
        `inputs.transitions[${s}]`,
        `expected ${actions} actions, as in state 0, got ${transitions[s].length}`,
      );
    for (let a = 0; a < actions; a++) {
      const row = transitions[s][a];
      const path = `inputs.transitions[${s}][${a}]`;
      if (row.length !== states) throw new ContractError(path, `expected ${states} probabilities, got ${row.length}`);
      const sum = copyDistribution(packed, (s * actions + a) * states, row, path);
      if (sum > 1 + slack) throw new ContractError(path, `expected probabilities that sum to at most 1, got ${sum}`);
    }
  }
  return { states, actions, transitions: packed, rewards: readTable(rewardTable, states, actions, "rewardTable") };
}

/** Packs an S×A table. Throws `ContractError` when its shape is another one. */
export function readTable(table: ArrayLike<Vector>, states: number, actions: number, field: string): Float64Array {
  if (table.length !== states)
    throw new ContractError(`inputs.${field}`, `expected ${states} states, got ${table.length}`);
  for (let s = 0; s < states; s++) {
    if (table[s].length !== actions)
      throw new ContractError(`inputs.${field}[${s}]`, `expected ${actions} actions, got ${table[s].length}`);
  }
  return toRagged(table as RaggedLike).values;
}

/** Packs a policy and checks that each row is a distribution. */
export function readPolicy(policy: ArrayLike<Vector>, { states, actions }: FiniteMdp): Float64Array {
  const packed = readTable(policy, states, actions, "policy");
  for (let s = 0; s < states; s++) checkDistribution(packed.subarray(s * actions, (s + 1) * actions), `policy[${s}]`);
  return packed;
}

/** Checks the distribution of the first state. */
export function readInitial(initial: Vector, { states }: FiniteMdp): Float64Array {
  if (initial.length !== states)
    throw new ContractError("inputs.initial", `expected ${states} states, got ${initial.length}`);
  const packed = Float64Array.from(initial);
  checkDistribution(packed, "initial");
  return packed;
}

function checkDistribution(row: Float64Array, field: string): void {
  const sum = copyDistribution(null, 0, row, `inputs.${field}`);
  if (Math.abs(sum - 1) > slack)
    throw new ContractError(`inputs.${field}`, `expected probabilities that sum to 1, got ${sum}`);
}

function copyDistribution(target: Float64Array | null, start: number, row: Vector, path: string): number {
  let sum = 0;
  for (let i = 0; i < row.length; i++) {
    if (!(row[i] >= 0)) throw new ContractError(`${path}[${i}]`, `expected a probability, got ${row[i]}`);
    if (target) target[start + i] = row[i];
    sum += row[i];
  }
  return sum;
}

/** V of a policy (S×A probabilities): (I − γ P_π)⁻¹ r_π. Throws when the policy never ends and γ = 1. */
export function policyValues(mdp: FiniteMdp, policy: Float64Array, gamma: number): Float64Array {
  const { states, actions, transitions, rewards } = mdp;
  const matrix = new Float64Array(states * states);
  const expected = new Float64Array(states);
  for (let s = 0; s < states; s++) {
    for (let a = 0; a < actions; a++) {
      const share = policy[s * actions + a];
      if (share === 0) continue;
      expected[s] += share * rewards[s * actions + a];
      const row = (s * actions + a) * states;
      for (let next = 0; next < states; next++) matrix[s * states + next] -= gamma * share * transitions[row + next];
    }
    matrix[s * states + s] += 1;
  }
  const values = solve(matrix, expected);
  if (!values)
    throw new ContractError(
      "params.gamma",
      `values are infinite or undefined at gamma ${gamma}: the policy never ends`,
    );
  return values;
}

/** Q (S×A) of state values: R + γ P V. */
export function actionValues(mdp: FiniteMdp, values: Vector, gamma: number): Float64Array {
  const { states, actions, transitions, rewards } = mdp;
  const q = Float64Array.from(rewards);
  for (let i = 0; i < states * actions; i++) {
    let sum = 0;
    for (let next = 0; next < states; next++) sum += transitions[i * states + next] * values[next];
    q[i] += gamma * sum;
  }
  return q;
}

export interface Solution {
  readonly values: Float64Array;
  readonly qValues: Float64Array;
}

/**
 * The best values among the `allowed` actions (all when absent), or the worst, by policy iteration
 * from the uniform policy. Needs γ < 1, or an episode that ends under every policy met on the way.
 */
export function solveMdp(
  mdp: FiniteMdp,
  gamma: number,
  { allowed, worst = false }: { allowed?: readonly (readonly number[])[]; worst?: boolean } = {},
): Solution {
  const { states, actions } = mdp;
  const sign = worst ? -1 : 1;
  const choices = allowed ?? Array.from({ length: states }, () => Array.from({ length: actions }, (_, a) => a));
  const policy = new Float64Array(states * actions);
  for (let s = 0; s < states; s++) for (const a of choices[s]) policy[s * actions + a] = 1 / choices[s].length;
  const chosen = new Int32Array(states).fill(-1);
  for (;;) {
    const values = policyValues(mdp, policy, gamma);
    const qValues = actionValues(mdp, values, gamma);
    let improved = false;
    for (let s = 0; s < states; s++) {
      let best = chosen[s] < 0 ? choices[s][0] : chosen[s];
      // An action must be better by more than rounding, or equally good ones alternate for ever.
      const margin = 1e-12 * Math.max(1, Math.abs(values[s]));
      for (const a of choices[s]) {
        const gain = sign * (qValues[s * actions + a] - qValues[s * actions + best]);
        if (gain > margin) best = a;
      }
      if (best === chosen[s]) continue;
      chosen[s] = best;
      policy.fill(0, s * actions, (s + 1) * actions);
      policy[s * actions + best] = 1;
      improved = true;
    }
    if (!improved) return { values, qValues };
  }
}

/** Per state the actions within `tolerance` of the best (absolute below 1, relative above), ascending. */
export function greedyActions(qValues: Float64Array, actions: number, tolerance: number): number[][] {
  const sets: number[][] = [];
  for (let start = 0; start < qValues.length; start += actions) {
    let best = qValues[start];
    for (let a = 1; a < actions; a++) best = Math.max(best, qValues[start + a]);
    const bound = best - tolerance * Math.max(1, Math.abs(best));
    const set: number[] = [];
    for (let a = 0; a < actions; a++) if (qValues[start + a] >= bound) set.push(a);
    sets.push(set);
  }
  return sets;
}

/** An S×A buffer as nested rows. */
export function tableRows(table: Float64Array, actions: number): number[][] {
  const rows: number[][] = [];
  for (let start = 0; start < table.length; start += actions)
    rows.push(Array.from(table.subarray(start, start + actions)));
  return rows;
}

import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { ragged, shaped, vector } from "../core/fields.ts";
import { type FiniteMdp, mdpFields, readMdp, readPolicy, readTable, tableRows } from "../core/finite-mdp.ts";
import { solve } from "../core/linear-algebra.ts";
import { minimize } from "../core/linear-program.ts";
import { definePart } from "../core/part.ts";
import { toRagged, type Vector } from "../core/ragged.ts";

const designInputs = {
  transitions: mdpFields.transitions,
  targetActions: shaped(z.array(z.int().nonnegative()), "S", "π*(s), the policy to be taught"),
  optimalActions: shaped(z.array(z.array(z.int().nonnegative())), "S", "all optimal actions of each state"),
  gaps: vector("S", "δ, margin by which a non-optimal action must lose"),
  activeStates: z
    .array(z.int().nonnegative())
    .optional()
    .describe("states whose rewards may differ from 0 (default: all)"),
};

const designOutputs = {
  feasible: z.boolean().describe("some table meets the constraints"),
  informativeness: z.number().nullable().describe("criterion of the table; null: infeasible"),
  rewardTable: mdpFields.rewardTable.nullable().describe("the designed reward; null: infeasible"),
};

const maxReward = z.number().positive().describe("bound on |R(s,a)|");
const gamma = z.number().min(0).lt(1).describe("discount");

/**
 * Designs a sparse reward table that makes learning quick (EXPRD, NeurIPS 2021; thesis arXiv 2503.21949, ch. 3).
 *
 * Maximises I(R) − sparsity · ‖R‖₁ where I(R) = −(1/(|H||S|)) Σ_h Σ_s max(0, max over non-optimal a of δ_s − A_h(s,a)),
 * A_h the h-step advantage of π*(s) over a under π*: rewards t = 0 … h count (`inclusive`; `exclusive`: to h − 1). 0 is
 * best. Subject to (i) Q^π*(s,π*(s)) − Q^π*(s,a) ≥ δ_s for non-optimal a and ≥ 0 for optimal a; (ii) |R| ≤ maxReward;
 * (iii) R = 0 outside `activeStates`. δ is divided by 1 + `gapSlack`. A linear programme, solved exactly; of several
 * optima one with small ‖R‖₁ is returned (the table is not unique, its value is). Meant for tens of states.
 *
 * S states, A actions. Infeasible: `feasible` false, the rest null, never a zero table. An index outside the table is a
 * `ContractError`. Leave absorbing states out of `activeStates`.
 */
export const explicableRewardDesign = definePart({
  id: "shaping/explicable-reward-design",
  papers: ["reward-design-thesis"],
  params: z.object({
    gamma,
    horizons: z.array(z.int().nonnegative()).min(1).default([1, 4, 8, 16, 32]).describe("H, in steps"),
    horizonConvention: z
      .enum(["inclusive", "exclusive"])
      .default("inclusive")
      .describe("whether step h itself counts (2021 release) or not (2024)"),
    maxReward,
    gapSlack: z.number().nonnegative().default(0).describe("relative relaxation of δ against rounding (release: 1e-5)"),
    sparsity: z.number().nonnegative().default(0).describe("C₂, cost of a unit of reward"),
  }),
  inputs: z.object(designInputs),
  outputs: z.object(designOutputs),
  compute(params, inputs) {
    const design = readDesign(inputs, params.gamma, params.gapSlack);
    const { mdp, gaps, target } = design;
    const extra = params.horizonConvention === "inclusive" ? 1 : 0;
    const share = 1 / (params.horizons.length * mdp.states);
    const horizonRows = params.horizons.map((horizon) => {
      const terms = horizon + extra;
      const now = discountedVisits(mdp, target, params.gamma, terms);
      return advantageRows(design, now, discountedVisits(mdp, target, params.gamma, terms - 1), terms > 0 ? 1 : 0);
    });
    // One slack per (horizon, state): what the worst non-optimal action misses of δ.
    const slackRows = horizonRows.flatMap((rows, h) =>
      rows.flatMap((row) =>
        row.optimal ? [] : [{ ...row, slack: h * mdp.states + row.state, bound: gaps[row.state] }],
      ),
    );
    const slacks = params.horizons.length * mdp.states;
    const rewardTable = bestTable(design, {
      maxReward: params.maxReward,
      gains: new Float64Array(mdp.states * mdp.actions),
      cost: params.sparsity + 1e-6 * share,
      slackRows,
      slackCosts: new Float64Array(slacks).fill(share),
    });
    if (!rewardTable) return { feasible: false, informativeness: null, rewardTable: null };
    const missing = new Float64Array(slacks);
    for (const row of slackRows)
      missing[row.slack] = Math.max(missing[row.slack], row.bound - dot(row.coefficients, rewardTable));
    const informativeness = -missing.reduce((sum, value) => sum + value, 0) * share;
    return { feasible: true, informativeness, rewardTable: tableRows(rewardTable, mdp.actions) };
  },
});

/**
 * Designs the reward that tells the current learner most (EXPADARD, AAMAS 2024; thesis arXiv 2503.21949, ch. 4).
 *
 * Maximises I(R | π_L) = Σ_{s,a} μ_T(s) μ_L(s) π_L(a|s)² (A_T(s,a) − A_T(s,π_L)) (R(s,a) − R(s,π_L)), X(s,π_L) being the
 * mean of X under the learner's policy, under the constraints of explicable-reward-design. `teacherAdvantages` S×A
 * under the original reward, `teacherOccupancy` and `learnerOccupancy` S, `learnerPolicy` S×A. Re-solve as the learner
 * changes. The table is not unique.
 */
export const adaptiveRewardDesign = definePart({
  id: "shaping/adaptive-reward-design",
  papers: ["reward-design-thesis"],
  params: z.object({ gamma, maxReward }),
  inputs: z.object({
    ...designInputs,
    teacherAdvantages: ragged("S×A", "A_T under the original reward"),
    teacherOccupancy: vector("S", "μ_T"),
    learnerPolicy: mdpFields.policy,
    learnerOccupancy: vector("S", "μ_L"),
  }),
  outputs: z.object(designOutputs),
  compute(params, { teacherAdvantages, teacherOccupancy, learnerPolicy, learnerOccupancy, ...inputs }) {
    const design = readDesign(inputs, params.gamma, 0);
    const { states, actions } = design.mdp;
    const policy = readPolicy(learnerPolicy, design.mdp);
    const given = toRagged(teacherAdvantages);
    const advantages = readTable(
      Array.from({ length: states }, (_, s) => given.values.subarray(given.offsets[s], given.offsets[s + 1])),
      states,
      actions,
      "teacherAdvantages",
    );
    const gains = new Float64Array(states * actions);
    for (let s = 0; s < states; s++) {
      let expected = 0;
      for (let c = s * actions; c < (s + 1) * actions; c++) expected += policy[c] * advantages[c];
      let total = 0;
      for (let c = s * actions; c < (s + 1) * actions; c++) {
        gains[c] = teacherOccupancy[s] * learnerOccupancy[s] * policy[c] ** 2 * (advantages[c] - expected);
        total += gains[c];
      }
      // R(s, π_L) is in every term of the state.
      for (let c = s * actions; c < (s + 1) * actions; c++) gains[c] -= policy[c] * total;
    }
    const largest = gains.reduce((most, gain) => Math.max(most, Math.abs(gain)), 0);
    const rewardTable = bestTable(design, {
      maxReward: params.maxReward,
      gains,
      cost: 1e-9 * largest,
      slackRows: [],
      slackCosts: new Float64Array(0),
    });
    if (!rewardTable) return { feasible: false, informativeness: null, rewardTable: null };
    return {
      feasible: true,
      informativeness: dot(gains, rewardTable),
      rewardTable: tableRows(rewardTable, actions),
    };
  },
});

interface Design {
  readonly mdp: FiniteMdp;
  readonly target: readonly number[];
  readonly discount: number;
  /** 1 where an action is optimal, S×A. */
  readonly optimal: Uint8Array;
  readonly gaps: Float64Array;
  /** Cells (s·A + a) that may carry reward. */
  readonly cells: readonly number[];
  /** Constraint (i): coefficients of Q(s,π*(s)) − Q(s,a) over the cells of the table. */
  readonly advantages: readonly AdvantageRow[];
}

interface AdvantageRow {
  readonly state: number;
  readonly optimal: boolean;
  readonly coefficients: Float64Array;
}

interface DesignInputs {
  readonly transitions: ArrayLike<ArrayLike<Vector>>;
  readonly targetActions: readonly number[];
  readonly optimalActions: readonly (readonly number[])[];
  readonly gaps: Vector;
  readonly activeStates?: readonly number[];
}

function readDesign(inputs: DesignInputs, discount: number, gapSlack: number): Design {
  const { transitions, targetActions, optimalActions, activeStates } = inputs;
  const mdp = readMdp(
    transitions,
    Array.from(transitions, (row) => new Float64Array(row.length)),
  );
  const { states, actions } = mdp;
  const optimal = new Uint8Array(states * actions);
  for (let s = 0; s < states; s++) {
    for (const a of [targetActions[s], ...optimalActions[s]]) {
      if (a >= actions) throw new ContractError(`inputs.optimalActions[${s}]`, `there is no action ${a}`);
      optimal[s * actions + a] = 1;
    }
  }
  const active = activeStates ?? Array.from({ length: states }, (_, s) => s);
  for (const s of active) if (s >= states) throw new ContractError("inputs.activeStates", `there is no state ${s}`);
  const cells = [...new Set(active)].flatMap((s) => Array.from({ length: actions }, (_, a) => s * actions + a));
  const gaps = Float64Array.from(inputs.gaps, (gap) => gap / (1 + gapSlack));
  const partial = { mdp, target: targetActions, optimal, gaps, cells, discount, advantages: [] };
  const visits = endlessVisits(mdp, targetActions, discount);
  return { ...partial, advantages: advantageRows(partial, visits, visits, 1) };
}

/** Σ_{t<terms} γ^t P^t under the target policy, S×S. */
function discountedVisits(mdp: FiniteMdp, target: readonly number[], discount: number, terms: number): Float64Array {
  const { states } = mdp;
  let sum = new Float64Array(states * states);
  for (let term = 0; term < terms; term++) {
    const next = new Float64Array(states * states);
    for (let s = 0; s < states; s++) {
      const from = (s * mdp.actions + target[s]) * states;
      for (let between = 0; between < states; between++) {
        const p = discount * mdp.transitions[from + between];
        if (p === 0) continue;
        for (let u = 0; u < states; u++) next[s * states + u] += p * sum[between * states + u];
      }
      next[s * states + s] += 1;
    }
    sum = next;
  }
  return sum;
}

function endlessVisits(mdp: FiniteMdp, target: readonly number[], discount: number): Float64Array {
  const { states } = mdp;
  const system = new Float64Array(states * states);
  for (let s = 0; s < states; s++) {
    const from = (s * mdp.actions + target[s]) * states;
    for (let u = 0; u < states; u++) system[s * states + u] = (s === u ? 1 : 0) - discount * mdp.transitions[from + u];
  }
  const visits = new Float64Array(states * states);
  for (let u = 0; u < states; u++) {
    const column = solve(
      system,
      Float64Array.from({ length: states }, (_, s) => (s === u ? 1 : 0)),
    );
    if (!column) throw new ContractError("params.gamma", "the values of the target policy are not defined");
    for (let s = 0; s < states; s++) visits[s * states + u] = column[s];
  }
  return visits;
}

/**
 * Advantage of the target action over each other action as a linear function of the reward table: V(s) − R(s,a) −
 * γ Σ P(s′|s,a) V′(s′), V = `now`·R and V′ = `next`·R on the target policy's cells. `immediate` 0: R(s,a) is not counted.
 */
function advantageRows(
  { mdp, target, optimal, discount }: Design,
  now: Float64Array,
  next: Float64Array,
  immediate: number,
): AdvantageRow[] {
  const { states, actions, transitions } = mdp;
  const rows: AdvantageRow[] = [];
  for (let s = 0; s < states; s++) {
    for (let a = 0; a < actions; a++) {
      if (a === target[s]) continue;
      const coefficients = new Float64Array(states * actions);
      coefficients[s * actions + a] = -immediate;
      for (let u = 0; u < states; u++) {
        let value = now[s * states + u];
        for (let between = 0; between < states; between++)
          value -= discount * transitions[(s * actions + a) * states + between] * next[between * states + u];
        coefficients[u * actions + target[u]] += value;
      }
      rows.push({ state: s, optimal: optimal[s * actions + a] === 1, coefficients });
    }
  }
  return rows;
}

interface Criterion {
  readonly maxReward: number;
  /** What a unit of reward in each cell is worth. */
  readonly gains: Float64Array;
  /** Cost of a unit of |R|. */
  readonly cost: number;
  /** slack + coefficients · R ≥ bound. */
  readonly slackRows: readonly (AdvantageRow & { readonly slack: number; readonly bound: number })[];
  readonly slackCosts: Float64Array;
}

/**
 * The best table under the constraints; null when there is none. Every variable must be non-negative and cost
 * something: a cell that gains is written as its bound minus a variable, one that loses as a variable minus its bound,
 * and one that does neither as the difference of two.
 */
function bestTable(design: Design, criterion: Criterion): Float64Array | null {
  const { cells, gaps, advantages } = design;
  const { maxReward: bound, gains, cost, slackRows, slackCosts } = criterion;
  const variables: { readonly cell: number; readonly sign: 1 | -1; readonly limit: number; readonly cost: number }[] =
    [];
  const table = new Float64Array(gains.length);
  for (const cell of cells) {
    const gain = gains[cell];
    if (Math.abs(gain) > cost) {
      table[cell] = gain > 0 ? bound : -bound;
      variables.push({ cell, sign: gain > 0 ? -1 : 1, limit: 2 * bound, cost: Math.abs(gain) });
    } else {
      variables.push({ cell, sign: 1, limit: bound, cost }, { cell, sign: -1, limit: bound, cost });
    }
  }
  const width = variables.length + slackCosts.length;
  const constraints = [
    ...advantages.map((row) => ({ ...row, slack: -1, bound: row.optimal ? 0 : gaps[row.state] })),
    ...slackRows,
  ];
  const rows = new Float64Array((constraints.length + variables.length) * width);
  const bounds = new Float64Array(constraints.length + variables.length);
  constraints.forEach((row, i) => {
    variables.forEach(({ cell, sign }, j) => {
      rows[i * width + j] = sign * row.coefficients[cell];
    });
    if (row.slack >= 0) rows[i * width + variables.length + row.slack] = 1;
    bounds[i] = row.bound - dot(row.coefficients, table);
  });
  variables.forEach(({ limit }, j) => {
    const i = constraints.length + j;
    rows[i * width + j] = -1;
    bounds[i] = -limit;
  });
  const costs = Float64Array.of(...variables.map((variable) => variable.cost), ...slackCosts);
  const solution = minimize({ costs, rows, bounds });
  if (!solution) return null;
  variables.forEach(({ cell, sign }, j) => {
    table[cell] += sign * solution[j];
  });
  return table;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

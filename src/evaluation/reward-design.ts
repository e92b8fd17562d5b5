import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { integers, nullableVector, ragged, shaped, vector } from "../core/fields.ts";
import { actionValues, mdpFields, policyValues, readMdp, readTable, tableRows } from "../core/finite-mdp.ts";
import { definePart } from "../core/part.ts";
import { raggedLike, rowCount, rowOf, toRagged, type Vector } from "../core/ragged.ts";

const targetFields = {
  targetActions: integers("S", "action of the deterministic target policy"),
  optimalActions: shaped(z.array(z.array(z.int())), "S×O", "all actions as good as the target's"),
};

/** The actions of each state that are not optimal. Throws when an index is no action. */
function otherActions(
  targetActions: Vector,
  optimalActions: readonly (readonly number[])[],
  states: number,
  actions: number,
): number[][] {
  for (const [field, rows] of Object.entries({ targetActions, optimalActions }))
    if (rows.length !== states)
      throw new ContractError(`inputs.${field}`, `expected ${states} states, got ${rows.length}`);
  return optimalActions.map((optimal, s) => {
    for (const a of [targetActions[s], ...optimal])
      if (!(Number.isInteger(a) && a >= 0 && a < actions))
        throw new ContractError(`inputs.optimalActions[${s}]`, `expected actions below ${actions}, got ${a}`);
    return Array.from({ length: actions }, (_, a) => a).filter((a) => a !== targetActions[s] && !optimal.includes(a));
  });
}

/**
 * Optimality gaps of a target policy (EXPRD, in arXiv 2503.21949): δ_s = min over non-optimal a of Q(s, π*(s)) − Q(s, a).
 *
 * Q is of the target policy under the original reward, solved exactly; 0 where every action is optimal. `qValues` S×A.
 * Tables that are no distributions, or infinite values: `ContractError`.
 */
export const optimalityGap = definePart({
  id: "evaluation/optimality-gap",
  papers: ["reward-design-thesis"],
  params: z.object({ gamma: z.number().min(0).max(1).describe("discount") }),
  inputs: z.object({
    transitions: mdpFields.transitions,
    rewardTable: mdpFields.rewardTable,
    ...targetFields,
  }),
  outputs: z.object({ gaps: vector("S", "δ_s"), qValues: ragged("S×A", "Q of the target policy") }),
  compute({ gamma }, { transitions, rewardTable, targetActions, optimalActions }) {
    const mdp = readMdp(transitions, rewardTable);
    const { states, actions } = mdp;
    const others = otherActions(targetActions, optimalActions, states, actions);
    const policy = new Float64Array(states * actions);
    for (let s = 0; s < states; s++) policy[s * actions + targetActions[s]] = 1;
    const q = actionValues(mdp, policyValues(mdp, policy, gamma), gamma);
    const gaps = Float64Array.from(others, (rivals, s) => {
      let best = Number.NEGATIVE_INFINITY;
      for (const a of rivals) best = Math.max(best, q[s * actions + a]);
      return rivals.length > 0 ? q[s * actions + targetActions[s]] - best : 0;
    });
    return { gaps, qValues: tableRows(q, actions) };
  },
});

/**
 * Informativeness of a reward design (EXPRD, in arXiv 2503.21949): do a few steps of look-ahead already show the target
 * action to be best by its original margin?
 *
 * A_h(s, a) = Q_h(s, π*(s)) − Q_h(s, a) with Q_h the reward of an action and then h steps of the target policy.
 * `shortfalls[h][s]` = max(0, max over non-optimal a of δ_s − A_h(s, a)), 0 where every action is optimal;
 * `informativeness` = −mean of them, at most 0 (best); null without horizons. `horizonConvention` inclusive sums the
 * rewards of t = 0…h, exclusive of t = 0…h−1.
 */
export const informativeness = definePart({
  id: "evaluation/informativeness",
  papers: ["reward-design-thesis"],
  params: z.object({
    gamma: z.number().min(0).max(1).describe("discount"),
    horizons: z.array(z.int().min(0)).default([1, 4, 8, 16, 32]).describe("look-ahead h"),
    horizonConvention: z.enum(["inclusive", "exclusive"]).default("inclusive").describe("whether step h still counts"),
  }),
  inputs: z.object({
    transitions: mdpFields.transitions,
    rewardTable: mdpFields.rewardTable,
    ...targetFields,
    gaps: vector("S", "δ_s under the original reward"),
  }),
  outputs: z.object({
    informativeness: z.number().nullable(),
    shortfalls: ragged("H×S", "missing margin per horizon and state"),
  }),
  compute({ gamma, horizons, horizonConvention }, { transitions, rewardTable, targetActions, optimalActions, gaps }) {
    const mdp = readMdp(transitions, rewardTable);
    const { states, actions } = mdp;
    const others = otherActions(targetActions, optimalActions, states, actions);
    const terms = horizons.map((h) => (horizonConvention === "inclusive" ? h + 1 : h));
    const shortfalls = horizons.map(() => new Float64Array(states));
    const values = new Float64Array(states);
    let q: Float64Array = new Float64Array(states * actions);
    const longest = Math.max(0, ...terms);
    for (let count = 0; count <= longest; count++) {
      for (const [k, wanted] of terms.entries()) {
        if (wanted !== count) continue;
        for (const [s, rivals] of others.entries())
          for (const a of rivals) {
            const advantage = q[s * actions + targetActions[s]] - q[s * actions + a];
            shortfalls[k][s] = Math.max(shortfalls[k][s], gaps[s] - advantage);
          }
      }
      if (count === longest) break;
      for (let s = 0; s < states; s++) values[s] = q[s * actions + targetActions[s]];
      q = actionValues(mdp, values, gamma);
    }
    let sum = 0;
    for (const row of shortfalls) for (const shortfall of row) sum += shortfall;
    // 0 − x, so that the best value is 0 and not −0.
    return { informativeness: horizons.length > 0 ? 0 - sum / (horizons.length * states) : null, shortfalls };
  },
});

/**
 * Informativeness of a reward design for the current learner, and its gradient in the design (EXPADARD, in arXiv
 * 2503.21949).
 *
 * With teacher advantage A and occupancies μ_T(s), μ_L(s), learner policy π, X̄(s) = Σ_a π(a|s)X(s,a):
 * I = Σ_{s,a} μ_T μ_L π(a|s)²·(A(s,a) − Ā(s))·(R(s,a) − R̄(s)), linear in R with `gradient` c(s,b) − π(b|s) Σ_a c(s,a),
 * c = μ_T μ_L π²(A − Ā).
 */
export const policyInformativeness = definePart({
  id: "evaluation/policy-informativeness",
  papers: ["reward-design-thesis"],
  params: z.object({}),
  inputs: z.object({
    teacherAdvantages: ragged("S×A", "advantage of the target policy under the original reward"),
    teacherOccupancy: vector("S", "state occupancy of the target policy"),
    learnerPolicy: ragged("S×A", "π(a|s) of the learner"),
    learnerOccupancy: vector("S", "state occupancy of the learner"),
    rewardTable: mdpFields.rewardTable,
  }),
  outputs: z.object({ informativeness: z.number(), gradient: ragged("S×A", "derivative in each entry of the design") }),
  compute(_, inputs) {
    const policy = toRagged(inputs.learnerPolicy);
    const states = rowCount(policy);
    const actions = states > 0 ? policy.offsets[1] : 0;
    const advantages = readTable(inputs.teacherAdvantages as ArrayLike<Vector>, states, actions, "teacherAdvantages");
    const rewards = readTable(inputs.rewardTable, states, actions, "rewardTable");
    const gradient = raggedLike(policy);
    let total = 0;
    for (let s = 0; s < states; s++) {
      const probabilities = rowOf(policy, s);
      let mean = 0;
      for (let a = 0; a < actions; a++) mean += probabilities[a] * advantages[s * actions + a];
      const weight = inputs.teacherOccupancy[s] * inputs.learnerOccupancy[s];
      const row = rowOf(gradient, s);
      let sum = 0;
      for (let a = 0; a < actions; a++) {
        row[a] = weight * probabilities[a] ** 2 * (advantages[s * actions + a] - mean);
        sum += row[a];
      }
      for (let a = 0; a < actions; a++) {
        row[a] -= probabilities[a] * sum;
        total += row[a] * rewards[s * actions + a];
      }
    }
    return { informativeness: total, gradient };
  },
});

/**
 * Shared structure of a contextual MDP: variance over contexts of the value of each state (arXiv 2306.03236). Small:
 * global novelty bonuses fit; large: every episode must be explored afresh, episodic ones fit.
 *
 * `values` C×S, null where the state is absent from the context; `variances` (S) population variance over the contexts
 * that have the state, weighted by `contextWeights` (default equal), null if none has. `variance` = mean over states,
 * weighted by `stateWeights` (default equal) times, when `contextWeights` are given, the mass of the contexts that have
 * the state; null without weight.
 */
export const valueVariance = definePart({
  id: "evaluation/value-variance",
  papers: ["global-episodic-bonuses"],
  params: z.object({}),
  inputs: z.object({
    values: shaped(z.array(z.array(z.number().nullable())), "C×S", "value of each state in each context, null: absent"),
    contextWeights: vector("C", "weight of each context").optional(),
    stateWeights: vector("S", "weight of each state").optional(),
  }),
  outputs: z.object({
    variances: nullableVector("S", "variance over contexts"),
    variance: z.number().nullable(),
  }),
  compute(_, { values, contextWeights, stateWeights }) {
    const states = values.length > 0 ? values[0].length : 0;
    for (const [c, row] of values.entries())
      if (row.length !== states)
        throw new ContractError(`inputs.values[${c}]`, `expected ${states} states, got ${row.length}`);
    const variances: (number | null)[] = [];
    let sum = 0;
    let weights = 0;
    for (let s = 0; s < states; s++) {
      let mass = 0;
      let mean = 0;
      for (const [c, row] of values.entries()) {
        const value = row[s];
        const weight = contextWeights ? contextWeights[c] : 1;
        if (value === null || !(weight > 0)) continue;
        mass += weight;
        mean += (weight / mass) * (value - mean);
      }
      if (mass === 0) {
        variances.push(null);
        continue;
      }
      let squares = 0;
      for (const [c, row] of values.entries()) {
        const value = row[s];
        if (value !== null) squares += Math.max(0, contextWeights ? contextWeights[c] : 1) * (value - mean) ** 2;
      }
      const variance = squares / mass;
      variances.push(variance);
      const weight = (stateWeights ? stateWeights[s] : 1) * (contextWeights ? mass : 1);
      sum += weight * variance;
      weights += weight;
    }
    return { variances, variance: weights > 0 ? sum / weights : null };
  },
});

/**
 * Largest slope of a function between any two sample points: a lower estimate of its Lipschitz constant (for arXiv
 * 2006.16785).
 *
 * `constant` = max |v_i − v_j|/‖x_i − x_j‖₂ over pairs of distinct points, `pair` the first that reaches it (i < j);
 * both null without such a pair. O(N²·D).
 */
export const lipschitzEstimate = definePart({
  id: "evaluation/lipschitz-estimate",
  papers: ["lipschitz-gail"],
  params: z.object({}),
  inputs: z.object({ points: ragged("N×D", "where the function was evaluated"), values: vector("N", "its values") }),
  outputs: z.object({
    constant: z.number().nullable(),
    pair: z.tuple([z.int(), z.int()]).nullable().describe("indices of the steepest pair"),
  }),
  compute(_, inputs) {
    const points = toRagged(inputs.points);
    const rows = Array.from({ length: rowCount(points) }, (_, i) => rowOf(points, i));
    let constant: number | null = null;
    let pair: [number, number] | null = null;
    for (const [i, x] of rows.entries()) {
      if (x.length !== rows[0].length)
        throw new ContractError(`inputs.points[${i}]`, `expected ${rows[0].length} entries, got ${x.length}`);
      for (let j = i + 1; j < rows.length; j++) {
        let square = 0;
        for (let d = 0; d < x.length; d++) square += (x[d] - rows[j][d]) ** 2;
        if (square === 0) continue;
        const slope = Math.abs(inputs.values[i] - inputs.values[j]) / Math.sqrt(square);
        if (constant !== null && slope <= constant) continue;
        constant = slope;
        pair = [i, j];
      }
    }
    return { constant, pair };
  },
});

/**
 * Bound on the slope of a value function from those of reward, dynamics and policy (after arXiv 2006.16785, by the chain
 * rule along the unrolled Bellman equation).
 *
 * κ = γ λ_f √(1 + λ_μ²), ‖∇Q‖ ≤ δ Σ_{t<horizon} κᵗ; without a horizon δ/(1 − κ) if κ < 1. `bound` null where it is
 * infinite.
 */
export const valueLipschitzBound = definePart({
  id: "evaluation/value-lipschitz-bound",
  papers: ["lipschitz-gail"],
  params: z.object({
    gamma: z.number().min(0).max(1).default(0.99).describe("discount"),
    horizon: z.int().min(0).nullable().default(null).describe("steps; null: endless"),
  }),
  inputs: z.object({
    rewardLipschitz: z.number().min(0).describe("δ"),
    dynamicsLipschitz: z.number().min(0).describe("λ_f"),
    policyLipschitz: z.number().min(0).describe("λ_μ"),
  }),
  outputs: z.object({ contraction: z.number(), bound: z.number().nullable() }),
  compute({ gamma, horizon }, { rewardLipschitz, dynamicsLipschitz, policyLipschitz }) {
    const contraction = gamma * dynamicsLipschitz * Math.hypot(1, policyLipschitz);
    if (rewardLipschitz === 0) return { contraction, bound: 0 };
    if (horizon === null) return { contraction, bound: contraction < 1 ? rewardLipschitz / (1 - contraction) : null };
    const sum =
      Math.abs(contraction - 1) < 1e-12 ? horizon : Math.expm1(horizon * Math.log(contraction)) / (contraction - 1);
    const terms = contraction === 0 ? Math.min(1, horizon) : sum;
    return { contraction, bound: Number.isFinite(terms) ? rewardLipschitz * terms : null };
  },
});

/**
 * Mean and total variance of a gradient estimator over an enumerated sample space (for arXiv 2310.19007: shaping leaves
 * the mean and moves the variance).
 *
 * mean = Σ p g/Σ p (D); variance = trace of the covariance, Σ p‖g − mean‖²/Σ p. null, and an empty mean, without mass.
 */
export const gradientMoments = definePart({
  id: "evaluation/gradient-moments",
  papers: ["barfi"],
  params: z.object({}),
  inputs: z.object({
    probabilities: vector("N", "probability of each outcome"),
    gradients: ragged("N×D", "gradient estimate it gives"),
  }),
  outputs: z.object({ mean: vector("D", "expected gradient"), variance: z.number().nullable() }),
  compute(_, { probabilities, gradients }) {
    const rows = toRagged(gradients);
    const n = rowCount(rows);
    let mass = 0;
    for (let i = 0; i < n; i++) mass += probabilities[i];
    if (!(mass > 0)) return { mean: [], variance: null };
    const mean = new Float64Array(rows.offsets[1]);
    for (let i = 0; i < n; i++) {
      const row = rowOf(rows, i);
      if (row.length !== mean.length)
        throw new ContractError(`inputs.gradients[${i}]`, `expected ${mean.length} entries, got ${row.length}`);
      for (let d = 0; d < row.length; d++) mean[d] += (probabilities[i] / mass) * row[d];
    }
    let variance = 0;
    for (let i = 0; i < n; i++) {
      const row = rowOf(rows, i);
      for (let d = 0; d < row.length; d++) variance += (probabilities[i] / mass) * (row[d] - mean[d]) ** 2;
    }
    return { mean, variance };
  },
});

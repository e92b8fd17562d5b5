import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { ragged, vector } from "../core/fields.ts";
import { mdpFields, readInitial, readMdp, readPolicy, tableRows } from "../core/finite-mdp.ts";
import { solve } from "../core/linear-algebra.ts";
import { definePart } from "../core/part.ts";
import type { Vector } from "../core/ragged.ts";

/**
 * Exact occupancy measure of a policy in a finite MDP, μ(s,a) = (1−γ) Σ_t γᵗ P(s_t = s, a_t = a) (as in arXiv
 * 2403.03185), by one linear solve of d = (1−γ) initial + γ P_πᵀ d.
 *
 * `stateOccupancy` d (S), `occupancy` d(s)π(a|s) (S×A). They sum to 1 unless a transition row sums to less (the rest
 * ends the episode). `normalized` false leaves out the factor 1−γ: expected discounted visits; then γ = 1 is allowed
 * where the policy ends. Tables that are no distributions, or infinite visits: `ContractError`.
 */
export const occupancyMeasure = definePart({
  id: "evaluation/occupancy-measure",
  papers: ["orpo-occupancy", "reward-design-thesis"],
  params: z.object({
    gamma: z.number().min(0).max(1).describe("discount"),
    normalized: z.boolean().default(true).describe("multiply by 1 − γ, so that the measure is a distribution"),
  }),
  inputs: z.object({
    transitions: mdpFields.transitions,
    policy: mdpFields.policy,
    initial: mdpFields.initial,
  }),
  outputs: z.object({
    occupancy: ragged("S×A", "measure of each state-action pair"),
    stateOccupancy: vector("S", "measure of each state"),
  }),
  compute({ gamma, normalized }, inputs) {
    if (normalized && gamma === 1)
      throw new ContractError("params.gamma", "expected a discount below 1: a normalised measure is undefined at 1");
    const noReward = Array.from(inputs.transitions, (actions) => new Float64Array(actions.length));
    const mdp = readMdp(inputs.transitions, noReward);
    const policy = readPolicy(inputs.policy, mdp);
    const start = readInitial(inputs.initial, mdp);
    const { states, actions, transitions } = mdp;
    const matrix = new Float64Array(states * states);
    for (let s = 0; s < states; s++) {
      matrix[s * states + s] += 1;
      for (let a = 0; a < actions; a++) {
        const share = gamma * policy[s * actions + a];
        if (share === 0) continue;
        const row = (s * actions + a) * states;
        for (let next = 0; next < states; next++) matrix[next * states + s] -= share * transitions[row + next];
      }
    }
    const visits = solve(matrix, start);
    if (!visits)
      throw new ContractError("params.gamma", `visits are infinite at gamma ${gamma}: the policy never ends`);
    // Rounding may leave −1e-17 where a state is never visited.
    const stateOccupancy = visits.map((value) => Math.max(0, normalized ? (1 - gamma) * value : value));
    const occupancy = policy.map((probability, i) => probability * stateOccupancy[Math.floor(i / actions)]);
    return { occupancy: tableRows(occupancy, actions), stateOccupancy };
  },
});

/**
 * KL, χ² and total variation of an occupancy measure from a reference (arXiv 2403.03185).
 *
 * Flat measures over the same state-action pairs (or whole responses): kl = E_μ log(μ/μ_ref), nats; chi2 = E_μ[μ/μ_ref −
 * 1]; tv = ½Σ|μ − μ_ref|. Forward from the policy: where μ has mass that the reference lacks, `supported` is false and
 * kl, chi2 are null (infinite).
 */
export const occupancyDivergence = definePart({
  id: "evaluation/occupancy-divergence",
  papers: ["orpo-occupancy"],
  params: z.object({}),
  inputs: z.object({
    occupancy: vector("N", "measure of the policy, flat"),
    referenceOccupancy: vector("N", "measure of the reference, flat"),
  }),
  outputs: z.object({
    supported: z.boolean(),
    tv: z.number(),
    kl: z.number().nullable(),
    chi2: z.number().nullable(),
  }),
  compute(_, { occupancy, referenceOccupancy }) {
    let supported = true;
    let tv = 0;
    let kl = 0;
    let chi2 = 0;
    for (let i = 0; i < occupancy.length; i++) {
      const mass = occupancy[i];
      const reference = referenceOccupancy[i];
      tv += Math.abs(mass - reference) / 2;
      if (!(mass > 0)) continue;
      if (!(reference > 0)) {
        supported = false;
        continue;
      }
      kl += mass * Math.log(mass / reference);
      chi2 += mass * (mass / reference - 1);
    }
    return { supported, tv, kl: supported ? kl : null, chi2: supported ? chi2 : null };
  },
});

/**
 * Is a reward a correlated proxy of the true one under the base policy (arXiv 2403.03185, definition of an r-correlated
 * proxy)?
 *
 * Weighted by the base policy's occupancy (`weights`, normalised here): means `trueReturn`, `proxyReturn`, population
 * deviations `trueStd`, `proxyStd`, and their `correlation` r; `isProxy` = r > 0. A reward that is constant where the
 * weights are positive has no correlation (null, `isProxy` false). Without positive weight everything is null.
 */
export const proxyCorrelation = definePart({
  id: "evaluation/proxy-correlation",
  papers: ["orpo-occupancy"],
  params: z.object({}),
  inputs: z.object({
    trueRewards: vector("N", "true reward of each state-action pair"),
    proxyRewards: vector("N", "proxy reward of each state-action pair"),
    weights: vector("N", "occupancy of the base policy, not negative"),
  }),
  outputs: z.object({
    correlation: z.number().nullable(),
    trueStd: z.number().nullable(),
    proxyStd: z.number().nullable(),
    trueReturn: z.number().nullable(),
    proxyReturn: z.number().nullable(),
    isProxy: z.boolean(),
  }),
  compute(_, { trueRewards, proxyRewards, weights }) {
    let total = 0;
    for (let i = 0; i < weights.length; i++) {
      if (!(weights[i] >= 0)) throw new ContractError(`inputs.weights[${i}]`, `expected at least 0, got ${weights[i]}`);
      total += weights[i];
    }
    if (total === 0)
      return { correlation: null, trueStd: null, proxyStd: null, trueReturn: null, proxyReturn: null, isProxy: false };
    const weighted = (value: (i: number) => number) => {
      let sum = 0;
      for (let i = 0; i < weights.length; i++) if (weights[i] > 0) sum += weights[i] * value(i);
      return sum / total;
    };
    const trueReturn = weighted((i) => trueRewards[i]);
    const proxyReturn = weighted((i) => proxyRewards[i]);
    const constant = isConstant(trueRewards, weights) || isConstant(proxyRewards, weights);
    const trueStd = isConstant(trueRewards, weights)
      ? 0
      : Math.sqrt(weighted((i) => (trueRewards[i] - trueReturn) ** 2));
    const proxyStd = isConstant(proxyRewards, weights)
      ? 0
      : Math.sqrt(weighted((i) => (proxyRewards[i] - proxyReturn) ** 2));
    const covariance = weighted((i) => (trueRewards[i] - trueReturn) * (proxyRewards[i] - proxyReturn));
    const correlation =
      constant || trueStd === 0 || proxyStd === 0 ? null : Math.max(-1, Math.min(1, covariance / trueStd / proxyStd));
    return {
      correlation,
      trueStd,
      proxyStd,
      trueReturn,
      proxyReturn,
      isProxy: correlation !== null && correlation > 0,
    };
  },
});

/** The values are all the same where the weights are positive. */
function isConstant(values: Vector, weights: Vector): boolean {
  let first: number | null = null;
  for (let i = 0; i < values.length; i++) {
    if (!(weights[i] > 0)) continue;
    first ??= values[i];
    if (values[i] !== first) return false;
  }
  return true;
}

/**
 * Lower bound on the true return of a policy optimised for a correlated proxy, and whether it hacks (arXiv 2403.03185,
 * theorem 5.1).
 *
 * trueGain ≥ (σ_R/r)·[proxyGain/σ_R̃ − √((1 − r²)·χ²)] = `lowerBound`, in units of the true reward; `coefficient` =
 * σ_R̃ √(1 − r²), the theory's weight of √χ². `hacked` = trueGain < 0 < proxyGain; `holds` = the bound holds (to 1e-9,
 * relative above 1). Returns are normalised by 1 − γ, as the occupancy is. r ≤ 0, no correlation, an unsupported policy
 * (χ² null) or a constant proxy: `lowerBound` and `holds` null.
 */
export const rewardHackingBound = definePart({
  id: "evaluation/reward-hacking-bound",
  papers: ["orpo-occupancy"],
  params: z.object({}),
  inputs: z.object({
    trueReturn: z.number().describe("true return of the policy"),
    proxyReturn: z.number().describe("proxy return of the policy"),
    referenceTrueReturn: z.number().describe("true return of the base policy"),
    referenceProxyReturn: z.number().describe("proxy return of the base policy"),
    correlation: z.number().nullable().describe("r under the base policy"),
    trueStd: z.number().min(0).describe("σ_R under the base policy"),
    proxyStd: z.number().min(0).describe("σ_R̃ under the base policy"),
    chi2: z.number().nullable().describe("χ²(μ_π‖μ_ref); null: infinite"),
  }),
  outputs: z.object({
    trueGain: z.number(),
    proxyGain: z.number(),
    lowerBound: z.number().nullable(),
    coefficient: z.number().nullable(),
    hacked: z.boolean(),
    holds: z.boolean().nullable(),
  }),
  compute(_, inputs) {
    const { correlation, trueStd, proxyStd, chi2 } = inputs;
    const trueGain = inputs.trueReturn - inputs.referenceTrueReturn;
    const proxyGain = inputs.proxyReturn - inputs.referenceProxyReturn;
    const residual = correlation === null ? null : Math.max(0, 1 - correlation * correlation);
    const lowerBound =
      correlation === null || residual === null || correlation <= 0 || chi2 === null || proxyStd === 0
        ? null
        : (trueStd / correlation) * (proxyGain / proxyStd - Math.sqrt(residual * Math.max(0, chi2)));
    return {
      trueGain,
      proxyGain,
      lowerBound,
      coefficient: residual === null ? null : proxyStd * Math.sqrt(residual),
      hacked: trueGain < 0 && proxyGain > 0,
      holds: lowerBound === null ? null : trueGain >= lowerBound - 1e-9 * Math.max(1, Math.abs(lowerBound)),
    };
  },
});

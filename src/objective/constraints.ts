/** Constrained objectives: multipliers of behaviour constraints, divergences between action distributions. */
import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { ragged, shaped, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { toRagged, type Vector } from "../core/ragged.ts";
import { required } from "./inputs.ts";

const multiplierState = z.object({
  logits: z.array(z.number()).describe("z: K + 1 with the reward's dummy first (normalised), or K"),
  m: z.array(z.number()).describe("Adam's first moments"),
  v: z.array(z.number()).describe("Adam's second moments"),
  step: z.int().min(0).describe("steps taken"),
});

/**
 * One step of Lagrange multipliers for behaviour constraints (direct behaviour specification, arXiv 2112.12228; chapter of 2412.07177).
 *
 * Indicators c_k are to stay below (`upper`) or above (`lower`) thresholds d_k. λ = softmax(z)[1:] (normalised; z₀ belongs to the reward) or
 * max(z, 0). The step minimises Σ_k ς_k λ_k (ĉ_k − d_k), ς = +1 lower, −1 upper, ĉ_k the mean over non-null entries, by Adam; a constraint
 * without data is left out (average null). `rewardWeight` = 1 − Σλ, at least the bootstrap constraint's λ (unnormalised: 1); `costWeights`
 * ς_kλ_k; both are those before the step. Shapes N×K (null: does not apply), K. Below 0 an unnormalised multiplier has no gradient.
 */
export const lagrangeMultipliers = definePart({
  id: "objective/lagrange-multipliers",
  papers: ["reward-specification-thesis"],
  params: z.object({
    thresholds: z.array(z.number()).describe("d per constraint"),
    bounds: z.array(z.enum(["upper", "lower"])).describe("side of each constraint"),
    normalized: z.boolean().default(true).describe("softmax with a dummy for the reward; false: clamped at 0"),
    bootstrap: z.int().min(0).nullable().default(null).describe("constraint that lends its multiplier to the reward"),
    learningRate: z.number().positive().default(0.03).describe("of Adam"),
    beta1: z.number().min(0).lt(1).default(0.9).describe("of Adam"),
    beta2: z.number().min(0).lt(1).default(0.999).describe("of Adam"),
    epsilon: z.number().positive().default(1e-5).describe("of Adam"),
  }),
  inputs: z.object({
    state: multiplierState.describe("logits and Adam's moments"),
    costs: shaped(
      z.array(z.array(z.number().nullable())),
      "N×K",
      "indicator per transition and constraint; null: not applicable",
    ),
  }),
  outputs: z.object({
    averages: shaped(z.array(z.number().nullable()), "K", "ĉ; null without data"),
    loss: z.number().describe("Σ ςλ(ĉ − d)"),
    gradient: vector("Z", "∂loss/∂logits"),
    rewardWeight: z.number().describe("weight of the task reward"),
    costWeights: vector("K", "signed weight of each indicator"),
    state: multiplierState,
  }),
  compute({ thresholds, bounds, normalized, bootstrap, learningRate, beta1, beta2, epsilon }, { state, costs }) {
    const count = thresholds.length;
    if (bounds.length !== count)
      throw new ContractError("params.bounds", `expected ${count} entries, got ${bounds.length}`);
    if (bootstrap !== null && bootstrap >= count) {
      throw new ContractError("params.bootstrap", `expected an index below ${count}, got ${bootstrap}`);
    }
    const size = normalized ? count + 1 : count;
    for (const field of ["logits", "m", "v"] as const) {
      if (state[field].length !== size) {
        throw new ContractError(`inputs.state.${field}`, `expected ${size} entries, got ${state[field].length}`);
      }
    }
    const averages = thresholds.map((_, k) => {
      let sum = 0;
      let seen = 0;
      costs.forEach((row, i) => {
        if (row.length !== count)
          throw new ContractError(`inputs.costs[${i}]`, `expected ${count} entries (K), got ${row.length}`);
        const cost = row[k];
        if (cost === null) return;
        sum += cost;
        seen++;
      });
      return seen === 0 ? null : sum / seen;
    });
    const signs = bounds.map((bound) => (bound === "lower" ? 1 : -1));
    const pulls = averages.map((average, k) => (average === null ? 0 : signs[k] * (average - thresholds[k])));
    const highest = Math.max(...state.logits);
    const masses = state.logits.map((logit) => (normalized ? Math.exp(logit - highest) : Math.max(logit, 0)));
    const total = masses.reduce((sum, mass) => sum + mass, 0);
    const shares = normalized ? masses.map((mass) => mass / total) : masses;
    const multipliers = normalized ? shares.slice(1) : shares;
    const loss = multipliers.reduce((sum, multiplier, k) => sum + multiplier * pulls[k], 0);
    const gradient = state.logits.map((logit, index) => {
      if (!normalized) return logit >= 0 ? pulls[index] : 0;
      return shares[index] * ((index === 0 ? 0 : pulls[index - 1]) - loss);
    });
    const step = state.step + 1;
    const m = state.m.map((old, i) => beta1 * old + (1 - beta1) * gradient[i]);
    const v = state.v.map((old, i) => beta2 * old + (1 - beta2) * gradient[i] ** 2);
    const logits = state.logits.map((logit, i) => {
      const mean = m[i] / (1 - beta1 ** step);
      const spread = Math.sqrt(v[i] / (1 - beta2 ** step));
      return logit - (learningRate * mean) / (spread + epsilon);
    });
    const rewardWeight = normalized ? Math.max(shares[0], bootstrap === null ? 0 : multipliers[bootstrap]) : 1;
    return {
      averages,
      loss,
      gradient,
      rewardWeight,
      costWeights: multipliers.map((multiplier, k) => signs[k] * multiplier),
      state: { logits, m, v, step },
    };
  },
});

/** √χ² is taken of at least this (released code). */
const chi2Floor = 1e-4;

/**
 * KL and χ² divergence between action distributions, what RLHF usually regularises (arXiv 2403.03185).
 *
 * `categorical`: per state KL Σ p ln(p/q) and χ² Σ (p − q)²/q from S×A tables, averaged with `stateWeights` (absent: uniform). Where q
 * is 0 and p is not, both are infinite: that state's values and the averages it enters are null.
 * `gaussian`: diagonal, D dimensions; χ² = Π_j s₂²/(s₁√D_j)·exp((m₁ − m₂)²/D_j) − 1 with D_j = 2s₂² − s₁²; where some D_j ≤ 0 it is infinite, and
 * `chi2` is then the KL, as in the released code. `chi2Finite` says whether χ² is finite; sqrtChi2 is the average over states of √max(χ², 1e-4). Nats.
 */
export const actionDivergence = definePart({
  id: "objective/action-divergence",
  papers: ["orpo-occupancy"],
  params: z.object({
    distribution: z.enum(["categorical", "gaussian"]).default("categorical").describe("of the actions"),
  }),
  inputs: z.object({
    policy: ragged("S×A", "action probabilities per state (categorical)").optional(),
    reference: ragged("S×A", "action probabilities of the reference (categorical)").optional(),
    stateWeights: vector("S", "weight per state, need not sum to 1 (categorical)").optional(),
    mean: vector("D", "policy mean (gaussian)").optional(),
    std: vector("D", "policy deviation (gaussian)").optional(),
    referenceMean: vector("D", "reference mean (gaussian)").optional(),
    referenceStd: vector("D", "reference deviation (gaussian)").optional(),
  }),
  outputs: z.object({
    kl: z.number().nullable().describe("KL(π‖π_ref), averaged over states"),
    chi2: z.number().nullable().describe("χ²(π‖π_ref), averaged over states"),
    sqrtChi2: z.number().nullable().describe("√max(χ², 1e-4), averaged over states"),
    chi2Finite: z.boolean().describe("whether χ² is finite"),
    perStateKl: shaped(z.array(z.number().nullable()), "S", "KL per state (categorical)").optional(),
    perStateChi2: shaped(z.array(z.number().nullable()), "S", "χ² per state (categorical)").optional(),
  }),
  compute({ distribution }, inputs) {
    const why = `distribution is ${distribution}`;
    if (distribution === "gaussian") {
      return gaussianDivergence(
        required(inputs.mean, "mean", why),
        required(inputs.std, "std", why),
        required(inputs.referenceMean, "referenceMean", why),
        required(inputs.referenceStd, "referenceStd", why),
      );
    }
    const { values: p, offsets } = toRagged(required(inputs.policy, "policy", why));
    const { values: q } = toRagged(required(inputs.reference, "reference", why));
    const perStateKl: (number | null)[] = [];
    const perStateChi2: (number | null)[] = [];
    for (let s = 0; s + 1 < offsets.length; s++) {
      let kl: number | null = 0;
      let chi2: number | null = 0;
      for (let k = offsets[s]; k < offsets[s + 1]; k++) {
        if (q[k] === 0) {
          if (p[k] !== 0) kl = chi2 = null;
          continue;
        }
        if (kl !== null && p[k] > 0) kl += p[k] * Math.log(p[k] / q[k]);
        if (chi2 !== null) chi2 += (p[k] - q[k]) ** 2 / q[k];
      }
      perStateKl.push(kl);
      perStateChi2.push(chi2);
    }
    const kl = weightedMean(perStateKl, inputs.stateWeights);
    const chi2 = weightedMean(perStateChi2, inputs.stateWeights);
    return {
      kl,
      chi2,
      sqrtChi2: weightedMean(
        perStateChi2.map((value) => (value === null ? null : Math.sqrt(Math.max(value, chi2Floor)))),
        inputs.stateWeights,
      ),
      chi2Finite: perStateChi2.every((value) => value !== null),
      perStateKl,
      perStateChi2,
    };
  },
});

/** Null where a state of positive weight has no value, or no weight is positive. */
function weightedMean(values: readonly (number | null)[], weights: Vector | undefined): number | null {
  let sum = 0;
  let total = 0;
  for (let s = 0; s < values.length; s++) {
    const weight = weights === undefined ? 1 : weights[s];
    const value = values[s];
    if (weight === 0) continue;
    if (value === null) return null;
    sum += weight * value;
    total += weight;
  }
  return total > 0 ? sum / total : null;
}

function gaussianDivergence(mean: Vector, std: Vector, referenceMean: Vector, referenceStd: Vector) {
  let kl = 0;
  let logFactor = 0;
  let chi2Finite = true;
  for (let d = 0; d < mean.length; d++) {
    const [s1, s2] = [std[d], referenceStd[d]];
    for (const [field, value] of [
      ["std", s1],
      ["referenceStd", s2],
    ] as const) {
      if (!(value > 0)) throw new ContractError(`inputs.${field}[${d}]`, `expected a positive deviation, got ${value}`);
    }
    const shift = (mean[d] - referenceMean[d]) ** 2;
    kl += Math.log(s2 / s1) + (s1 * s1 + shift) / (2 * s2 * s2) - 0.5;
    const spread = 2 * s2 * s2 - s1 * s1;
    if (spread > 0) logFactor += 2 * Math.log(s2) - Math.log(s1) - 0.5 * Math.log(spread) + shift / spread;
    else chi2Finite = false;
  }
  if (logFactor > 700) chi2Finite = false;
  const chi2 = chi2Finite ? Math.expm1(logFactor) : kl;
  return { kl, chi2, sqrtChi2: Math.sqrt(Math.max(chi2, chi2Floor)), chi2Finite };
}

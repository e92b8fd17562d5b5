/** Policies and rewards that determine each other in closed form, on finite sets. */
import { z } from "zod";
import { logSoftmax, logSumExp } from "../core/distributions.ts";
import { ContractError } from "../core/error.ts";
import { nullableVector, ragged, shaped, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { rowOf, toRagged, type Vector } from "../core/ragged.ts";
import { expectGiven, expectLength } from "../core/shapes.ts";

function expectNonNegative(values: Vector, field: string): void {
  for (let i = 0; i < values.length; i++)
    if (!(values[i] >= 0)) throw new ContractError(`inputs.${field}[${i}]`, `expected a probability, got ${values[i]}`);
}

/**
 * Optimum of reward with a KL penalty on a finite set (RLHF's closed form; arXiv 2305.18290, eq. 4; a DNO step 2404.03715; the soft value
 * of implicit process rewards 2412.01981).
 *
 * policy_k = π_ref(k)·exp(r_k/β)/Z, logPartition = log Z = log Σ π_ref exp(r/β), value = β·log Z; as β → ∞ the value is the mean reward,
 * as β → 0 the best reachable one. Shapes K. An outcome that the reference never produces keeps probability 0. Computed from logarithms,
 * so that small β neither overflows nor underflows. Without an outcome value and logPartition are null.
 * Errors: a negative probability; a reference without any mass.
 */
export const klOptimalPolicy = definePart({
  id: "model/kl-optimal-policy",
  papers: ["curated-self-consuming", "dno", "implicit-prm", "prdp", "sft-dpo-bridge"],
  params: z.object({ beta: z.number().positive().default(1).describe("β, strength of the KL penalty") }),
  inputs: z.object({
    rewards: vector("K", "reward per outcome"),
    reference: vector("K", "probability per outcome under the reference"),
  }),
  outputs: z.object({
    policy: vector("K", "π*"),
    value: z.number().nullable().describe("β·log Z"),
    logPartition: z.number().nullable().describe("log Z"),
  }),
  compute({ beta }, { rewards, reference }) {
    expectNonNegative(reference, "reference");
    expectLength(reference, rewards.length, "reference");
    if (rewards.length === 0) return { policy: [], value: null, logPartition: null };
    const logWeights = Float64Array.from(rewards, (reward, k) => Math.log(reference[k]) + reward / beta);
    const logPartition = logSumExp(logWeights);
    if (logPartition === Number.NEGATIVE_INFINITY)
      throw new ContractError("inputs.reference", "expected probabilities with some mass, got none");
    const policy = logWeights.map((weight) => Math.exp(weight - logPartition));
    return { policy, value: beta * logPartition, logPartition };
  },
});

/**
 * The reward that a policy is optimal for, relative to its reference (DPO's reparameterisation, arXiv 2305.18290, eq. 5; for fine-tuned
 * models 2507.00018).
 *
 * rewards_k = β log(π_k/π_ref,k): of all rewards with this optimum the one whose value is 0; `value` = β log Σ_k π_k, 0 up to rounding
 * when the policy sums to 1. Shapes K. Null where either probability is 0: the reward is infinite or undetermined there.
 */
export const implicitRewardOfPolicy = definePart({
  id: "model/implicit-reward-of-policy",
  papers: ["sft-dpo-bridge"],
  params: z.object({ beta: z.number().positive().default(1).describe("β") }),
  inputs: z.object({
    policy: vector("K", "probability per outcome under the policy"),
    reference: vector("K", "probability per outcome under the reference"),
  }),
  outputs: z.object({
    rewards: nullableVector("K", "β log(π/π_ref)"),
    value: z.number().nullable().describe("value of the reward: 0"),
  }),
  compute({ beta }, { policy, reference }) {
    expectNonNegative(policy, "policy");
    expectNonNegative(reference, "reference");
    const rewards = Array.from(policy, (probability, k) =>
      probability > 0 && reference[k] > 0 ? beta * (Math.log(probability) - Math.log(reference[k])) : null,
    );
    let mass = 0;
    for (let k = 0; k < policy.length; k++) mass += policy[k];
    return { rewards, value: mass > 0 ? beta * Math.log(mass) : null };
  },
});

/**
 * Logits read as action values (arXiv 2507.00018; the DPO result of 2404.12358).
 *
 * qValues = β·logits, values V = β·logsumexp(logits), advantages Q − V = β log π(a|s). Shapes N×T×V → N×T, N×T×V. Logits are fixed up to
 * a constant per state, and so are V and Q: compare V only within one model. Error: a state without a logit.
 */
export const logitValue = definePart({
  id: "model/logit-value",
  papers: ["sft-dpo-bridge"],
  params: z.object({ beta: z.number().positive().default(1).describe("β") }),
  inputs: z.object({
    logits: shaped(z.array(z.array(z.array(z.number()).min(1))), "N×T×V", "logits per token"),
  }),
  outputs: z.object({
    values: ragged("N×T", "V"),
    qValues: shaped(z.array(z.array(z.array(z.number()))), "N×T×V", "Q"),
    advantages: shaped(z.array(z.array(z.array(z.number()))), "N×T×V", "Q − V"),
  }),
  compute({ beta }, { logits }) {
    return {
      values: logits.map((states) => states.map((row) => beta * logSumExp(row))),
      qValues: logits.map((states) => states.map((row) => row.map((logit) => beta * logit))),
      advantages: logits.map((states) => states.map((row) => Array.from(logSoftmax(row), (log) => beta * log))),
    };
  },
});

/**
 * Maximum-entropy inverse reinforcement learning on a finite candidate set (arXiv 2507.13158; Ziebart et al. 2008).
 *
 * P(y) ∝ prior(y)·exp(θ·φ(y)); logPartition the log of the sum; d the demonstration counts over their sum;
 * logLikelihood = Σ d log P − (l2/2)‖θ‖²; gradient = Σ d φ − Σ P φ − l2·θ (ascent direction). Without a prior each candidate weighs 1.
 * A prior of 0 counts as 10⁻³⁰⁰. Shapes M×F, M, F. Without a demonstration demonstrationFeatures, gradient and logLikelihood are null.
 * Errors: negative counts or priors; no candidate.
 */
export const maxEntIrl = definePart({
  id: "model/max-ent-irl",
  papers: ["irl-llm-survey"],
  params: z.object({ l2: z.number().nonnegative().default(0).describe("weight decay of θ") }),
  inputs: z.object({
    features: ragged("M×F", "φ(y) per candidate"),
    demonstrations: vector("M", "how often each candidate was demonstrated"),
    theta: vector("F", "reward weights θ"),
    prior: vector("M", "prior weight per candidate, for instance π_ref; absent = 1").optional(),
  }),
  outputs: z.object({
    logPartition: z.number(),
    probabilities: vector("M", "P"),
    expectedFeatures: vector("F", "Σ P φ"),
    demonstrationFeatures: vector("F", "Σ d φ").nullable(),
    gradient: vector("F", "of the log-likelihood in θ").nullable(),
    logLikelihood: z.number().nullable(),
  }),
  compute({ l2 }, { features, demonstrations, theta, prior }) {
    const rows = toRagged(features);
    const m = demonstrations.length;
    const f = theta.length;
    if (m === 0) throw new ContractError("inputs.features", "expected at least one candidate");
    expectNonNegative(demonstrations, "demonstrations");
    if (prior) expectNonNegative(prior, "prior");
    const scores = new Float64Array(m);
    let shown = 0;
    for (let y = 0; y < m; y++) {
      const row = rowOf(rows, y);
      expectLength(row, f, `features[${y}]`);
      for (let j = 0; j < f; j++) scores[y] += theta[j] * row[j];
      if (prior) scores[y] += Math.log(Math.max(prior[y], 1e-300));
      shown += demonstrations[y];
    }
    const logPartition = logSumExp(scores);
    const probabilities = new Float64Array(m);
    const expectedFeatures = new Float64Array(f);
    const demonstrationFeatures = new Float64Array(f);
    let logLikelihood = 0;
    for (let y = 0; y < m; y++) {
      const logProbability = scores[y] - logPartition;
      probabilities[y] = Math.exp(logProbability);
      const share = shown > 0 ? demonstrations[y] / shown : 0;
      logLikelihood += share * logProbability;
      const row = rowOf(rows, y);
      for (let j = 0; j < f; j++) {
        expectedFeatures[j] += probabilities[y] * row[j];
        demonstrationFeatures[j] += share * row[j];
      }
    }
    if (shown === 0) {
      const nothing = { demonstrationFeatures: null, gradient: null, logLikelihood: null };
      return { logPartition, probabilities, expectedFeatures, ...nothing };
    }
    const gradient = demonstrationFeatures.map((shownFeature, j) => shownFeature - expectedFeatures[j] - l2 * theta[j]);
    for (let j = 0; j < f; j++) logLikelihood -= 0.5 * l2 * theta[j] ** 2;
    return { logPartition, probabilities, expectedFeatures, demonstrationFeatures, gradient, logLikelihood };
  },
});

/** log b with gaps in the sorted order cut to 50: ratios below e^−50 do not show, and the range to integrate over stays bounded. */
function compressed(rewards: Vector): Float64Array {
  const order = Array.from({ length: rewards.length }, (_, i) => i).sort((a, b) => rewards[b] - rewards[a]);
  const logs = new Float64Array(rewards.length);
  for (let k = 1; k < order.length; k++)
    logs[order[k]] = logs[order[k - 1]] - Math.min(50, rewards[order[k - 1]] - rewards[order[k]]);
  return logs;
}

/**
 * H(x) = K b(x) ∫₀^∞ e^(−s b(x)) φ(s)^(K−1) ds, φ(s) = Σ_j p_j e^(−s b_j), by the trapezoid rule over log s, which converges
 * exponentially for this integrand; every factor as a logarithm.
 */
function curationMultipliers(probabilities: Vector, rewards: Vector, choices: number): Float64Array {
  const n = rewards.length;
  const logs = compressed(rewards);
  const multipliers = new Float64Array(n);
  const step = 0.05;
  const low = -42 - Math.log(choices);
  const high = 8 - logs.reduce((smallest, value) => Math.min(smallest, value), 0);
  const exponents = new Float64Array(n);
  for (let u = low; u <= high; u += step) {
    let phi = 0;
    for (let j = 0; j < n; j++) {
      exponents[j] = u + logs[j];
      phi += probabilities[j] * Math.exp(-Math.exp(exponents[j]));
    }
    if (phi === 0) break;
    const others = (choices - 1) * Math.log(phi);
    for (let j = 0; j < n; j++) multipliers[j] += Math.exp(exponents[j] - Math.exp(exponents[j]) + others);
  }
  return multipliers.map((sum) => choices * step * sum);
}

/**
 * One generation of retraining on curated samples, exact on a finite support (self-consuming models, arXiv 2407.09499).
 *
 * Curation keeps one of K samples with probability ∝ b = eʳ: multipliers H(x) = E_{x₁…x_{K−1}∼p}[K·b(x)/(b(x) + Σ b(xᵢ))],
 * curated = p·H. K = 1: H = 1; `choices: null` (K → ∞): H = b/E_p[b], the KL-optimal step with β = 1. With real data (ratio λ
 * synthetic : 1 real) the next distribution is (p_ref + λ·p·H)/(1 + λ), else p·H. H ≤ K, Σ p·H = 1, invariant to shifts of r.
 * Shapes M; probabilities sum to 1. H is evaluated by quadrature, to about 1e-12.
 * Errors: probabilities that do not sum to 1; `syntheticRatio` without `reference`.
 */
export const curatedRetraining = definePart({
  id: "model/curated-retraining",
  papers: ["curated-self-consuming"],
  params: z.object({
    choices: z.int().positive().nullable().default(null).describe("K; null: infinitely many"),
    syntheticRatio: z.number().nonnegative().nullable().default(null).describe("λ; null: no real data"),
  }),
  inputs: z.object({
    probabilities: vector("M", "p_t"),
    rewards: vector("M", "r"),
    reference: vector("M", "p_ref, the real data").optional(),
  }),
  outputs: z.object({
    multipliers: vector("M", "H"),
    curated: vector("M", "p·H"),
    probabilities: vector("M", "p of the next generation"),
  }),
  compute({ choices, syntheticRatio }, { probabilities, rewards, reference }) {
    expectNonNegative(probabilities, "probabilities");
    let mass = 0;
    for (let i = 0; i < probabilities.length; i++) mass += probabilities[i];
    if (Math.abs(mass - 1) > 1e-3)
      throw new ContractError("inputs.probabilities", `expected probabilities that sum to 1, got ${mass}`);
    let multipliers: Float64Array;
    if (choices === null) {
      const logWeights = Float64Array.from(rewards, (reward, i) => Math.log(probabilities[i]) + reward);
      const logMean = logSumExp(logWeights);
      // Only an outcome without mass can exceed the range of a double.
      multipliers = Float64Array.from(rewards, (reward) => Math.min(Math.exp(reward - logMean), Number.MAX_VALUE));
    } else if (choices === 1) multipliers = new Float64Array(rewards.length).fill(1);
    else multipliers = curationMultipliers(probabilities, rewards, choices);
    const curated = multipliers.map((multiplier, i) => (probabilities[i] === 0 ? 0 : probabilities[i] * multiplier));
    if (syntheticRatio === null) return { multipliers, curated, probabilities: curated.slice() };
    const real = expectGiven(reference, "inputs.reference", "syntheticRatio asks for real data");
    const next = curated.map((share, i) => (real[i] + syntheticRatio * share) / (1 + syntheticRatio));
    return { multipliers, curated, probabilities: next };
  },
});

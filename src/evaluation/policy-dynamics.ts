import { z } from "zod";
import { entropy, softmax } from "../core/distributions.ts";
import { ContractError } from "../core/error.ts";
import { integers, ragged, shaped, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { rowCount, rowOf, toRagged, type Vector } from "../core/ragged.ts";

/**
 * One sampled policy-gradient step of a softmax policy at a single decision (two-stage analysis, arXiv 2510.04028).
 *
 * z_v += η·mean over samples of A_i·(1[v = a_i] − π_v). A negative advantage lifts the other tokens in proportion to
 * their own probability. Returns the new logits and probabilities, and their change. No samples: no change. A sample out
 * of range: `ContractError`.
 */
export const logitDynamics = definePart({
  id: "evaluation/logit-dynamics",
  papers: ["rlvr-two-stage"],
  params: z.object({ learningRate: z.number().describe("η") }),
  inputs: z.object({
    logits: vector("V", "logits before the step"),
    samples: integers("M", "sampled tokens"),
    advantages: vector("M", "advantage of each sample"),
  }),
  outputs: z.object({
    logits: vector("V", "logits after the step"),
    probabilities: vector("V", "probabilities after the step"),
    deltaProbabilities: vector("V", "their change"),
  }),
  compute({ learningRate }, { logits, samples, advantages }) {
    const before = softmax(logits);
    const after = Float64Array.from(logits);
    const rate = samples.length > 0 ? learningRate / samples.length : 0;
    for (let i = 0; i < samples.length; i++) {
      if (!(samples[i] >= 0 && samples[i] < after.length))
        throw new ContractError(`inputs.samples[${i}]`, `expected a token below ${after.length}, got ${samples[i]}`);
      for (let v = 0; v < after.length; v++) after[v] -= rate * advantages[i] * before[v];
      after[samples[i]] += rate * advantages[i];
    }
    const probabilities = softmax(after);
    return { logits: after, probabilities, deltaProbabilities: probabilities.map((p, v) => p - before[v]) };
  },
});

/**
 * Expected policy-gradient drift of a softmax policy at a single decision (arXiv 2510.04028).
 *
 * Baseline R̄ = Σ π R; logit drift d_v = π_v(R_v − R̄); first-order probability drift π_v(d_v − Σ_u π_u d_u). A token of
 * tiny probability stands still whatever its reward.
 */
export const expectedDrift = definePart({
  id: "evaluation/expected-drift",
  papers: ["rlvr-two-stage"],
  params: z.object({}),
  inputs: z.object({ probabilities: vector("V", "policy"), rewards: vector("V", "reward of each token") }),
  outputs: z.object({
    baseline: z.number().describe("R̄"),
    logitDrift: vector("V", "expected change of each logit, per unit step"),
    probabilityDrift: vector("V", "expected change of each probability, per unit step"),
  }),
  compute(_, { probabilities, rewards }) {
    let baseline = 0;
    for (let v = 0; v < rewards.length; v++) baseline += probabilities[v] * rewards[v];
    const logitDrift = Float64Array.from(rewards, (reward, v) => probabilities[v] * (reward - baseline));
    let mean = 0;
    for (let v = 0; v < rewards.length; v++) mean += probabilities[v] * logitDrift[v];
    return { baseline, logitDrift, probabilityDrift: logitDrift.map((drift, v) => probabilities[v] * (drift - mean)) };
  },
});

/**
 * Stage of training between checkpoints, from the probability mass on explored high-reward tokens and on a rare optimal
 * one (arXiv 2510.04028; our operationalisation).
 *
 * exploration: optimal rises by more than `tolerance` and high falls; exploitation: high rises and optimal does not rise
 * by more than `tolerance`; else mixed. `switchIndex` = first exploration interval, null if none.
 */
export const massStage = definePart({
  id: "evaluation/mass-stage",
  papers: ["rlvr-two-stage"],
  params: z.object({ tolerance: z.number().min(0).default(0).describe("rise that is no rise") }),
  inputs: z.object({
    high: vector("C", "mass on explored high-reward tokens per checkpoint"),
    optimal: vector("C", "mass on the optimal token per checkpoint"),
  }),
  outputs: z.object({
    stages: shaped(z.array(z.enum(["exploration", "exploitation", "mixed"])), "I", "stage of each interval"),
    switchIndex: z.int().nullable(),
  }),
  compute({ tolerance }, { high, optimal }) {
    const stages: ("exploration" | "exploitation" | "mixed")[] = [];
    for (let t = 1; t < high.length; t++) {
      const rise = high[t] - high[t - 1];
      const found = optimal[t] - optimal[t - 1] > tolerance;
      stages.push(found && rise < 0 ? "exploration" : !found && rise > 0 ? "exploitation" : "mixed");
    }
    const first = stages.indexOf("exploration");
    return { stages, switchIndex: first < 0 ? null : first };
  },
});

/**
 * Expected squared norm of a softmax policy's score: how large the policy gradient is where the policy is unsure (EMPG,
 * arXiv 2509.09265, proposition 1).
 *
 * E‖∇_z log π(a)‖² = 1 − Σ π² = 1 − exp(−H₂), H₂ = −log Σ π² the Rényi-2 entropy; `entropies` are Shannon's. Nats.
 */
export const scoreNorm = definePart({
  id: "evaluation/score-norm",
  papers: ["empg"],
  params: z.object({}),
  inputs: z.object({ logits: ragged("N×V", "logits of each decision") }),
  outputs: z.object({
    expectedSquaredScoreNorm: vector("N", "1 − Σ π²"),
    renyi2Entropy: vector("N", "nats"),
    entropies: vector("N", "nats"),
  }),
  compute(_, inputs) {
    const logits = toRagged(inputs.logits);
    const n = rowCount(logits);
    const expectedSquaredScoreNorm = new Float64Array(n);
    const renyi2Entropy = new Float64Array(n);
    const entropies = new Float64Array(n);
    for (let i = 0; i < n; i++) {
      const probabilities = softmax(rowOf(logits, i));
      if (probabilities.length === 0) throw new ContractError(`inputs.logits[${i}]`, "expected at least one logit");
      let top = 0;
      let below = 0;
      let squares = 0;
      for (let v = 1; v < probabilities.length; v++) if (probabilities[v] > probabilities[top]) top = v;
      for (const [v, p] of probabilities.entries()) {
        squares += p * p;
        if (v !== top) below += p;
      }
      // 1 − Σπ² cancels where one token has almost all the mass; with the mass r below it, 1 − (1 − r)² = r(2 − r).
      const rest = squares - probabilities[top] ** 2;
      const sure = below * (2 - below) - rest;
      expectedSquaredScoreNorm[i] = below < 0.5 ? sure : 1 - squares;
      renyi2Entropy[i] = below < 0.5 ? -Math.log1p(-sure) : -Math.log(squares);
      entropies[i] = entropy(probabilities);
    }
    return { expectedSquaredScoreNorm, renyi2Entropy, entropies };
  },
});

/**
 * Expected information-gain reward of a thought against its bound, on finite sets (RLP, arXiv 2510.01265, propositions 1
 * and 2).
 *
 * `expectedReward` = Σ_x p*(x) Σ_c w_c log(p_c(x)/p̄(x)) = `baselineCrossEntropy` − `reasonedCrossEntropy`;
 * `marginalBound` = Σ_x p*(x) log(Σ_c w_c p_c(x)/p̄(x)) ≥ it (Jensen). Nats; null where a probability of 0 makes it
 * infinite or undefined.
 */
export const informationGainBound = definePart({
  id: "evaluation/information-gain-bound",
  papers: ["rlp"],
  params: z.object({}),
  inputs: z.object({
    truth: vector("V", "p*, distribution of the next token"),
    thoughtProbs: vector("C", "w, probability of each thought"),
    predictions: ragged("C×V", "p_c, prediction after each thought"),
    baseline: vector("V", "p̄, prediction without a thought"),
  }),
  outputs: z.object({
    expectedReward: z.number().nullable(),
    baselineCrossEntropy: z.number().nullable(),
    reasonedCrossEntropy: z.number().nullable(),
    marginalBound: z.number().nullable(),
  }),
  compute(_, { truth, thoughtProbs, predictions, baseline }) {
    const rows = toRagged(predictions);
    const mixture = new Float64Array(truth.length);
    let reasoned = 0;
    for (let c = 0; c < thoughtProbs.length; c++) {
      const row = rowOf(rows, c);
      if (row.length !== truth.length)
        throw new ContractError(`inputs.predictions[${c}]`, `expected ${truth.length} entries, got ${row.length}`);
      if (!(thoughtProbs[c] > 0)) continue;
      reasoned += thoughtProbs[c] * crossEntropy(truth, row);
      for (let v = 0; v < row.length; v++) mixture[v] += thoughtProbs[c] * row[v];
    }
    const plain = crossEntropy(truth, baseline);
    const finite = (value: number) => (Number.isFinite(value) ? value : null);
    return {
      expectedReward: finite(plain - reasoned),
      baselineCrossEntropy: finite(plain),
      reasonedCrossEntropy: finite(reasoned),
      marginalBound: finite(plain - crossEntropy(truth, mixture)),
    };
  },
});

/** −Σ p log q, 0 where p is 0. */
function crossEntropy(p: Vector, q: Vector): number {
  let sum = 0;
  for (let v = 0; v < p.length; v++) if (p[v] > 0) sum -= p[v] * Math.log(q[v]);
  return sum;
}

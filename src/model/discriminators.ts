/** Discriminators of adversarial imitation and of density ratios. Logits: high means expert (or policy, for ratios). */
import { lax, numpy as np } from "@jax-js/jax";
import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { flags, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { mean } from "../core/statistics.ts";
import { evaluate, evaluateWithGradient, type Tensor, vectorTensor } from "../objective/engine.ts";
import { crossEntropyWithLogits } from "../objective/implicit-reward.ts";
import { logSigmoid, sigmoid, softplus } from "../objective/numerics.ts";

export interface AirlTensors {
  /** N, differentiated: g(s, a). */
  rewards: Tensor;
  /** N, differentiated: h(s) and h(s′). */
  potentials: Tensor;
  nextPotentials: Tensor;
  /** N: 1 where the episode goes on, 0 where the MDP ended. */
  continues: Tensor;
  /** N, log π(a|s) of the sampling policy. */
  logprobs: Tensor;
}

/** Differentiable `model/airl-logits`: the shaped rewards f and the logits f − log π. */
export function airlLogitsOf(gamma: number) {
  return (t: AirlTensors) => {
    const next = t.nextPotentials.mul(t.continues).mul(gamma);
    const shapedRewards = t.rewards.add(next).sub(t.potentials);
    return { shapedRewards: shapedRewards.ref, logits: shapedRewards.sub(t.logprobs) };
  };
}

/**
 * Structured discriminator of adversarial inverse RL (AIRL, arXiv 1710.11248).
 *
 * shapedRewards f = g(s, a) + γ(1 − terminated)·h(s′) − h(s), logits L = f − log π(a|s), discriminator σ(L) = probability of expert.
 * The policy is trained on L, the reward to transfer is g. `terminated` means that the MDP ended, not that time ran out.
 * `logprobs` are log-densities of the sampling policy, above 0 for continuous actions perhaps. Shapes N.
 */
export const airlLogits = definePart({
  id: "model/airl-logits",
  papers: ["potential-based-shaping"],
  params: z.object({ gamma: z.number().min(0).max(1).default(0.99).describe("γ") }),
  inputs: z.object({
    rewards: vector("N", "g(s, a)"),
    potentials: vector("N", "h(s)"),
    nextPotentials: vector("N", "h(s′)"),
    terminated: flags("N", "s′ is terminal"),
    logprobs: vector("N", "log π(a|s)"),
  }),
  outputs: z.object({
    shapedRewards: vector("N", "f"),
    logits: vector("N", "L"),
    discriminator: vector("N", "σ(L)"),
  }),
  compute({ gamma }, { rewards, potentials, nextPotentials, terminated, logprobs }) {
    const n = rewards.length;
    const result = evaluate(
      (t: AirlTensors) => {
        const { shapedRewards, logits } = airlLogitsOf(gamma)(t);
        return { shapedRewards, logits: logits.ref, discriminator: sigmoid(logits) };
      },
      {
        rewards: vectorTensor(rewards),
        potentials: vectorTensor(potentials),
        nextPotentials: vectorTensor(nextPotentials),
        continues: vectorTensor(Float64Array.from({ length: n }, (_, i) => (terminated[i] ? 0 : 1))),
        logprobs: vectorTensor(logprobs),
      },
    );
    return {
      shapedRewards: result.shapedRewards.subarray(0, n),
      logits: result.logits.subarray(0, n),
      discriminator: result.discriminator.subarray(0, n),
    };
  },
});

const gailParams = z.object({
  loss: z.enum(["cross-entropy", "positive-unlabelled"]).default("cross-entropy").describe("classification loss"),
  entropyCoefficient: z.number().default(0.001).describe("weight of the mean entropy, subtracted"),
  eta: z.number().min(0).max(1).default(0.25).describe("η, prior of the positive-unlabelled loss"),
});

export interface GailTensors {
  /** N and M, differentiated. */
  policyLogits: Tensor;
  expertLogits: Tensor;
  /** N and M, given with `cross-entropy`. */
  policyLabels?: Tensor;
  expertLabels?: Tensor;
}

/** Differentiable `model/gail-discriminator`. */
export function gailDiscriminatorLoss(params: z.input<typeof gailParams> = {}) {
  const p = gailParams.parse(params);
  const classification = ({ policyLogits, expertLogits, policyLabels, expertLabels }: GailTensors) => {
    if (p.loss === "positive-unlabelled" || policyLabels === undefined || expertLabels === undefined) {
      policyLabels?.dispose();
      expertLabels?.dispose();
      const positive = np.log(sigmoid(expertLogits.ref.neg()).add(1e-8)).mul(p.eta);
      const unlabelled = np.maximum(logSigmoid(expertLogits).sub(logSigmoid(policyLogits).mul(p.eta)), 0);
      return np.mean(positive.add(unlabelled)).neg();
    }
    return np
      .mean(crossEntropyWithLogits(policyLogits, policyLabels))
      .add(np.mean(crossEntropyWithLogits(expertLogits, expertLabels)));
  };
  return (t: GailTensors) => {
    const logits = np.concatenate([t.policyLogits.ref, t.expertLogits.ref]);
    // H = softplus(L) − L·σ(L)
    const entropy = np.mean(softplus(logits.ref).sub(logits.ref.mul(sigmoid(logits))));
    const classificationLoss = classification(t);
    return {
      loss: classificationLoss.ref.sub(entropy.ref.mul(p.entropyCoefficient)),
      classificationLoss: lax.stopGradient(classificationLoss),
      entropy: lax.stopGradient(entropy),
    };
  };
}

/**
 * Loss of a GAIL discriminator and its gradients in the logits (arXiv 1606.03476; regularised as in 2006.16785).
 *
 * D = σ(L), expert = 1. `cross-entropy`: mean BCE(L_policy, policyLabels, default 0) + mean BCE(L_expert, expertLabels, default 1);
 * one-sided smoothing gives expert labels that may exceed 1, and the loss may then be negative. `positive-unlabelled`:
 * mean of −η log(1 − σ(L_e) + 10⁻⁸) − max(0, log σ(L_e) − η log σ(L_p)), by pairs. entropy = mean binary entropy (nats) of all
 * logits; loss = classificationLoss − entropyCoefficient·entropy. Shapes N (policy), M (expert; N when positive-unlabelled).
 * Null losses where a side is empty. Add `objective/gradient-penalty` to keep the discriminator Lipschitz.
 */
export const gailDiscriminator = definePart({
  id: "model/gail-discriminator",
  papers: ["lipschitz-gail"],
  params: gailParams,
  inputs: z.object({
    policyLogits: vector("N", "logits of policy samples"),
    expertLogits: vector("M", "logits of expert samples"),
    policyLabels: vector("N", "targets of policy samples; absent = 0").optional(),
    expertLabels: vector("M", "targets of expert samples; absent = 1").optional(),
  }),
  outputs: z.object({
    classificationLoss: z.number().nullable(),
    entropy: z.number().nullable().describe("mean binary entropy, nats"),
    loss: z.number().nullable(),
    policyGradients: vector("N", "∂loss/∂policyLogits"),
    expertGradients: vector("M", "∂loss/∂expertLogits"),
  }),
  compute(params, { policyLogits, expertLogits, policyLabels, expertLabels }) {
    const n = policyLogits.length;
    const m = expertLogits.length;
    const pairwise = params.loss === "positive-unlabelled";
    if (pairwise && n !== m)
      throw new ContractError("inputs.expertLogits", `expected ${n} logits, as in inputs.policyLogits, got ${m}`);
    if (n === 0 || m === 0) {
      const policyGradients = new Float64Array(n);
      const expertGradients = new Float64Array(m);
      return { classificationLoss: null, entropy: null, loss: null, policyGradients, expertGradients };
    }
    const tensors: GailTensors = { policyLogits: vectorTensor(policyLogits), expertLogits: vectorTensor(expertLogits) };
    if (!pairwise) {
      tensors.policyLabels = vectorTensor(policyLabels ?? new Float64Array(n));
      tensors.expertLabels = vectorTensor(expertLabels ?? new Float64Array(m).fill(1));
    }
    const result = evaluateWithGradient(gailDiscriminatorLoss(params), tensors, ["policyLogits", "expertLogits"]);
    return {
      classificationLoss: result.classificationLoss[0],
      entropy: result.entropy[0],
      loss: result.loss,
      policyGradients: result.gradients.policyLogits,
      expertGradients: result.gradients.expertLogits,
    };
  },
});

const ratioParams = z.object({
  loss: z.enum(["logistic", "tv", "wasserstein"]).default("logistic").describe("critic of which divergence"),
});

/** Differentiable `model/density-ratio-discriminator`: scores N and M. */
export function densityRatioLoss(params: z.input<typeof ratioParams> = {}) {
  const { loss } = ratioParams.parse(params);
  const tanh = (x: Tensor) => sigmoid(x.mul(2)).mul(2).sub(1);
  return ({ policyScores, referenceScores }: { policyScores: Tensor; referenceScores: Tensor }) => {
    if (loss === "wasserstein") return { loss: np.mean(referenceScores).sub(np.mean(policyScores)) };
    if (loss === "logistic")
      return { loss: np.mean(softplus(policyScores.neg())).add(np.mean(softplus(referenceScores))) };
    const penalty = np
      .mean(np.square(policyScores.ref))
      .add(np.mean(np.square(referenceScores.ref)))
      .mul(0.01);
    return {
      loss: np
        .mean(tanh(referenceScores))
        .sub(np.mean(tanh(policyScores)))
        .add(penalty),
    };
  };
}

/**
 * Critic that learns the density ratio of policy to reference occupancy (ORPO, arXiv 2403.03185).
 *
 * `logistic`: mean softplus(−d_π) + mean softplus(d_ref), optimum d = log μ_π/μ_ref (for KL, χ² and √χ² penalties);
 * `tv`: mean tanh(−d_π) + mean tanh(d_ref) + 0.01·(mean d_π² + mean d_ref²); `wasserstein`: −mean d_π + mean d_ref (the caller clamps
 * the weights). Shapes N, M; null where a side is empty.
 */
export const densityRatioDiscriminator = definePart({
  id: "model/density-ratio-discriminator",
  papers: ["orpo-occupancy"],
  params: ratioParams,
  inputs: z.object({
    policyScores: vector("N", "d on samples of the policy"),
    referenceScores: vector("M", "d on samples of the reference"),
  }),
  outputs: z.object({
    loss: z.number().nullable(),
    policyMean: z.number().nullable().describe("mean d_π"),
    referenceMean: z.number().nullable().describe("mean d_ref"),
  }),
  compute(params, { policyScores, referenceScores }) {
    const { loss } = evaluate(densityRatioLoss(params), {
      policyScores: vectorTensor(policyScores),
      referenceScores: vectorTensor(referenceScores),
    });
    const policyMean = policyScores.length === 0 ? null : mean(policyScores);
    const referenceMean = referenceScores.length === 0 ? null : mean(referenceScores);
    return { loss: policyMean === null || referenceMean === null ? null : loss, policyMean, referenceMean };
  },
});

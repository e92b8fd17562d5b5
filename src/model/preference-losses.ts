/** Losses on preferences that carry more than two scores: labels, trajectories, critiques, replay. */
import { lax, numpy as np } from "@jax-js/jax";
import { z } from "zod";
import { flags, integers, ragged, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { type RaggedLike, rowOf, toRagged, type Vector } from "../core/ragged.ts";
import { mean } from "../core/statistics.ts";
import {
  evaluate,
  evaluateWithGradient,
  type Padded,
  pad,
  paddedTensor,
  rowsTensor,
  type Tensor,
  vectorTensor,
} from "../objective/engine.ts";
import { clamp, logSigmoid, maskedMean, softplus } from "../objective/numerics.ts";

/** Differentiable `model/preference-cross-entropy`; `targets` N: probability that the first is preferred. */
export function preferenceCrossEntropyLoss() {
  return ({ first, second, targets }: { first: Tensor; second: Tensor; targets: Tensor }) => {
    const margins = first.sub(second);
    // −y log σ(m) − (1 − y) log σ(−m) = softplus(−m) + (1 − y)·m
    const losses = softplus(margins.ref.neg()).add(targets.neg().add(1).mul(margins));
    return { loss: np.mean(losses.ref), losses: lax.stopGradient(losses) };
  };
}

/**
 * Cross-entropy of pairwise labels with ties on the softmax of two scores (Motif's ranking reward as in ONI, arXiv 2410.23022).
 *
 * losses −Σ_k y_k log softmax(first, second)_k; label 0: y = (1, 0), label 1: y = (0, 1), above 1: a tie, y = (½, ½).
 * loss = mean; gradients of the loss, (σ(first − second) − y₁)/N and its negative; accuracy over the pairs that are no ties, equal
 * scores counting as a vote for the first, null if only ties. Shapes N; null without a pair.
 */
export const preferenceCrossEntropy = definePart({
  id: "model/preference-cross-entropy",
  papers: ["oni"],
  params: z.object({}),
  inputs: z.object({
    first: vector("N", "score of the first item"),
    second: vector("N", "score of the second item"),
    labels: integers("N", "0: the first is preferred, 1: the second, above 1: a tie"),
  }),
  outputs: z.object({
    losses: vector("N", "loss per pair"),
    loss: z.number().nullable().describe("mean over pairs"),
    accuracy: z.number().nullable().describe("share of decided pairs ranked right"),
    gradFirst: vector("N", "∂loss/∂first"),
    gradSecond: vector("N", "∂loss/∂second"),
  }),
  compute(_, { first, second, labels }) {
    const n = first.length;
    const targets = Float64Array.from(labels, (label) => (label > 1 ? 0.5 : 1 - label));
    let decided = 0;
    let right = 0;
    for (let i = 0; i < n; i++) {
      if (labels[i] > 1) continue;
      decided++;
      if ((second[i] > first[i] ? 1 : 0) === labels[i]) right++;
    }
    const { loss, losses, gradients } = evaluateWithGradient(
      preferenceCrossEntropyLoss(),
      { first: vectorTensor(first), second: vectorTensor(second), targets: vectorTensor(targets) },
      ["first", "second"],
    );
    return {
      losses: losses.subarray(0, n),
      loss: n === 0 ? null : loss,
      accuracy: decided === 0 ? null : right / decided,
      gradFirst: gradients.first.subarray(0, n),
      gradSecond: gradients.second.subarray(0, n),
    };
  },
});

const trajectoryParams = z.object({
  gamma: z.number().min(0).max(1).default(1).describe("γ, discount within a segment"),
  noise: z.number().min(0).max(1).default(0).describe("ε, share of labels assumed uniformly random"),
  threshold: z.number().positive().default(50).describe("bound on the difference of returns"),
});

export interface TrajectoryPreferenceTensors {
  /** P×T and P×U, differentiated: reward of each step of both segments. */
  firstRewards: Tensor;
  secondRewards: Tensor;
  /** Same shapes: γᵏ at step k, 0 in the padding; see `discountWeights`. */
  firstWeights: Tensor;
  secondWeights: Tensor;
  /** P, probability that the first is preferred. */
  labels: Tensor;
}

/** γᵏ at step k of each row, 0 in the padding. */
export function discountWeights(rows: RaggedLike, gamma: number): Padded {
  const { offsets, values } = toRagged(rows);
  const weights = new Float64Array(values.length);
  for (let i = 0; i + 1 < offsets.length; i++) {
    let weight = 1;
    for (let k = offsets[i]; k < offsets[i + 1]; k++, weight *= gamma) weights[k] = weight;
  }
  return pad({ values: weights, offsets });
}

/** Differentiable `model/trajectory-preference`; the discount is in the weights. */
export function trajectoryPreferenceLoss(params: Pick<z.input<typeof trajectoryParams>, "noise" | "threshold"> = {}) {
  const { noise, threshold } = trajectoryParams.parse(params);
  return (t: TrajectoryPreferenceTensors) => {
    const first = np.sum(t.firstRewards.mul(t.firstWeights), -1);
    const second = np.sum(t.secondRewards.mul(t.secondWeights), -1);
    const margins = clamp(first.sub(second), -threshold, threshold);
    // Both logarithms from the margin: 1 − p would lose every digit where p saturates.
    const logProbability = (logit: Tensor) =>
      noise === 0
        ? logSigmoid(logit)
        : np.log(
            np
              .exp(logSigmoid(logit))
              .mul(1 - noise)
              .add(noise / 2),
          );
    const logFirst = logProbability(margins.ref);
    const logSecond = logProbability(margins.neg());
    const probabilities = lax.stopGradient(np.exp(logFirst.ref));
    const losses = t.labels.ref.mul(logFirst).add(t.labels.neg().add(1).mul(logSecond)).neg();
    return { loss: np.mean(losses.ref), losses: lax.stopGradient(losses), probabilities };
  };
}

/**
 * Preference between two trajectory segments from their predicted rewards (Christiano et al., arXiv 1706.03741; as in the
 * `imitation` library, 2211.11972).
 *
 * p = ε/2 + (1 − ε)/(1 + exp(clip(Σ_k γᵏ(r²_k − r¹_k), ±threshold))), losses = −μ log p − (1 − μ) log(1 − p), loss = mean.
 * Labels μ may be soft; accuracy = share with [p > ½] = [μ > ½], so that an exact tie votes for the second segment. Rewards are
 * summed, not averaged. Shapes P×T, P×U (segments of a pair may differ in length), P; null without a pair.
 */
export const trajectoryPreference = definePart({
  id: "model/trajectory-preference",
  papers: ["potential-based-shaping"],
  params: trajectoryParams,
  inputs: z.object({
    firstRewards: ragged("P×T", "predicted rewards of the first segment"),
    secondRewards: ragged("P×U", "predicted rewards of the second segment"),
    labels: vector("P", "1: the first is preferred, 0: the second, ½: neither"),
  }),
  outputs: z.object({
    probabilities: vector("P", "p, that the first is preferred"),
    losses: vector("P", "loss per pair"),
    loss: z.number().nullable().describe("mean over pairs"),
    accuracy: z.number().nullable().describe("share of pairs predicted as labelled"),
  }),
  compute(params, { firstRewards, secondRewards, labels }) {
    const n = labels.length;
    const result = evaluate(trajectoryPreferenceLoss({ noise: params.noise, threshold: params.threshold }), {
      firstRewards: rowsTensor(firstRewards),
      secondRewards: rowsTensor(secondRewards),
      firstWeights: paddedTensor(discountWeights(firstRewards, params.gamma)),
      secondWeights: paddedTensor(discountWeights(secondRewards, params.gamma)),
      labels: vectorTensor(labels),
    });
    const probabilities = result.probabilities.subarray(0, n);
    let right = 0;
    for (let i = 0; i < n; i++) if (probabilities[i] > 0.5 === labels[i] > 0.5) right++;
    return {
      probabilities,
      losses: result.losses.subarray(0, n),
      loss: n === 0 ? null : result.loss,
      accuracy: n === 0 ? null : right / n,
    };
  },
});

const critiqueParams = z.object({
  rewardWeight: z.number().default(1).describe("w_f, weight of the preference and tie terms"),
  tieWeight: z.number().default(1).describe("weight of ties within them"),
  centering: z.number().default(0.01).describe("weight of mean (c + r)²"),
  critiqueWeight: z.number().default(1).describe("w_c, weight of the critique likelihood"),
});

export interface CritiqueRewardTensors {
  /** N, differentiated. */
  chosen: Tensor;
  rejected: Tensor;
  /** N of 0 and 1. */
  ties: Tensor;
  /** N: critique loss L_c⁺ + L_c⁻ of the pairs that have both critiques, else 0. */
  critiqueLosses: Tensor;
}

/** Differentiable `model/critique-reward`. */
export function critiqueRewardLoss(params: z.input<typeof critiqueParams> = {}) {
  const p = critiqueParams.parse(params);
  return ({ chosen, rejected, ties, critiqueLosses }: CritiqueRewardTensors) => {
    const margins = chosen.ref.sub(rejected.ref);
    const preferenceLoss = maskedMean(softplus(margins.ref.neg()), ties.ref.neg().add(1));
    const tieLoss = maskedMean(np.square(margins), ties);
    const centering = np.mean(np.square(chosen.add(rejected)));
    const critiqueLoss = np.mean(critiqueLosses);
    const loss = preferenceLoss.ref
      .add(tieLoss.ref.mul(p.tieWeight))
      .mul(p.rewardWeight)
      .add(centering.mul(p.centering))
      .add(critiqueLoss.ref.mul(p.critiqueWeight));
    return {
      loss,
      preferenceLoss: lax.stopGradient(preferenceLoss),
      tieLoss: lax.stopGradient(tieLoss),
      critiqueLoss: lax.stopGradient(critiqueLoss),
    };
  };
}

/** Mean negative log-likelihood of both critiques of each pair; 0 where one is missing. */
function critiqueLosses(n: number, chosen?: RaggedLike, rejected?: RaggedLike): Float64Array {
  const losses = new Float64Array(n);
  if (chosen === undefined || rejected === undefined) return losses;
  const first = toRagged(chosen);
  const second = toRagged(rejected);
  for (let i = 0; i < n; i++) {
    const own = rowOf(first, i);
    const other = rowOf(second, i);
    if (own.length > 0 && other.length > 0) losses[i] = -mean(own) - mean(other);
  }
  return losses;
}

/**
 * Training loss of a reward model that writes a critique before it scores (MM-RLHF, arXiv 2502.10391).
 *
 * preferenceLoss = mean −log σ(c − r) over pairs that are no ties, tieLoss = mean (c − r)² over ties (0 where there are none of the
 * kind); critiqueLoss = mean over all pairs of L_c⁺ + L_c⁻, L_c = −mean log π of a critique's tokens, a pair without both critiques
 * adding 0; loss = rewardWeight·(preferenceLoss + tieWeight·tieLoss) + centering·mean (c + r)² + critiqueWeight·critiqueLoss.
 * Scores N, critiques ragged N×C and N×R (nats; an empty row: none). Loss null without a pair.
 */
export const critiqueReward = definePart({
  id: "model/critique-reward",
  papers: ["mm-rlhf"],
  params: critiqueParams,
  inputs: z.object({
    chosen: vector("N", "score of the chosen response, its reference critique in context"),
    rejected: vector("N", "score of the rejected response, its reference critique in context"),
    ties: flags("N", "annotated as equally good").optional(),
    chosenCritiqueLogprobs: ragged(
      "N×C",
      "token log-probabilities (nats) of the chosen response's critique",
    ).optional(),
    rejectedCritiqueLogprobs: ragged(
      "N×R",
      "token log-probabilities (nats) of the rejected response's critique",
    ).optional(),
  }),
  outputs: z.object({
    loss: z.number().nullable().describe("weighted sum; null without a pair"),
    preferenceLoss: z.number().describe("Bradley-Terry loss of decided pairs"),
    tieLoss: z.number().describe("squared difference of ties"),
    critiqueLoss: z.number().describe("negative log-likelihood of critiques"),
  }),
  compute(params, { chosen, rejected, ties, chosenCritiqueLogprobs, rejectedCritiqueLogprobs }) {
    const n = chosen.length;
    const result = evaluate(critiqueRewardLoss(params), {
      chosen: vectorTensor(chosen),
      rejected: vectorTensor(rejected),
      ties: vectorTensor(Float64Array.from({ length: n }, (_, i) => (ties?.[i] ? 1 : 0))),
      critiqueLosses: vectorTensor(critiqueLosses(n, chosenCritiqueLogprobs, rejectedCritiqueLogprobs)),
    });
    if (n === 0) return { loss: null, preferenceLoss: 0, tieLoss: 0, critiqueLoss: 0 };
    return {
      loss: result.loss,
      preferenceLoss: result.preferenceLoss[0],
      tieLoss: result.tieLoss[0],
      critiqueLoss: result.critiqueLoss[0],
    };
  },
});

const continualParams = z.object({
  weights: z
    .object({
      llmOverMixed: z.number().default(0.3),
      llmOverHuman: z.number().default(1),
      mixedOverHuman: z.number().default(0.3),
    })
    .default({ llmOverMixed: 0.3, llmOverHuman: 1, mixedOverHuman: 0.3 })
    .describe("weight of each ordering (training script: .35, 1, .35)"),
  scorePenalty: z.number().default(0.01).describe("weight of ½(a² + b²) (in the released code only)"),
  replayCoefficient: z.number().default(0.01).describe("λ of the replay term"),
  pairReduction: z.enum(["mean", "sum"]).default("mean").describe("over the three orderings; paper: sum"),
  replayReduction: z.enum(["sum", "mean"]).default("sum").describe("over replay texts; paper: mean"),
});

export interface ContinualPreferenceTensors {
  /** N, differentiated. */
  llmScores: Tensor;
  mixedScores: Tensor;
  humanScores: Tensor;
  /** M, differentiated: scores of texts of the original preference data. */
  replayScores: Tensor;
  /** M, their scores under the frozen initial model. */
  replayReferenceScores: Tensor;
}

/** Differentiable `model/continual-preference`. */
export function continualPreferenceLoss(params: z.input<typeof continualParams> = {}) {
  const p = continualParams.parse(params);
  const ordering = (above: Tensor, below: Tensor, weight: number) => {
    const penalty = np
      .square(above.ref)
      .add(np.square(below.ref))
      .mul(0.5 * p.scorePenalty);
    return np.mean(softplus(below.sub(above)).add(penalty)).mul(weight);
  };
  return (t: ContinualPreferenceTensors) => {
    const pairLosses = np.stack([
      ordering(t.llmScores.ref, t.mixedScores.ref, p.weights.llmOverMixed),
      ordering(t.llmScores, t.humanScores.ref, p.weights.llmOverHuman),
      ordering(t.mixedScores, t.humanScores, p.weights.mixedOverHuman),
    ]);
    const preferenceLoss = p.pairReduction === "mean" ? np.mean(pairLosses.ref) : np.sum(pairLosses.ref);
    const drift = np.square(t.replayScores.sub(t.replayReferenceScores));
    const replayLoss = (p.replayReduction === "mean" ? np.mean(drift) : np.sum(drift)).mul(p.replayCoefficient);
    return {
      loss: preferenceLoss.ref.add(replayLoss.ref),
      pairLosses: lax.stopGradient(pairLosses),
      preferenceLoss: lax.stopGradient(preferenceLoss),
      replayLoss: lax.stopGradient(replayLoss),
    };
  };
}

/**
 * Continual preference tuning of a reward model into a detector of machine text (ReMoDetect, arXiv 2405.17382).
 *
 * For the orderings machine > mixed, machine > human, mixed > human: weight × mean(−log σ(a − b) + scorePenalty·½(a² + b²));
 * preferenceLoss is their mean or sum; replayLoss = λ × sum or mean of (r − r₀)² on texts of the original preference data;
 * loss = preferenceLoss + replayLoss. With `replayReduction: sum` λ scales with the replay batch. Shapes N (triples) and M.
 * Null without a triple; the mean over no replay text is null, their sum 0.
 */
export const continualPreference = definePart({
  id: "model/continual-preference",
  papers: ["remodetect"],
  params: continualParams,
  inputs: z.object({
    llmScores: vector("N", "scores of machine texts"),
    mixedScores: vector("N", "scores of human texts with rephrased sentences"),
    humanScores: vector("N", "scores of human texts"),
    replayScores: vector("M", "scores of replay texts"),
    replayReferenceScores: vector("M", "their scores under the initial model"),
  }),
  outputs: z.object({
    pairLosses: vector("3", "weighted loss per ordering: machine > mixed, machine > human, mixed > human").nullable(),
    preferenceLoss: z.number().nullable(),
    replayLoss: z.number().nullable(),
    loss: z.number().nullable().describe("preferenceLoss + replayLoss"),
  }),
  compute(params, inputs) {
    const tensors = {} as ContinualPreferenceTensors;
    for (const name of Object.keys(inputs) as (keyof ContinualPreferenceTensors)[])
      tensors[name] = vectorTensor(inputs[name] as Vector);
    const { loss, pairLosses, preferenceLoss, replayLoss } = evaluate(continualPreferenceLoss(params), tensors);
    const noTriple = inputs.llmScores.length === 0;
    const noReplay = inputs.replayScores.length === 0 && params.replayReduction === "mean";
    return {
      pairLosses: noTriple ? null : pairLosses,
      preferenceLoss: noTriple ? null : preferenceLoss[0],
      replayLoss: noReplay ? null : replayLoss[0],
      loss: noTriple || noReplay ? null : loss,
    };
  },
});

/** Ranking losses on the scalar scores of pairs: Bradley-Terry, its ties and its length head. */
import { lax, numpy as np } from "@jax-js/jax";
import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields, integers, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import type { Vector } from "../core/ragged.ts";
import { isConstant } from "../core/statistics.ts";
import { evaluate, type Tensor, vectorTensor } from "../objective/engine.ts";
import { crossEntropyWithLogits } from "../objective/implicit-reward.ts";
import { required } from "../objective/inputs.ts";
import { maskedBy, softplus } from "../objective/numerics.ts";

/** 1 where a flag is true (or there are no flags), 0 elsewhere; one 0 where there is no entry at all. */
function includeTensor(count: number, include?: ArrayLike<boolean>): Tensor {
  return vectorTensor(Float64Array.from({ length: count }, (_, i) => (include === undefined || include[i] ? 1 : 0)));
}

const bradleyTerryParams = z.object({
  lengthNormalization: z
    .enum(["none", "log"])
    .default("none")
    .describe("log: scores are divided by ln(length + 1), before everything else"),
  strength: z.enum(["none", "margin", "scaled"]).default("none").describe("what `strengths` do"),
  centering: z.number().default(0).describe("λ of (c + r)²"),
  l2: z.number().default(0).describe("weight of c² + r²"),
  epsilon: z.number().nonnegative().default(0).describe("added to the number of included pairs in the denominators"),
});

export interface BradleyTerryTensors {
  /** N, differentiated. */
  chosen: Tensor;
  rejected: Tensor;
  /** N of 0 and 1. */
  include: Tensor;
  /** N, given with length normalisation. */
  chosenLengths?: Tensor;
  rejectedLengths?: Tensor;
  /** N, given with a strength mode. */
  strengths?: Tensor;
}

/** Differentiable `model/bradley-terry`. A batch without an included pair has loss 0. */
export function bradleyTerryLoss(params: z.input<typeof bradleyTerryParams> = {}) {
  const p = bradleyTerryParams.parse(params);
  const scale = (scores: Tensor, lengths?: Tensor) =>
    lengths === undefined ? scores : scores.div(np.log(lengths.add(1)));
  return (pairs: BradleyTerryTensors) => {
    const chosen = scale(pairs.chosen, pairs.chosenLengths);
    const rejected = scale(pairs.rejected, pairs.rejectedLengths);
    const { include, strengths } = pairs;
    const margins = chosen.ref.sub(rejected.ref);
    let rankingLosses: Tensor;
    if (strengths === undefined || p.strength === "none") {
      strengths?.dispose();
      rankingLosses = softplus(margins.ref.neg());
    } else if (p.strength === "margin") rankingLosses = softplus(strengths.sub(margins.ref));
    else rankingLosses = softplus(margins.ref.neg()).mul(strengths);
    let losses = rankingLosses.ref;
    if (p.centering !== 0) losses = losses.add(np.square(chosen.ref.add(rejected.ref)).mul(p.centering));
    if (p.l2 !== 0) losses = losses.add(np.square(chosen.ref).add(np.square(rejected.ref)).mul(p.l2));
    const count = np.sum(include.ref);
    const right = np.greater(chosen, rejected).astype(margins.dtype);
    const denominator = np.maximum(count.ref.add(p.epsilon), 1e-30);
    const loss = np.sum(maskedBy(losses.ref, include.ref)).div(denominator.ref);
    const accuracy = np.sum(maskedBy(right, include.ref)).div(denominator);
    const margin = np.sum(maskedBy(margins, include)).div(np.maximum(count, 1));
    return {
      loss,
      losses: lax.stopGradient(losses),
      rankingLosses: lax.stopGradient(rankingLosses),
      accuracy: lax.stopGradient(accuracy),
      margin: lax.stopGradient(margin),
    };
  };
}

/** Lengths of at least 1, where an included pair has none that is shorter. */
function checkedLengths(lengths: Vector | undefined, field: string, include?: ArrayLike<boolean>): Tensor {
  const given = required(lengths, field, "lengthNormalization is log");
  return vectorTensor(
    Float64Array.from(given, (length, i) => {
      if (length < 1 && (include === undefined || include[i]))
        throw new ContractError(`inputs.${field}[${i}]`, `expected a length of at least 1 token, got ${length}`);
      return Math.max(1, length);
    }),
  );
}

/**
 * Bradley-Terry ranking loss (arXiv 1706.03741 and every reward model since), with the regularisers and strength modes in use:
 * base recipe and length normalisation (BaseReward, 2509.16127), graded strengths (HelpSteer2-Preference, 2410.01257),
 * centring (reward-model ensembles, 2312.09244), squared-score penalty (PAR, 2502.18770).
 *
 * rankingLosses −log σ(c − r); `margin` −log σ(c − r − m), `scaled` −m·log σ(c − r), m the strength.
 * losses = rankingLosses + centering·(c + r)² + l2·(c² + r²); loss = Σ included losses / (their number + ε), accuracy = share of
 * included pairs with c > r, strictly and before m, over the same denominator; margin = mean(c − r) of included pairs.
 * `lengthNormalization: log` first divides each score by ln(length + 1), lengths in tokens; then a negative score *gains* from length.
 *
 * Shapes N; log σ without overflow. Without an included pair: loss and accuracy are 0 where ε > 0, else null; margin null.
 * Errors: a strength mode without `strengths`; length normalisation without lengths, or a length below 1 in an included pair.
 */
export const bradleyTerry = definePart({
  id: "model/bradley-terry",
  papers: [
    "base-reward",
    "cooper",
    "dporm-generalization",
    "helpsteer2-preference",
    "heron",
    "irl-llm-survey",
    "ixc-reward",
    "par",
    "reward-consistency",
    "rm-ensembles",
    "tree-rm",
  ],
  params: bradleyTerryParams,
  inputs: z.object({
    chosen: vector("N", "score of the chosen response"),
    rejected: vector("N", "score of the rejected response"),
    chosenLengths: integers("N", "tokens of the chosen response").optional(),
    rejectedLengths: integers("N", "tokens of the rejected response").optional(),
    strengths: vector("N", "preference strength m ≥ 0").optional(),
    include: fields.include.optional(),
  }),
  outputs: z.object({
    losses: vector("N", "loss per pair with regularisers, excluded pairs too"),
    rankingLosses: vector("N", "loss per pair before regularisers"),
    loss: z.number().nullable().describe("mean over included pairs"),
    accuracy: z.number().nullable().describe("share of included pairs ranked right"),
    margin: z.number().nullable().describe("mean score difference of included pairs"),
  }),
  compute(params, { chosen, rejected, chosenLengths, rejectedLengths, strengths, include }) {
    const n = chosen.length;
    let included = 0;
    for (let i = 0; i < n; i++) if (include === undefined || include[i]) included++;
    const tensors: BradleyTerryTensors = {
      chosen: vectorTensor(chosen),
      rejected: vectorTensor(rejected),
      include: includeTensor(n, include),
    };
    if (params.strength !== "none")
      tensors.strengths = vectorTensor(required(strengths, "strengths", `strength is ${params.strength}`));
    if (params.lengthNormalization === "log") {
      tensors.chosenLengths = checkedLengths(chosenLengths, "chosenLengths", include);
      tensors.rejectedLengths = checkedLengths(rejectedLengths, "rejectedLengths", include);
      if (n === 0) {
        tensors.chosenLengths = vectorTensor([1]);
        tensors.rejectedLengths = vectorTensor([1]);
      }
    }
    const result = evaluate(bradleyTerryLoss(params), tensors);
    const undefinedMean = included === 0 && params.epsilon === 0;
    return {
      losses: result.losses.subarray(0, n),
      rankingLosses: result.rankingLosses.subarray(0, n),
      loss: undefinedMean ? null : result.loss,
      accuracy: undefinedMean ? null : result.accuracy[0],
      margin: included === 0 ? null : result.margin[0],
    };
  },
});

const tiesParams = z.object({
  form: z.enum(["paper", "release"]).default("paper").describe("paper: a tie weighs ½ each way; release: 1 each way"),
  margin: z.number().default(0).describe("m, asked of every comparison, ties in both directions (training script: 3)"),
  btCoefficient: z.number().default(1).describe("weight of decided pairs"),
  tieCoefficient: z.number().default(1).describe("weight of ties"),
  bceCoefficient: z.number().default(0).describe("weight of the point-wise cross-entropy"),
  labelSmoothing: z.number().min(0).max(1).default(0).describe("ε of decided pairs: share of flipped labels"),
  bceLabelSmoothing: z.number().min(0).max(1).default(0).describe("ε of point-wise targets: t(1 − ε) + ε/2"),
});

/** Differentiable `model/bradley-terry-ties`; all N. */
export function bradleyTerryTiesLoss(params: z.input<typeof tiesParams> = {}) {
  const p = tiesParams.parse(params);
  return (pairs: { chosen: Tensor; rejected: Tensor; chosenQuality: Tensor; rejectedQuality: Tensor }) => {
    const margins = pairs.chosen.ref.sub(pairs.rejected.ref);
    const forward = softplus(margins.ref.neg().add(p.margin));
    const backward = softplus(margins.add(p.margin));
    const decided = forward.ref
      .mul(p.btCoefficient * (1 - p.labelSmoothing))
      .add(backward.ref.mul(p.btCoefficient * p.labelSmoothing));
    const tied = forward.add(backward).mul(p.tieCoefficient * (p.form === "paper" ? 0.5 : 1));
    const ties = np.equal(pairs.chosenQuality.ref, pairs.rejectedQuality.ref);
    const losses = np.where(ties, tied, decided);
    const pointwise = (scores: Tensor, quality: Tensor) => {
      const targets = np.greater(quality, 0).astype(scores.dtype);
      const smooth = targets.mul(1 - p.bceLabelSmoothing).add(p.bceLabelSmoothing / 2);
      return np.mean(crossEntropyWithLogits(scores, smooth)).mul(0.5 * p.bceCoefficient);
    };
    const bce = pointwise(pairs.chosen, pairs.chosenQuality).add(pointwise(pairs.rejected, pairs.rejectedQuality));
    return { loss: np.mean(losses.ref).add(bce), losses: lax.stopGradient(losses) };
  };
}

/**
 * Bradley-Terry with win ties (SoliReward, arXiv 2512.22170): passing samples are tied to each other, so that no pass runs away.
 *
 * Δ = c − r; a pair is a tie iff its two quality labels are equal. Decided: −(1 − ε) log σ(Δ − m) − ε log σ(−Δ − m), times
 * btCoefficient. Tie: −log σ(Δ − m) − log σ(−Δ − m), times tieCoefficient, and times ½ in the `paper` form (its μ = ½).
 * loss = mean losses + bceCoefficient × mean cross-entropy of all 2N scores with targets 1[quality > 0], smoothed to t(1 − ε) + ε/2.
 * With a margin the tie term never falls below 2·log(1 + eᵐ) (`release`), so losses of ties and decided pairs are not comparable.
 * Shapes N; null without a pair.
 */
export const bradleyTerryTies = definePart({
  id: "model/bradley-terry-ties",
  papers: ["soli-reward"],
  params: tiesParams,
  inputs: z.object({
    chosen: vector("N", "score of the first (winning) sample"),
    rejected: vector("N", "score of the second sample"),
    chosenQuality: vector("N", "quality label of the first sample: above 0 is a pass"),
    rejectedQuality: vector("N", "quality label of the second sample"),
  }),
  outputs: z.object({
    losses: vector("N", "ranking loss per pair, coefficients applied"),
    loss: z.number().nullable().describe("mean over pairs with the point-wise term"),
  }),
  compute(params, { chosen, rejected, chosenQuality, rejectedQuality }) {
    const n = chosen.length;
    const { loss, losses } = evaluate(bradleyTerryTiesLoss(params), {
      chosen: vectorTensor(chosen),
      rejected: vectorTensor(rejected),
      chosenQuality: vectorTensor(chosenQuality),
      rejectedQuality: vectorTensor(rejectedQuality),
    });
    return { losses: losses.subarray(0, n), loss: n === 0 ? null : loss };
  },
});

/** Pearson correlation with constants `y`; 0 where a side is constant. */
function correlation(x: Tensor, y: Tensor): Tensor {
  const centredX = x.ref.sub(np.mean(x));
  const centredY = y.ref.sub(np.mean(y));
  const xx = np.sum(np.square(centredX.ref));
  const yy = np.sum(np.square(centredY.ref));
  const defined = np.greater(np.minimum(xx.ref, yy.ref), 0);
  const safe = (squares: Tensor) => np.where(defined.ref, squares, 1);
  const inverse = np.exp(
    np
      .log(safe(xx))
      .add(np.log(safe(yy)))
      .mul(-0.5),
  );
  return np.where(defined, np.sum(centredX.mul(centredY)).mul(inverse), 0);
}

/** Euclidean norm, with derivative 0 at 0. */
function norm(x: Tensor): Tensor {
  const squares = np.sum(np.square(x));
  const positive = np.greater(squares.ref, 0);
  return np.where(positive.ref, np.sqrt(np.where(positive, squares, 1)), 0);
}

const lengthDisentangledParams = z.object({
  lengthWeight: z.number().default(1).describe("weight of the length loss"),
  orthogonalWeight: z.number().default(1).describe("weight of the orthogonality loss"),
});

export interface LengthDisentangledTensors {
  /** N, differentiated: both heads on both sides. */
  chosenQuality: Tensor;
  rejectedQuality: Tensor;
  chosenLengthScore: Tensor;
  rejectedLengthScore: Tensor;
  /** N tokens. */
  chosenLengths: Tensor;
  rejectedLengths: Tensor;
  /** D, differentiated: weights of the two heads. */
  qualityWeights: Tensor;
  lengthWeights: Tensor;
}

/** Differentiable `model/length-disentangled-bradley-terry`; a correlation with a constant side counts as 0. */
export function lengthDisentangledBradleyTerryLoss(params: z.input<typeof lengthDisentangledParams> = {}) {
  const { lengthWeight, orthogonalWeight } = lengthDisentangledParams.parse(params);
  return (t: LengthDisentangledTensors) => {
    const chosen = t.chosenQuality.ref.add(t.chosenLengthScore.ref);
    const rejected = t.rejectedQuality.ref.add(t.rejectedLengthScore.ref);
    const preferenceLoss = np.mean(softplus(rejected.sub(chosen)));
    const quality = np.concatenate([t.chosenQuality, t.rejectedQuality]);
    const length = np.concatenate([t.chosenLengthScore, t.rejectedLengthScore]);
    const lengths = np.concatenate([t.chosenLengths, t.rejectedLengths]);
    const lengthLoss = np.abs(correlation(quality, lengths.ref)).sub(correlation(length, lengths));
    const norms = norm(t.qualityWeights.ref).mul(norm(t.lengthWeights.ref)).add(1e-6);
    const product = np.abs(np.sum(t.qualityWeights.mul(t.lengthWeights)));
    const orthogonalLoss = product.mul(np.exp(np.log(norms).neg()));
    const loss = preferenceLoss.ref.add(lengthLoss.ref.mul(lengthWeight)).add(orthogonalLoss.ref.mul(orthogonalWeight));
    return {
      loss,
      preferenceLoss: lax.stopGradient(preferenceLoss),
      lengthLoss: lax.stopGradient(lengthLoss),
      orthogonalLoss: lax.stopGradient(orthogonalLoss),
    };
  };
}

/**
 * ODIN: a quality head Q and a length head L are trained together and only Q is used (arXiv 2402.07319, baseline of PAR, 2502.18770).
 *
 * preferenceLoss = mean −log σ((Q + L)_c − (Q + L)_r); lengthLoss = |ρ(Q, length)| − ρ(L, length), Pearson over chosen and rejected
 * responses of the batch; orthogonalLoss = |W_Q·W_L| / (‖W_Q‖‖W_L‖ + 10⁻⁶); loss = preferenceLoss + lengthWeight·lengthLoss +
 * orthogonalWeight·orthogonalLoss. Scores and lengths N, head weights D. Null without a pair; lengthLoss and loss are null where a
 * correlation has a constant side (the differentiable form takes it as 0 there).
 */
export const lengthDisentangledBradleyTerry = definePart({
  id: "model/length-disentangled-bradley-terry",
  papers: ["par"],
  params: lengthDisentangledParams,
  inputs: z.object({
    chosenQuality: vector("N", "quality head on the chosen response"),
    rejectedQuality: vector("N", "quality head on the rejected response"),
    chosenLengthScore: vector("N", "length head on the chosen response"),
    rejectedLengthScore: vector("N", "length head on the rejected response"),
    chosenLengths: integers("N", "tokens of the chosen response"),
    rejectedLengths: integers("N", "tokens of the rejected response"),
    qualityWeights: vector("D", "weights of the quality head"),
    lengthWeights: vector("D", "weights of the length head"),
  }),
  outputs: z.object({
    loss: z.number().nullable().describe("weighted sum"),
    preferenceLoss: z.number().nullable().describe("Bradley-Terry loss of Q + L"),
    lengthLoss: z.number().nullable().describe("|ρ(Q, length)| − ρ(L, length)"),
    orthogonalLoss: z.number().describe("cosine of the heads' weights, absolute"),
  }),
  compute(params, inputs) {
    const tensors = {} as LengthDisentangledTensors;
    for (const name of Object.keys(inputs) as (keyof LengthDisentangledTensors)[])
      tensors[name] = vectorTensor(inputs[name]);
    const result = evaluate(lengthDisentangledBradleyTerryLoss(params), tensors);
    const empty = inputs.chosenQuality.length === 0;
    const constant = [
      [inputs.chosenQuality, inputs.rejectedQuality],
      [inputs.chosenLengthScore, inputs.rejectedLengthScore],
      [inputs.chosenLengths, inputs.rejectedLengths],
    ].some(([chosen, rejected]) => isConstant([...Array.from(chosen), ...Array.from(rejected)]));
    return {
      loss: constant ? null : result.loss,
      preferenceLoss: empty ? null : result.preferenceLoss[0],
      lengthLoss: constant ? null : result.lengthLoss[0],
      orthogonalLoss: result.orthogonalLoss[0],
    };
  },
});

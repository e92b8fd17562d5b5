/** Losses over pairs of responses: DPO and its relatives. What they share stands first. */
import { lax, numpy as np } from "@jax-js/jax";
import { z } from "zod";
import { vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { type RaggedLike, rowCount, toRagged } from "../core/ragged.ts";
import { evaluate, maskTensor, rowsTensor, type Tensor, tensor } from "./engine.ts";
import { pairLogprobs, required } from "./inputs.ts";
import { logSigmoid, maskedMean, rowSums, sigmoid, softplus } from "./numerics.ts";

/** Padded token log-probabilities of both sides; masks of 0 and 1. N×C and N×R. */
export interface PairTensors {
  chosenLogprobs: Tensor;
  rejectedLogprobs: Tensor;
  refChosenLogprobs: Tensor;
  refRejectedLogprobs: Tensor;
  chosenMask: Tensor;
  rejectedMask: Tensor;
}

interface PairRows {
  chosenLogprobs: RaggedLike;
  rejectedLogprobs: RaggedLike;
  refChosenLogprobs: RaggedLike;
  refRejectedLogprobs: RaggedLike;
}

/** The float64 tensors of the pair fields. */
export function pairTensors(rows: PairRows): PairTensors {
  return {
    chosenLogprobs: rowsTensor(rows.chosenLogprobs),
    rejectedLogprobs: rowsTensor(rows.rejectedLogprobs),
    refChosenLogprobs: rowsTensor(rows.refChosenLogprobs),
    refRejectedLogprobs: rowsTensor(rows.refRejectedLogprobs),
    chosenMask: maskTensor(rows.chosenLogprobs),
    rejectedMask: maskTensor(rows.rejectedLogprobs),
  };
}

/** Sequence log-ratios Σ_t (log π − log π_ref) of both sides, N each. Consumes the tensors. */
export function pairLogRatios(pairs: PairTensors): { chosen: Tensor; rejected: Tensor } {
  return {
    chosen: rowSums(pairs.chosenLogprobs.sub(pairs.refChosenLogprobs), pairs.chosenMask),
    rejected: rowSums(pairs.rejectedLogprobs.sub(pairs.refRejectedLogprobs), pairs.rejectedMask),
  };
}

/** Number of pairs, and a mean that is null without any. */
export function overPairs(rows: RaggedLike): {
  count: number;
  mean: (value: number) => number | null;
  each: (values: Float64Array) => Float64Array;
} {
  const count = rowCount(toRagged(rows));
  return {
    count,
    mean: (value) => (count === 0 ? null : value),
    each: (values) => values.subarray(0, count),
  };
}

const lossOf = z.number().nullable().describe("mean over pairs; null without any");

export const dpoParams = z.object({
  loss: z.enum(["sigmoid", "ipo", "ipo-unit", "hinge"]).default("sigmoid").describe("g of the margin"),
  beta: z.number().positive().default(0.1).describe("β, unless `betas` are given"),
  lengthCoefficient: z.number().default(0).describe("α: α(|y_w| − |y_l|) is added to the margin"),
  labelSmoothing: z.number().min(0).max(1).default(0).describe("ε, share of flipped labels (sigmoid only)"),
  strength: z.enum(["none", "margin", "scaled"]).default("none").describe("what `strengths` do"),
  sftWeight: z.number().default(0).describe("weight of the mean NLL of all chosen tokens"),
});

/**
 * DPO and its variants on arrays, for a training step: `dpoLoss(params)(tensors)`. `strengths` and `betas` are N
 * (needed for the strength modes, or instead of β). Differentiable in the policy's log-probabilities.
 */
export function dpoLoss(params: z.input<typeof dpoParams> = {}) {
  const p = dpoParams.parse(params);
  return ({ strengths, betas, ...pairs }: PairTensors & { strengths?: Tensor; betas?: Tensor }) => {
    const sftLoss = maskedMean(pairs.chosenLogprobs.ref, pairs.chosenMask.ref).neg();
    const lengths = np.sum(pairs.chosenMask.ref, -1).sub(np.sum(pairs.rejectedMask.ref, -1));
    const { chosen, rejected } = pairLogRatios(pairs);
    const beta = betas === undefined ? np.onesLike(chosen.ref).mul(p.beta) : betas;
    const logRatioDifferences = chosen.ref.sub(rejected.ref);
    const chosenRewards = lax.stopGradient(chosen.mul(beta.ref));
    const rejectedRewards = lax.stopGradient(rejected.mul(beta.ref));
    const accuracy = np.mean(np.greater(chosenRewards.ref, rejectedRewards.ref).astype(chosenRewards.dtype));
    let margin = logRatioDifferences.ref.mul(beta.ref).add(lengths.mul(p.lengthCoefficient));
    if (p.strength === "margin" && strengths !== undefined) margin = margin.sub(strengths.ref);
    let losses: Tensor;
    if (p.loss === "sigmoid") {
      const straight = softplus(margin.ref.neg());
      losses =
        p.labelSmoothing === 0
          ? straight
          : straight.mul(1 - p.labelSmoothing).add(softplus(margin.ref).mul(p.labelSmoothing));
    } else if (p.loss === "ipo") {
      losses = np.square(margin.ref.sub(0.5).div(beta.ref));
    } else if (p.loss === "ipo-unit") {
      losses = np.square(margin.ref.sub(1));
    } else {
      losses = np.maximum(margin.ref.neg().add(1), 0);
    }
    margin.dispose();
    beta.dispose();
    if (p.strength === "scaled" && strengths !== undefined) losses = losses.mul(strengths.ref);
    strengths?.dispose();
    const dpo = np.mean(losses.ref);
    const loss = p.sftWeight === 0 ? dpo.ref : dpo.ref.add(sftLoss.ref.mul(p.sftWeight));
    return {
      loss,
      losses: lax.stopGradient(losses),
      chosenRewards,
      rejectedRewards,
      accuracy,
      logRatioDifferences: lax.stopGradient(logRatioDifferences),
      dpoLoss: lax.stopGradient(dpo),
      sftLoss: lax.stopGradient(sftLoss),
    };
  };
}

/**
 * Direct preference optimisation and its variants (DPO, arXiv 2305.18290, eq. 7; unified losses of 2406.02900; IPO 2310.12036; SLiC hinge 2305.10425).
 *
 * Δ_i = Σ_t log π/π_ref (chosen) − Σ_t log π/π_ref (rejected), margin z = βΔ + α(|y_w| − |y_l|), lengths in tokens.
 * `sigmoid` −(1 − ε) log σ(z) − ε log σ(−z); `ipo` (z/β − 1/(2β))², i.e. (Δ − 1/(2β))² without the length term;
 * `ipo-unit` (z − 1)²; `hinge` max(0, 1 − z). Strengths m (graded preferences, arXiv 2410.01257): `margin` z − m, `scaled` m·loss.
 * loss = mean losses + sftWeight × (mean negative log-likelihood of all chosen tokens of the batch).
 *
 * Inputs N×C and N×R ragged, in nats, summed inside. `chosenRewards` β·Σ log-ratio; `accuracy` the share with chosen > rejected,
 * strictly; `logRatioDifferences` Δ. Means over no pair are null. log σ is computed without overflow.
 * Error: a strength mode without `strengths`.
 */
export const dpo = definePart({
  id: "objective/dpo",
  papers: [
    "daa-overoptimization",
    "dno",
    "dporm-generalization",
    "flr",
    "helpsteer2-preference",
    "implicit-prm",
    "mm-rlhf",
    "open-rubrics",
    "quote-tuning",
    "reward-augmented-data",
    "sft-dpo-bridge",
  ],
  params: dpoParams,
  inputs: z.object({
    ...pairLogprobs,
    strengths: vector("N", "preference strength m per pair").optional(),
    betas: vector("N", "β per pair, instead of the param").optional(),
  }),
  outputs: z.object({
    loss: lossOf,
    losses: vector("N", "loss per pair, before the SFT term"),
    chosenRewards: vector("N", "implicit reward β·log-ratio of the chosen response"),
    rejectedRewards: vector("N", "implicit reward β·log-ratio of the rejected response"),
    accuracy: z.number().nullable().describe("share of pairs with the higher reward on the chosen response"),
    logRatioDifferences: vector("N", "Δ (nats)"),
    dpoLoss: lossOf,
    sftLoss: z.number().nullable().describe("mean NLL of the chosen tokens; null without any"),
  }),
  compute(params, { strengths, betas, ...rows }) {
    if (params.strength !== "none") required(strengths, "strengths", `strength is ${params.strength}`);
    const { count, mean, each } = overPairs(rows.chosenLogprobs);
    const result = evaluate(dpoLoss(params), {
      ...pairTensors(rows),
      ...(strengths === undefined || count === 0 ? {} : { strengths: tensor(strengths) }),
      ...(betas === undefined || count === 0 ? {} : { betas: tensor(betas) }),
    });
    return {
      loss: mean(result.loss),
      losses: each(result.losses),
      chosenRewards: each(result.chosenRewards),
      rejectedRewards: each(result.rejectedRewards),
      accuracy: mean(result.accuracy[0]),
      logRatioDifferences: each(result.logRatioDifferences),
      dpoLoss: mean(result.dpoLoss[0]),
      sftLoss: toRagged(rows.chosenLogprobs).values.length === 0 ? null : result.sftLoss[0],
    };
  },
});

const betaParam = z.object({ beta: z.number().positive().default(0.1).describe("β") });

/** Differentiable `objective/kto-pair`. The batch means K carry no gradient. */
export function ktoPairLoss(params: z.input<typeof betaParam> = {}) {
  const { beta } = betaParam.parse(params);
  return (pairs: PairTensors) => {
    const { chosen, rejected } = pairLogRatios(pairs);
    const chosenKl = lax.stopGradient(np.maximum(np.mean(chosen.ref), 0));
    const rejectedKl = lax.stopGradient(np.maximum(np.mean(rejected.ref), 0));
    // 1 − σ(x) = σ(−x)
    const chosenLosses = sigmoid(rejectedKl.sub(chosen).mul(beta));
    const rejectedLosses = sigmoid(rejected.sub(chosenKl).mul(beta));
    return { loss: np.mean(chosenLosses).add(np.mean(rejectedLosses)).mul(0.5) };
  };
}

/**
 * KTO in its paired form (arXiv 2402.01306, as released with implicit process rewards, 2412.01981).
 *
 * With ρ the summed log-ratio of a response and K_w, K_l the batch means of ρ_w, ρ_l, at least 0 and constants for the gradient:
 * the mean over 2N terms of 1 − σ(β(ρ_w − K_l)) and 1 − σ(β(K_w − ρ_l)). Inputs N×C, N×R in nats; null without a pair.
 */
export const ktoPair = definePart({
  id: "objective/kto-pair",
  papers: ["implicit-prm"],
  params: betaParam,
  inputs: z.object(pairLogprobs),
  outputs: z.object({ loss: lossOf }),
  compute(params, rows) {
    return { loss: overPairs(rows.chosenLogprobs).mean(evaluate(ktoPairLoss(params), pairTensors(rows)).loss) };
  },
});

/** Differentiable `objective/nca-pair`. */
export function ncaPairLoss(params: z.input<typeof betaParam> = {}) {
  const { beta } = betaParam.parse(params);
  return (pairs: PairTensors) => {
    const { chosen, rejected } = pairLogRatios(pairs);
    const reward = chosen.mul(beta);
    const losses = logSigmoid(reward.ref)
      .add(logSigmoid(reward.neg()).mul(0.5))
      .add(logSigmoid(rejected.mul(-beta)).mul(0.5));
    return { loss: np.mean(losses).neg() };
  };
}

/**
 * Noise-contrastive alignment on pairs (NCA, arXiv 2402.05369; form of implicit process rewards, 2412.01981).
 *
 * mean of −log σ(z_w) − ½ log σ(−z_w) − ½ log σ(−z_l), z = β × summed log-ratio. Unlike DPO it holds up the likelihood of
 * the chosen response. Inputs N×C, N×R in nats; null without a pair.
 */
export const ncaPair = definePart({
  id: "objective/nca-pair",
  papers: ["implicit-prm"],
  params: betaParam,
  inputs: z.object(pairLogprobs),
  outputs: z.object({ loss: lossOf }),
  compute(params, rows) {
    return { loss: overPairs(rows.chosenLogprobs).mean(evaluate(ncaPairLoss(params), pairTensors(rows)).loss) };
  },
});

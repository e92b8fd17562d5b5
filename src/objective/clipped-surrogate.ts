import { lax, numpy as np } from "@jax-js/jax";
import { z } from "zod";
import { fields, ragged } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { evaluateWithGradient, maskTensor, perRowOrToken, rowsTensor, type Tensor, unpad } from "./engine.ts";
import { required, rolloutOrTokenAdvantages } from "./inputs.ts";
import { countsAny, exponentLimit, klEstimators, klTerms } from "./kl.ts";
import { aggregate, aggregations, clamp, maskedBy, maskedMean, rowMeans } from "./numerics.ts";

/** Largest exponent of a sequence ratio (GSPO as in verl). */
const sequenceExponentLimit = 10;

export const clippedSurrogateParams = z.object({
  clipLow: z.number().nonnegative().default(0.2).describe("the ratio is clipped below at 1 − clipLow"),
  clipHigh: z.number().nonnegative().default(0.2).describe("the ratio is clipped above at 1 + clipHigh"),
  dualClip: z.number().gt(1).nullable().default(null).describe("c: where A < 0 the loss is at most −A·c; null: off"),
  ratio: z.enum(["token", "sequence"]).default("token").describe("sequence: GSPO's length-normalised ratio"),
  aggregation: z.enum(aggregations).default("token-mean").describe("token losses → loss"),
  lossScale: z.number().positive().nullable().default(null).describe("L of the aggregations; null: the longest row"),
  logRatioClamp: z.number().positive().nullable().default(20).describe("bound of |log-ratio| before exp; null: off"),
  ratioMin: z.number().nonnegative().nullable().default(null).describe("lower bound of the ratio before the surrogate"),
  ratioMax: z.number().positive().nullable().default(null).describe("upper bound of the ratio before the surrogate"),
  advantageClip: z.number().positive().nullable().default(null).describe("bound of |A|; null: off"),
  klCoef: z.number().default(0).describe("β: β·KL, aggregated as the loss is, is added"),
  klEstimator: z.enum(klEstimators).default("k3").describe("per-token KL term"),
  klLogRatioClamp: z.number().positive().nullable().default(20).describe("bound of |d| in k3; null: off"),
  klValueClamp: z.number().positive().nullable().default(10).describe("bound of k3; null: off"),
});

export interface PolicyTensors {
  /** N×T, differentiated. */
  logprobs: Tensor;
  /** N×T. */
  oldLogprobs: Tensor;
  /** N×1 or N×T. */
  advantages: Tensor;
  /** N×T of 0 and 1. */
  mask: Tensor;
}

/** The importance ratio N×T and the log-ratio behind it (both clamped). Consumes its arguments. */
export function importanceRatio(
  logprobs: Tensor,
  oldLogprobs: Tensor,
  mask: Tensor,
  kind: "token" | "sequence",
  logRatioClamp: number | null,
): { ratio: Tensor; logRatio: Tensor; unmaskedRatio: Tensor } {
  const limit = Math.min(logRatioClamp ?? Number.POSITIVE_INFINITY, exponentLimit(logprobs));
  if (kind === "token") {
    const logRatio = clamp(logprobs.sub(oldLogprobs), -limit, limit);
    const unmaskedRatio = np.exp(lax.stopGradient(logRatio.ref));
    const kept = maskedBy(logRatio, mask);
    return { ratio: np.exp(kept.ref), logRatio: kept, unmaskedRatio };
  }
  // The value is the sequence's ratio, the gradient of each token that of its own log-probability (GSPO's token form).
  const own = maskedBy(logprobs.ref.sub(lax.stopGradient(logprobs.ref)), mask.ref);
  const logRatio = maskedBy(logprobs.sub(oldLogprobs), mask.ref);
  const sequence = lax.stopGradient(rowMeans(logRatio.ref, mask));
  const ratio = np.exp(clamp(np.expandDims(sequence, -1).add(own), -exponentLimit(logRatio), sequenceExponentLimit));
  return { unmaskedRatio: lax.stopGradient(ratio.ref), ratio, logRatio };
}

/** What the clipped surrogate gives: scalars, and `ratios` N×T. */
export interface ClippedSurrogateTensors {
  loss: Tensor;
  policyLoss: Tensor;
  /** With `refLogprobs` only. */
  klLoss?: Tensor;
  ratios: Tensor;
  clipFraction: Tensor;
  clipFractionLower: Tensor;
  ratioOutsideFraction: Tensor;
  approxKl: Tensor;
}

/**
 * The clipped surrogate on arrays, for a training step: `clippedSurrogateLoss(params)(tensors)` is
 * differentiable in `logprobs` under `jit` and `grad`. `refLogprobs` is needed where klCoef is not 0.
 */
export function clippedSurrogateLoss(params: z.input<typeof clippedSurrogateParams> = {}) {
  const p = clippedSurrogateParams.parse(params);
  return ({
    logprobs,
    oldLogprobs,
    advantages,
    mask,
    refLogprobs,
  }: PolicyTensors & { refLogprobs?: Tensor }): ClippedSurrogateTensors => {
    const d = refLogprobs === undefined ? undefined : logprobs.ref.sub(refLogprobs);
    const {
      ratio: raw,
      logRatio,
      unmaskedRatio,
    } = importanceRatio(logprobs, oldLogprobs, mask.ref, p.ratio, p.logRatioClamp);
    const ratio = clamp(raw, p.ratioMin, p.ratioMax);
    const ratios = clamp(unmaskedRatio, p.ratioMin, p.ratioMax);
    const advantage = lax.stopGradient(
      p.advantageClip === null ? advantages : clamp(advantages, -p.advantageClip, p.advantageClip),
    );
    const unclipped = ratio.ref.mul(advantage.ref).neg();
    const clipped = clamp(ratio.ref, 1 - p.clipLow, 1 + p.clipHigh)
      .mul(advantage.ref)
      .neg();
    const clipFraction = maskedMean(indicator(np.greater(clipped.ref, unclipped.ref), mask), mask.ref);
    const outside = np.logicalOr(np.less(ratio.ref, 1 - p.clipLow), np.greater(ratio, 1 + p.clipHigh));
    const ratioOutsideFraction = maskedMean(indicator(outside, mask), mask.ref);
    let losses = np.maximum(unclipped, clipped);
    let clipFractionLower: Tensor;
    if (p.dualClip === null) {
      clipFractionLower = np.sum(mask.ref).mul(0);
      advantage.dispose();
    } else {
      const bound = advantage.ref.mul(-p.dualClip);
      const negative = np.less(advantage, 0);
      const lower = np.logicalAnd(np.greater(losses.ref, bound.ref), negative.ref);
      clipFractionLower = maskedMean(indicator(lower, mask), mask.ref);
      losses = np.where(negative, np.minimum(losses.ref, bound), losses);
    }
    const approxKl = maskedMean(lax.stopGradient(logRatio), mask.ref).neg();
    const policyLoss = aggregate(losses, mask.ref, p.aggregation, p.lossScale);
    const diagnostics = { ratios, clipFraction, ratioOutsideFraction, clipFractionLower, approxKl };
    if (d === undefined) {
      mask.dispose();
      return { loss: policyLoss.ref, policyLoss, ...diagnostics };
    }
    const terms = klTerms(maskedBy(d, mask.ref), p.klEstimator, p.klLogRatioClamp, p.klValueClamp);
    const klLoss = aggregate(terms, mask, p.aggregation, p.lossScale);
    return { loss: policyLoss.ref.add(klLoss.ref.mul(p.klCoef)), policyLoss, klLoss, ...diagnostics };
  };
}

/** 1 where the condition holds, 0 elsewhere, in the mask's dtype; does not consume the mask. */
export function indicator(condition: Tensor, mask: Tensor): Tensor {
  return lax.stopGradient(condition.astype(mask.dtype));
}

/**
 * Clipped policy-gradient surrogate: PPO (arXiv 1707.06347, eq. 7), GRPO (2402.03300), Dr. GRPO (2503.20783), DAPO (2503.14476), GSPO (2507.18071), dual clip (1912.09729).
 *
 * Token loss ℓ = max(−A·ρ, −A·clip(ρ, 1 − clipLow, 1 + clipHigh)), ρ = exp(clamp(log π − log π_old, ±logRatioClamp)),
 * then bounded to [ratioMin, ratioMax] (gradient 0 outside). `dualClip` c: where A < 0, ℓ = min(ℓ, −A·c).
 * `ratio: "sequence"` (GSPO): ρ of every token is s_i = exp(mean over unmasked tokens of the log-ratio), exponent at most 10,
 * with the gradient −A·s_i for each token before aggregation; use it with `seq-mean-token-mean`.
 * loss = policyLoss + klCoef·klLoss, both aggregated alike: `token-mean` ΣΣmℓ/ΣΣm; `seq-mean-token-mean`; `seq-mean-token-sum`;
 * `seq-mean-token-sum-norm` ΣΣmℓ/L; `dr-grpo` ΣΣmℓ/(N·L). Fully masked rows are left out of sequence means; a batch without
 * a counted token has loss 0 and gradient 0 (the fractions and approxKl are then null).
 *
 * Shapes N×T, advantages N or N×T; log-probabilities in nats. `ratios` covers masked tokens too. `clipFraction` is the share of
 * tokens whose clipped term is the larger, `ratioOutsideFraction` the share whose ratio is outside the band whatever A,
 * `clipFractionLower` the share cut by the dual clip, `approxKl` −mean log-ratio. `gradLogprobs` is ∂loss/∂logprobs.
 * Exponents are held where exp does not overflow: finite in, finite out. Error: klCoef without `refLogprobs`.
 */
export const clippedSurrogate = definePart({
  id: "objective/clipped-surrogate",
  papers: [
    "artifact-reward",
    "flow-grpo",
    "grpo",
    "ixc-reward",
    "laser",
    "nous",
    "pisces",
    "prompt-enhancer",
    "r1-reward",
    "rlfr",
    "rlp",
    "rm-r1",
    "self-rewarding-ppo",
    "unified-reward-think",
    "vlm-r1",
  ],
  params: clippedSurrogateParams,
  inputs: z.object({
    logprobs: fields.logprobs,
    oldLogprobs: fields.oldLogprobs,
    refLogprobs: fields.refLogprobs.optional(),
    advantages: rolloutOrTokenAdvantages,
    mask: fields.mask.optional(),
  }),
  outputs: z.object({
    loss: z.number().describe("policyLoss + klCoef·klLoss"),
    policyLoss: z.number().describe("the surrogate"),
    klLoss: z.number().optional().describe("aggregated KL term; present with refLogprobs"),
    gradLogprobs: fields.gradLogprobs,
    ratios: ragged("N×T", "importance ratio after clamping"),
    clipFraction: z.number().nullable().describe("share of tokens whose clipped term is the larger"),
    clipFractionLower: z.number().nullable().describe("share of tokens cut by the dual clip"),
    ratioOutsideFraction: z.number().nullable().describe("share of tokens with a ratio outside the band"),
    approxKl: z.number().nullable().describe("−mean log-ratio (nats)"),
  }),
  compute(params, { logprobs, oldLogprobs, refLogprobs, advantages, mask }) {
    if (params.klCoef !== 0) required(refLogprobs, "refLogprobs", "klCoef is not 0");
    const result = evaluateWithGradient(
      clippedSurrogateLoss(params),
      {
        logprobs: rowsTensor(logprobs),
        oldLogprobs: rowsTensor(oldLogprobs),
        advantages: perRowOrToken(advantages),
        mask: maskTensor(logprobs, mask),
        ...(refLogprobs === undefined ? {} : { refLogprobs: rowsTensor(refLogprobs) }),
      },
      ["logprobs"],
    );
    const any = countsAny(logprobs, mask);
    return {
      loss: result.loss,
      policyLoss: result.policyLoss[0],
      klLoss: result.klLoss?.[0],
      gradLogprobs: unpad(result.gradients.logprobs, logprobs),
      ratios: unpad(result.ratios, logprobs),
      clipFraction: any ? result.clipFraction[0] : null,
      clipFractionLower: any ? result.clipFractionLower[0] : null,
      ratioOutsideFraction: any ? result.ratioOutsideFraction[0] : null,
      approxKl: any ? result.approxKl[0] : null,
    };
  },
});

import { lax, numpy as np } from "@jax-js/jax";
import { z } from "zod";
import { fields, ragged, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { isRagged, type RaggedLike } from "../core/ragged.ts";
import { evaluate, maskTensor, rowsTensor, type Tensor, unpad } from "./engine.ts";
import { clamp, expm1, maskedMean, rowSums } from "./numerics.ts";

export const klEstimators = ["k1", "k2", "k3", "abs", "k3-reversed"] as const;
export type KlEstimatorName = (typeof klEstimators)[number];

/** Largest exponent whose exp a float32 (float64) array still holds with room for a sum over tokens. */
export function exponentLimit(x: Tensor): number {
  return x.dtype === "float64" ? 700 : 80;
}

/**
 * Per-token KL terms from d = log π − log π_ref (differentiable; consumes `d`). `logRatioClamp` bounds |d| and
 * `valueClamp` bounds the result, both for k3 and k3-reversed only; null is off. Even then d is held where exp
 * does not overflow.
 */
export function klTerms(
  d: Tensor,
  estimator: KlEstimatorName,
  logRatioClamp: number | null,
  valueClamp: number | null,
): Tensor {
  if (estimator === "k1") return d;
  if (estimator === "k2") return d.ref.mul(d).mul(0.5);
  if (estimator === "abs") return np.abs(d);
  const limit = Math.min(logRatioClamp ?? Number.POSITIVE_INFINITY, exponentLimit(d));
  const bounded = clamp(estimator === "k3" ? d.neg() : d, -limit, limit);
  const terms = expm1(bounded.ref).sub(bounded);
  return valueClamp === null ? terms : clamp(terms, -valueClamp, valueClamp);
}

const klParams = z.object({
  estimator: z.enum(klEstimators).default("k3").describe("which per-token term"),
  logRatioClamp: z
    .number()
    .positive()
    .nullable()
    .default(20)
    .describe("bound of |d| for k3 and k3-reversed; null: off"),
  valueClamp: z.number().positive().nullable().default(10).describe("bound of k3 and k3-reversed; null: off"),
});

/** Differentiable `objective/kl-estimator`: arrays N×T in; `loss` is the masked mean, `kl` the terms N×T. */
export function klLoss(params: z.input<typeof klParams> = {}) {
  const { estimator, logRatioClamp, valueClamp } = klParams.parse(params);
  return ({ logprobs, refLogprobs, mask }: { logprobs: Tensor; refLogprobs: Tensor; mask: Tensor }) => {
    const kl = klTerms(logprobs.sub(refLogprobs), estimator, logRatioClamp, valueClamp);
    return { loss: maskedMean(kl.ref, mask), kl };
  };
}

/**
 * Per-token estimators of KL(π‖π_ref) from sampled tokens (Schulman's k1, k2, k3; used by GRPO, arXiv 2402.03300, eq. 4).
 *
 * With d = log π − log π_ref in nats: k1 = d; k2 = d²/2; k3 = e^(−d) + d − 1; abs = |d|; k3-reversed = e^d − d − 1
 * (the sign PAR's repository uses). Under samples of π, E[k1] = E[k3] = KL; k3 has the lower spread and is never negative.
 * Shapes N×T. k3 is computed through expm1, so that small d keep their digits.
 * `mean` is the mean over tokens whose mask is not 0 (absent: all), null without any; `kl` covers masked tokens too.
 */
export const klEstimator = definePart({
  id: "objective/kl-estimator",
  papers: ["grpo", "par"],
  params: klParams,
  inputs: z.object({ logprobs: fields.logprobs, refLogprobs: fields.refLogprobs, mask: fields.mask.optional() }),
  outputs: z.object({
    kl: ragged("N×T", "KL term per token (nats)"),
    mean: z.number().nullable().describe("mean over the tokens that count; null without any"),
  }),
  compute(params, { logprobs, refLogprobs, mask }) {
    const { loss, kl } = evaluate(klLoss(params), {
      logprobs: rowsTensor(logprobs),
      refLogprobs: rowsTensor(refLogprobs),
      mask: maskTensor(logprobs, mask),
    });
    return { kl: unpad(kl, logprobs), mean: countsAny(logprobs, mask) ? loss : null };
  },
});

/** Whether any token counts. */
export function countsAny(rows: RaggedLike, mask?: RaggedLike): boolean {
  const counted = mask ?? rows;
  const values = isRagged(counted) ? [counted.values] : Array.from(counted);
  return values.some((row) => Array.prototype.some.call(row, (weight: number) => mask === undefined || weight !== 0));
}

const chiSquaredParams = z.object({
  clip: z.number().positive().default(10).describe("log-ratio beyond which e^z − 1 continues linearly"),
  floor: z.number().positive().default(1e-4).describe("lower bound of χ² under the root"),
  coefficient: z.number().default(1).describe("c"),
});

/** Differentiable `objective/chi-squared-penalty`: arrays N×T in. */
export function chiSquaredPenaltyLoss(params: z.input<typeof chiSquaredParams> = {}) {
  const { clip, floor, coefficient } = chiSquaredParams.parse(params);
  const growth = (z: Tensor) => {
    const beyond = np.greater(z.ref, clip);
    const linear = z.ref
      .sub(clip - 1)
      .mul(Math.exp(clip))
      .sub(1);
    return np.where(beyond.ref, linear, expm1(np.where(beyond, 0, clamp(z, -exponentLimit(z), null))));
  };
  return ({ logprobs, refLogprobs, mask }: { logprobs: Tensor; refLogprobs: Tensor; mask: Tensor }) => {
    const counted = np.max(mask.ref, -1);
    const logRatios = rowSums(logprobs.sub(refLogprobs), mask);
    const control = growth(logRatios.ref.neg());
    const kl = maskedMean(logRatios.ref.add(control.ref), counted.ref);
    const chi2 = maskedMean(growth(logRatios.ref).add(control), counted);
    const loss = np.sqrt(np.maximum(chi2.ref, floor)).mul(coefficient);
    return { loss, logRatios: lax.stopGradient(logRatios), kl, chi2 };
  };
}

/**
 * χ² penalty on whole responses for RLHF (correlated proxies, arXiv 2403.03185, language-model form of ORPO).
 *
 * With ℓ_i = Σ_t m (log π − log π_ref) on sequences drawn from the policy:
 * kl = mean(ℓ + g(−ℓ)), chi2 = mean(g(ℓ) + g(−ℓ)), loss = c·√max(chi2, floor), where g(z) = e^z − 1 for z < clip and
 * its linear continuation e^clip·(1 + z − clip) − 1 beyond. g(−ℓ) has mean zero: a control variate.
 * Inputs N×T in nats; a fully masked sequence is left out of the means (ℓ = 0). Below the floor the gradient is 0.
 */
export const chiSquaredPenalty = definePart({
  id: "objective/chi-squared-penalty",
  papers: ["orpo-occupancy"],
  params: chiSquaredParams,
  inputs: z.object({ logprobs: fields.logprobs, refLogprobs: fields.refLogprobs, mask: fields.mask.optional() }),
  outputs: z.object({
    logRatios: vector("N", "ℓ, log-ratio of each sequence (nats)"),
    kl: z.number().nullable().describe("KL(π‖π_ref) over sequences; null without any token"),
    chi2: z.number().nullable().describe("χ²(π‖π_ref) over sequences; null without any token"),
    loss: z.number().describe("c·√max(χ², floor)"),
  }),
  compute(params, { logprobs, refLogprobs, mask }) {
    const { loss, logRatios, kl, chi2 } = evaluate(chiSquaredPenaltyLoss(params), {
      logprobs: rowsTensor(logprobs),
      refLogprobs: rowsTensor(refLogprobs),
      mask: maskTensor(logprobs, mask),
    });
    const any = countsAny(logprobs, mask);
    const count = isRagged(logprobs) ? logprobs.offsets.length - 1 : logprobs.length;
    return { logRatios: logRatios.subarray(0, count), kl: any ? kl[0] : null, chi2: any ? chi2[0] : null, loss };
  },
});

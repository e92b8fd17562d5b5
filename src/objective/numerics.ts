/**
 * What losses share: stable functions and masked sums on jax-js arrays. Every function consumes its
 * arguments (see `engine.ts`). Masks are arrays of 0 and 1 with the shape of the tokens.
 */
import { lax, numpy as np } from "@jax-js/jax";
import type { Tensor } from "./engine.ts";

/**
 * log(1 + eˣ) for any x. The shift m = max(x, 0) carries no gradient, so the derivative is
 * e^(x−m) / (e^(−m) + e^(x−m)) = σ(x) everywhere: ½ at 0, where a derivative taken through
 * max or |x| would be 0 or 1, and never NaN at saturation.
 */
export function softplus(x: Tensor): Tensor {
  const shift = lax.stopGradient(np.maximum(x.ref, 0));
  const shifted = np.exp(x.sub(shift.ref));
  return np.log(np.exp(shift.ref.neg()).add(shifted)).add(shift);
}

/** log σ(x) = −softplus(−x), finite for any finite x. */
export function logSigmoid(x: Tensor): Tensor {
  return softplus(x.neg()).neg();
}

/** σ(x), without overflow. */
export function sigmoid(x: Tensor): Tensor {
  return np.exp(logSigmoid(x));
}

/** `x` where the mask is not 0, else 0: what is masked, were it infinite, reaches neither value nor gradient. */
export function maskedBy(x: Tensor, mask: Tensor): Tensor {
  return np.where(np.greater(mask, 0), x, 0);
}

/** Sum over the last axis of what the mask keeps: N×T → N. */
export function rowSums(x: Tensor, mask: Tensor): Tensor {
  return np.sum(maskedBy(x, mask), -1);
}

/** Mean over the last axis of what the mask keeps; 0 for a row that keeps nothing. */
export function rowMeans(x: Tensor, mask: Tensor): Tensor {
  const counts = np.maximum(np.sum(mask.ref, -1), 1);
  return rowSums(x, mask).div(counts);
}

/** Mean of everything the mask keeps; 0 where it keeps nothing. */
export function maskedMean(x: Tensor, mask: Tensor): Tensor {
  const count = np.maximum(np.sum(mask.ref), 1);
  return np.sum(maskedBy(x, mask)).div(count);
}

/** Token losses → loss. */
export const aggregations = [
  "token-mean",
  "seq-mean-token-mean",
  "seq-mean-token-sum",
  "seq-mean-token-sum-norm",
  "dr-grpo",
] as const;
export type Aggregation = (typeof aggregations)[number];

/**
 * Aggregates token losses N×T over a mask N×T (card of the group-relative family):
 * `token-mean` ΣΣmℓ/ΣΣm; `seq-mean-token-mean` the mean over sequences of their token means;
 * `seq-mean-token-sum` the mean over sequences of their sums; `seq-mean-token-sum-norm` ΣΣmℓ/L (verl,
 * not divided by the batch size); `dr-grpo` ΣΣmℓ/(N·L) (TRL). L is `lossScale`, by default the width T
 * of the arrays. A fully masked sequence is left out of sequence means; a batch without a token gives 0.
 * `rows` is N for `dr-grpo`, by default the number of rows of the arrays.
 */
export function aggregate(
  losses: Tensor,
  mask: Tensor,
  aggregation: Aggregation,
  lossScale?: number | null,
  rows = losses.shape[0],
): Tensor {
  if (aggregation === "token-mean") return maskedMean(losses, mask);
  const length = lossScale ?? losses.shape[1];
  if (aggregation === "seq-mean-token-sum-norm") return np.sum(maskedBy(losses, mask)).div(length);
  if (aggregation === "dr-grpo") return np.sum(maskedBy(losses, mask)).div(rows * length);
  const counted = np.where(np.greater(np.max(mask.ref, -1), 0), 1, 0);
  const sequences = np.maximum(np.sum(counted), 1).astype(losses.dtype);
  const perSequence = aggregation === "seq-mean-token-mean" ? rowMeans(losses, mask) : rowSums(losses, mask);
  return np.sum(perSequence).div(sequences);
}

/**
 * 1/x for positive x that is differentiated. jax-js 0.1.25 keeps a reference too many in the derivative of a division
 * by a differentiated array, so that each eager call would leak one; e^(−log x) has none.
 */
export function reciprocalOf(x: Tensor): Tensor {
  return np.exp(np.log(x).neg());
}

/** Clamps to [low, high]; a null bound is open. The gradient is 1 inside (bounds included) and 0 outside. */
export function clamp(x: Tensor, low: number | null, high: number | null): Tensor {
  let clamped = x;
  if (high !== null) clamped = np.minimum(clamped, high);
  if (low !== null) clamped = np.maximum(clamped, low);
  return clamped;
}

/** eˣ − 1 without cancellation near 0 (its series there), with derivative eˣ. */
export function expm1(x: Tensor): Tensor {
  const near = np.less(np.abs(x.ref), 0.5);
  const small = np.where(near.ref, x.ref, 0);
  // Taylor to the last digit for |x| < 0.5: x¹³ in float64, x⁷ in float32.
  const terms = x.dtype === "float64" ? 13 : 7;
  let series = small.ref.mul(1 / terms).add(1);
  for (let n = terms - 1; n >= 2; n--)
    series = small.ref
      .mul(1 / n)
      .mul(series)
      .add(1);
  series = small.mul(series);
  const far = np.exp(np.where(near.ref, 0, x)).sub(1);
  return np.where(near, series, far);
}

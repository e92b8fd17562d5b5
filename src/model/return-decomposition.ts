/** Step rewards learnt from episode returns. */
import { lax, numpy as np } from "@jax-js/jax";
import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { nullableVector, ragged, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { type Ragged, type RaggedLike, raggedLike, toRagged } from "../core/ragged.ts";
import {
  evaluate,
  evaluateWithGradient,
  maskTensor,
  rowsTensor,
  type Tensor,
  unpad,
  vectorTensor,
} from "../objective/engine.ts";
import { maskedMean, rowMeans, rowSums } from "../objective/numerics.ts";

const scaleParams = z.object({
  scale: z.enum(["mean", "sum"]).default("mean").describe("mean: both sides divided by the episode's length"),
});

/** Differentiable `model/return-decomposition`; `mask` N×T. Under `mean` an episode without a step is left out. */
export function returnDecompositionLoss(params: z.input<typeof scaleParams> = {}) {
  const { scale } = scaleParams.parse(params);
  return ({ stepRewards, returns, mask }: { stepRewards: Tensor; returns: Tensor; mask: Tensor }) => {
    const lengths = np.sum(mask.ref, -1);
    const predicted = scale === "mean" ? rowMeans(stepRewards, mask) : rowSums(stepRewards, mask);
    const targets = scale === "mean" ? returns.div(np.maximum(lengths.ref, 1)) : returns;
    const squares = np.square(predicted.ref.sub(targets));
    const counted = scale === "mean" ? np.minimum(lengths, 1) : np.onesLike(lengths);
    return { loss: maskedMean(squares, counted), predicted: lax.stopGradient(predicted) };
  };
}

/**
 * Return decomposition: step rewards whose sum predicts the episode's return (RUDDER family, as in LaRe, arXiv 2412.11120).
 *
 * `mean`: predicted_i = mean_t r̂_it against R_i/T_i; `sum`: Σ_t r̂_it against R_i; loss = mean_i of the squared error, with its
 * gradient in every step reward. Shapes N×T, N. An episode without a step has no mean: predicted null, left out of the loss
 * (`sum`: predicted 0). Null without an episode.
 */
export const returnDecomposition = definePart({
  id: "model/return-decomposition",
  papers: ["lare"],
  params: scaleParams,
  inputs: z.object({
    stepRewards: ragged("N×T", "predicted reward per step"),
    returns: vector("N", "return of the episode"),
  }),
  outputs: z.object({
    predicted: nullableVector("N", "predicted return, or return per step"),
    loss: z.number().nullable().describe("mean squared error"),
    gradStepRewards: ragged("N×T", "∂loss/∂stepRewards"),
  }),
  compute(params, { stepRewards, returns }) {
    const rows = toRagged(stepRewards);
    const { loss, predicted, gradients } = evaluateWithGradient(
      returnDecompositionLoss(params),
      { stepRewards: rowsTensor(rows), returns: vectorTensor(returns), mask: maskTensor(rows) },
      ["stepRewards"],
    );
    const undefinedRow = (i: number) => params.scale === "mean" && rows.offsets[i + 1] === rows.offsets[i];
    const defined = Array.from({ length: returns.length }, (_, i) => (undefinedRow(i) ? null : predicted[i]));
    return {
      predicted: defined,
      loss: defined.every((value) => value === null) ? null : loss,
      gradStepRewards: unpad(gradients.stepRewards, rows),
    };
  },
});

const randomizedParams = z.object({
  unbiased: z.boolean().default(false).describe("subtract the variance that comes from sampling steps"),
});

export interface RandomizedReturnTensors {
  /** N×T, differentiated. */
  stepRewards: Tensor;
  /** N×T, how often each step was sampled. */
  counts: Tensor;
  /** N, return over length. */
  targets: Tensor;
  /** N, (1 − K/T)/(K(K − 1)), the factor of the sum of squares; 0 where nothing is to correct. */
  corrections: Tensor;
}

/** Differentiable `model/randomized-return-decomposition`; an episode without a sampled step is left out. */
export function randomizedReturnDecompositionLoss(params: z.input<typeof randomizedParams> = {}) {
  const { unbiased } = randomizedParams.parse(params);
  return ({ stepRewards, counts, targets, corrections }: RandomizedReturnTensors) => {
    const sampled = np.sum(counts.ref, -1);
    const predicted = np.sum(stepRewards.ref.mul(counts.ref), -1).div(np.maximum(sampled.ref, 1));
    const centred = stepRewards.sub(np.expandDims(predicted.ref, -1));
    const variances = np.sum(np.square(centred).mul(counts), -1).mul(corrections);
    const counted = np.minimum(sampled, 1);
    const variancePenalty = maskedMean(variances, counted.ref);
    const error = maskedMean(np.square(predicted.ref.sub(targets)), counted);
    return {
      loss: unbiased ? error.sub(variancePenalty.ref) : error,
      predicted: lax.stopGradient(predicted),
      variancePenalty: lax.stopGradient(variancePenalty),
    };
  };
}

/** How often each step was sampled. Throws `ContractError` at an index that is no step. */
export function sampleCounts(rows: Ragged, indices: RaggedLike): Ragged {
  const sampled = toRagged(indices);
  const counts = raggedLike(rows);
  for (let i = 0; i + 1 < rows.offsets.length; i++) {
    const length = rows.offsets[i + 1] - rows.offsets[i];
    for (let k = sampled.offsets[i]; k < sampled.offsets[i + 1]; k++) {
      const step = sampled.values[k];
      if (!(step >= 0 && step < length)) {
        const path = `inputs.indices[${i}][${k - sampled.offsets[i]}]`;
        throw new ContractError(path, `expected a step in [0, ${length}), got ${step}`);
      }
      counts.values[rows.offsets[i] + step]++;
    }
  }
  return counts;
}

/**
 * Randomised return decomposition: as `model/return-decomposition` on a random subset of steps (RRD, arXiv 2111.13485, as in LaRe,
 * 2412.11120).
 *
 * predicted_i = mean of r̂ over the K_i sampled steps, target R_i/T_i (T_i the row's length); error = mean_i (predicted − target)²;
 * variancePenalty = mean_i (1 − K_i/T_i)·v_i/K_i, v_i the sample variance (K − 1) of the sampled predictions, reported in both modes;
 * loss = error, minus variancePenalty when `unbiased` (it may be negative). K is capped at T in the correction, so that sampling with
 * replacement is never *added*; with all steps sampled there is none. Shapes N×T, N, indices N×K (0-based steps).
 * An episode without a sampled step is left out. variancePenalty (and the unbiased loss) is null where one step alone was sampled of
 * several: no variance. Errors: an index that is no step.
 */
export const randomizedReturnDecomposition = definePart({
  id: "model/randomized-return-decomposition",
  papers: ["lare"],
  params: randomizedParams,
  inputs: z.object({
    stepRewards: ragged("N×T", "predicted reward per step"),
    returns: vector("N", "return of the episode"),
    indices: ragged("N×K", "sampled steps"),
  }),
  outputs: z.object({
    predicted: nullableVector("N", "mean predicted reward of the sampled steps"),
    variancePenalty: z.number().nullable().describe("mean sampling variance"),
    loss: z.number().nullable(),
  }),
  compute(params, { stepRewards, returns, indices }) {
    const rows = toRagged(stepRewards);
    const sampled = toRagged(indices);
    const n = returns.length;
    const targets = new Float64Array(n);
    const corrections = new Float64Array(n);
    let episodes = 0;
    let defined = true;
    const counts = sampleCounts(rows, sampled);
    for (let i = 0; i < n; i++) {
      const steps = rows.offsets[i + 1] - rows.offsets[i];
      const drawn = sampled.offsets[i + 1] - sampled.offsets[i];
      if (drawn === 0) continue;
      episodes++;
      targets[i] = returns[i] / steps;
      if (drawn >= steps) continue;
      if (drawn === 1) defined = false;
      else corrections[i] = (1 - drawn / steps) / (drawn * (drawn - 1));
    }
    const result = evaluate(randomizedReturnDecompositionLoss(params), {
      stepRewards: rowsTensor(rows),
      counts: rowsTensor(counts),
      targets: vectorTensor(targets),
      corrections: vectorTensor(corrections),
    });
    const known = episodes > 0 && defined;
    return {
      predicted: Array.from({ length: n }, (_, i) =>
        sampled.offsets[i + 1] === sampled.offsets[i] ? null : result.predicted[i],
      ),
      variancePenalty: known ? result.variancePenalty[0] : null,
      loss: known || (episodes > 0 && !params.unbiased) ? result.loss : null,
    };
  },
});

/**
 * AdamW, learning-rate schedules, clipping by the global norm, and the moving average of parameters:
 * functions on records of arrays, to be called inside a jitted step. Numbers that change from step to
 * step come in as an array, so that one compiled step serves the whole run.
 */
import { numpy as np } from "@jax-js/jax";
import { z } from "zod";
import type { Tensor } from "../objective/engine.ts";
import { float32, type Parameters } from "./networks/parameters.ts";

export const adamWParams = z.object({
  learningRate: z.number().nonnegative().default(1e-3).describe("peak of the schedule"),
  schedule: z.enum(["constant", "linear", "cosine"]).default("constant").describe("after the warm-up"),
  warmupSteps: z.int().nonnegative().default(0).describe("steps over which the rate rises linearly from 0"),
  totalSteps: z.int().positive().nullable().default(null).describe("steps of the whole schedule; null: constant only"),
  finalFraction: z.number().min(0).max(1).default(0.1).describe("rate at the end, as a share of the peak"),
  beta1: z.number().min(0).lt(1).default(0.9).describe("decay of the first moment"),
  beta2: z.number().min(0).lt(1).default(0.999).describe("decay of the second moment"),
  epsilon: z.number().positive().default(1e-8).describe("added to the root of the second moment"),
  weightDecay: z.number().nonnegative().default(0).describe("decoupled; of arrays with two axes or more"),
  clipNorm: z.number().positive().nullable().default(1).describe("largest global norm of the gradient; null: off"),
});
export type AdamWOptions = z.output<typeof adamWParams>;

/** Learning rate of step `step` (from 0). */
export function learningRateAt(step: number, options: AdamWOptions): number {
  const { learningRate, schedule, warmupSteps, totalSteps, finalFraction } = options;
  if (step < warmupSteps) return (learningRate * (step + 1)) / warmupSteps;
  if (schedule === "constant" || totalSteps === null) return learningRate;
  const progress = Math.min(1, (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps));
  const left = schedule === "linear" ? 1 - progress : 0.5 * (1 + Math.cos(Math.PI * progress));
  return learningRate * (finalFraction + (1 - finalFraction) * left);
}

/** What changes with the step: [learning rate, 1/(1 − β₁ᵗ), 1/(1 − β₂ᵗ)], t = step + 1. */
export function adamWScalars(step: number, options: AdamWOptions): Tensor {
  const t = step + 1;
  return float32(
    Float32Array.from([learningRateAt(step, options), 1 / (1 - options.beta1 ** t), 1 / (1 - options.beta2 ** t)]),
  );
}

/** First and second moments, of zeros, for these parameters (which stay alive). */
export function zeroMoments(parameters: Parameters): { first: Parameters; second: Parameters } {
  const zeros = () =>
    Object.fromEntries(
      Object.entries(parameters).map(([name, { shape, size }]) => [name, float32(new Float32Array(size), shape)]),
    );
  return { first: zeros(), second: zeros() };
}

/** √ of the sum of squares over all arrays, a scalar. Consumes them. */
export function globalNorm(gradients: Parameters): Tensor {
  let sum: Tensor | null = null;
  for (const gradient of Object.values(gradients)) {
    const flat = gradient.reshape([gradient.size]);
    const square = np.vecdot(flat.ref, flat);
    sum = sum === null ? square : sum.add(square);
  }
  return np.sqrt(sum ?? np.zeros([]));
}

export type AdamWStep = { parameters: Parameters; first: Parameters; second: Parameters; gradientNorm: Tensor };

/**
 * One step of AdamW (Loshchilov & Hutter, arXiv 1711.05101): m ← β₁m + (1 − β₁)g, v ← β₂v + (1 − β₂)g²,
 * θ ← θ − lr·(m̂/(√v̂ + ε) + λθ), where g was scaled to a global norm of at most `clipNorm`.
 * `gradientNorm` is the norm before clipping. Consumes everything it is given.
 */
export function adamWStep(
  options: AdamWOptions,
  state: { parameters: Parameters; first: Parameters; second: Parameters },
  gradients: Parameters,
  scalars: Tensor,
): AdamWStep {
  const { beta1, beta2, epsilon, weightDecay, clipNorm } = options;
  const kept: Parameters = {};
  for (const [name, gradient] of Object.entries(gradients)) kept[name] = gradient.ref;
  const gradientNorm = globalNorm(kept);
  const scale = clipNorm === null ? null : np.minimum(np.reciprocal(gradientNorm.ref.add(1e-12)).mul(clipNorm), 1);
  const rate = scalars.ref.slice(0);
  const correct1 = scalars.ref.slice(1);
  const correct2 = scalars.slice(2);
  const parameters: Parameters = {};
  const first: Parameters = {};
  const second: Parameters = {};
  for (const [name, raw] of Object.entries(gradients)) {
    const gradient = scale === null ? raw : raw.mul(scale.ref);
    const m = state.first[name].mul(beta1).add(gradient.ref.mul(1 - beta1));
    const v = state.second[name].mul(beta2).add(np.square(gradient).mul(1 - beta2));
    const direction = m.ref.mul(correct1.ref).div(np.sqrt(v.ref.mul(correct2.ref)).add(epsilon));
    const old = state.parameters[name];
    const decayed = weightDecay > 0 && old.ndim > 1 ? direction.add(old.ref.mul(weightDecay)) : direction;
    parameters[name] = old.sub(decayed.mul(rate.ref));
    first[name] = m;
    second[name] = v;
  }
  scale?.dispose();
  rate.dispose();
  correct1.dispose();
  correct2.dispose();
  return { parameters, first, second, gradientNorm };
}

/** θ̄ ← decay·θ̄ + (1 − decay)·θ. Consumes both. */
export function movingAverage(decay: number, average: Parameters, parameters: Parameters): Parameters {
  const next: Parameters = {};
  for (const [name, array] of Object.entries(parameters))
    next[name] = average[name].mul(decay).add(array.mul(1 - decay));
  return next;
}

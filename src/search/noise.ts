import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { nullableVector, ragged, shaped, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import type { Vector } from "../core/ragged.ts";
import { rowCount, rowOf, toRagged } from "../core/ragged.ts";
import { expectLength } from "../core/shapes.ts";

const stepParams = {
  learningRate: z.number().positive().default(5).describe("step size"),
  momentum: z.number().min(0).lt(1).default(0.9).describe("share of the velocity that stays"),
  nesterov: z.boolean().default(true).describe("look ahead along the velocity"),
  gradientClip: z.number().positive().nullable().default(0.1).describe("largest gradient norm; null: any"),
};

interface StepOptions {
  readonly learningRate: number;
  readonly momentum: number;
  readonly nesterov: boolean;
  readonly gradientClip: number | null;
}

function norm(vector: Vector): number {
  let squares = 0;
  for (let d = 0; d < vector.length; d++) squares += vector[d] ** 2;
  return Math.sqrt(squares);
}

/** Clipped SGD with momentum, PyTorch's conventions; velocity null on the first step. */
function step(latent: Vector, gradient: Vector, velocity: Vector | null, options: StepOptions) {
  const { learningRate, momentum, nesterov, gradientClip } = options;
  const gradientNorm = norm(gradient);
  const clipScale = gradientClip === null ? 1 : Math.min(1, gradientClip / (gradientNorm + 1e-6));
  const next = new Float64Array(latent.length);
  const moved = new Float64Array(latent.length);
  for (let d = 0; d < latent.length; d++) {
    const clipped = clipScale * gradient[d];
    next[d] = velocity === null ? clipped : momentum * velocity[d] + clipped;
    moved[d] = latent[d] - learningRate * (nesterov ? clipped + momentum * next[d] : next[d]);
  }
  return { gradientNorm, clipScale, latent: moved, velocity: next };
}

const velocityState = z.object({ velocity: vector("D", "momentum buffer").nullable().describe("null at the start") });

/**
 * One step of optimising an initial noise: clipped gradient, SGD with momentum (ReNO, arXiv 2406.04312).
 *
 * Clip factor min(1, c/(‖g‖ + 1e-6)); velocity = clipped gradient at first, then momentum·velocity + clipped gradient; latent
 * −= lr·(clipped + momentum·velocity) under `nesterov`, lr·velocity without.
 */
export const noiseStep = definePart({
  id: "search/noise-step",
  papers: ["reno"],
  params: z.object(stepParams),
  inputs: z.object({
    latent: vector("D", "noise"),
    gradient: vector("D", "gradient of the loss at it"),
    state: velocityState.default({ velocity: null }),
  }),
  outputs: z.object({
    gradientNorm: z.number().describe("before clipping"),
    clipScale: z.number().describe("factor of the clipping"),
    latent: vector("D", "noise after the step"),
    state: velocityState,
  }),
  compute(options, { latent, gradient, state = { velocity: null } }) {
    expectLength(gradient, latent.length, "gradient");
    if (state.velocity) expectLength(state.velocity, latent.length, "state.velocity");
    const { velocity, ...moved } = step(latent, gradient, state.velocity, options);
    return { ...moved, state: { velocity } };
  },
});

export interface NoiseOptions extends StepOptions {
  readonly iterations: number;
  readonly regularizationWeight: number;
}

/** What a generator and its rewards say at a noise: the loss (lower is better) and its gradient there. */
export interface NoiseEvaluation<Sample> {
  readonly loss: number;
  readonly gradient: Vector;
  readonly sample: Sample;
}

/** Reward-based noise optimisation with any one-step generator; see `noiseOptimization`. */
export function optimizeNoise<Sample>(
  latent: Vector,
  evaluate: (latent: Float64Array) => NoiseEvaluation<Sample>,
  options: NoiseOptions,
) {
  let now = Float64Array.from(latent);
  let velocity: Float64Array | null = null;
  let best: { iteration: number; loss: number; latent: Float64Array; sample: Sample } | null = null;
  const rewardLosses: number[] = [];
  const norms: number[] = [];
  for (let iteration = 0; iteration < options.iterations; iteration++) {
    const { loss, gradient, sample } = evaluate(now);
    const size = norm(now);
    rewardLosses.push(loss);
    norms.push(size);
    // The regulariser steers, but does not choose.
    if (best === null || loss < best.loss) best = { iteration, loss, latent: now, sample };
    if (iteration === options.iterations - 1) break;
    if (options.regularizationWeight > 0 && size === 0)
      throw new ContractError("inputs.latent", "expected a noise other than 0: its norm's density is undefined there");
    const pull = options.regularizationWeight * (1 - (now.length - 1) / size ** 2);
    const total = Float64Array.from(gradient, (g, d) => g + (options.regularizationWeight > 0 ? pull * now[d] : 0));
    const moved = step(now, total, velocity, options);
    now = moved.latent;
    velocity = moved.velocity;
  }
  return { rewardLosses, norms, best };
}

/**
 * Optimises the initial noise of a one-step generator against rewards (ReNO, arXiv 2406.04312).
 *
 * Minimises L(x) + λK(z) with x = G(z), L = Σ_k w_k ℓ_k and K = ½‖z‖² − (d−1)·log‖z‖, which keeps ‖z‖ near √(d−1), by the steps
 * of `search/noise-step` on their sum. The iterate with the smallest L alone is the result; the first one is the
 * unoptimised baseline, `iterations` evaluations mean one step less. `rewardLosses` and `norms` are before each step. This JSON
 * form takes an affine generator x = Mz + b and mean squared errors to targets; in code `optimizeNoise` takes any.
 * λ > 0 at z = 0: `ContractError`.
 */
export const noiseOptimization = definePart({
  id: "search/noise-optimization",
  papers: ["reno"],
  params: z.object({
    iterations: z.int().nonnegative().default(50).describe("evaluations of the generator"),
    regularizationWeight: z.number().nonnegative().default(0.01).describe("λ"),
    ...stepParams,
  }),
  inputs: z.object({
    latent: vector("D", "initial noise"),
    generator: z.object({
      kind: z.literal("affine"),
      matrix: ragged("O×D", "M"),
      bias: vector("O", "b"),
    }),
    rewards: shaped(
      z.array(z.object({ kind: z.literal("mean-squared"), target: vector("O", "ideal sample"), weight: z.number() })),
      "K",
      "losses: weight × mean squared distance from the target",
    ),
  }),
  outputs: z.object({
    rewardLosses: vector("I", "L per iteration"),
    norms: vector("I", "‖z‖ per iteration"),
    bestIteration: z.int().nullable().describe("iteration of the smallest L, the first on ties"),
    bestLoss: z.number().nullable().describe("L there"),
    bestLatent: nullableVector("D", "z there").nullable(),
    bestSample: nullableVector("O", "x there").nullable(),
  }),
  compute(options, { latent, generator, rewards }) {
    const matrix = toRagged(generator.matrix);
    const outputs = rowCount(matrix);
    const size = latent.length;
    expectLength(generator.bias, outputs, "generator.bias");
    for (let o = 0; o < outputs; o++) expectLength(rowOf(matrix, o), size, `generator.matrix[${o}]`);
    rewards.forEach(({ target }, k) => {
      expectLength(target, outputs, `rewards[${k}].target`);
    });
    const evaluate = (noise: Float64Array): NoiseEvaluation<Float64Array> => {
      const sample = Float64Array.from(generator.bias, (bias, o) => {
        let sum = bias;
        for (let d = 0; d < size; d++) sum += matrix.values[o * size + d] * noise[d];
        return sum;
      });
      let loss = 0;
      const gradient = new Float64Array(size);
      for (const { target, weight } of rewards) {
        for (let o = 0; o < outputs; o++) {
          const error = sample[o] - target[o];
          loss += (weight * error ** 2) / outputs;
          const slope = (2 * weight * error) / outputs;
          for (let d = 0; d < size; d++) gradient[d] += slope * matrix.values[o * size + d];
        }
      }
      return { loss, gradient, sample };
    };
    const { rewardLosses, norms, best } = optimizeNoise(latent, evaluate, options);
    return {
      rewardLosses,
      norms,
      bestIteration: best?.iteration ?? null,
      bestLoss: best?.loss ?? null,
      bestLatent: best?.latent ?? null,
      bestSample: best?.sample ?? null,
    };
  },
});

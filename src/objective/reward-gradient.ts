/** Back-propagating a differentiable reward through a sampler: what is maximised, which steps carry gradient, what holds the noise. */
import { lax, numpy as np } from "@jax-js/jax";
import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { flags, ragged, shaped, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { rowCount, toRagged } from "../core/ragged.ts";
import { evaluate, evaluateWithGradient, maskTensor, rowsTensor, type Tensor, tensor, vectorTensor } from "./engine.ts";
import { required } from "./inputs.ts";
import { rowMeans } from "./numerics.ts";

const noiseNormParams = z.object({ weight: z.number().default(0.01).describe("λ") });

/** Differentiable `objective/noise-norm`: a latent of any shape, never all zero. */
export function noiseNormLoss(params: z.input<typeof noiseNormParams> = {}) {
  const { weight } = noiseNormParams.parse(params);
  return ({ latent }: { latent: Tensor }) => {
    const size = latent.size;
    const squares = np.sum(np.square(latent));
    // (D − 1) log‖z‖ = ½ (D − 1) log ‖z‖²
    const penalty = squares.ref.mul(0.5).sub(np.log(squares.ref).mul((size - 1) / 2));
    return { loss: penalty.mul(weight), norm: lax.stopGradient(np.sqrt(squares)) };
  };
}

/**
 * Regulariser that keeps optimised noise on the Gaussian shell (ReNO, arXiv 2406.04312).
 *
 * K = ½‖z‖² − (D − 1) log‖z‖, the negative log-density of the norm of D standard normals up to a constant; loss = λK, gradient
 * λ(1 − (D − 1)/‖z‖²)z, smallest at ‖z‖ = √(D − 1). Error: z = 0 (the logarithm is undefined).
 */
export const noiseNorm = definePart({
  id: "objective/noise-norm",
  papers: ["reno"],
  params: noiseNormParams,
  inputs: z.object({ latent: vector("D", "noise vector") }),
  outputs: z.object({
    norm: z.number().describe("‖z‖"),
    loss: z.number().describe("λK"),
    gradient: vector("D", "∂loss/∂z"),
  }),
  compute(params, { latent }) {
    if (!Array.prototype.some.call(latent, (value: number) => value !== 0)) {
      throw new ContractError("inputs.latent", "expected a vector that is not zero: log‖z‖ is undefined there");
    }
    const result = evaluateWithGradient(noiseNormLoss(params), { latent: tensor(latent) }, ["latent"]);
    return { norm: result.norm[0], loss: result.loss, gradient: result.gradients.latent };
  },
});

/**
 * Which sampler steps carry the reward's gradient: DRaFT-K (arXiv 2309.17400) and AlignProp's random truncation (2310.03739).
 *
 * Steps in sampling order, 0 the noisiest. `last`: the last k (`all`: every one; `fixed`: from `value`); `uniform`: start = ⌊min + u(max − min)⌋;
 * `gaussian`: start = trunc(mean + std·z). Random strategies take the first of the given draws with 1 ≤ start < steps.
 * `gradientSteps[t]` = t ≥ start. Error: no draw gives such a start.
 */
export const rewardBackpropSchedule = definePart({
  id: "objective/reward-backprop-schedule",
  papers: ["flow-grpo"],
  params: z.object({
    strategy: z
      .enum(["last", "all", "uniform", "gaussian", "fixed"])
      .default("last")
      .describe("how the start is chosen"),
    k: z.int().min(0).default(1).describe("last: number of steps"),
    min: z.number().default(0).describe("uniform: lower bound"),
    max: z.number().optional().describe("uniform: upper bound; absent: the number of steps"),
    mean: z.number().default(42).describe("gaussian: mean of the start"),
    std: z.number().nonnegative().default(5).describe("gaussian: deviation of the start"),
    value: z.int().min(0).default(0).describe("fixed: the start"),
  }),
  inputs: z.object({
    steps: z.int().min(0).describe("number of sampler steps"),
    draws: vector("M", "given randomness: U[0, 1) for uniform, N(0, 1) for gaussian").optional(),
  }),
  outputs: z.object({
    start: z.int().describe("first step with gradient"),
    gradientSteps: flags("S", "whether each step carries gradient"),
  }),
  compute({ strategy, k, min, max, mean, std, value }, { steps, draws }) {
    const start = (() => {
      if (strategy === "all") return 0;
      if (strategy === "last") return Math.max(0, steps - k);
      if (strategy === "fixed") return Math.min(value, steps);
      const given = required(draws, "draws", `strategy is ${strategy}`);
      for (let m = 0; m < given.length; m++) {
        const drawn =
          strategy === "uniform"
            ? Math.floor(min + given[m] * ((max ?? steps) - min))
            : Math.trunc(mean + std * given[m]);
        if (drawn >= 1 && drawn < steps) return drawn;
      }
      throw new ContractError("inputs.draws", `expected a draw whose start lies in [1, ${steps}), got none`);
    })();
    return { start, gradientSteps: Array.from({ length: steps }, (_, step) => step >= start) };
  },
});

const regularizedRewardParams = z.object({
  weightRegularization: z.number().nonnegative().default(0).describe("λ"),
  supervision: z.enum(["last-step", "all-steps"]).default("last-step").describe("which steps are rewarded"),
});

export interface RegularizedRewardTensors {
  /** K×M rewards of the supervised steps of all samples, differentiated through the sampler. */
  rewards: Tensor;
  /** K×M of 0 and 1. */
  mask: Tensor;
  /** K. */
  weights: Tensor;
  /** D, or any one array of the generator's weights; the same for the reference. */
  parameters: Tensor;
  refParameters: Tensor;
}

/** Differentiable `objective/regularized-reward`, over the rewards of whichever steps are supervised. */
export function regularizedRewardLoss(params: z.input<typeof regularizedRewardParams> = {}) {
  const { weightRegularization } = regularizedRewardParams.parse(params);
  return ({ rewards, mask, weights, parameters, refParameters }: RegularizedRewardTensors) => {
    const total = np.sum(weights.ref);
    const meanReward = np.sum(rowMeans(rewards, mask).mul(weights)).div(total);
    const distance = np.sum(np.square(parameters.sub(lax.stopGradient(refParameters))));
    const regularization = distance.mul(weightRegularization);
    return {
      loss: regularization.ref.sub(meanReward.ref),
      meanReward: lax.stopGradient(meanReward),
      regularization: lax.stopGradient(regularization),
    };
  };
}

/**
 * Weighted reward of a few-step generator, tied to its pretrained weights (R0 / Reward-Instruct, arXiv 2503.13070).
 *
 * loss = −Σ_k w_k R_k / Σ_k w_k + λ‖θ − θ_ref‖², R_k the mean over samples of the last step's reward (`last-step`) or over every
 * sampler step's (`all-steps`, R0+). Shapes K×N or K×N×S, K, D. Errors: neither rewards nor stepRewards; weights that sum to 0;
 * a reward without samples.
 */
export const regularizedReward = definePart({
  id: "objective/regularized-reward",
  papers: ["r0"],
  params: regularizedRewardParams,
  inputs: z.object({
    weights: vector("K", "weight per reward"),
    rewards: ragged("K×N", "reward per sample").optional(),
    stepRewards: shaped(z.array(z.array(z.array(z.number()))), "K×N×S", "reward after each sampler step").optional(),
    parameters: vector("D", "θ"),
    refParameters: vector("D", "θ_ref"),
  }),
  outputs: z.object({
    meanReward: z.number().describe("weighted mean reward"),
    regularization: z.number().describe("λ‖θ − θ_ref‖²"),
    loss: z.number().describe("regularization − meanReward"),
  }),
  compute(params, { weights, rewards, stepRewards, parameters, refParameters }) {
    const supervised = (steps: number[]) => (params.supervision === "last-step" ? steps.slice(-1) : steps);
    const perReward =
      stepRewards === undefined
        ? toRagged(required(rewards, "rewards", "there are no stepRewards"))
        : toRagged(stepRewards.map((samples) => samples.flatMap(supervised)));
    let total = 0;
    for (let k = 0; k < rowCount(perReward); k++) {
      if (perReward.offsets[k] === perReward.offsets[k + 1]) {
        const field = stepRewards === undefined ? "rewards" : "stepRewards";
        throw new ContractError(`inputs.${field}[${k}]`, "expected at least one reward");
      }
      total += weights[k];
    }
    if (total === 0) throw new ContractError("inputs.weights", "expected weights with a sum other than 0");
    const result = evaluate(regularizedRewardLoss(params), {
      rewards: rowsTensor(perReward),
      mask: maskTensor(perReward),
      weights: tensor(weights),
      parameters: vectorTensor(parameters),
      refParameters: vectorTensor(refParameters),
    });
    return { loss: result.loss, meanReward: result.meanReward[0], regularization: result.regularization[0] };
  },
});

/**
 * Policy-gradient training of a flow policy: draw G samples of each prompt with a stochastic sampler, score the samples,
 * weigh every random step, and step along an objective of the steps' log-densities. Flow-GRPO (arXiv 2505.05470), DanceGRPO,
 * DDPO, DenseGRPO and PRDP differ in what is passed in: sampling, credit, objective.
 */
import { numpy as np } from "@jax-js/jax";
import type { z } from "zod";
import { type Ragged, toFlat, type Vector } from "../core/ragged.ts";
import { createRandom, type Random } from "../core/random.ts";
import { dispose, float32, keep, type Parameters } from "../model/networks/parameters.ts";
import { inputLanes, type VelocityConfig, velocityInputs, velocityOf } from "../model/networks/velocity.ts";
import type { adamWParams } from "../model/optimizer.ts";
import { clippedSurrogateLoss } from "../objective/clipped-surrogate.ts";
import type { Tensor, Tensors } from "../objective/engine.ts";
import { flowKlLoss } from "../objective/flow.ts";
import { rewardDifferenceLoss } from "../objective/preference-regression.ts";
import { type BaseField, flowPolicy, oneHot } from "./flow-policy.ts";
import {
  drawStarts,
  type FlowModel,
  type FlowRollouts,
  type FlowSampling,
  flowStep,
  rollOutFlow,
  type SampleRewards,
} from "./flow-rollouts.ts";
import { createLearner, type Loss } from "./learner.ts";

export interface ScoredFlowRollouts extends FlowRollouts {
  readonly groups: Int32Array;
  /** Of the samples. */
  readonly rewards: Float64Array;
}

/** `clipped-surrogate` needs a credit; `reward-difference` regresses on the rewards themselves, against the field alone. */
export type FlowObjective =
  | {
      readonly kind: "clipped-surrogate";
      readonly params?: ParamsOf<typeof clippedSurrogateLoss>;
      /** β of `objective/flow-kl` to the field alone. */
      readonly klCoef?: number;
      /** Share of each rollout's random steps that is trained on, drawn anew for each; default: all. */
      readonly trainedShare?: number;
    }
  | { readonly kind: "reward-difference"; readonly params?: ParamsOf<typeof rewardDifferenceLoss> };
type ParamsOf<F> = F extends (params?: infer P) => unknown ? P : never;

/** Advantages N, or N×S, one a random step. */
export type FlowCredit = (rollouts: ScoredFlowRollouts, model: FlowModel) => Vector | Ragged;

export interface FlowPolicyGradientOptions {
  /** The network that is trained; its `condition` is the number of prompts. */
  readonly model: VelocityConfig;
  /** What it is added to. */
  readonly field: BaseField;
  /** Where the network starts; consumed. */
  readonly parameters: Parameters;
  readonly sampling: FlowSampling;
  /** Samples of each prompt a step. */
  readonly groupSize: number;
  /** All samples of a prompt start at the same noise. */
  readonly sharedStart?: boolean;
  readonly rewards: SampleRewards;
  readonly credit?: FlowCredit;
  readonly objective: FlowObjective;
  /** Updates on each batch of rollouts. */
  readonly updates?: number;
  readonly optimizer: z.input<typeof adamWParams>;
  readonly seed: string | number;
}

export interface FlowPolicyGradientTrainer {
  /** The present policy. */
  readonly policy: FlowModel;
  /** Its network; pass `keep(trainer.parameters)` to functions that consume it. */
  readonly parameters: Parameters;
  /** Fresh rollouts of the present policy, scored. */
  rollOut(): ScoredFlowRollouts;
  /** Updates on rollouts; log-densities are those of the policy that the ratios refer to. Gives the last update's figures. */
  update(rollouts: ScoredFlowRollouts): Record<string, number>;
  /** Both. */
  step(): Record<string, number>;
  dispose(): void;
}

export function flowPolicyGradient(options: FlowPolicyGradientOptions): FlowPolicyGradientTrainer {
  const { model, field, sampling, groupSize, rewards, credit, updates = 1 } = options;
  const random = createRandom(options.seed);
  const learner = createLearner(options.parameters, flowObjectiveLoss(options), options.optimizer);
  const compiled = flowPolicy(model, field);
  const policy = compiled.model(() => learner.parameters);
  const groups = { prompts: model.condition, groupSize, dimensions: model.dimensions, shared: options.sharedStart };

  const rollOut = (): ScoredFlowRollouts => {
    const starts = drawStarts(groups, random);
    const rollouts = rollOutFlow(policy, starts, sampling, random);
    return { ...rollouts, groups: starts.groups, rewards: rewards(samplesOf(rollouts), rollouts.prompts) };
  };
  const update = (rollouts: ScoredFlowRollouts) => {
    const advantages = credit?.(rollouts, policy) ?? rollouts.rewards;
    const batch = flowBatch(options, rollouts, advantages, random);
    let report: Record<string, number> = {};
    for (let k = 0; k < updates; k++) report = learner.step(keep(batch));
    dispose(batch);
    return { reward: rollouts.rewards.reduce((sum, r) => sum + r, 0) / rollouts.rewards.length, ...report };
  };
  return {
    policy,
    get parameters() {
      return learner.parameters;
    },
    rollOut,
    update,
    step: () => update(rollOut()),
    dispose() {
      compiled.dispose();
      learner.dispose();
    },
  };
}

/** The last latents. */
export function samplesOf({ latents }: FlowRollouts): Float64Array {
  return latents[latents.length - 1];
}

type BatchOptions = Pick<FlowPolicyGradientOptions, "model" | "field" | "sampling" | "objective">;

/**
 * Rollouts as arrays for `flowObjectiveLoss`, rows rollout by rollout, step by step: network inputs, and what the field alone
 * leaves of each step, x′ − (α·x + β·v_field), which β·network is to explain.
 */
export function flowBatch(
  { model, field, sampling, objective }: BatchOptions,
  { prompts, latents, logprobs, rewards }: ScoredFlowRollouts,
  advantages: Vector | Ragged,
  random: Random,
): Tensors {
  const { dimensions, condition } = model;
  const steps = sampling.stochasticSteps;
  const count = prompts.length;
  const lanes = inputLanes(model);
  const inputs = new Float32Array(count * steps * lanes);
  const residuals = new Float32Array(count * steps * dimensions);
  const refLogprobs = new Float32Array(count * steps);
  const conditions = oneHot(prompts, condition);
  for (let step = 0; step < steps; step++) {
    const { point, velocity, std } = flowStep(sampling, step);
    const { scale, constant } = densityOf(sampling, std, dimensions);
    const base = field(latents[step], sampling.sigmas[step]);
    const made = velocityInputs(model, latents[step], sampling.sigmas[step], conditions);
    for (let i = 0; i < count; i++) {
      const row = i * steps + step;
      inputs.set(made.subarray(i * lanes, (i + 1) * lanes), row * lanes);
      refLogprobs[row] = constant;
      for (let d = 0; d < dimensions; d++) {
        const k = i * dimensions + d;
        const residual = latents[step + 1][k] - point * latents[step][k] - velocity * base[k];
        residuals[row * dimensions + d] = residual;
        refLogprobs[row] -= scale * residual * residual;
      }
    }
  }
  const batch: Tensors = {
    inputs: float32(inputs, [count * steps, lanes]),
    residuals: float32(residuals, [count, steps, dimensions]),
    oldLogprobs: float32(Float32Array.from(logprobs.values), [count, steps]),
    mask: float32(trainedMask(objective, count, steps, random), [count, steps]),
  };
  if (objective.kind === "reward-difference") {
    batch.refLogprobs = float32(refLogprobs, [count, steps]);
    batch.rewards = float32(Float32Array.from(rewards));
    batch.pairWeights = float32(pairWeights(prompts), [count, count]);
  } else {
    const { values } = toFlat(advantages);
    batch.advantages = float32(Float32Array.from(values), [count, values.length / count]);
  }
  return batch;
}

/** Log-density of a step: constant − scale·|x′ − mean|². */
function densityOf({ schedule }: FlowSampling, std: number, dimensions: number) {
  if (schedule === "cps") return { scale: 1, constant: 0 };
  return { scale: 1 / (2 * std * std), constant: -dimensions * (Math.log(std) + 0.5 * Math.log(2 * Math.PI)) };
}

function trainedMask(objective: FlowObjective, count: number, steps: number, random: Random): Float32Array {
  const share = objective.kind === "clipped-surrogate" ? (objective.trainedShare ?? 1) : 1;
  const mask = new Float32Array(count * steps).fill(share < 1 ? 0 : 1);
  if (share === 1) return mask;
  const trained = Math.max(1, Math.round(share * steps));
  for (let i = 0; i < count; i++) {
    const order = Array.from({ length: steps }, (_, step) => step);
    for (let k = 0; k < trained; k++) {
      const other = k + random.integer(steps - k);
      [order[k], order[other]] = [order[other], order[k]];
      mask[i * steps + order[k]] = 1;
    }
  }
  return mask;
}

/** Of pairs i < j of one prompt: the mean over prompts of the mean over pairs. */
function pairWeights(prompts: Int32Array): Float32Array {
  const sizes = new Map<number, number>();
  for (const prompt of prompts) sizes.set(prompt, (sizes.get(prompt) ?? 0) + 1);
  const paired = [...sizes.values()].filter((size) => size > 1).length;
  const count = prompts.length;
  const weights = new Float32Array(count * count);
  for (let i = 0; i < count; i++)
    for (let j = i + 1; j < count; j++) {
      const size = sizes.get(prompts[i]) ?? 0;
      if (prompts[i] === prompts[j]) weights[i * count + j] = 2 / (size * (size - 1) * paired);
    }
  return weights;
}

/** The objective of the log-densities of a batch of `flowBatch`, as a loss of the network. */
export function flowObjectiveLoss({ model, sampling, objective }: BatchOptions): Loss {
  const { dimensions } = model;
  const steps = Array.from({ length: sampling.stochasticSteps }, (_, step) => {
    const { velocity, std, diffusion } = flowStep(sampling, step);
    return { velocity, diffusion, ...densityOf(sampling, std, dimensions) };
  });
  const perStep = (of: (step: (typeof steps)[number]) => number, shape: number[]) =>
    float32(Float32Array.from(steps, of), shape);
  const surrogate = clippedSurrogateLoss(objective.kind === "clipped-surrogate" ? objective.params : {});
  const regression = objective.kind === "reward-difference" ? rewardDifferenceLoss(objective.params) : null;
  const klCoef = objective.kind === "clipped-surrogate" ? (objective.klCoef ?? 0) : 0;
  return (parameters, { inputs, residuals, ...batch }): { loss: Tensor; [figure: string]: Tensor } => {
    const moved = velocityOf(model, parameters, inputs)
      .reshape([-1, steps.length, dimensions])
      .mul(perStep(({ velocity }) => velocity, [steps.length, 1]));
    const kl =
      klCoef === 0
        ? null
        : stepKl(
            moved.ref,
            perStep(({ diffusion }) => 1 / diffusion, [steps.length, 1]),
          );
    const squares = np.sum(np.square(residuals.sub(moved)), -1);
    const logprobs = squares
      .mul(perStep(({ scale }) => -scale, [steps.length]))
      .add(perStep(({ constant }) => constant, [steps.length]));
    const { oldLogprobs, mask } = batch;
    if (regression !== null) {
      const { refLogprobs, rewards, pairWeights } = batch;
      const pairs = regression({ logprobs, refLogprobs, oldLogprobs, mask, rewards, pairWeights: pairWeights.ref });
      pairs.pairLosses.dispose();
      pairs.clippedPredictions.dispose();
      const clipActive = np.sum(pairs.active.mul(pairWeights));
      return { loss: pairs.loss, clipActive, predictedReward: np.mean(pairs.predictedRewards) };
    }
    const { ratios, klLoss, ...scalars } = surrogate({ logprobs, oldLogprobs, advantages: batch.advantages, mask });
    ratios.dispose();
    klLoss?.dispose();
    return kl === null ? scalars : { ...scalars, loss: scalars.loss.add(kl.ref.mul(klCoef)), kl };
  };
}

/** Mean KL of a step to the field alone, from what the network adds to its mean: `objective/flow-kl` in units of g. */
function stepKl(moved: Tensor, inverseDiffusion: Tensor): Tensor {
  const means = moved.mul(inverseDiffusion);
  const { loss, perSample } = flowKlLoss(1)({ means, refMeans: np.zeros(means.shape) });
  perSample.dispose();
  return loss;
}

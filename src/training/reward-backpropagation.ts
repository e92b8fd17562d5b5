/**
 * Back-propagating a reward through the last steps of a flow's noise-free sampler: DRaFT-K (arXiv 2309.17400), AlignProp with a
 * fixed start (2310.03739). The reward is asked for its gradient at the samples, so it may be any function.
 */
import { lax, numpy as np } from "@jax-js/jax";
import type { z } from "zod";
import { createRandom } from "../core/random.ts";
import { float32, type Parameters } from "../model/networks/parameters.ts";
import { type VelocityConfig, velocity } from "../model/networks/velocity.ts";
import type { adamWParams } from "../model/optimizer.ts";
import type { Tensor } from "../objective/engine.ts";
import { type BaseField, flowPolicy, oneHot } from "./flow-policy.ts";
import { drawStarts, type FlowModel, sampleFlow } from "./flow-rollouts.ts";
import { createLearner, type Loss } from "./learner.ts";

export interface RewardBackpropagationOptions {
  /** The network that is trained; its `condition` is the number of prompts. */
  readonly model: VelocityConfig;
  /** What it is added to, on plain numbers and on arrays; the second is needed where more than one step carries gradient. */
  readonly field: BaseField;
  readonly fieldTensor: (points: Tensor, sigma: number) => Tensor;
  /** Where the network starts; consumed. */
  readonly parameters: Parameters;
  readonly sigmas: ArrayLike<number>;
  /** First step that carries gradient (`objective/reward-backprop-schedule`). */
  readonly start: number;
  /** Samples of each prompt a step. */
  readonly groupSize: number;
  /** Gradient of the reward at each sample, N × D. */
  readonly rewardGradients: (samples: Float64Array, prompts: Int32Array) => Float64Array;
  readonly optimizer: z.input<typeof adamWParams>;
  readonly seed: string | number;
}

export interface RewardBackpropagationTrainer {
  readonly policy: FlowModel;
  step(): Record<string, number>;
  dispose(): void;
}

export function rewardBackpropagation(options: RewardBackpropagationOptions): RewardBackpropagationTrainer {
  const { model, field, sigmas, start, groupSize, rewardGradients } = options;
  const { dimensions, condition: prompts } = model;
  const random = createRandom(options.seed);
  const learner = createLearner(options.parameters, backpropagatedReward(options), options.optimizer);
  const compiled = flowPolicy(model, field);
  const policy = compiled.model(() => learner.parameters);
  const [before, after] = [Array.from(sigmas).slice(0, start + 1), Array.from(sigmas).slice(start)];
  return {
    policy,
    step() {
      const starts = drawStarts({ prompts, groupSize, dimensions }, random);
      const points = sampleFlow(policy, starts, before);
      const samples = sampleFlow(policy, { noises: points, prompts: starts.prompts }, after);
      const rows = starts.prompts.length;
      const gradients = rewardGradients(samples, starts.prompts);
      return learner.step({
        points: float32(Float32Array.from(points), [rows, dimensions]),
        condition: float32(oneHot(starts.prompts, prompts), [rows, prompts]),
        gradients: float32(Float32Array.from(gradients), [rows, dimensions]),
      });
    },
    dispose() {
      compiled.dispose();
      learner.dispose();
    },
  };
}

/** −mean over samples of ∇r·x_T(θ), whose gradient is that of the mean reward; x_T from `points` before step `start`. */
export function backpropagatedReward({
  model,
  fieldTensor,
  sigmas,
  start,
}: Pick<RewardBackpropagationOptions, "model" | "fieldTensor" | "sigmas" | "start">): Loss {
  return (parameters, { points, condition, gradients }) => {
    const rows = points.shape[0];
    let x = points;
    for (let step = start; step + 1 < sigmas.length; step++) {
      const sigma = sigmas[step];
      const last = step + 2 === sigmas.length;
      const weights: Parameters = {};
      for (const [name, array] of Object.entries(parameters)) weights[name] = last ? array : array.ref;
      const times = np.full([rows, 1], sigma);
      const residual = velocity(model, weights, { points: x.ref, times, condition: last ? condition : condition.ref });
      // Where x does not depend on the network, nothing is differentiated through the field.
      const base = fieldTensor(step === start ? lax.stopGradient(x.ref) : x.ref, sigma);
      x = x.add(base.add(residual).mul(sigmas[step + 1] - sigma));
    }
    return { loss: np.sum(x.mul(gradients)).mul(-1 / rows) };
  };
}

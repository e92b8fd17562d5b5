/** Flow matching (arXiv 2209.03003): fitting a velocity network to data. */
import type { z } from "zod";
import { createRandom, type Random } from "../core/random.ts";
import { flowInterpolant, flowMatchingLossOf } from "../model/flow.ts";
import { float32, keep, type Parameters } from "../model/networks/parameters.ts";
import {
  initVelocity,
  inputLanes,
  type VelocityConfig,
  velocityInputs,
  velocityOf,
} from "../model/networks/velocity.ts";
import type { adamWParams } from "../model/optimizer.ts";
import { createLearner, type Loss } from "./learner.ts";

/** N data points of D coordinates and their conditions N × C (absent where C is 0), row after row. */
export interface FlowData {
  readonly latents: Float64Array;
  readonly condition?: ArrayLike<number>;
  /** Weight of each; default 1. */
  readonly weights?: ArrayLike<number>;
}

export interface FlowMatchingOptions {
  readonly model: VelocityConfig;
  /** A batch of data; always as many. */
  readonly draw: (random: Random, step: number) => FlowData;
  readonly steps: number;
  readonly optimizer: z.input<typeof adamWParams>;
  readonly seed: string | number;
  /** Starts from these (and consumes them) instead of drawing new ones. */
  readonly parameters?: Parameters;
  /** Sees each step's figures and the parameters, which stay the learner's; true ends the training. */
  readonly onStep?: (report: Record<string, number>, parameters: Parameters) => boolean | undefined;
}

/** Trains on x_s = (1 − s)x + sε with s uniform in [0, 1): σ = 1 is noise, 0 data. Gives the parameters, which the caller owns. */
export function trainFlowMatching(options: FlowMatchingOptions): Parameters {
  const { model, draw, steps, seed, onStep } = options;
  const random = createRandom(seed);
  const data = random.stream("data");
  const noise = random.stream("noise");
  const learner = createLearner(
    options.parameters ?? initVelocity(model, random.stream("parameters")),
    flowMatchingObjective(model),
    options.optimizer,
  );
  for (let step = 0; step < steps; step++) {
    const report = learner.step(flowMatchingBatch(model, draw(data, step), noise));
    if (onStep?.({ step, ...report }, learner.parameters)) break;
  }
  const parameters = keep(learner.parameters);
  learner.dispose();
  return parameters;
}

const interpolate = flowInterpolant({ convention: "data-at-zero" });

/** One noise and one time a row: network inputs N×I, target velocities N×1×D, weights N. */
export function flowMatchingBatch(model: VelocityConfig, { latents, condition, weights }: FlowData, random: Random) {
  const { dimensions } = model;
  const rows = latents.length / dimensions;
  const offsets = Uint32Array.from({ length: rows + 1 }, (_, i) => i * dimensions);
  const times = Float64Array.from({ length: rows }, () => random.uniform());
  const noises = { values: latents.map(() => random.normal()), offsets };
  const { states, velocities } = interpolate({ latents: { values: latents, offsets }, noises, timestep: times });
  return {
    inputs: float32(velocityInputs(model, states.values, times, condition), [rows, inputLanes(model)]),
    targets: float32(Float32Array.from(velocities.values), [rows, 1, dimensions]),
    weights: float32(weights === undefined ? new Float32Array(rows).fill(1) : Float32Array.from(weights)),
    mask: float32(new Float32Array(rows).fill(1), [rows, 1]),
  };
}

/** `model/flow-matching-loss` of the network on such a batch. */
export function flowMatchingObjective(model: VelocityConfig): Loss {
  const objective = flowMatchingLossOf();
  return (parameters, { inputs, targets, weights, mask }) => {
    const predicted = velocityOf(model, parameters, inputs).reshape(targets.shape);
    const { loss, perRollout } = objective({ velocities: predicted, targets, mask, weights });
    perRollout.dispose();
    return { loss };
  };
}

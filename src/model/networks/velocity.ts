/** Velocity field of a rectified flow (arXiv 2209.03003): a perceptron of the point, the time and the condition. */
import { numpy as np } from "@jax-js/jax";
import type { Random } from "../../core/random.ts";
import type { Tensor } from "../../objective/engine.ts";
import { type Activation, type MlpConfig, mlp, mlpShapes } from "./mlp.ts";
import { drawParameters, type ParameterShapes, type Parameters } from "./parameters.ts";

export interface VelocityConfig {
  /** Dimensions of a point. */
  readonly dimensions: number;
  /** Entries of the condition (a one-hot class, an embedding); 0: none. */
  readonly condition: number;
  readonly hidden: readonly number[];
  readonly activation?: Activation;
  /** Frequencies 1 … k of the time's sine and cosine. */
  readonly frequencies?: number;
  /** The field starts as 0. */
  readonly zeroOutput?: boolean;
}

function perceptron(config: VelocityConfig): MlpConfig {
  const { dimensions, condition, hidden, activation = "silu", frequencies = 1, zeroOutput } = config;
  const inputs = dimensions + 1 + 2 * frequencies + condition;
  return { inputs, hidden, outputs: dimensions, activation, zeroOutput };
}

export function velocityShapes(config: VelocityConfig): ParameterShapes {
  return mlpShapes(perceptron(config));
}

export function initVelocity(config: VelocityConfig, random: Random): Parameters {
  return drawParameters(velocityShapes(config), random);
}

/**
 * Velocity N×D at points N×D, times N×1 in [0, 1] and conditions N×C (absent where C is 0), from
 * [x, t, sin 2πkt, cos 2πkt, condition]. Consumes its arguments.
 */
export function velocity(
  config: VelocityConfig,
  parameters: Parameters,
  { points, times, condition }: { points: Tensor; times: Tensor; condition?: Tensor },
): Tensor {
  const features = [points, times.ref];
  for (let k = 1; k <= (config.frequencies ?? 1); k++) {
    const angle = times.ref.mul(2 * Math.PI * k);
    features.push(np.sin(angle.ref), np.cos(angle));
  }
  times.dispose();
  if (condition !== undefined) features.push(condition);
  return mlp(perceptron(config), parameters, np.concatenate(features, 1));
}

/**
 * The network's inputs of N points as plain numbers, [x, t, sin 2πkt, cos 2πkt, condition, zeros], for `velocityOf`: rows are
 * filled with zeros to whole lanes of 4, which makes an update half as long again faster. `times` is one number for all
 * points or one each; `condition` N×C, absent where C is 0.
 */
export function velocityInputs(
  config: VelocityConfig,
  points: ArrayLike<number>,
  times: number | ArrayLike<number>,
  condition?: ArrayLike<number>,
): Float32Array {
  const { dimensions, condition: width, frequencies = 1 } = config;
  const rows = points.length / dimensions;
  const lanes = inputLanes(config);
  const inputs = new Float32Array(rows * lanes);
  for (let i = 0; i < rows; i++) {
    const time = typeof times === "number" ? times : times[i];
    let at = i * lanes;
    for (let d = 0; d < dimensions; d++) inputs[at++] = points[i * dimensions + d];
    inputs[at++] = time;
    for (let k = 1; k <= frequencies; k++) {
      inputs[at++] = Math.sin(2 * Math.PI * k * time);
      inputs[at++] = Math.cos(2 * Math.PI * k * time);
    }
    if (condition !== undefined) for (let c = 0; c < width; c++) inputs[at++] = condition[i * width + c];
  }
  return inputs;
}

/** Width of `velocityInputs`. */
export function inputLanes(config: VelocityConfig): number {
  return Math.ceil(perceptron(config).inputs / 4) * 4;
}

/** Velocity N×D of inputs that `velocityInputs` made: the same numbers as `velocity`. Consumes its arguments. */
export function velocityOf(config: VelocityConfig, parameters: Parameters, inputs: Tensor): Tensor {
  const network = perceptron(config);
  const missing = inputLanes(config) - network.inputs;
  const first = parameters["0.weight"];
  const filled = missing === 0 ? first : np.concatenate([first, np.zeros([missing, first.shape[1]])], 0);
  return mlp(network, { ...parameters, "0.weight": filled }, inputs);
}

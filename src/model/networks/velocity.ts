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

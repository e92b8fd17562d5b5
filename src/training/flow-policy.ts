/**
 * A flow policy: a velocity field that is there already (a pre-trained model, or the exact field of a bed) plus a velocity
 * network of point, time and prompt. A network with `zeroOutput` starts as the field alone.
 */
import { jit } from "@jax-js/jax";
import { float32, keep, type Parameters } from "../model/networks/parameters.ts";
import { inputLanes, type VelocityConfig, velocityInputs, velocityOf } from "../model/networks/velocity.ts";
import type { Tensor } from "../objective/engine.ts";
import type { FlowModel } from "./flow-rollouts.ts";

/** Velocities N × D of the fixed part. */
export type BaseField = (points: Float64Array, sigma: number) => Float64Array;

/** One-hot rows of prompts, N × C. */
export function oneHot(prompts: Int32Array, width: number): Float32Array {
  const rows = new Float32Array(prompts.length * width);
  for (let i = 0; i < prompts.length; i++) rows[i * width + prompts[i]] = 1;
  return rows;
}

export interface FlowPolicy {
  /** The policy with these parameters, which are lent: read at every call. */
  model(parameters: () => Parameters): FlowModel;
  dispose(): void;
}

/** `config.condition` is the number of prompts, which enter one-hot. */
export function flowPolicy(config: VelocityConfig, field: BaseField): FlowPolicy {
  const network = jit((parameters: Parameters, inputs: Tensor) => velocityOf(config, parameters, inputs));
  const lanes = inputLanes(config);
  return {
    model: (parameters) => (points, sigma, prompts) => {
      const inputs = velocityInputs(config, points, sigma, oneHot(prompts, config.condition));
      const residual = network(keep(parameters()), float32(inputs, [prompts.length, lanes]));
      const added = residual.dataSync();
      const velocities = field(points, sigma);
      for (let k = 0; k < velocities.length; k++) velocities[k] += added[k];
      return velocities;
    },
    dispose: () => network.dispose(),
  };
}

/** Multi-layer perceptron. */
import { nn, numpy as np } from "@jax-js/jax";
import type { Random } from "../../core/random.ts";
import type { Tensor } from "../../objective/engine.ts";
import { drawParameters, type ParameterShapes, type Parameters } from "./parameters.ts";

export const activations = {
  relu: (x: Tensor): Tensor => np.maximum(x, 0),
  tanh: (x: Tensor): Tensor => np.tanh(x),
  silu: (x: Tensor): Tensor => x.ref.mul(nn.sigmoid(x)),
};
export type Activation = keyof typeof activations;

export interface MlpConfig {
  readonly inputs: number;
  /** Units of each hidden layer; none: a linear map. */
  readonly hidden: readonly number[];
  readonly outputs: number;
  readonly activation?: Activation;
  /** The last layer starts at zero, so that the network first gives 0. */
  readonly zeroOutput?: boolean;
}

/** Weights `<layer>.weight` (inputs × outputs) and biases `<layer>.bias`. */
export function mlpShapes({ inputs, hidden, outputs, activation = "relu", zeroOutput }: MlpConfig): ParameterShapes {
  const shapes: Record<string, { shape: number[]; scale: number }> = {};
  const sizes = [inputs, ...hidden, outputs];
  for (let layer = 0; layer + 1 < sizes.length; layer++) {
    const last = layer + 2 === sizes.length;
    // He for rectifiers, whose outputs lose half of their square; LeCun elsewhere.
    const gain = !last && activation !== "tanh" ? Math.SQRT2 : 1;
    const scale = last && zeroOutput ? 0 : gain / Math.sqrt(sizes[layer]);
    shapes[`${layer}.weight`] = { shape: [sizes[layer], sizes[layer + 1]], scale };
    shapes[`${layer}.bias`] = { shape: [sizes[layer + 1]], scale: 0 };
  }
  return shapes;
}

export function initMlp(config: MlpConfig, random: Random): Parameters {
  return drawParameters(mlpShapes(config), random);
}

/** N×inputs → N×outputs. Consumes its arguments. */
export function mlp({ hidden, activation = "relu" }: MlpConfig, parameters: Parameters, x: Tensor): Tensor {
  let out = x;
  for (let layer = 0; layer <= hidden.length; layer++) {
    out = np.matmul(out, parameters[`${layer}.weight`]).add(parameters[`${layer}.bias`]);
    if (layer < hidden.length) out = activations[activation](out);
  }
  return out;
}

/** A small convolutional encoder: 3 × 3 convolutions of stride 2 with ReLU, then a linear map of what is left. */
import { lax, numpy as np } from "@jax-js/jax";
import { ContractError } from "../../core/error.ts";
import type { Random } from "../../core/random.ts";
import type { Tensor } from "../../objective/engine.ts";
import { drawParameters, type ParameterShapes, type Parameters } from "./parameters.ts";

export interface EncoderConfig {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** Channels after each convolution; each halves height and width (rounded up). */
  readonly filters: readonly number[];
  /** Entries of the encoding. */
  readonly outputs: number;
}

export function encoderShapes({ channels, height, width, filters, outputs }: EncoderConfig): ParameterShapes {
  if (filters.length === 0) throw new ContractError("config.filters", "expected at least one convolution");
  const shapes: Record<string, { shape: number[]; scale: number }> = {};
  let incoming = channels;
  let [rows, columns] = [height, width];
  filters.forEach((filter, layer) => {
    shapes[`${layer}.weight`] = { shape: [filter, incoming, 3, 3], scale: Math.sqrt(2 / (9 * incoming)) };
    shapes[`${layer}.bias`] = { shape: [filter, 1, 1], scale: 0 };
    incoming = filter;
    [rows, columns] = [Math.ceil(rows / 2), Math.ceil(columns / 2)];
  });
  const flat = incoming * rows * columns;
  shapes["output.weight"] = { shape: [flat, outputs], scale: 1 / Math.sqrt(flat) };
  shapes["output.bias"] = { shape: [outputs], scale: 0 };
  return shapes;
}

export function initEncoder(config: EncoderConfig, random: Random): Parameters {
  return drawParameters(encoderShapes(config), random);
}

/** Images N×channels×height×width → encodings N×outputs. Consumes its arguments. */
export function encoder({ filters }: EncoderConfig, parameters: Parameters, images: Tensor): Tensor {
  let x = images;
  for (let layer = 0; layer < filters.length; layer++) {
    const [, , height, width] = x.shape;
    // An even length gets its padding at the end only, so that ⌈length / 2⌉ windows fit either way.
    const padding: [number, number][] = [
      [height % 2, 1],
      [width % 2, 1],
    ];
    const convolved = lax.convGeneralDilated(x, parameters[`${layer}.weight`], [2, 2], padding);
    x = np.maximum(convolved.add(parameters[`${layer}.bias`]), 0);
  }
  const flat = x.reshape([x.shape[0], x.size / x.shape[0]]);
  return np.matmul(flat, parameters["output.weight"]).add(parameters["output.bias"]);
}

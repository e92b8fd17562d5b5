/**
 * Parameters of networks: a flat record of named jax-js arrays. jax-js arrays are owned (see
 * `objective/engine.ts`): a function consumes what it is given, so whoever wants to keep parameters
 * passes `keep(parameters)`, and disposes of them at the end.
 */
import { numpy as np } from "@jax-js/jax";
import { ContractError } from "../../core/error.ts";
import type { Random } from "../../core/random.ts";
import type { Tensor } from "../../objective/engine.ts";

export type Parameters = { [name: string]: Tensor };

/** Shape of each parameter and the standard deviation it starts with (0: zeros). */
export type ParameterShapes = {
  readonly [name: string]: { readonly shape: readonly number[]; readonly scale: number };
};

/** Draws N(0, scale²) float32 parameters; each has a stream of its own, so that adding one leaves the others. */
export function drawParameters(shapes: ParameterShapes, random: Random): Parameters {
  const parameters: Parameters = {};
  for (const [name, { shape, scale }] of Object.entries(shapes)) {
    const draws = random.stream(name);
    const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
    if (scale > 0) for (let i = 0; i < data.length; i++) data[i] = scale * draws.normal();
    parameters[name] = float32(data, shape);
  }
  return parameters;
}

/** A float32 array on the default device; the data is copied. */
export function float32(data: Float32Array, shape: readonly number[] = [data.length]): Tensor {
  return np.array(data as Float32Array<ArrayBuffer>, { shape: [...shape], dtype: np.float32 });
}

/** An int32 array on the default device; the data is copied. */
export function int32(data: Int32Array, shape: readonly number[] = [data.length]): Tensor {
  return np.array(data as Int32Array<ArrayBuffer>, { shape: [...shape], dtype: np.int32 });
}

/** The same parameters once more, for a function that consumes them. */
export function keep<T extends Parameters>(parameters: T): T {
  const kept: Parameters = {};
  for (const [name, array] of Object.entries(parameters)) kept[name] = array.ref;
  return kept as T;
}

export function dispose(parameters: Parameters): void {
  for (const array of Object.values(parameters)) array.dispose();
}

/** How many numbers there are in all. */
export function parameterCount(parameters: Parameters | ParameterShapes): number {
  let count = 0;
  for (const { shape } of Object.values(parameters)) count += shape.reduce((a: number, b: number) => a * b, 1);
  return count;
}

/** Parameters off the device: what is saved, cached, or sent to another thread. */
export type HostParameters = { [name: string]: { readonly shape: readonly number[]; readonly data: Float32Array } };

/** Copies parameters to the host; they stay alive. */
export function toHost(parameters: Parameters): HostParameters {
  const host: HostParameters = {};
  for (const [name, array] of Object.entries(parameters)) {
    host[name] = { shape: [...array.shape], data: array.ref.dataSync() as Float32Array };
  }
  return host;
}

export function fromHost(host: HostParameters): Parameters {
  const parameters: Parameters = {};
  for (const [name, { shape, data }] of Object.entries(host)) parameters[name] = float32(data, shape);
  return parameters;
}

/** Throws `ContractError` unless `host` has exactly these parameters with these shapes. */
export function checkParameters(host: HostParameters, shapes: ParameterShapes): void {
  for (const [name, { shape }] of Object.entries(shapes)) {
    if (host[name] === undefined) throw new ContractError(`parameters.${name}`, "expected an array, got nothing");
    if (host[name].shape.join() !== shape.join())
      throw new ContractError(
        `parameters.${name}`,
        `expected shape ${shape.join("×")}, got ${host[name].shape.join("×")}`,
      );
  }
  for (const name of Object.keys(host)) {
    if (shapes[name] === undefined) throw new ContractError(`parameters.${name}`, "no such parameter in this network");
  }
}

/** Tests that hold for every differentiable loss: gradients, saturation, jit against contract, ownership. */
import { jit, numpy as np, valueAndGrad } from "@jax-js/jax";
import { describe, expect, it } from "vitest";
import { evaluate, evaluateWithGradient, type Tensor, tensor } from "./engine.ts";
import type { Input, LossCase } from "./losses.fixture.ts";

function tensors(inputs: Record<string, Input>): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(inputs).map(([name, { data, shape }]) => [name, tensor(data, shape)]));
}

function withEntry(inputs: Record<string, Input>, name: string, index: number, value: number): Record<string, Input> {
  const data = inputs[name].data.slice();
  data[index] = value;
  return { ...inputs, [name]: { ...inputs[name], data } };
}

/** Live buffers of the "cpu" device: the map in which it keeps them, found as it is written to. */
function cpuBuffers(): Map<unknown, unknown> {
  let found: Map<unknown, unknown> | undefined;
  const original = Map.prototype.set;
  Map.prototype.set = function set(this: Map<unknown, unknown>, key: unknown, value: unknown) {
    if (typeof value === "object" && value !== null && "ref" in value && "buffer" in value) found = this;
    return original.call(this, key, value);
  };
  try {
    tensor([1, 2, 3]).dispose();
  } finally {
    Map.prototype.set = original;
  }
  if (found === undefined) throw new Error("jax-js keeps its buffers elsewhere now");
  return found;
}

export function checkLosses(cases: readonly LossCase[]): void {
  for (const one of cases) describe(one.name, () => checkLoss(one));
}

function checkLoss({ loss, inputs, wrt, detached }: LossCase): void {
  // Where parts of the loss are constants for the gradient, the families' own tests check it against its formula.
  if (!detached)
    it("has the gradient of finite differences", () => {
      const { gradients } = evaluateWithGradient(loss, tensors(inputs), wrt);
      const step = 1e-5;
      for (const name of wrt) {
        const size = inputs[name].data.length;
        // A handful of entries of each input, spread over it.
        for (let k = 0; k < size; k += Math.max(1, Math.floor(size / 3))) {
          const at = inputs[name].data[k];
          const above = evaluate(loss, tensors(withEntry(inputs, name, k, at + step))).loss;
          const below = evaluate(loss, tensors(withEntry(inputs, name, k, at - step))).loss;
          expect(gradients[name][k], `${name}[${k}]`).toBeCloseTo((above - below) / (2 * step), 6);
        }
      }
    });

  it("stays finite under jit in float32 far into saturation", () => {
    const large =
      /logprobs|logits|rewards|errors|advantages|values|own|predicted|scores|potentials|^(chosen|rejected|first|second)$/i;
    const single = ([name, { data, shape }]: [string, Input]): [string, Tensor] => {
      const scale = large.test(name) ? 1000 : 1;
      return [name, np.array(Float32Array.from(data, (value) => scale * value)).reshape(shape)];
    };
    const all = Object.entries(inputs);
    const variables = Object.fromEntries(all.filter(([name]) => wrt.includes(name)).map(single));
    const rest = Object.fromEntries(all.filter(([name]) => !wrt.includes(name)).map(single));
    const step = jit((given: Record<string, Tensor>, others: Record<string, Tensor>) =>
      valueAndGrad(
        (first: Record<string, Tensor>, second: Record<string, Tensor>) => loss({ ...second, ...first }).loss,
      )(given, others),
    );
    const [value, gradient] = step(variables, rest) as unknown as [Tensor, Record<string, Tensor>];
    expect(value.item()).toSatisfy(Number.isFinite);
    for (const name of wrt)
      expect(Array.from(gradient[name].dataSync())).toSatisfy((values: number[]) => values.every(Number.isFinite));
    step.dispose();
  });

  it("gives under jit in float32 what it gives by contract in float64", () => {
    const exact = evaluateWithGradient(loss, tensors(inputs), wrt);
    const single = (name: string) => {
      const { data, shape } = inputs[name];
      return np.array(Float32Array.from(data)).reshape(shape);
    };
    const constants = Object.keys(inputs).filter((name) => !wrt.includes(name));
    const step = jit((variables: Record<string, Tensor>, rest: Record<string, Tensor>) =>
      valueAndGrad(
        (given: Record<string, Tensor>, others: Record<string, Tensor>) => loss({ ...others, ...given }).loss,
      )(variables, rest),
    );
    const record = (names: string[]) => Object.fromEntries(names.map((name) => [name, single(name)]));
    const [value, gradient] = step(record(wrt), record(constants)) as unknown as [Tensor, Record<string, Tensor>];
    const close = (got: number, expected: number) =>
      expect(Math.abs(got - expected)).toBeLessThan(2e-4 * Math.max(1, Math.abs(expected)));
    close(value.item(), exact.loss);
    for (const name of wrt) {
      const values = gradient[name].dataSync();
      for (let k = 0; k < values.length; k++) close(Number(values[k]), exact.gradients[name][k]);
    }
    step.dispose();
  });

  it("consumes its inputs and leaves no array behind", () => {
    const buffers = cpuBuffers();
    const before = buffers.size;
    evaluate(loss, tensors(inputs));
    expect(buffers.size).toBe(before);
    evaluateWithGradient(loss, tensors(inputs), wrt);
    expect(buffers.size).toBe(before);
  });
}

import { jit, numpy as np, valueAndGrad } from "@jax-js/jax";
import { describe, expect, it } from "vitest";
import { createRandom } from "../../core/random.ts";
import type { Tensor } from "../../objective/engine.ts";
import { type EncoderConfig, encoder, initEncoder } from "./convolution.ts";
import { liveArrays } from "./live-arrays.fixture.ts";
import { initMlp, type MlpConfig, mlp } from "./mlp.ts";
import {
  checkParameters,
  dispose,
  float32,
  fromHost,
  type HostParameters,
  keep,
  type Parameters,
  toHost,
} from "./parameters.ts";
import { initVelocity, type VelocityConfig, velocity } from "./velocity.ts";

function numbers(name: string, size: number): Float32Array {
  return Float32Array.from({ length: size }, createRandom(name).normal);
}

/** Compares value and gradient of Σ output · sin(i) with a float64 function, by central differences. */
function check(
  parameters: Parameters,
  network: (parameters: Parameters) => Tensor,
  reference: (host: Record<string, Float64Array>) => number[],
): void {
  const live = liveArrays();
  const weighted = (p: Parameters) => {
    const out = network(p);
    return np.sum(
      out.mul(
        float32(
          Float32Array.from({ length: out.size }, (_, i) => Math.sin(i + 1)),
          out.shape,
        ),
      ),
    );
  };
  const step = jit((p: Parameters) => valueAndGrad(weighted)(p));
  const run = () => step(keep(parameters)) as unknown as [Tensor, Parameters];
  const [value, gradients] = run();
  const host: Record<string, Float64Array> = {};
  for (const [name, { data }] of Object.entries(toHost(parameters))) host[name] = Float64Array.from(data);
  const exact = () => reference(host).reduce((sum, x, i) => sum + x * Math.sin(i + 1), 0);
  expect(value.item()).toBeCloseTo(exact(), 3);
  const random = createRandom("entries");
  for (const [name, array] of Object.entries(gradients)) {
    const gradient = array.dataSync();
    for (let k = 0; k < 8; k++) {
      const i = random.integer(gradient.length);
      const at = host[name][i];
      host[name][i] = at + 1e-5;
      const above = exact();
      host[name][i] = at - 1e-5;
      const below = exact();
      host[name][i] = at;
      const expected = (above - below) / 2e-5;
      expect(Math.abs(gradient[i] - expected), `${name}[${i}]`).toBeLessThan(2e-4 * Math.max(1, Math.abs(expected)));
    }
  }
  const held = live.size;
  const [again, more] = run();
  expect(live.size).toBeGreaterThan(held);
  again.dispose();
  dispose(more);
  expect(live.size).toBe(held);
  dispose(parameters);
}

function linear(rows: number[][], weight: Float64Array, bias: Float64Array): number[][] {
  return rows.map((row) =>
    Array.from(bias, (b, j) => row.reduce((sum, x, i) => sum + x * weight[i * bias.length + j], b)),
  );
}

const activation = {
  relu: (x: number) => Math.max(0, x),
  tanh: Math.tanh,
  silu: (x: number) => x / (1 + Math.exp(-x)),
};

function referenceMlp(config: MlpConfig, host: Record<string, Float64Array>, rows: number[][]): number[][] {
  let out = rows;
  for (let layer = 0; layer <= config.hidden.length; layer++) {
    out = linear(out, host[`${layer}.weight`], host[`${layer}.bias`]);
    if (layer < config.hidden.length) out = out.map((row) => row.map(activation[config.activation ?? "relu"]));
  }
  return out;
}

const rowsOf = (data: Float32Array, width: number) =>
  Array.from({ length: data.length / width }, (_, i) => Array.from(data.subarray(i * width, (i + 1) * width)));

/** Biases of 0 put rows without an active unit exactly on the kink of the next layer, where no derivative is. */
function withBiases(parameters: Parameters): Parameters {
  const host = toHost(parameters);
  dispose(parameters);
  for (const [name, { data }] of Object.entries(host)) if (name.endsWith("bias")) data.set(numbers(name, data.length));
  return fromHost(host);
}

describe("multi-layer perceptron", () => {
  it.each(["relu", "tanh", "silu"] as const)("with %s has the values and gradients of its description", (name) => {
    const config: MlpConfig = { inputs: 3, hidden: [5, 4], outputs: 2, activation: name };
    const x = numbers("x", 18);
    check(
      withBiases(initMlp(config, createRandom(name))),
      (p) => mlp(config, p, float32(x, [6, 3])),
      (host) => referenceMlp(config, host, rowsOf(x, 3)).flat(),
    );
  });

  it("gives 0 at first where asked to", () => {
    const config: MlpConfig = { inputs: 2, hidden: [8], outputs: 3, zeroOutput: true };
    const out = mlp(config, initMlp(config, createRandom(1)), float32(numbers("x", 4), [2, 2]));
    expect([...out.dataSync()]).toEqual([0, 0, 0, 0, 0, 0]);
  });
});

describe("velocity field", () => {
  it("is a perceptron of point, time features and condition", () => {
    const config: VelocityConfig = { dimensions: 2, condition: 3, hidden: [6], frequencies: 2 };
    const [points, times, condition] = [numbers("points", 8), Float32Array.of(0, 0.25, 0.6, 1), numbers("c", 12)];
    check(
      initVelocity(config, createRandom("velocity")),
      (p) =>
        velocity(config, p, {
          points: float32(points, [4, 2]),
          times: float32(times, [4, 1]),
          condition: float32(condition, [4, 3]),
        }),
      (host) => {
        const rows = rowsOf(points, 2).map((point, i) => {
          const angle = 2 * Math.PI * times[i];
          const waves = [Math.sin(angle), Math.cos(angle), Math.sin(2 * angle), Math.cos(2 * angle)];
          return [...point, times[i], ...waves, ...rowsOf(condition, 3)[i]];
        });
        return referenceMlp({ inputs: 10, hidden: [6], outputs: 2, activation: "silu" }, host, rows).flat();
      },
    );
  });
});

/** The encoder with plain loops: window (r, c) covers input rows 2r − height % 2 …, three of them. */
function referenceEncoder(config: EncoderConfig, host: Record<string, Float64Array>, image: number[]): number[] {
  let [x, channels, height, width] = [image, config.channels, config.height, config.width];
  config.filters.forEach((filters, layer) => {
    const weight = host[`${layer}.weight`];
    const [rows, columns] = [Math.ceil(height / 2), Math.ceil(width / 2)];
    const next: number[] = [];
    for (let f = 0; f < filters; f++)
      for (let r = 0; r < rows; r++)
        for (let c = 0; c < columns; c++) {
          let sum = host[`${layer}.bias`][f];
          for (let k = 0; k < channels; k++)
            for (let i = 0; i < 3; i++)
              for (let j = 0; j < 3; j++) {
                const [row, column] = [2 * r - (height % 2) + i, 2 * c - (width % 2) + j];
                if (row < 0 || row >= height || column < 0 || column >= width) continue;
                sum += x[(k * height + row) * width + column] * weight[((f * channels + k) * 3 + i) * 3 + j];
              }
          next.push(Math.max(0, sum));
        }
    [x, channels, height, width] = [next, filters, rows, columns];
  });
  return linear([x], host["output.weight"], host["output.bias"])[0];
}

describe("convolutional encoder", () => {
  it.each([
    [6, 8],
    [5, 7],
  ])("has the values and gradients of its description on %i × %i", (height, width) => {
    const config: EncoderConfig = { channels: 2, height, width, filters: [3, 4], outputs: 3 };
    const size = 2 * height * width;
    const images = numbers("images", 2 * size);
    check(
      initEncoder(config, createRandom("encoder")),
      (p) => encoder(config, p, float32(images, [2, 2, height, width])),
      (host) => rowsOf(images, size).flatMap((image) => referenceEncoder(config, host, image)),
    );
  });
});

describe("parameters", () => {
  it("go to the host and come back", () => {
    const config: MlpConfig = { inputs: 2, hidden: [3], outputs: 1 };
    const parameters = initMlp(config, createRandom(3));
    const host = toHost(parameters);
    const back = fromHost(host);
    expect(toHost(back)).toEqual(host);
    dispose(parameters);
    dispose(back);
  });

  it("are checked against what a network needs", () => {
    const shapes = { x: { shape: [2, 3], scale: 1 } };
    const right: HostParameters = { x: { shape: [2, 3], data: new Float32Array(6) } };
    expect(() => checkParameters(right, shapes)).not.toThrow();
    expect(() => checkParameters({}, shapes)).toThrow(/parameters.x.*nothing/);
    expect(() => checkParameters({ x: { shape: [3, 2], data: new Float32Array(6) } }, shapes)).toThrow(/2×3.*3×2/);
    expect(() => checkParameters({ ...right, y: right.x }, shapes)).toThrow(/parameters.y/);
  });

  it("start from streams of their own", () => {
    const one = toHost(initMlp({ inputs: 2, hidden: [3], outputs: 1 }, createRandom(4)));
    const other = toHost(initMlp({ inputs: 2, hidden: [3], outputs: 2 }, createRandom(4)));
    expect(other["0.weight"]).toEqual(one["0.weight"]);
  });
});

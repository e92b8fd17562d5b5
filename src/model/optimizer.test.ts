import { grad, jit, numpy as np } from "@jax-js/jax";
import { describe, expect, it } from "vitest";
import type { Tensor } from "../objective/engine.ts";
import { liveArrays } from "./networks/live-arrays.fixture.ts";
import { dispose, float32, keep, type Parameters } from "./networks/parameters.ts";
import { adamWParams, adamWScalars, adamWStep, learningRateAt, movingAverage, zeroMoments } from "./optimizer.ts";

describe("AdamW", () => {
  it("does what the formulas say, step by step", () => {
    const options = adamWParams.parse({ learningRate: 0.1, weightDecay: 0.01, clipNorm: 2, beta2: 0.99 });
    const update = jit(
      (state: { parameters: Parameters; first: Parameters; second: Parameters }, g: Parameters, s: Tensor) =>
        adamWStep(options, state, g, s),
    );
    const parameters = {
      matrix: float32(Float32Array.from([1, -2, 3, 0.5]), [2, 2]),
      bias: float32(Float32Array.from([1])),
    };
    let state = { parameters: parameters as Parameters, ...zeroMoments(parameters) };
    const theta = [1, -2, 3, 0.5, 1];
    const m = theta.map(() => 0);
    const v = theta.map(() => 0);
    for (let step = 0; step < 4; step++) {
      const gradient = theta.map((_, i) => Math.cos(step + i) * (step === 2 ? 10 : 0.5));
      const norm = Math.hypot(...gradient);
      const scale = Math.min(1, 2 / norm);
      for (let i = 0; i < 5; i++) {
        const g = gradient[i] * scale;
        m[i] = 0.9 * m[i] + 0.1 * g;
        v[i] = 0.99 * v[i] + 0.01 * g * g;
        const direction = m[i] / (1 - 0.9 ** (step + 1)) / (Math.sqrt(v[i] / (1 - 0.99 ** (step + 1))) + 1e-8);
        theta[i] -= 0.1 * (direction + (i < 4 ? 0.01 * theta[i] : 0));
      }
      const gradients = {
        matrix: float32(Float32Array.from(gradient.slice(0, 4)), [2, 2]),
        bias: float32(Float32Array.from(gradient.slice(4))),
      };
      const { gradientNorm, ...next } = update(state, gradients, adamWScalars(step, options));
      state = next;
      expect(gradientNorm.item()).toBeCloseTo(norm, 4);
      const now = [...state.parameters.matrix.ref.dataSync(), ...state.parameters.bias.ref.dataSync()];
      for (let i = 0; i < 5; i++) expect(now[i]).toBeCloseTo(theta[i], 5);
    }
    for (const part of Object.values(state)) dispose(part);
  });

  it("leaves no array behind", () => {
    const live = liveArrays();
    const options = adamWParams.parse({ learningRate: 0.05 });
    const step = jit((state: { parameters: Parameters; first: Parameters; second: Parameters }, s: Tensor) => {
      const gradients = grad((p: Parameters) => np.sum(np.square(p.x)))(keep(state.parameters));
      const { gradientNorm, ...next } = adamWStep(options, state, gradients, s);
      return { next, gradientNorm };
    });
    const before = live.size;
    const parameters: Parameters = { x: float32(Float32Array.from([1, -1, 0.5])) };
    let state = { parameters, ...zeroMoments(parameters) };
    for (let k = 0; k < 200; k++) {
      const result = step(state, adamWScalars(k, options));
      state = result.next;
      result.gradientNorm.dispose();
    }
    for (const x of state.parameters.x.ref.dataSync()) expect(Math.abs(x)).toBeLessThan(0.05);
    for (const part of Object.values(state)) dispose(part);
    expect(live.size).toBe(before);
  });
});

describe("schedules", () => {
  it("rise, then fall to the final fraction", () => {
    const base = { learningRate: 2, warmupSteps: 4, totalSteps: 14, finalFraction: 0.1 };
    const linear = adamWParams.parse({ ...base, schedule: "linear" });
    const cosine = adamWParams.parse({ ...base, schedule: "cosine" });
    expect([0, 1, 3].map((step) => learningRateAt(step, linear))).toEqual([0.5, 1, 2]);
    expect(learningRateAt(4, linear)).toBe(2);
    expect(learningRateAt(9, linear)).toBeCloseTo(1.1, 12);
    expect(learningRateAt(9, cosine)).toBeCloseTo(1.1, 12);
    expect(learningRateAt(14, cosine)).toBeCloseTo(0.2, 12);
    expect(learningRateAt(1000, linear)).toBeCloseTo(0.2, 12);
    expect(learningRateAt(1000, adamWParams.parse({ learningRate: 3 }))).toBe(3);
  });
});

describe("moving average", () => {
  it("moves by 1 − decay", () => {
    const next = movingAverage(0.9, { x: float32(Float32Array.from([1])) }, { x: float32(Float32Array.from([2])) });
    expect(next.x.item()).toBeCloseTo(1.1, 6);
  });
});

import { nn, numpy as np } from "@jax-js/jax";
import { type RaggedLike, rowCount, rowOf, toRagged, type Vector } from "../../core/ragged.ts";
import type { Tensor } from "../../objective/engine.ts";
import { float32 } from "./parameters.ts";

/**
 * The exact velocity field of data that are a Gaussian mixture, `environment/mixture-velocity`, differentiable in the points:
 * N×D points at one noise fraction in (0, 1] → velocities N×D. Consumes the points.
 */
export function mixtureFieldOf({
  means,
  stds,
  weights,
}: {
  readonly means: RaggedLike;
  readonly stds: Vector;
  readonly weights: Vector;
}): (points: Tensor, sigma: number) => Tensor {
  const centres = toRagged(means);
  const count = rowCount(centres);
  const dimensions = rowOf(centres, 0).length;
  const perMode = (of: (mode: number) => number) => Float32Array.from({ length: count }, (_, k) => of(k));
  return (points, sigma) => {
    const data = 1 - sigma;
    const variance = (k: number) => (data * stds[k]) ** 2 + sigma ** 2;
    const columns = Array.from({ length: dimensions }, (_, d) => points.ref.slice([], [d, d + 1]));
    points.dispose();
    // N×K of each coordinate: δ = x − (1 − σ)μ.
    const deltas = columns.map((x, d) => x.sub(float32(perMode((k) => data * rowOf(centres, k)[d]))));
    const squares = deltas.map((delta) => np.square(delta.ref)).reduce((sum, square) => sum.add(square));
    const logits = squares
      .mul(float32(perMode((k) => -1 / (2 * variance(k)))))
      .add(float32(perMode((k) => Math.log(weights[k]) - (dimensions / 2) * Math.log(variance(k)))));
    const shares = nn.softmax(logits, -1);
    // E[ε] − E[x₀] = Σ γ(σ/var·δ − μ − (1 − σ)d²/var·δ)
    const velocities = deltas.map((delta, d) => {
      const perShare = delta
        .mul(float32(perMode((k) => (sigma - data * stds[k] ** 2) / variance(k))))
        .sub(float32(perMode((k) => rowOf(centres, k)[d])));
      return np.sum(shares.ref.mul(perShare), -1, { keepdims: true });
    });
    shares.dispose();
    return np.concatenate(velocities, 1);
  };
}

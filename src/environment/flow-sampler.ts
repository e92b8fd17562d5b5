/** Samplers of rectified flows, σ the noise fraction: 1 is pure noise, 0 data; x_σ = (1 − σ)x₀ + σε, velocity v = ε − x₀. */
import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { integers, ragged, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { type Ragged, type RaggedLike, raggedLike, rowCount, rowOf, toRagged, type Vector } from "../core/ragged.ts";
import { givenOrDrawn, stepInputs, stepOutputs } from "./gaussian-step.ts";

/**
 * Noise grid of a rectified flow (Flow-GRPO, arXiv 2505.05470; shift as in Stable Diffusion 3, 2403.03206).
 *
 * σ = linspace(1, 0, T + 1), then σ ← kσ / (1 + (k − 1)σ). Index 0 is the first, noisiest point.
 */
export const flowSchedule = definePart({
  id: "environment/flow-schedule",
  papers: ["flow-grpo"],
  params: z.object({
    steps: z.int().positive().describe("T"),
    shift: z.number().positive().default(1).describe("k, moves the grid towards noise"),
  }),
  inputs: z.object({}),
  outputs: z.object({ sigmas: vector("Grid", "T + 1 noise fractions, from 1 down to 0") }),
  compute({ steps, shift }) {
    const sigmas = Float64Array.from({ length: steps + 1 }, (_, i) => {
      const sigma = (steps - i) / steps;
      return (shift * sigma) / (1 + (shift - 1) * sigma);
    });
    return { sigmas };
  },
});

/** x̂₀ = x − σv and ε̂ = x + (1 − σ)v. */
function estimates(x: Ragged, v: Ragged, sigma: (row: number) => number): { clean: Ragged; noise: Ragged } {
  const clean = raggedLike(x);
  const noise = raggedLike(x);
  for (let i = 0; i < rowCount(x); i++) {
    const s = sigma(i);
    for (let k = x.offsets[i]; k < x.offsets[i + 1]; k++) {
      clean.values[k] = x.values[k] - s * v.values[k];
      noise.values[k] = x.values[k] + (1 - s) * v.values[k];
    }
  }
  return { clean, noise };
}

/**
 * Clean sample and noise that a velocity prediction implies (rectified flow, arXiv 2209.03003; Flow-GRPO 2505.05470).
 *
 * x̂₀ = x − σv, ε̂ = x + (1 − σ)v, one σ per sample. Shapes N×D, N.
 */
export const flowEstimates = definePart({
  id: "environment/flow-estimates",
  papers: ["flow-grpo"],
  params: z.object({}),
  inputs: z.object({
    samples: ragged("N×D", "x at noise fraction σ"),
    velocities: ragged("N×D", "predicted velocities"),
    sigma: vector("N", "σ per sample"),
  }),
  outputs: z.object({
    cleanEstimates: ragged("N×D", "x̂₀"),
    noiseEstimates: ragged("N×D", "ε̂"),
  }),
  compute(_, { samples, velocities, sigma }) {
    const { clean, noise } = estimates(toRagged(samples), toRagged(velocities), (i) => sigma[i]);
    return { cleanEstimates: clean, noiseEstimates: noise };
  },
});

/**
 * One stochastic step of a flow sampler and its log-density (Flow-GRPO, arXiv 2505.05470; DanceGRPO 2505.07818; coefficients-preserving sampling).
 *
 * ds = σ′ − σ < 0; x′ = x + [v + g²/(2σ)·(x + (1 − σ)v)]·ds + g√(−ds)·z. `flow-grpo` g = a√(σ/(1 − σ)), where at σ = 1 the denominator uses
 * `sigmaMax` (the grid's second value); `constant` g = a. `cps`: std = σ′ sin(aπ/2), mean = (1 − σ′)x̂₀ + √(σ′² − std²)·ε̂, g = std.
 * `logprobs`: Gaussian log-density of x′ per sample, averaged (official code) or summed over D, in nats; cps drops every constant, −(x′ − mean)².
 * `nextSamples` given: scored instead of drawn. std 0: the deterministic step, no `logprobs`. Shapes N×D.
 * Errors: σ′ > σ, or std > 0 without `noises` and `nextSamples`.
 */
export const flowSdeStep = definePart({
  id: "environment/flow-sde-step",
  papers: ["flow-grpo"],
  params: z.object({
    schedule: z.enum(["flow-grpo", "constant", "cps"]).default("flow-grpo").describe("diffusion g over σ"),
    noiseLevel: z.number().nonnegative().default(0.7).describe("a"),
    logprobReduction: z.enum(["mean", "sum"]).default("mean").describe("over dimensions"),
  }),
  inputs: z.object({
    ...stepInputs,
    velocities: ragged("N×D", "predicted velocities"),
    sigma: z.number().positive().max(1).describe("σ"),
    sigmaNext: z.number().nonnegative().max(1).describe("σ′"),
    sigmaMax: z
      .number()
      .positive()
      .lt(1)
      .optional()
      .describe("σ of the grid's second point; needed at σ = 1 with flow-grpo"),
  }),
  outputs: z.object({ ...stepOutputs, diffusion: z.number().describe("g") }),
  compute({ schedule, noiseLevel, logprobReduction }, { samples, velocities, sigma, sigmaNext, sigmaMax, ...draws }) {
    if (sigmaNext > sigma) {
      throw new ContractError("inputs.sigmaNext", `expected at most sigma (${sigma}), got ${sigmaNext}`);
    }
    const x = toRagged(samples);
    const v = toRagged(velocities);
    const means = raggedLike(x);
    const { clean, noise } = estimates(x, v, () => sigma);
    if (schedule === "cps") {
      const std = sigmaNext * Math.sin((noiseLevel * Math.PI) / 2);
      const kept = Math.sqrt(Math.max(0, sigmaNext ** 2 - std ** 2));
      for (let k = 0; k < x.values.length; k++)
        means.values[k] = (1 - sigmaNext) * clean.values[k] + kept * noise.values[k];
      return { means, diffusion: std, ...givenOrDrawn(means, std, draws, logprobReduction, "squared-error") };
    }
    const diffusion = diffusionAt(schedule, noiseLevel, sigma, sigmaMax);
    const step = sigmaNext - sigma;
    const drift = diffusion ** 2 / (2 * sigma);
    for (let k = 0; k < x.values.length; k++) {
      means.values[k] = x.values[k] + (v.values[k] + drift * noise.values[k]) * step;
    }
    const std = diffusion * Math.sqrt(-step);
    return { means, diffusion, ...givenOrDrawn(means, std, draws, logprobReduction, "log-density") };
  },
});

/** The diffusion g; at σ = 1 flow-grpo's denominator uses the grid's second value. */
function diffusionAt(
  schedule: "flow-grpo" | "constant",
  noiseLevel: number,
  sigma: number,
  sigmaMax: number | undefined,
): number {
  if (schedule === "constant" || noiseLevel === 0) return noiseLevel;
  if (sigma < 1) return noiseLevel * Math.sqrt(sigma / (1 - sigma));
  if (sigmaMax === undefined) throw new ContractError("inputs.sigmaMax", "expected a value (sigma is 1), got nothing");
  return noiseLevel * Math.sqrt(sigma / (1 - sigmaMax));
}

/**
 * One flow step with a per-sample share of fresh noise (R0 / Reward-Instruct, arXiv 2503.13070).
 *
 * x′ = (1 − σ′)x̂₀ + σ′(√(1 − η²)·ε̂ + ηz): η = 0 is the deterministic step, 1 noises anew. Shapes N×D, N. Error: η outside [0, 1].
 */
export const etaStep = definePart({
  id: "environment/eta-step",
  papers: ["r0"],
  params: z.object({}),
  inputs: z.object({
    samples: ragged("N×D", "x at σ"),
    velocities: ragged("N×D", "predicted velocities"),
    sigma: z.number().min(0).max(1).describe("σ"),
    sigmaNext: z.number().min(0).max(1).describe("σ′"),
    etas: vector("N", "η per sample, in [0, 1]"),
    noises: ragged("N×D", "z, standard normal"),
  }),
  outputs: z.object({ cleanEstimates: ragged("N×D", "x̂₀"), nextSamples: ragged("N×D", "x′") }),
  compute(_, { samples, velocities, sigma, sigmaNext, etas, noises }) {
    const x = toRagged(samples);
    const fresh = toRagged(noises);
    const { clean, noise } = estimates(x, toRagged(velocities), () => sigma);
    const nextSamples = raggedLike(x);
    for (let i = 0; i < rowCount(x); i++) {
      const eta = etas[i];
      if (!(eta >= 0 && eta <= 1))
        throw new ContractError(`inputs.etas[${i}]`, `expected a number from 0 to 1, got ${eta}`);
      const kept = Math.sqrt(1 - eta * eta);
      for (let k = x.offsets[i]; k < x.offsets[i + 1]; k++) {
        const renewed = kept * noise.values[k] + eta * fresh.values[k];
        nextSamples.values[k] = (1 - sigmaNext) * clean.values[k] + sigmaNext * renewed;
      }
    }
    return { cleanEstimates: clean, nextSamples };
  },
});

/** A Gaussian mixture with isotropic components: means K×D, deviations and weights K. */
export interface Mixture {
  readonly means: RaggedLike;
  readonly stds: Vector;
  readonly weights: Vector;
}

/** Velocity and E[x₀] of one point under the exact field of a mixture at σ, written into `velocity` and `clean`. */
export function mixtureField(
  x: Float64Array,
  sigma: number,
  { means, stds, weights }: { means: Ragged; stds: Vector; weights: Vector },
  velocity: Float64Array,
  clean: Float64Array,
): void {
  const dimensions = x.length;
  const count = rowCount(means);
  const data = 1 - sigma;
  const logits = new Float64Array(count);
  let highest = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < count; k++) {
    const variance = (data * stds[k]) ** 2 + sigma ** 2;
    const centre = rowOf(means, k);
    let distance = 0;
    for (let d = 0; d < dimensions; d++) distance += (x[d] - data * centre[d]) ** 2;
    logits[k] = Math.log(weights[k]) - (dimensions / 2) * Math.log(variance) - distance / (2 * variance);
    highest = Math.max(highest, logits[k]);
  }
  let total = 0;
  for (let k = 0; k < count; k++) {
    logits[k] = Math.exp(logits[k] - highest);
    total += logits[k];
  }
  velocity.fill(0);
  clean.fill(0);
  for (let k = 0; k < count; k++) {
    const share = logits[k] / total;
    if (share === 0) continue;
    const variance = (data * stds[k]) ** 2 + sigma ** 2;
    const centre = rowOf(means, k);
    for (let d = 0; d < dimensions; d++) {
      const delta = x[d] - data * centre[d];
      const expected = centre[d] + ((data * stds[k] ** 2) / variance) * delta;
      clean[d] += share * expected;
      velocity[d] += share * ((sigma / variance) * delta - expected);
    }
  }
}

function checkMixture(
  path: string,
  { means, stds, weights }: Mixture,
  sigma: number,
  dimensions: number | null,
): { means: Ragged; stds: Vector; weights: Vector } {
  const packed = toRagged(means);
  const count = rowCount(packed);
  if (count === 0) throw new ContractError(`${path}means`, "expected at least one component");
  if (stds.length !== count || weights.length !== count) {
    throw new ContractError(`${path}stds`, `expected ${count} stds and weights, as many as means`);
  }
  let total = 0;
  for (let k = 0; k < count; k++) {
    const size = packed.offsets[k + 1] - packed.offsets[k];
    if (dimensions !== null && size !== dimensions) {
      throw new ContractError(
        `${path}means[${k}]`,
        `expected ${dimensions} entries (D, as in inputs.samples), got ${size}`,
      );
    }
    if (!(weights[k] >= 0))
      throw new ContractError(`${path}weights[${k}]`, `expected a non-negative weight, got ${weights[k]}`);
    if (!(stds[k] > 0) && sigma === 0)
      throw new ContractError(`${path}stds[${k}]`, `expected a positive deviation at σ = 0, got ${stds[k]}`);
    total += weights[k];
  }
  if (!(total > 0)) throw new ContractError(`${path}weights`, "expected a positive weight");
  return { means: packed, stds, weights };
}

/**
 * Exact velocity field when the data are an isotropic Gaussian mixture: a "pretrained model" in closed form (bed of Flow-GRPO, arXiv 2505.05470).
 *
 * var_k = (1 − σ)²d_k² + σ², δ_k = x − (1 − σ)μ_k, γ = softmax(log w_k − (D/2) log var_k − |δ_k|²/(2 var_k));
 * E[x₀] = Σ γ(μ_k + (1 − σ)d_k²/var_k·δ_k), E[ε] = Σ γσ/var_k·δ_k, v = E[ε] − E[x₀]. Shapes N×D, K×D, K. Weights need not sum to 1.
 */
export const mixtureVelocity = definePart({
  id: "environment/mixture-velocity",
  papers: ["flow-grpo"],
  params: z.object({}),
  inputs: z.object({
    samples: ragged("N×D", "points at σ"),
    sigma: z.number().min(0).max(1).describe("σ"),
    means: ragged("K×D", "μ"),
    stds: vector("K", "d"),
    weights: vector("K", "w"),
  }),
  outputs: z.object({ velocities: ragged("N×D", "v"), cleanEstimates: ragged("N×D", "E[x₀]") }),
  compute(_, { samples, sigma, means, stds, weights }) {
    const x = toRagged(samples);
    const mixture = checkMixture("inputs.", { means, stds, weights }, sigma, widthOf(x));
    const velocities = raggedLike(x);
    const cleanEstimates = raggedLike(x);
    for (let i = 0; i < rowCount(x); i++) {
      mixtureField(rowOf(x, i), sigma, mixture, rowOf(velocities, i), rowOf(cleanEstimates, i));
    }
    return { velocities, cleanEstimates };
  },
});

/** A velocity field: writes v(x, σ) into `velocity`. */
export type VelocityField = (x: Float64Array, sigma: number, velocity: Float64Array) => void;

/** Grid indices that a completion from `index` visits: of the r steps that remain, ⌊r(n − j)/n⌋ are left after jump j. */
export function completionNodes(gridLength: number, index: number, odeSteps: number | "all"): number[] {
  const steps = gridLength - 1;
  const remaining = steps - index;
  const jumps = odeSteps === "all" ? remaining : Math.min(odeSteps, remaining);
  if (jumps === 0) return [index];
  return Array.from({ length: jumps + 1 }, (_, j) => steps - Math.floor((remaining * (jumps - j)) / jumps));
}

/** Finishes sampling without noise by Euler steps over the given nodes, under any velocity field. */
export function completeFlow(samples: Ragged, sigmas: Vector, nodes: readonly number[], field: VelocityField): Ragged {
  const completed = { values: samples.values.slice(), offsets: samples.offsets };
  for (let i = 0; i < rowCount(completed); i++) {
    const x = rowOf(completed, i);
    const velocity = new Float64Array(x.length);
    for (let j = 1; j < nodes.length; j++) {
      const sigma = sigmas[nodes[j - 1]];
      field(x, sigma, velocity);
      for (let d = 0; d < x.length; d++) x[d] += (sigmas[nodes[j]] - sigma) * velocity[d];
    }
  }
  return completed;
}

const fieldSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("affine"), matrix: z.array(z.array(z.number())), bias: z.array(z.number()) }),
  z.object({
    kind: z.literal("mixture"),
    means: z.array(z.array(z.number())),
    stds: z.array(z.number()),
    weights: z.array(z.number()),
  }),
]);

/**
 * Noise-free completion of a flow sample: what a dense latent reward looks at (DenseGRPO, arXiv 2601.20218, eq. 8).
 *
 * From grid index i, Euler steps x ← x + (σ′ − σ)v over n of the r remaining grid points, visiting those with ⌊r(n − j)/n⌋ steps left; `all`: every one;
 * n = 1: the one-jump estimate x − σv. Field: affine v = Mx + b, or the exact field of a Gaussian mixture (`environment/mixture-velocity`);
 * in TypeScript, `completeFlow` takes any function. Shapes N×D, T + 1. Error: an index outside the grid.
 */
export const flowOdeComplete = definePart({
  id: "environment/flow-ode-complete",
  papers: ["dense-grpo"],
  params: z.object({
    odeSteps: z
      .union([z.literal("all"), z.int().positive()])
      .default("all")
      .describe("n, at most the remaining steps"),
  }),
  inputs: z.object({
    samples: ragged("N×D", "x at the grid index"),
    sigmas: vector("Grid", "noise grid, T + 1"),
    index: z.int().min(0).describe("i, grid index of the samples"),
    field: fieldSchema.describe("velocity field"),
  }),
  outputs: z.object({
    nodes: integers("Nodes", "grid indices visited"),
    samples: ragged("N×D", "samples at the end of the grid"),
  }),
  compute({ odeSteps }, { samples, sigmas, index, field }) {
    if (index >= sigmas.length)
      throw new ContractError("inputs.index", `expected less than ${sigmas.length}, got ${index}`);
    const x = toRagged(samples);
    const nodes = completionNodes(sigmas.length, index, odeSteps);
    return { nodes, samples: completeFlow(x, sigmas, nodes, velocityOf(field, widthOf(x))) };
  },
});

/** D, null without samples. */
function widthOf(x: Ragged): number | null {
  return rowCount(x) === 0 ? null : x.offsets[1];
}

function velocityOf(field: z.output<typeof fieldSchema>, dimensions: number | null): VelocityField {
  if (field.kind === "mixture") {
    const mixture = checkMixture("inputs.field.", field, 1, dimensions);
    return (x, sigma, velocity) => mixtureField(x, sigma, mixture, velocity, new Float64Array(x.length));
  }
  const { matrix, bias } = field;
  return (x, _, velocity) => {
    if (matrix.length !== x.length || bias.length !== x.length || matrix.some((row) => row.length !== x.length)) {
      throw new ContractError("inputs.field.matrix", `expected ${x.length}×${x.length} and a bias of ${x.length}`);
    }
    for (let d = 0; d < x.length; d++) {
      velocity[d] = bias[d];
      for (let e = 0; e < x.length; e++) velocity[d] += matrix[d][e] * x[e];
    }
  };
}

/** Samplers of diffusion models, ᾱ the share of signal variance. */
import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { flags, integers, ragged, shaped, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { raggedLike, toRagged } from "../core/ragged.ts";
import { givenOrDrawn, stepInputs, stepOutputs } from "./gaussian-step.ts";

/**
 * Cumulative signal share ᾱ of a DDPM noise schedule (arXiv 2006.11239; Stable Diffusion's scaled-linear form, 2112.10752).
 *
 * β = linspace(β₀, β₁) over the training steps (`linear`) or linspace(√β₀, √β₁)² (`scaled-linear`); ᾱ_t = Π_{i≤t} (1 − β_i).
 * Error: a timestep outside [0, steps).
 */
export const ddpmSchedule = definePart({
  id: "environment/ddpm-schedule",
  papers: ["flow-grpo"],
  params: z.object({
    kind: z.enum(["linear", "scaled-linear"]).default("scaled-linear").describe("spacing of β"),
    betaStart: z.number().positive().lt(1).default(0.00085).describe("β₀"),
    betaEnd: z.number().positive().lt(1).default(0.012).describe("β₁"),
    steps: z.int().positive().default(1000).describe("training steps"),
  }),
  inputs: z.object({ timesteps: integers("M", "timesteps, 0-based") }),
  outputs: z.object({ alphaBars: vector("M", "ᾱ per timestep") }),
  compute({ kind, betaStart, betaEnd, steps }, { timesteps }) {
    const power = kind === "linear" ? 1 : 0.5;
    const [low, high] = [betaStart ** power, betaEnd ** power];
    const cumulative = new Float64Array(steps);
    let product = 1;
    for (let t = 0; t < steps; t++) {
      const beta = (steps === 1 ? low : low + ((high - low) * t) / (steps - 1)) ** (1 / power);
      product *= 1 - beta;
      cumulative[t] = product;
    }
    const alphaBars = Float64Array.from(timesteps, (t, m) => {
      if (t >= 0 && t < steps) return cumulative[t];
      throw new ContractError(`inputs.timesteps[${m}]`, `expected 0 to ${steps - 1}, got ${t}`);
    });
    return { alphaBars };
  },
});

/**
 * One DDIM step and its log-density; η = 1 is the DDPM step (DDIM, arXiv 2010.02502, eqs. 12, 16; densities as in DDPO 2305.13301).
 *
 * x̂₀ = (x − √(1 − ᾱ)ε)/√ᾱ; std = η√((1 − ᾱ′)/(1 − ᾱ)·(1 − ᾱ/ᾱ′)); mean = √ᾱ′x̂₀ + √(1 − ᾱ′ − std²)ε; x′ = mean + std·z, or the given
 * `nextSamples`, scored. `logprobs` averaged (official code) or summed over D, in nats; absent where std is 0. Shapes N×D.
 * Errors: ᾱ′ < ᾱ, or std > 0 without `noises` and `nextSamples`.
 */
export const ddimStep = definePart({
  id: "environment/ddim-step",
  papers: ["flow-grpo", "instruct-video", "r0"],
  params: z.object({
    eta: z.number().min(0).max(1).default(0).describe("η"),
    logprobReduction: z.enum(["mean", "sum"]).default("mean").describe("over dimensions"),
  }),
  inputs: z.object({
    ...stepInputs,
    noisePredictions: ragged("N×D", "ε"),
    alphaBar: z.number().positive().max(1).describe("ᾱ before the step"),
    alphaBarNext: z.number().positive().max(1).describe("ᾱ′ after the step"),
  }),
  outputs: z.object({ ...stepOutputs, cleanEstimates: ragged("N×D", "x̂₀") }),
  compute({ eta, logprobReduction }, { samples, noisePredictions, alphaBar, alphaBarNext, ...draws }) {
    if (alphaBarNext < alphaBar) {
      throw new ContractError("inputs.alphaBarNext", `expected at least alphaBar (${alphaBar}), got ${alphaBarNext}`);
    }
    const x = toRagged(samples);
    const noise = toRagged(noisePredictions).values;
    const cleanEstimates = raggedLike(x);
    const means = raggedLike(x);
    const std =
      alphaBar === 1 ? 0 : eta * Math.sqrt(((1 - alphaBarNext) / (1 - alphaBar)) * (1 - alphaBar / alphaBarNext));
    const signal = Math.sqrt(alphaBarNext);
    const direction = Math.sqrt(Math.max(0, 1 - alphaBarNext - std * std));
    for (let k = 0; k < x.values.length; k++) {
      cleanEstimates.values[k] = (x.values[k] - Math.sqrt(1 - alphaBar) * noise[k]) / Math.sqrt(alphaBar);
      means.values[k] = signal * cleanEstimates.values[k] + direction * noise[k];
    }
    return { cleanEstimates, means, ...givenOrDrawn(means, std, draws, logprobReduction, "log-density") };
  },
});

/**
 * The shortened DDIM chain that edits a noised real clip instead of generating one (InstructVideo, arXiv 2312.12490).
 *
 * With stride ⌊T/D⌋: DDIM index i is timestep stride·(i − 1) + 1; the chain starts at index trunc(D·τ) and goes down; `next` is the timestep
 * after each step, at least 0. `gradientMask`: the last `gradientSteps`. `cost`: share of a full chain. `start` is null for an empty chain.
 */
export const partialDdim = definePart({
  id: "environment/partial-ddim",
  papers: ["instruct-video"],
  params: z.object({
    trainSteps: z.int().positive().default(1000).describe("T"),
    steps: z.int().positive().default(20).describe("D, DDIM steps of a full chain"),
    noiseLevel: z.number().min(0).max(1).default(0.6).describe("τ, share of the chain that is run"),
    gradientSteps: z.int().min(0).default(1).describe("last steps that carry gradient"),
  }),
  inputs: z.object({}),
  outputs: z.object({
    timesteps: integers("S", "timesteps, descending"),
    start: z.int().nullable().describe("first timestep"),
    next: integers("S", "timestep after each step"),
    gradientMask: flags("S", "whether the step carries gradient"),
    cost: z.number().describe("share of a full chain"),
  }),
  compute({ trainSteps, steps, noiseLevel, gradientSteps }) {
    const stride = Math.floor(trainSteps / steps);
    // 0.6·20 is to be 12 and 0.29·100 to be 29, whatever binary fractions make of them.
    const count = Math.floor(steps * noiseLevel + 1e-9);
    const timesteps = Array.from({ length: count }, (_, j) => stride * (count - 1 - j) + 1);
    return {
      timesteps,
      start: timesteps[0] ?? null,
      next: timesteps.map((t) => Math.max(t - stride, 0)),
      gradientMask: timesteps.map((_, j) => j >= count - gradientSteps),
      cost: count / steps,
    };
  },
});

/**
 * Forward noising of a diffusion model (DDPM, arXiv 2006.11239, eq. 4): √ᾱ·x₀ + √(1 − ᾱ)·ε. Shapes N×D.
 */
export const qSample = definePart({
  id: "environment/q-sample",
  papers: ["instruct-video"],
  params: z.object({}),
  inputs: z.object({
    clean: ragged("N×D", "x₀"),
    noises: ragged("N×D", "ε, standard normal"),
    alphaBar: z.number().min(0).max(1).describe("ᾱ"),
  }),
  outputs: z.object({ noisy: ragged("N×D", "x at ᾱ") }),
  compute(_, { clean, noises, alphaBar }) {
    const x = toRagged(clean);
    const noise = toRagged(noises).values;
    const noisy = raggedLike(x);
    const [signal, spread] = [Math.sqrt(alphaBar), Math.sqrt(1 - alphaBar)];
    for (let k = 0; k < x.values.length; k++) noisy.values[k] = signal * x.values[k] + spread * noise[k];
    return { noisy };
  },
});

/**
 * Noise with one offset per clip and frame, shared by all its pixels, so that brightness can change (InstructVideo, arXiv 2312.12490).
 *
 * noise + strength·offset. Shapes N×F×P (clips × frames × pixels), N×F.
 */
export const temporalOffsetNoise = definePart({
  id: "environment/temporal-offset-noise",
  papers: ["instruct-video"],
  params: z.object({ strength: z.number().default(0.1).describe("weight of the offset") }),
  inputs: z.object({
    noises: shaped(z.array(z.array(z.array(z.number()))), "N×F×P", "standard normal noise"),
    offsets: ragged("N×F", "one standard normal per clip and frame"),
  }),
  outputs: z.object({ noises: shaped(z.array(z.array(z.array(z.number()))), "N×F×P", "noise with offsets") }),
  compute({ strength }, { noises, offsets }) {
    const shifts = toRagged(offsets);
    const shifted = noises.map((clip, i) => {
      if (clip.length !== shifts.offsets[i + 1] - shifts.offsets[i]) {
        throw new ContractError(`inputs.offsets[${i}]`, `expected ${clip.length} entries (F), as many as frames`);
      }
      return clip.map((frame, f) => frame.map((value) => value + strength * shifts.values[shifts.offsets[i] + f]));
    });
    return { noises: shifted };
  },
});

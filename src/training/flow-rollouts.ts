/**
 * Rollouts of flow models: a sampler read as an episode of T steps whose action is the next latent. Points are N × D in one
 * array, row after row; steps are in sampling order, 0 the noisiest.
 */
import type { Ragged } from "../core/ragged.ts";
import type { Random } from "../core/random.ts";
import { completionNodes, flowSdeStep } from "../environment/flow-sampler.ts";

/** Velocities N × D of points at one noise fraction, each under its prompt. */
export type FlowModel = (points: Float64Array, sigma: number, prompts: Int32Array) => Float64Array;

/** What the reward model says of N samples. */
export type SampleRewards = (samples: Float64Array, prompts: Int32Array) => Float64Array;

/** Where sampling starts: pure noise and prompts. */
export interface FlowStarts {
  readonly noises: Float64Array;
  readonly prompts: Int32Array;
}

export interface FlowSampling {
  /** Noise grid, T + 1 values from 1 down to 0 (`environment/flow-schedule`). */
  readonly sigmas: ArrayLike<number>;
  /** S: the first S steps are random, the rest Euler steps. */
  readonly stochasticSteps: number;
  /** Of the random steps; see `environment/flow-sde-step`. */
  readonly schedule: "flow-grpo" | "constant" | "cps";
  /** One for all steps, or one a step. */
  readonly noiseLevel: number | ArrayLike<number>;
}

export interface FlowRollouts {
  readonly prompts: Int32Array;
  /** T + 1 arrays: before step 0, …, after the last, the samples. */
  readonly latents: readonly Float64Array[];
  /** N×S, summed over dimensions, in nats. */
  readonly logprobs: Ragged;
}

/** A random step: next ~ N(α·x + β·v, std²) per coordinate. */
export interface FlowStep {
  readonly point: number;
  readonly velocity: number;
  readonly std: number;
  /** g. */
  readonly diffusion: number;
}

/** Prompts 0 … P − 1, each `groupSize` times in a row, with fresh noise; `shared`: one noise a prompt. */
export function drawStarts(
  { prompts, groupSize, dimensions, shared = false }: FlowGroups,
  random: Random,
): FlowStarts & { readonly groups: Int32Array } {
  const rows = Int32Array.from({ length: prompts * groupSize }, (_, i) => Math.floor(i / groupSize));
  const noises = new Float64Array(rows.length * dimensions);
  for (let k = 0; k < noises.length; k++) {
    const first = rows[Math.floor(k / dimensions)] * groupSize * dimensions + (k % dimensions);
    noises[k] = shared && k > first ? noises[first] : random.normal();
  }
  return { noises, prompts: rows, groups: rows };
}

export interface FlowGroups {
  readonly prompts: number;
  readonly groupSize: number;
  readonly dimensions: number;
  readonly shared?: boolean;
}

function partAt({ sigmas, schedule, noiseLevel }: FlowSampling, step: number) {
  const part = flowSdeStep({
    schedule,
    noiseLevel: typeof noiseLevel === "number" ? noiseLevel : noiseLevel[step],
    logprobReduction: "sum",
  });
  const levels = { sigma: sigmas[step], sigmaNext: sigmas[step + 1], sigmaMax: sigmas[1] };
  return (inputs: Omit<Parameters<typeof part>[0], keyof typeof levels>) => part({ ...inputs, ...levels });
}

/** What a random step does, read off the part. */
export function flowStep(sampling: FlowSampling, step: number): FlowStep {
  const { means, std, diffusion } = partAt(
    sampling,
    step,
  )({
    samples: [[1], [0]],
    velocities: [[0], [1]],
    noises: [[0], [0]],
  });
  return { point: means.values[0], velocity: means.values[1], std, diffusion };
}

function rowsOf(values: Float64Array, count: number): Ragged {
  return { values, offsets: Uint32Array.from({ length: count + 1 }, (_, i) => (i * values.length) / count) };
}

function eulerStep(model: FlowModel, points: Float64Array, sigma: number, next: number, prompts: Int32Array) {
  const velocity = model(points, sigma, prompts);
  return points.map((x, k) => x + (next - sigma) * velocity[k]);
}

/** Samples by Euler steps over the whole grid: no noise after the start. */
export function sampleFlow(model: FlowModel, { noises, prompts }: FlowStarts, sigmas: ArrayLike<number>): Float64Array {
  let points = noises;
  for (let step = 0; step + 1 < sigmas.length; step++)
    points = eulerStep(model, points, sigmas[step], sigmas[step + 1], prompts);
  return points;
}

/** Samples with noise on the first S steps, and keeps the way. */
export function rollOutFlow(
  model: FlowModel,
  starts: FlowStarts,
  sampling: FlowSampling,
  random: Random,
): FlowRollouts {
  return continueFlow(model, starts, sampling, 0, random);
}

/** As `rollOutFlow`, from points that stand before `step`; latents and log-densities begin there. */
function continueFlow(
  model: FlowModel,
  { noises: points, prompts }: FlowStarts,
  sampling: FlowSampling,
  from: number,
  random: Random,
): FlowRollouts {
  const { sigmas, stochasticSteps } = sampling;
  const count = prompts.length;
  const latents = [points];
  const scored = Math.max(0, stochasticSteps - from);
  const logprobs = rowsOf(new Float64Array(count * scored), count);
  for (let step = from; step + 1 < sigmas.length; step++) {
    const now = latents[step - from];
    if (step >= stochasticSteps) {
      latents.push(eulerStep(model, now, sigmas[step], sigmas[step + 1], prompts));
      continue;
    }
    const noises = Float64Array.from({ length: now.length }, () => random.normal());
    const taken = partAt(
      sampling,
      step,
    )({
      samples: rowsOf(now, count),
      velocities: rowsOf(model(now, sigmas[step], prompts), count),
      noises: rowsOf(noises, count),
    });
    latents.push(taken.nextSamples.values);
    for (let i = 0; i < count; i++) logprobs.values[i * scored + step - from] = taken.logprobs?.[i] ?? 0;
  }
  return { prompts, latents, logprobs };
}

/** Log-densities N×S that a model gives to rollouts, whoever made them. */
export function flowLogprobs(model: FlowModel, { prompts, latents }: FlowRollouts, sampling: FlowSampling): Ragged {
  const { sigmas, stochasticSteps } = sampling;
  const count = prompts.length;
  const logprobs = rowsOf(new Float64Array(count * stochasticSteps), count);
  for (let step = 0; step < stochasticSteps; step++) {
    const scored = partAt(
      sampling,
      step,
    )({
      samples: rowsOf(latents[step], count),
      velocities: rowsOf(model(latents[step], sigmas[step], prompts), count),
      nextSamples: rowsOf(latents[step + 1], count),
    });
    for (let i = 0; i < count; i++) logprobs.values[i * stochasticSteps + step] = scored.logprobs?.[i] ?? 0;
  }
  return logprobs;
}

/**
 * Rewards N×(S + 1) of the samples that come out when the steps from i on are finished without noise, i = 0 … S: what
 * `credit/reward-gain` and `credit/turning-points` take. `odeSteps`: see `environment/flow-ode-complete`. Column S is the
 * reward of the rollout's own sample where the completion is `all`.
 */
export function latentRewards(
  model: FlowModel,
  { prompts, latents }: FlowRollouts,
  { sigmas, stochasticSteps }: FlowSampling,
  rewards: SampleRewards,
  odeSteps: number | "all" = "all",
): Ragged {
  const count = prompts.length;
  const columns = stochasticSteps + 1;
  const table = rowsOf(new Float64Array(count * columns), count);
  for (let i = 0; i < columns; i++) {
    const nodes = completionNodes(sigmas.length, i, odeSteps);
    const grid = nodes.map((node) => sigmas[node]);
    const reward = rewards(sampleFlow(model, { noises: latents[i], prompts }, grid), prompts);
    for (let n = 0; n < count; n++) table.values[n * columns + i] = reward[n];
  }
  return table;
}

/**
 * What each random step of each rollout really did, N×S: V(x_{i+1}) − V(x_i), V the mean reward of `continuations` random
 * continuations from there. Where no random step is left, V is exact.
 */
export function stepEffects(
  model: FlowModel,
  { prompts, latents }: FlowRollouts,
  sampling: FlowSampling,
  rewards: SampleRewards,
  continuations: number,
  random: Random,
): Ragged {
  const { stochasticSteps } = sampling;
  const count = prompts.length;
  const width = latents[0].length / count;
  const effects = rowsOf(new Float64Array(count * stochasticSteps), count);
  for (let i = 0; i <= stochasticSteps; i++) {
    const copies = i === stochasticSteps ? 1 : continuations;
    const repeated = {
      prompts: Int32Array.from({ length: count * copies }, (_, k) => prompts[Math.floor(k / copies)]),
      noises: Float64Array.from({ length: count * copies * width }, (_, k) => {
        const row = Math.floor(k / (copies * width));
        return latents[i][row * width + (k % width)];
      }),
    };
    const finished = continueFlow(model, repeated, sampling, i, random).latents.at(-1) ?? repeated.noises;
    const reward = rewards(finished, repeated.prompts);
    for (let k = 0; k < reward.length; k++) {
      const row = Math.floor(k / copies) * stochasticSteps;
      if (i > 0) effects.values[row + i - 1] += reward[k] / copies;
      if (i < stochasticSteps) effects.values[row + i] -= reward[k] / copies;
    }
  }
  return effects;
}

/** Rewards of videos and of hidden-state trajectories. */
import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields, ragged, shaped } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { rowCount, rowOf, toRagged } from "../core/ragged.ts";
import { expectGiven, expectLength } from "../core/shapes.ts";

/**
 * Segmental video reward with temporal attenuation (InstructVideo, arXiv 2312.12490, eqs. 6–8).
 *
 * F frames, S segments of ⌊F/S⌋; frame g_i = i·⌊F/S⌋ + offset_i in each (`first`: offset 0); weight f_i =
 * exp(−λ|g_i − ⌊F/2⌋|), 1 with `attenuation` null; R = (1/S) Σ f_i r_i, not normalised by Σ f; loss = mean(1 − R), null
 * without videos.
 */
export const segmentalVideoReward = definePart({
  id: "signal/segmental-video-reward",
  papers: ["instruct-video"],
  params: z.object({
    segments: z.int().positive().default(4).describe("S"),
    attenuation: z.number().nonnegative().nullable().default(1).describe("λ; null: plain mean"),
    selection: z.enum(["random", "first"]).default("random").describe("random: the frames that `offsets` name"),
  }),
  inputs: z.object({
    frameScores: ragged("N×F", "image reward of each frame"),
    offsets: ragged("N×S", "drawn place of the frame in each segment, 0 … ⌊F/S⌋ − 1").optional(),
  }),
  outputs: z.object({
    frames: ragged("N×S", "index of the frame chosen in each segment"),
    weights: ragged("N×S", "attenuation of each"),
    rewards: fields.rewards,
    loss: z.number().nullable().describe("mean of 1 − reward"),
  }),
  compute({ segments, attenuation, selection }, { frameScores, offsets }) {
    const scores = toRagged(frameScores);
    const n = rowCount(scores);
    const drawn =
      selection === "first" ? null : toRagged(expectGiven(offsets, "inputs.offsets", "selection is random"));
    if (drawn) expectLength({ length: rowCount(drawn) }, n, "offsets");
    const frames: Int32Array[] = [];
    const weights: Float64Array[] = [];
    const rewards = new Float64Array(n);
    let total = 0;
    for (let i = 0; i < n; i++) {
      const row = rowOf(scores, i);
      const size = Math.floor(row.length / segments);
      if (size === 0) {
        throw new ContractError(`inputs.frameScores[${i}]`, `expected at least ${segments} frames, got ${row.length}`);
      }
      const places = drawn ? rowOf(drawn, i) : new Float64Array(segments);
      expectLength(places, segments, `offsets[${i}]`);
      const chosen = Int32Array.from(places, (place, s) => {
        if (place >= 0 && place < size) return s * size + place;
        throw new ContractError(`inputs.offsets[${i}][${s}]`, `expected a place below ${size}, got ${place}`);
      });
      const centre = Math.floor(row.length / 2);
      const weight = Float64Array.from(chosen, (g) =>
        attenuation === null ? 1 : Math.exp(-attenuation * Math.abs(g - centre)),
      );
      for (let s = 0; s < segments; s++) rewards[i] += (weight[s] * row[chosen[s]]) / segments;
      total += 1 - rewards[i];
      frames.push(chosen);
      weights.push(weight);
    }
    return { frames, weights, rewards, loss: n === 0 ? null : total / n };
  },
});

/**
 * How much each frame looks like each step of a demonstrated task (arXiv 1612.06699, sec. III-C).
 *
 * With z = (f − μ_s)/max(σ_s, minStd) on the features selected for step s: `log` −mean z², `gaussian` e^{−½ mean z²} (the
 * bounded form is ours). T × D features, S × D statistics, one list of feature indices per step → S × T; null for a step
 * without features. A dense reward is Σ_{s ≥ 1} 2^s·score (0-based).
 */
export const perceptualStepReward = definePart({
  id: "signal/perceptual-step-reward",
  papers: ["perceptual-rewards"],
  params: z.object({
    transform: z.enum(["log", "gaussian"]).default("log"),
    minStd: z.number().positive().default(1e-3).describe("floor of the deviations"),
  }),
  inputs: z.object({
    features: ragged("T×D", "features of each frame"),
    means: ragged("S×D", "mean of each feature in each step"),
    stds: ragged("S×D", "its deviation"),
    selected: ragged("S×M", "indices of the features that mark each step"),
  }),
  outputs: z.object({ scores: shaped(z.array(z.array(z.number().nullable())), "S×T", "score of each frame per step") }),
  compute({ transform, minStd }, { features, means, stds, selected }) {
    const frames = toRagged(features);
    const centres = toRagged(means);
    const spreads = toRagged(stds);
    const chosen = toRagged(selected);
    const steps = rowCount(chosen);
    expectLength({ length: rowCount(centres) }, steps, "means");
    expectLength({ length: rowCount(spreads) }, steps, "stds");
    const scores = Array.from({ length: steps }, (_, s) => {
      const centre = rowOf(centres, s);
      const spread = rowOf(spreads, s);
      const indices = rowOf(chosen, s);
      return Array.from({ length: rowCount(frames) }, (_, t) => {
        const frame = rowOf(frames, t);
        let sum = 0;
        for (const j of indices) {
          if (!(j >= 0 && j < frame.length && j < centre.length && j < spread.length)) {
            throw new ContractError(`inputs.selected[${s}]`, `expected indices below ${frame.length}, got ${j}`);
          }
          sum += ((frame[j] - centre[j]) / Math.max(spread[j], minStd)) ** 2;
        }
        if (indices.length === 0) return null;
        const mean = sum / indices.length;
        return transform === "log" ? -mean : Math.exp(-mean / 2);
      });
    });
    return { scores };
  },
});

const perToken = (shape: string, description: string) =>
  shaped(z.array(z.array(z.array(z.number()))), shape, description);

/**
 * Velocity deviation: how badly a flow over hidden states predicts each token (RLFR, arXiv 2510.10201, eq. 6).
 *
 * Data at s = 1: target velocity u = h − ε; δ = mean over dimensions of (v − u)², `deviations` its mean over timesteps;
 * `scores` the mean of w(s)·δ with w(s) = s/(1 − s), each timestep with its own weight (1 without `debias`). `velocities`
 * K × N × T × D, one slice per timestep, are the network's outputs at x_s = s·h + (1 − s)·ε.
 */
export const velocityDeviation = definePart({
  id: "signal/velocity-deviation",
  papers: ["rlfr"],
  params: z.object({
    timesteps: z.array(z.number().min(0).lt(1)).min(1).default([0.8]).describe("s of each slice"),
    debias: z.boolean().default(true).describe("weigh by s/(1 − s)"),
  }),
  inputs: z.object({
    latents: perToken("N×T×D", "hidden states h"),
    noises: perToken("N×T×D", "noise ε of each hidden state"),
    velocities: shaped(z.array(z.array(z.array(z.array(z.number())))), "K×N×T×D", "predicted velocities"),
  }),
  outputs: z.object({
    deviations: ragged("N×T", "squared velocity error, mean over timesteps"),
    scores: ragged("N×T", "debiased error, mean over timesteps"),
  }),
  compute({ timesteps, debias }, { latents, noises, velocities }) {
    expectLength(noises, latents.length, "noises");
    expectLength(velocities, timesteps.length, "velocities");
    const deviations = latents.map((tokens) => new Float64Array(tokens.length));
    const scores = latents.map((tokens) => new Float64Array(tokens.length));
    velocities.forEach((slice, k) => {
      expectLength(slice, latents.length, `velocities[${k}]`);
      const weight = debias ? timesteps[k] / (1 - timesteps[k]) : 1;
      latents.forEach((tokens, i) => {
        expectLength(noises[i], tokens.length, `noises[${i}]`);
        expectLength(slice[i], tokens.length, `velocities[${k}][${i}]`);
        tokens.forEach((latent, t) => {
          const noise = noises[i][t];
          const velocity = slice[i][t];
          expectLength(noise, latent.length, `noises[${i}][${t}]`);
          expectLength(velocity, latent.length, `velocities[${k}][${i}][${t}]`);
          if (latent.length === 0) throw new ContractError(`inputs.latents[${i}][${t}]`, "expected a dimension");
          let error = 0;
          for (let d = 0; d < latent.length; d++) error += (velocity[d] - (latent[d] - noise[d])) ** 2;
          error /= latent.length * timesteps.length;
          deviations[i][t] += error;
          scores[i][t] += weight * error;
        });
      });
    });
    return { deviations, scores };
  },
});

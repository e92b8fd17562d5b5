/** Training of flow and velocity models. States and velocities are rows of the network's inputs and targets. */
import { lax, numpy as np } from "@jax-js/jax";
import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields, nullableVector, ragged, shaped, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { type Ragged, raggedLike, rowCount, toRagged } from "../core/ragged.ts";
import { expectLength } from "../core/shapes.ts";
import { evaluate, maskOf, paddedTensor, rowsTensor, type Tensor, vectorTensor } from "../objective/engine.ts";
import { rowMeans } from "../objective/numerics.ts";

/**
 * A point on the straight path between noise and data, and its velocity (rectified flow, arXiv 2209.03003).
 *
 * `data-at-one` (RLFR, 2510.10201): x_s = s·x + (1 − s)·ε, v = x − ε. `data-at-zero` (Flow-GRPO, 2505.05470): x_s = (1 − s)·x + s·ε,
 * v = ε − x. `timestep` s is one number for the batch or one per row. Shapes N×D. The velocity does not depend on s.
 */
export const flowInterpolant = definePart({
  id: "model/flow-interpolant",
  papers: ["flow-grpo", "gdro", "rlfr", "srum"],
  params: z.object({
    convention: z.enum(["data-at-one", "data-at-zero"]).default("data-at-one").describe("which end of time is data"),
  }),
  inputs: z.object({
    latents: ragged("N×D", "data x"),
    noises: ragged("N×D", "standard normal ε"),
    timestep: z.union([z.number(), vector("N", "s per row")]).describe("s in [0, 1]"),
  }),
  outputs: z.object({
    states: ragged("N×D", "x_s"),
    velocities: ragged("N×D", "target velocity"),
  }),
  compute({ convention }, { latents, noises, timestep }) {
    const data = toRagged(latents);
    const noise = toRagged(noises);
    const states = raggedLike(data);
    const velocities = raggedLike(data);
    const count = rowCount(data);
    if (typeof timestep !== "number") expectLength(timestep, count, "timestep");
    const sign = convention === "data-at-one" ? 1 : -1;
    for (let i = 0; i < count; i++) {
      const s = typeof timestep === "number" ? timestep : timestep[i];
      const share = convention === "data-at-one" ? s : 1 - s;
      for (let k = data.offsets[i]; k < data.offsets[i + 1]; k++) {
        states.values[k] = share * data.values[k] + (1 - share) * noise.values[k];
        velocities.values[k] = sign * (data.values[k] - noise.values[k]);
      }
    }
    return { states, velocities };
  },
});

const tokenStates = z.array(z.array(z.array(z.number())));

/**
 * Contexts and targets for a flow over hidden states (RLFR, arXiv 2510.10201).
 *
 * `token-post`: target h_t with context h_{t−shift} (scores of the first `shift` tokens are padding: `front`); `token-pre`: target h_t with
 * context h_{t+shift} (`back`); `identity`: every state is its own context (`none`). Train and use the same mode. Shapes N×T×D → N×(T − shift)×D;
 * a response no longer than the shift gives an empty row.
 */
export const flowPairs = definePart({
  id: "model/flow-pairs",
  papers: ["rlfr"],
  params: z.object({
    mode: z.enum(["token-post", "token-pre", "identity"]).default("token-post").describe("where the context stands"),
    shift: z.int().positive().default(1).describe("distance of context and target in tokens"),
  }),
  inputs: z.object({ latents: shaped(tokenStates, "N×T×D", "hidden state per token") }),
  outputs: z.object({
    contexts: shaped(tokenStates, "N×U×D", "conditions"),
    targets: shaped(tokenStates, "N×U×D", "states to be matched"),
    pad: z.enum(["front", "back", "none"]).describe("where scores must be padded to N×T again"),
    padLength: z.int().describe("by how much"),
  }),
  compute({ mode, shift }, { latents }) {
    if (mode === "identity") return { contexts: latents, targets: latents, pad: "none" as const, padLength: 0 };
    const early = latents.map((row) => row.slice(0, Math.max(0, row.length - shift)));
    const late = latents.map((row) => row.slice(shift));
    return mode === "token-post"
      ? { contexts: early, targets: late, pad: "front" as const, padLength: shift }
      : { contexts: late, targets: early, pad: "back" as const, padLength: shift };
  },
});

export interface FlowMatchingTensors {
  /** N×T×D, differentiated. */
  velocities: Tensor;
  targets: Tensor;
  /** N×T of 0 and 1. */
  mask: Tensor;
  /** N. */
  weights: Tensor;
}

/** Differentiable `model/flow-matching-loss`. A fully masked rollout has loss 0 and no weight. */
export function flowMatchingLossOf() {
  return ({ velocities, targets, mask, weights }: FlowMatchingTensors) => {
    const deviations = np.mean(np.square(velocities.sub(targets)), -1);
    const used = weights.mul(np.max(mask.ref, -1));
    const perRollout = rowMeans(deviations, mask);
    const total = np.sum(used.ref);
    const some = np.notEqual(total.ref, 0);
    const loss = np.sum(perRollout.ref.mul(used)).div(np.where(some.ref, total, 1));
    return { loss: np.where(some, loss, 0), perRollout: lax.stopGradient(perRollout) };
  };
}

/** Packs N×T×D into N×T rows of one width. */
function packStates(
  states: readonly (readonly ArrayLike<number>[])[],
  field: string,
): { tokens: Ragged; width: number } {
  const width = states.find((row) => row.length > 0)?.[0].length ?? 0;
  for (const [i, row] of states.entries())
    for (const [t, state] of row.entries()) expectLength(state, width, `${field}[${i}][${t}]`);
  const offsets = new Uint32Array(states.length + 1);
  for (const [i, row] of states.entries()) offsets[i + 1] = offsets[i] + row.length * width;
  const values = new Float64Array(offsets[states.length]);
  for (const [i, row] of states.entries())
    for (const [t, state] of row.entries()) values.set(Array.from(state), offsets[i] + t * width);
  return { tokens: { values, offsets }, width };
}

/**
 * Flow matching on the hidden states of rollouts (RLFR, arXiv 2510.10201, online update of its flow).
 *
 * Per token mean over D of (v − u)², perRollout its mean over unmasked tokens, loss = Σ w·perRollout / Σ w: rollouts of weight 0 (rejected
 * ones) teach nothing. Loss 0 when no weight is left. A rollout without an unmasked token has perRollout null and takes no part.
 * Shapes N×T×D, N×T, N; mask and weights absent = 1 (offline training). Errors: states of different width.
 */
export const flowMatchingLoss = definePart({
  id: "model/flow-matching-loss",
  papers: ["rlfr", "srum"],
  params: z.object({}),
  inputs: z.object({
    velocities: shaped(tokenStates, "N×T×D", "predicted velocities"),
    targets: shaped(tokenStates, "N×T×D", "target velocities"),
    mask: fields.mask.optional(),
    weights: vector("N", "weight per rollout; absent = 1").optional(),
  }),
  outputs: z.object({
    perRollout: nullableVector("N", "mean deviation of the rollout's tokens"),
    loss: z.number().describe("weighted mean over rollouts"),
  }),
  compute(_, { velocities, targets, mask, weights }) {
    const n = velocities.length;
    const predicted = packStates(velocities, "velocities");
    const wanted = packStates(targets, "targets");
    if (predicted.width !== wanted.width)
      throw new ContractError("inputs.targets", `expected ${predicted.width} dimensions, got ${wanted.width}`);
    const width = Math.max(1, predicted.width);
    const like = velocities.map((row) => row.map(() => 1));
    const counted = maskOf(like, mask);
    const tokens = (rows: Ragged) => rowsTensor(rows).reshape([counted.rows, counted.width, width]);
    if (predicted.tokens.values.length === 0) return { perRollout: velocities.map(() => null), loss: 0 };
    const { loss, perRollout } = evaluate(flowMatchingLossOf(), {
      velocities: tokens(predicted.tokens),
      targets: tokens(wanted.tokens),
      mask: paddedTensor(counted),
      weights: vectorTensor(weights ?? new Float64Array(n).fill(1)),
    });
    const masked = (i: number) =>
      !counted.values.subarray(i * counted.width, (i + 1) * counted.width).some((one) => one > 0);
    return { perRollout: Array.from(perRollout.subarray(0, n), (value, i) => (masked(i) ? null : value)), loss };
  },
});

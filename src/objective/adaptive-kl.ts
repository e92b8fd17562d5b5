import { z } from "zod";
import { definePart } from "../core/part.ts";

/**
 * Adaptive KL coefficient: a proportional controller (Ziegler et al. 2019, arXiv 1909.08593, §2.2).
 *
 * β ← β (1 + clip(kl / target − 1, −0.2, 0.2) · nSteps / horizon). `kl` is the measured divergence to the
 * reference (nats), `nSteps` the samples since the last update. β never becomes negative: where
 * nSteps > 5 · horizon would make it so, it is 0.
 */
export const adaptiveKl = definePart({
  id: "objective/adaptive-kl",
  papers: ["grpo"],
  params: z.object({
    target: z.number().positive().describe("divergence to hold, nats"),
    horizon: z.number().positive().describe("samples over which an error is corrected"),
  }),
  inputs: z.object({
    state: z.object({ beta: z.number().nonnegative().describe("β now") }),
    kl: z.number().describe("measured divergence, nats"),
    nSteps: z.number().nonnegative().describe("samples since the last update"),
  }),
  outputs: z.object({ state: z.object({ beta: z.number().describe("β next") }) }),
  compute({ target, horizon }, { state, kl, nSteps }) {
    const error = Math.max(-0.2, Math.min(0.2, kl / target - 1));
    return { state: { beta: Math.max(0, state.beta * (1 + (error * nSteps) / horizon)) } };
  },
});

import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields, ragged } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { raggedLike, rowCount, toRagged } from "../core/ragged.ts";

/**
 * Rescales each step's advantage by how sure the policy was, and pays for reaching states where it is (EMPG, arXiv
 * 2509.09265, eqs. 5–9).
 *
 * Over all steps of the batch, each counting once: H̃ = (H − min)/(max − min + ε); scale g = e^(−kH̃)/(mean of
 * e^(−kH̃) + ε); clarity f = e^(−k′H̃). A_{i,t} = A_i g_{i,t} + ζ f_{i,t+1}, without the bonus for a rollout's last step;
 * `center` then subtracts the mean over steps. No division by a deviation.
 *
 * `advantages` N (outcome, e.g. group-relative), `entropies` N×S: mean token entropy of each step in nats, under the
 * sampling policy; rows may be empty. Outputs N×S. A batch of zero outcome advantages still moves: confidence is paid.
 */
export const entropyModulated = definePart({
  id: "credit/entropy-modulated",
  papers: ["empg"],
  params: z.object({
    k: z.number().default(1).describe("k, sharpness of the scale"),
    kFuture: z.number().default(1).describe("k′, sharpness of the clarity"),
    zeta: z.number().default(0.1).describe("ζ, weight of the clarity of the next step"),
    epsilon: z.number().nonnegative().default(1e-8).describe("added to both denominators"),
    center: z.boolean().default(true).describe("subtract the mean over steps"),
  }),
  inputs: z.object({
    advantages: fields.advantages,
    entropies: ragged("N×S", "mean token entropy of each step, nats"),
  }),
  outputs: z.object({
    advantages: ragged("N×S", "advantage per step"),
    scale: ragged("N×S", "g, mean 1"),
    clarity: ragged("N×S", "f"),
    normalizedEntropies: ragged("N×S", "H̃, 0 to 1"),
  }),
  compute({ k, kFuture, zeta, epsilon, center }, { advantages: outcome, ...inputs }) {
    const entropies = toRagged(inputs.entropies);
    if (rowCount(entropies) !== outcome.length)
      throw new ContractError("inputs.entropies", `expected ${outcome.length} rows, got ${rowCount(entropies)}`);
    const normalizedEntropies = raggedLike(entropies);
    const scale = raggedLike(entropies);
    const clarity = raggedLike(entropies);
    const advantages = raggedLike(entropies);
    const h = entropies.values;
    const total = h.length;
    let low = Number.POSITIVE_INFINITY;
    let high = Number.NEGATIVE_INFINITY;
    for (let s = 0; s < total; s++) {
      if (h[s] < low) low = h[s];
      if (h[s] > high) high = h[s];
    }
    const range = high - low + epsilon;
    let sum = 0;
    for (let s = 0; s < total; s++) {
      const normalized = range > 0 ? (h[s] - low) / range : 0;
      normalizedEntropies.values[s] = normalized;
      scale.values[s] = Math.exp(-k * normalized);
      clarity.values[s] = kFuture === k ? scale.values[s] : Math.exp(-kFuture * normalized);
      sum += scale.values[s];
    }
    const divisor = sum / total + epsilon;
    const { offsets } = entropies;
    const out = advantages.values;
    let outSum = 0;
    for (let i = 0; i < outcome.length; i++) {
      const end = offsets[i + 1];
      for (let s = offsets[i]; s < end; s++) {
        scale.values[s] /= divisor;
        out[s] = outcome[i] * scale.values[s] + (s + 1 < end ? zeta * clarity.values[s + 1] : 0);
        outSum += out[s];
      }
    }
    const mean = center ? outSum / total : 0;
    if (mean !== 0) for (let s = 0; s < total; s++) out[s] -= mean;
    return { advantages, scale, clarity, normalizedEntropies };
  },
});

/** Weights of losses and rollouts, and losses that are weighted sums of given errors. */
import { lax, numpy as np } from "@jax-js/jax";
import { z } from "zod";
import { ragged, shaped, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { rowCount, toRagged } from "../core/ragged.ts";
import { evaluate, rowsTensor, type Tensor, tensor, vectorTensor } from "./engine.ts";

/**
 * Mean of weighted objective losses (RECAP, arXiv 2510.21978).
 *
 * loss = (1/K) Σ_k λ_k L_k; no gradient flows through λ. Null without an objective. Weights: `sampling/objective-reweighting`.
 */
export const weightedLoss = definePart({
  id: "objective/weighted-loss",
  papers: ["recap"],
  params: z.object({}),
  inputs: z.object({ losses: vector("K", "loss per objective"), weights: vector("K", "λ per objective") }),
  outputs: z.object({ loss: z.number().nullable().describe("mean of λL; null without an objective") }),
  compute(_, { losses, weights }) {
    let sum = 0;
    for (let k = 0; k < losses.length; k++) sum += weights[k] * losses[k];
    return { loss: losses.length === 0 ? null : sum / losses.length };
  },
});

/**
 * Path-integral rollout weights (PI², Theodorou et al. 2010; as used with perceptual rewards, arXiv 1612.06699).
 *
 * w_i ∝ exp(−h (S_i − min S)/(max S − min S)), they sum to 1; equal costs give uniform weights. The parameters move by Σ w_i ε_i.
 */
export const pi2Weights = definePart({
  id: "objective/pi2-weights",
  papers: ["perceptual-rewards"],
  params: z.object({ sharpness: z.number().nonnegative().default(10).describe("h") }),
  inputs: z.object({ costs: vector("N", "S, cost per rollout") }),
  outputs: z.object({ weights: vector("N", "weight per rollout") }),
  compute({ sharpness }, { costs }) {
    let lowest = Number.POSITIVE_INFINITY;
    let highest = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < costs.length; i++) {
      lowest = Math.min(lowest, costs[i]);
      highest = Math.max(highest, costs[i]);
    }
    const range = highest - lowest;
    const weights = new Float64Array(costs.length);
    let total = 0;
    for (let i = 0; i < costs.length; i++) {
      weights[i] = range > 0 ? Math.exp(-sharpness * ((costs[i] - lowest) / range)) : 1;
      total += weights[i];
    }
    for (let i = 0; i < costs.length; i++) weights[i] /= total;
    return { weights };
  },
});

const tdMpcParams = z.object({
  rho: z.number().min(0).max(1).default(0.5).describe("ρ, discount of errors along the horizon"),
  consistency: z.number().nonnegative().default(2).describe("weight of the latent consistency errors"),
  reward: z.number().nonnegative().default(0.5).describe("weight of the reward errors"),
  value: z.number().nonnegative().default(0.1).describe("weight of the value errors"),
});

/** Each of the three sums is capped at this (TD-MPC). */
const errorCap = 1e4;

export interface TdMpcTensors {
  /** H×N. */
  consistencyErrors: Tensor;
  /** H×N. */
  rewardErrors: Tensor;
  /** H×heads×N. */
  valueErrors: Tensor;
  /** N importance weights. */
  weights: Tensor;
}

/** Differentiable `objective/td-mpc`. Scale the gradient by 1/H, as the released code does. */
export function tdMpcLoss(params: z.input<typeof tdMpcParams> = {}) {
  const { rho, consistency, reward, value } = tdMpcParams.parse(params);
  return ({ consistencyErrors, rewardErrors, valueErrors, weights }: TdMpcTensors) => {
    const horizon = consistencyErrors.shape[0];
    const discounted = (errors: Tensor) => {
      let sum = np.zerosLike(errors.ref.slice(0));
      for (let t = 0; t < horizon; t++) sum = sum.add(errors.ref.slice(t).mul(rho ** t));
      errors.dispose();
      return np.minimum(sum, errorCap);
    };
    const perSample = discounted(consistencyErrors)
      .mul(consistency)
      .add(discounted(rewardErrors).mul(reward))
      .add(discounted(np.sum(valueErrors, 1)).mul(value));
    return { loss: np.mean(weights.mul(perSample.ref)), perSample: lax.stopGradient(perSample) };
  };
}

/**
 * World-model loss over a horizon and replay priorities (TD-MPC, arXiv 2203.04955; MoDem-V2, 2309.14236).
 *
 * perSample = Σ_t ρ^t consistency, Σ_t ρ^t reward and Σ_t ρ^t Σ_heads value errors, each sum capped at 10⁴, weighted and added;
 * loss = mean of importance weight × perSample; gradientScale = 1/H; priorities = Σ_t ρ^t Σ_heads priorityErrors.
 * Shapes H×N, H×heads×N, N. Null without a sample or a step.
 */
export const tdMpc = definePart({
  id: "objective/td-mpc",
  papers: ["modem-v2"],
  params: tdMpcParams,
  inputs: z.object({
    consistencyErrors: ragged("H×N", "latent consistency error per step and sample"),
    rewardErrors: ragged("H×N", "reward error per step and sample"),
    valueErrors: shaped(
      z.array(z.array(z.array(z.number()))),
      "H×Heads×N",
      "squared value error per step, head and sample",
    ),
    priorityErrors: shaped(
      z.array(z.array(z.array(z.number()))),
      "H×Heads×N",
      "absolute value error per step, head and sample",
    ),
    weights: vector("N", "importance weight per sample"),
  }),
  outputs: z.object({
    perSample: vector("N", "loss per sample"),
    loss: z.number().nullable().describe("mean of weight × perSample"),
    gradientScale: z.number().nullable().describe("1/H; null for H = 0"),
    priorities: vector("N", "replay priority per sample"),
  }),
  compute(params, { consistencyErrors, rewardErrors, valueErrors, priorityErrors, weights }) {
    const horizon = rowCount(toRagged(consistencyErrors));
    const n = weights.length;
    const priorities = new Float64Array(n);
    priorityErrors.forEach((heads, t) => {
      for (const head of heads) for (let i = 0; i < n; i++) priorities[i] += params.rho ** t * head[i];
    });
    if (horizon === 0 || n === 0) {
      return {
        perSample: new Float64Array(n),
        loss: null,
        gradientScale: horizon === 0 ? null : 1 / horizon,
        priorities,
      };
    }
    const heads = Math.max(1, valueErrors[0].length);
    const flat = new Float64Array(horizon * heads * n);
    valueErrors.forEach((step, t) => {
      step.forEach((head, h) => {
        flat.set(head, (t * heads + h) * n);
      });
    });
    const { loss, perSample } = evaluate(tdMpcLoss(params), {
      consistencyErrors: rowsTensor(consistencyErrors),
      rewardErrors: rowsTensor(rewardErrors),
      valueErrors: tensor(flat, [horizon, heads, n]),
      weights: vectorTensor(weights),
    });
    return { perSample, loss, gradientScale: 1 / horizon, priorities };
  },
});

import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";

const potentials = vector("T+1", "estimated progress at each time, 0 to 1");
const gamma = z.number().min(0).max(1).describe("discount, the learner's own");

/**
 * Success from a progress threshold, made dense by the progress as a potential (Robo-Dopamine, arXiv 2512.23703, §3.3).
 *
 * Per transition: gold = 1 if Φ(s′) ≥ `goldThreshold`, F = γΦ(s′) − Φ(s), r = gold + F. `potentials` are T + 1 numbers;
 * `gold`, `shaping`, `rewards` T, `discountedShaping` = Σ γ^t F_t = γ^T Φ_T − Φ_0. The optimum stays only if that end
 * term vanishes: `terminalPotential: "zero"` counts Φ of the last state as 0 (an episode that really ended there);
 * with time-outs, `keep` and bootstrap.
 */
export const progressPotential = definePart({
  id: "shaping/progress-potential",
  papers: ["robo-dopamine"],
  params: z.object({
    gamma,
    goldThreshold: z.number().default(0.95).describe("1 − δ, progress that counts as success (inclusive)"),
    terminalPotential: z.enum(["keep", "zero"]).default("keep").describe("potential of the last state"),
  }),
  inputs: z.object({ potentials }),
  outputs: z.object({
    gold: vector("T", "1: success"),
    shaping: vector("T", "F per step"),
    rewards: vector("T", "gold + F"),
    discountedShaping: z.number().describe("Σ γ^t F_t"),
  }),
  compute({ gamma: discount, goldThreshold, terminalPotential }, { potentials: phi }) {
    const steps = transitions(phi.length);
    const gold = new Float64Array(steps);
    const shaping = new Float64Array(steps);
    const rewards = new Float64Array(steps);
    for (let t = 0; t < steps; t++) {
      gold[t] = phi[t + 1] >= goldThreshold ? 1 : 0;
      const next = t === steps - 1 && terminalPotential === "zero" ? 0 : phi[t + 1];
      shaping[t] = discount * next - phi[t];
      rewards[t] = gold[t] + shaping[t];
    }
    return { gold, shaping, rewards, discountedShaping: discounted(shaping, discount) };
  },
});

/**
 * Undiscounted difference of progress as a reward, the baseline that pays for hovering (arXiv 2512.23703, §3.3).
 *
 * r_t = Φ_{t+1} − Φ_t. Its discounted sum is −Φ_0 + (1 − γ) Σ_{t≥1} γ^{t−1} Φ_t in the limit, so staying at high
 * progress pays: prefer progress-potential. `potentials` T + 1, `rewards` T, `discountedReturn` = Σ γ^t r_t.
 */
export const progressDifference = definePart({
  id: "shaping/progress-difference",
  papers: ["robo-dopamine"],
  params: z.object({ gamma }),
  inputs: z.object({ potentials }),
  outputs: z.object({ rewards: vector("T", "difference of progress"), discountedReturn: z.number() }),
  compute({ gamma: discount }, { potentials: phi }) {
    const rewards = Float64Array.from({ length: transitions(phi.length) }, (_, t) => phi[t + 1] - phi[t]);
    return { rewards, discountedReturn: discounted(rewards, discount) };
  },
});

function transitions(states: number): number {
  if (states === 0) throw new ContractError("inputs.potentials", "expected at least one entry, got none");
  return states - 1;
}

function discounted(values: Float64Array, gamma: number): number {
  let sum = 0;
  for (let t = values.length - 1; t >= 0; t--) sum = values[t] + gamma * sum;
  return sum;
}

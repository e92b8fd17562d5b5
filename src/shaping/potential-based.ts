import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";

/**
 * Potential-based shaping along one trajectory (Ng, Harada & Russell 1999, thm. 1; advice: Wiewiora et al. 2003).
 *
 * For T steps, F_t is
 *
 * - `state`: γΦ(s_{t+1}) − Φ(s_t); `potentials` are Φ(s_0) … Φ(s_T), T + 1 numbers. With a potential
 *   that changes over time pass Φ(s_t, t), each evaluated once (Devlin & Kudenko 2012).
 * - `look-ahead`: γΦ(s_{t+1}, a_{t+1}) − Φ(s_t, a_t); also T + 1 numbers. The learnt Q is shifted by
 *   −Φ, so act greedily on Q + Φ.
 * - `look-back`: Φ(s_t, a_t) − γ⁻¹Φ(s_{t−1}, a_{t−1}) with nothing before the first step; T numbers.
 *   Needs γ > 0 and an on-policy learner.
 *
 * `discountedShaping` = Σ_t γ^t F_t, which telescopes to γ^T Φ_T − Φ_0 (look-back: γ^{T−1} Φ_{T−1}).
 * `terminated` says that the MDP itself ended after the last step: its potential then counts as 0
 * (`terminal: "zero"`), or the optimum would move. A time-limit cut is not termination. `rewards` =
 * `stepRewards` + F where step rewards are given.
 */
export const potentialBased = definePart({
  id: "shaping/potential-based",
  papers: ["potential-based-shaping"],
  params: z.object({
    gamma: z.number().min(0).max(1).describe("discount; the learner's own, or the optimum moves"),
    form: z.enum(["state", "look-ahead", "look-back"]).default("state").describe("what the potentials are of"),
    terminal: z.enum(["zero", "keep"]).default("zero").describe("the last potential of a terminated trajectory"),
  }),
  inputs: z.object({
    potentials: vector("T+1", "Φ at each time (look-back: T of them)"),
    stepRewards: vector("T", "rewards to add the shaping to").optional(),
    terminated: z.boolean().optional().describe("the MDP ended after the last step (default false)"),
  }),
  outputs: z.object({
    shaping: vector("T", "F per step"),
    rewards: vector("T", "stepRewards + F").optional(),
    discountedShaping: z.number().describe("Σ γ^t F_t"),
  }),
  compute({ gamma, form, terminal }, { potentials, stepRewards, terminated }) {
    const extra = form === "look-back" ? 0 : 1;
    const steps = stepRewards ? stepRewards.length : potentials.length - extra;
    if (steps < 0 || potentials.length !== steps + extra)
      throw new ContractError(
        "inputs.potentials",
        `expected ${Math.max(0, steps) + extra} entries (form ${form}), got ${potentials.length}`,
      );
    if (form === "look-back" && gamma === 0) throw new ContractError("params.gamma", "look-back needs gamma above 0");
    const shaping = new Float64Array(steps);
    for (let t = 0; t < steps; t++) {
      if (form === "look-back") {
        shaping[t] = potentials[t] - (t > 0 ? potentials[t - 1] / gamma : 0);
      } else {
        const ended = t === steps - 1 && terminated === true && terminal === "zero";
        shaping[t] = (ended ? 0 : gamma * potentials[t + 1]) - potentials[t];
      }
    }
    let discountedShaping = 0;
    for (let t = steps - 1; t >= 0; t--) discountedShaping = shaping[t] + gamma * discountedShaping;
    if (!stepRewards) return { shaping, discountedShaping };
    const rewards = new Float64Array(steps);
    for (let t = 0; t < steps; t++) rewards[t] = stepRewards[t] + shaping[t];
    return { shaping, rewards, discountedShaping };
  },
});

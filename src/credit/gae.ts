import { z } from "zod";
import { fields } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { checkSameRows, raggedLike, toRagged } from "../core/ragged.ts";
import { whiten } from "./whitening.ts";

/**
 * Generalised advantage estimation per token (GAE, arXiv 1506.02438, eq. 16), skipping observation tokens.
 *
 * δ_t = r_t + γ V_{t+1} − V_t and A_t = δ_t + γλ A_{t+1}, with V and A of the token after t taken from
 * the next *unmasked* token (tool outputs are skipped) and 0 after the last one: the end of a row is
 * the end of the episode. returns = A + V, before whitening. `whiten` then maps A to
 * (A − μ) / √(σ² + 1e-8) over the unmasked tokens of the batch, with Bessel's correction; it needs two
 * unmasked tokens.
 *
 * All of shape N×T. At a masked token the outputs carry no meaning: `carried` shows the advantage
 * carried past it (as verl does), `zero` shows 0 in advantages and returns.
 */
export const gae = definePart({
  id: "credit/gae",
  papers: ["grpo"],
  params: z.object({
    gamma: z.number().min(0).max(1).default(1).describe("discount per token"),
    lambda: z.number().min(0).max(1).default(1).describe("λ; 1: Monte Carlo, 0: one-step error"),
    whiten: z.boolean().default(true).describe("whiten the advantages over the batch's unmasked tokens"),
    maskedOutput: z.enum(["carried", "zero"]).default("carried").describe("what masked tokens show"),
  }),
  inputs: z.object({
    tokenRewards: fields.tokenRewards,
    values: fields.values,
    mask: fields.mask.optional(),
  }),
  outputs: z.object({ advantages: fields.tokenAdvantages, returns: fields.returns }),
  compute({ gamma, lambda, whiten: whitening, maskedOutput }, inputs) {
    const rewards = toRagged(inputs.tokenRewards);
    const critic = toRagged(inputs.values);
    checkSameRows(critic, rewards, "values");
    const masked = inputs.mask === undefined ? null : toRagged(inputs.mask);
    if (masked) checkSameRows(masked, rewards, "mask");
    const mask = masked ? masked.values : null;
    const advantages = raggedLike(rewards);
    const returns = raggedLike(rewards);
    const { offsets } = rewards;
    const r = rewards.values;
    const v = critic.values;
    const a = advantages.values;
    const g = returns.values;
    const decay = gamma * lambda;
    for (let i = 0; i + 1 < offsets.length; i++) {
      let nextValue = 0;
      let advantage = 0;
      for (let t = offsets[i + 1] - 1; t >= offsets[i]; t--) {
        if (mask === null || mask[t] !== 0) {
          const value = v[t];
          advantage = r[t] + gamma * nextValue - value + decay * advantage;
          nextValue = value;
        }
        a[t] = advantage;
        g[t] = advantage + v[t];
      }
    }
    if (whitening) whiten(a, mask, a);
    if (mask && maskedOutput === "zero") {
      for (let t = 0; t < a.length; t++) {
        if (mask[t] !== 0) continue;
        a[t] = 0;
        g[t] = 0;
      }
    }
    return { advantages, returns };
  },
});

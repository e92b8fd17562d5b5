import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";

/**
 * Rewards from a discriminator's logit (GAIL, arXiv 1606.03476; AIRL, 1710.11248; FAIRL, 1911.02256).
 *
 * With logit L (of "expert"), D = σ(L) and ε inside the logarithms:
 *
 * - `minimax`: −log(1 − D + ε); softplus(L) ≥ 0 at ε = 0, favours survival
 * - `non-saturating`: log(D + ε); −softplus(−L) ≤ 0, favours an early end
 * - `sum`: both added, h = log(D + ε) − log(1 − D + ε); L itself at ε = 0 (AIRL, reverse KL)
 * - `forward-kl`: −h·e^h, largest (1/e) at h = −1, unbounded below for h > 0 (FAIRL)
 *
 * `logits` and `rewards` are N. Computed without cancellation at any logit. `forward-kl` above 700
 * overflows: `ContractError`.
 */
export const adversarialImitation = definePart({
  id: "signal/adversarial-imitation",
  papers: ["potential-based-shaping", "irl-llm-survey", "lipschitz-gail"],
  params: z.object({
    form: z
      .enum(["minimax", "non-saturating", "sum", "forward-kl"])
      .default("minimax")
      .describe("which function of the discriminator"),
    epsilon: z.number().nonnegative().default(0).describe("added inside the logarithms (liayn: 1e-8)"),
  }),
  inputs: z.object({ logits: vector("N", "discriminator logit of expert against policy") }),
  outputs: z.object({ rewards: fields.rewards }),
  compute({ form, epsilon }, { logits }) {
    const rewards = new Float64Array(logits.length);
    for (let i = 0; i < logits.length; i++) {
      const logit = logits[i];
      if (form === "minimax") rewards[i] = -logSigmoid(-logit, epsilon);
      else if (form === "non-saturating") rewards[i] = logSigmoid(logit, epsilon);
      else {
        const h = epsilon === 0 ? logit : logSigmoid(logit, epsilon) - logSigmoid(-logit, epsilon);
        if (form === "sum") rewards[i] = h;
        else if (h > 700)
          throw new ContractError(`inputs.logits[${i}]`, `forward-kl overflows above 700, got ${logit}`);
        else rewards[i] = -h * Math.exp(h);
      }
    }
    return { rewards };
  },
});

/** log(σ(x) + ε), stable for large |x|. */
function logSigmoid(x: number, epsilon: number): number {
  const tail = Math.exp(-Math.abs(x));
  if (epsilon > 0) return Math.log((x >= 0 ? 1 : tail) / (1 + tail) + epsilon);
  return Math.min(x, 0) - Math.log1p(tail);
}

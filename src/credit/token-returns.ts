import { z } from "zod";
import { fields, ragged, shaped, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { checkSameRows, raggedLike, toFlat, toRagged } from "../core/ragged.ts";

/**
 * Discounted sums of token rewards to the end of each response (REINFORCE; RLFR, arXiv 2510.10201, step 6).
 *
 * G_t = r_t + γ G_{t+1}. N×T.
 */
export const rewardToGo = definePart({
  id: "credit/reward-to-go",
  papers: ["rlfr"],
  params: z.object({ gamma: z.number().min(0).max(1).default(1).describe("discount per token") }),
  inputs: z.object({ tokenRewards: fields.tokenRewards }),
  outputs: z.object({ returns: fields.returns }),
  compute({ gamma }, { tokenRewards }) {
    const given = toRagged(tokenRewards);
    const returns = raggedLike(given);
    const { values, offsets } = given;
    const out = returns.values;
    for (let i = 0; i + 1 < offsets.length; i++) {
      let running = 0;
      for (let t = offsets[i + 1] - 1; t >= offsets[i]; t--) {
        running = values[t] + gamma * running;
        out[t] = running;
      }
    }
    return { returns };
  },
});

const perRolloutOrToken = (description: string) =>
  shaped(z.union([vector("N", description), ragged("N×T", description)]), "N or N×T", description);

/**
 * Scales positive and negative advantages separately; 0 and 1 learn from negative ones only (GRPO-N, arXiv 2510.04028).
 *
 * A′ = positiveWeight · A where A > 0, negativeWeight · A where A < 0, 0 where A = 0. `advantages` N or N×T.
 */
export const signWeighted = definePart({
  id: "credit/sign-weighted",
  papers: ["rlvr-two-stage"],
  params: z.object({
    positiveWeight: z.number().default(0).describe("factor of positive advantages"),
    negativeWeight: z.number().default(1).describe("factor of negative advantages"),
  }),
  inputs: z.object({ advantages: perRolloutOrToken("advantage") }),
  outputs: z.object({ advantages: perRolloutOrToken("scaled advantage") }),
  compute({ positiveWeight, negativeWeight }, { advantages }) {
    const { values, offsets } = toFlat(advantages);
    const out = new Float64Array(values.length);
    for (let i = 0; i < out.length; i++) {
      const value = values[i];
      out[i] = value > 0 ? positiveWeight * value : value < 0 ? negativeWeight * value : 0;
    }
    return { advantages: offsets ? { values: out, offsets } : out };
  },
});

/**
 * Standardises token advantages over the batch and zeroes outliers (StableReinforce, R1-Reward, arXiv 2505.02835, §4.1).
 *
 * z = (A − μ)/σ + 1e-8 over the unmasked tokens, σ² the population variance, not below 1e-8. Bounds `standardised` keep
 * |z| ≤ sigma; `official`, as released, keep μ − sigma ≤ z ≤ μ + sigma, with the raw mean, and |z| ≤ 10. Others, and
 * masked tokens, become 0. `advantages` N×T; `mean`, `std` (σ) and `keptFraction` are null when nothing is unmasked.
 * With binary rewards the ±3 filter drops a minority once its share is below 0.1.
 */
export const advantageFilter = definePart({
  id: "credit/advantage-filter",
  papers: ["r1-reward"],
  params: z.object({
    sigma: z.number().positive().default(3).describe("bound, in deviations"),
    bounds: z.enum(["standardised", "official"]).default("standardised").describe("what the bound is around"),
  }),
  inputs: z.object({ advantages: fields.tokenAdvantages, mask: fields.mask.optional() }),
  outputs: z.object({
    advantages: fields.tokenAdvantages,
    mean: z.number().nullable().describe("μ over unmasked tokens"),
    std: z.number().nullable().describe("σ over unmasked tokens"),
    keptFraction: z.number().nullable().describe("share of unmasked tokens within the bounds"),
  }),
  compute({ sigma, bounds }, inputs) {
    const given = toRagged(inputs.advantages);
    const masked = inputs.mask === undefined ? null : toRagged(inputs.mask);
    if (masked) checkSameRows(masked, given, "mask");
    const m = masked ? masked.values : null;
    const a = given.values;
    const advantages = raggedLike(given);
    let count = 0;
    let mean = 0;
    for (let t = 0; t < a.length; t++) {
      if (m !== null && m[t] === 0) continue;
      count++;
      mean += a[t];
    }
    if (count === 0) return { advantages, mean: null, std: null, keptFraction: null };
    mean /= count;
    let squares = 0;
    for (let t = 0; t < a.length; t++) if (m === null || m[t] !== 0) squares += (a[t] - mean) ** 2;
    const std = Math.sqrt(Math.max(1e-8, squares / count));
    const centre = bounds === "official" ? mean : 0;
    const widest = bounds === "official" ? 10 : Number.POSITIVE_INFINITY;
    let kept = 0;
    for (let t = 0; t < a.length; t++) {
      if (m !== null && m[t] === 0) continue;
      const z = (a[t] - mean) / std + 1e-8;
      if (z < centre - sigma || z > centre + sigma || Math.abs(z) > widest) continue;
      advantages.values[t] = z;
      kept++;
    }
    return { advantages, mean, std, keptFraction: kept / count };
  },
});

/**
 * Damps the advantages of tasks that were sampled repeatedly (value-smoothing clip of VSPO, arXiv 2512.07478; the
 * formula is the project's reconstruction).
 *
 * A′ = A/c^power, then clipped to [−clip, clip]; c ≥ 1 is how often the rollout's task appears. Power 1 undoes the
 * repetition exactly, 0 leaves it. N each.
 */
export const valueSmoothing = definePart({
  id: "credit/value-smoothing",
  papers: ["prs-vspo"],
  params: z.object({
    power: z.number().nonnegative().default(0.5).describe("strength of the damping"),
    clip: z.number().positive().nullable().default(null).describe("bound on |A′|; null: none"),
  }),
  inputs: z.object({
    advantages: fields.advantages,
    counts: shaped(z.array(z.number().min(1)), "N", "how often the rollout's task appears"),
  }),
  outputs: z.object({ advantages: fields.advantages }),
  compute({ power, clip }, { advantages, counts }) {
    const out = new Float64Array(advantages.length);
    for (let i = 0; i < out.length; i++) {
      const damped = advantages[i] / counts[i] ** power;
      out[i] = clip === null ? damped : Math.min(clip, Math.max(-clip, damped));
    }
    return { advantages: out };
  },
});

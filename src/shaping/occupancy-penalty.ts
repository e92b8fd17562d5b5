import { z } from "zod";
import { fields, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";

/**
 * Penalises leaving the occupancy of a reference policy (ORPO, arXiv 2403.03185, step 3).
 *
 * A discriminator scores d ≈ log μ_π/μ_ref at each state-action. r′ = r − coefficient · x, the penalty clipped to
 * [−clip, clip]: `kl` and `wasserstein` x = d; `chi2` x = e^d − 1; `tv` x = sign(d); `sqrt-chi2` x = (e^d − 1)/√χ̂²,
 * χ̂² the mean of e^d − 1 without the ⌊trimFraction · N⌋ largest and smallest (left undivided where it is not
 * positive). Penalties that are not finite become 0.
 *
 * `rewards` and `penalties` (added, so mostly negative) N; `divergence` is the mean of x before division,
 * `trimmedDivergence` χ̂² (sqrt-chi2 only); null where N is 0 or the mean overflows.
 */
export const occupancyPenalty = definePart({
  id: "shaping/occupancy-penalty",
  papers: ["orpo-occupancy"],
  params: z.object({
    divergence: z
      .enum(["sqrt-chi2", "chi2", "kl", "tv", "wasserstein"])
      .default("sqrt-chi2")
      .describe("what the discriminator estimates"),
    coefficient: z.number().describe("λ; negative moves away from the reference"),
    clip: z.number().nonnegative().nullable().default(null).describe("bound on |penalty|; null: none"),
    trimFraction: z.number().min(0).lt(0.5).default(0.01).describe("share trimmed at each end (sqrt-chi2)"),
  }),
  inputs: z.object({ rewards: fields.rewards, discriminatorScores: vector("N", "d, log ratio of occupancies") }),
  outputs: z.object({
    rewards: fields.rewards,
    penalties: vector("N", "what was added"),
    divergence: z.number().nullable().describe("mean of x before division"),
    trimmedDivergence: z.number().nullable().optional().describe("trimmed mean (sqrt-chi2)"),
  }),
  compute({ divergence, coefficient, clip, trimFraction }, { rewards, discriminatorScores }) {
    const n = discriminatorScores.length;
    const x = Float64Array.from(discriminatorScores, (d) => {
      if (divergence === "tv") return Math.sign(d);
      return divergence === "kl" || divergence === "wasserstein" ? d : Math.expm1(d);
    });
    const trim = divergence === "sqrt-chi2" ? trimmedMean(x, Math.floor(trimFraction * n)) : null;
    const root = trim !== null && trim > 0 ? Math.sqrt(trim) : 1;
    const penalties = x.map((value) => {
      const penalty = (-coefficient * value) / root;
      if (!Number.isFinite(penalty)) return 0;
      return clip === null ? penalty : Math.min(clip, Math.max(-clip, penalty));
    });
    const result = {
      rewards: penalties.map((penalty, i) => rewards[i] + penalty),
      penalties,
      divergence: finite(trimmedMean(x, 0)),
    };
    return divergence === "sqrt-chi2" ? { ...result, trimmedDivergence: finite(trim) } : result;
  },
});

function trimmedMean(values: Float64Array, drop: number): number | null {
  if (values.length === 0) return null;
  const kept =
    drop === 0
      ? values
      : Float64Array.from(values)
          .sort()
          .subarray(drop, values.length - drop);
  return kept.reduce((sum, value) => sum + value, 0) / kept.length;
}

function finite(value: number | null): number | null {
  return value !== null && Number.isFinite(value) ? value : null;
}

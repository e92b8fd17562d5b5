import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields, ragged, shaped } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { type Ragged, raggedOf, toRagged, type Vector } from "../core/ragged.ts";

const latentRewards = ragged(
  "N×(S+1)",
  "reward of the sample finished without noise from before step 0, …, at the end",
);

/** Rows with one entry less; a row without entries is a `ContractError`. */
function stepsOf({ offsets }: Ragged): Ragged {
  const lengths = new Float64Array(offsets.length - 1);
  for (let i = 0; i < lengths.length; i++) {
    lengths[i] = offsets[i + 1] - offsets[i] - 1;
    if (lengths[i] < 0) throw new ContractError(`inputs.latentRewards[${i}]`, "expected at least one entry, got none");
  }
  return raggedOf(lengths);
}

/**
 * What each denoising step added to the final reward (DenseGRPO, arXiv 2601.20218, eq. 7).
 *
 * `gain`: ΔR_i = R_{i+1} − R_i, which telescopes to R_S − R_0. `next`: R_{i+1} itself (the dense baseline). R_i is the
 * reward of the sample when the steps from i on are finished without noise. `latentRewards` N×(S+1), `stepRewards` N×S.
 */
export const rewardGain = definePart({
  id: "credit/reward-gain",
  papers: ["dense-grpo", "turning-point-grpo"],
  params: z.object({ kind: z.enum(["gain", "next"]).default("gain").describe("difference, or the reward after") }),
  inputs: z.object({ latentRewards }),
  outputs: z.object({ stepRewards: fields.stepRewards }),
  compute({ kind }, inputs) {
    const given = toRagged(inputs.latentRewards);
    const stepRewards = stepsOf(given);
    const { values } = given;
    for (let i = 0; i + 1 < given.offsets.length; i++) {
      const shift = given.offsets[i] - stepRewards.offsets[i];
      for (let s = stepRewards.offsets[i]; s < stepRewards.offsets[i + 1]; s++)
        stepRewards.values[s] = values[s + shift + 1] - (kind === "gain" ? values[s + shift] : 0);
    }
    return { stepRewards };
  },
});

/**
 * Splits a final reward by how far each step moved the latent towards the final one (CoCA-style baseline of DenseGRPO,
 * arXiv 2601.20218, §5.3; the project's reading).
 *
 * c_i = cos(x_i, x_S); w_i = (c_{i+1} − c_i)/(c_S − c_0), 1/S each where the denominator is 0; r_i = w_i R. A cosine
 * with a zero vector is 0. `latents` N×(S+1)×D, `rewards` N; `similarities` N×(S+1), `weights` and `stepRewards` N×S.
 * Weights sum to 1 and may be negative.
 */
export const latentSimilarity = definePart({
  id: "credit/latent-similarity",
  papers: ["dense-grpo"],
  params: z.object({}),
  inputs: z.object({
    latents: shaped(z.array(z.array(z.array(z.number()))), "N×(S+1)×D", "latent before step 0, …, after the last"),
    rewards: fields.rewards,
  }),
  outputs: z.object({
    similarities: ragged("N×(S+1)", "cosine to the final latent"),
    weights: ragged("N×S", "share of each step"),
    stepRewards: fields.stepRewards,
  }),
  compute(_, { latents, rewards }) {
    const similarities = raggedOf(latents.map((row) => row.length));
    const weights = raggedOf(latents.map((row) => Math.max(0, row.length - 1)));
    const stepRewards = raggedOf(latents.map((row) => Math.max(0, row.length - 1)));
    for (let i = 0; i < latents.length; i++) {
      const row = latents[i];
      const steps = row.length - 1;
      if (steps < 0) throw new ContractError(`inputs.latents[${i}]`, "expected at least one latent, got none");
      const c = similarities.values.subarray(similarities.offsets[i], similarities.offsets[i + 1]);
      for (let s = 0; s <= steps; s++) c[s] = cosine(row[s], row[steps]);
      const total = c[steps] - c[0];
      const start = weights.offsets[i];
      for (let s = 0; s < steps; s++) {
        weights.values[start + s] = total === 0 ? 1 / steps : (c[s + 1] - c[s]) / total;
        stepRewards.values[start + s] = weights.values[start + s] * rewards[i];
      }
    }
    return { similarities, weights, stepRewards };
  },
});

function cosine(a: Vector, b: Vector): number {
  let ab = 0;
  let aa = 0;
  let bb = 0;
  for (let d = 0; d < a.length; d++) {
    ab += a[d] * b[d];
    aa += a[d] * a[d];
    bb += b[d] * b[d];
  }
  return aa === 0 || bb === 0 ? 0 : ab / Math.sqrt(aa * bb);
}

/**
 * Pays steps that turn a trajectory round with everything that follows (TurningPoint-GRPO, arXiv 2602.06422, §4).
 *
 * With R_0 … R_n (see reward-gain), d_i = R_{i+1} − R_i, Δ = R_n − R_0, trend s_i = sign(d_i) sign(Δ), and consistency
 * sign(d_i) sign(R_n − R_{i+1}) > 0: step i ≥ 1 is a turning point where s_{i−1} < 0 < s_i and it is consistent
 * (`consistency: false` drops that condition). Step 0 is one where it is consistent (`firstStep: "consistent"`), where
 * s_0 > 0 (`trend`), or never (`off`). Under consistency the last step never is one.
 *
 * A turning point gets η(R_n − R_i) in place of d_i (`replace: false`: on top of it). `balance`: if trajectories with
 * Δ > 0 and with Δ < 0 both have some, as many of each are kept as the rarer sign has, those of largest |Δ| (ties: the
 * lower trajectory, then step); the others fall back to d_i. Balancing is over the whole call. Outputs N×S.
 */
export const turningPoints = definePart({
  id: "credit/turning-points",
  papers: ["turning-point-grpo"],
  params: z.object({
    firstStep: z.enum(["consistent", "trend", "off"]).default("consistent").describe("rule for step 0"),
    consistency: z.boolean().default(true).describe("what follows a turning point must go its way"),
    balance: z.boolean().default(true).describe("as many improving as worsening ones"),
    replace: z.boolean().default(true).describe("in place of the increment; false: added to it"),
    eta: z.number().default(1).describe("η, weight of the aggregated reward"),
  }),
  inputs: z.object({ latentRewards }),
  outputs: z.object({
    incremental: ragged("N×S", "d"),
    trend: ragged("N×S", "s, −1, 0 or 1"),
    turningPoints: shaped(z.array(z.array(z.boolean())), "N×S", "the step is a turning point (after balancing)"),
    stepRewards: fields.stepRewards,
  }),
  compute({ firstStep, consistency, balance, replace, eta }, inputs) {
    const given = toRagged(inputs.latentRewards);
    const incremental = stepsOf(given);
    const { offsets } = incremental;
    const n = offsets.length - 1;
    const d = incremental.values;
    const trend = { values: new Float64Array(d.length), offsets };
    const stepRewards = { values: new Float64Array(d.length), offsets };
    const turning = new Uint8Array(d.length);
    const overall = new Float64Array(n);
    for (let i = 0; i < n; i++) {
      const shift = given.offsets[i] - offsets[i];
      const final = given.values[given.offsets[i + 1] - 1];
      overall[i] = final - given.values[given.offsets[i]];
      const sign = Math.sign(overall[i]);
      for (let s = offsets[i]; s < offsets[i + 1]; s++) {
        d[s] = given.values[s + shift + 1] - given.values[s + shift];
        trend.values[s] = Math.sign(d[s]) * sign + 0;
        const consistent = Math.sign(d[s]) * Math.sign(final - given.values[s + shift + 1]) > 0;
        if (s === offsets[i]) turning[s] = (firstStep === "trend" ? trend.values[s] > 0 : consistent) ? 1 : 0;
        else turning[s] = trend.values[s - 1] < 0 && trend.values[s] > 0 && (consistent || !consistency) ? 1 : 0;
      }
      if (firstStep === "off" && offsets[i + 1] > offsets[i]) turning[offsets[i]] = 0;
    }
    if (balance) balanceSigns(turning, overall, offsets);
    for (let i = 0; i < n; i++) {
      const shift = given.offsets[i] - offsets[i];
      const final = given.values[given.offsets[i + 1] - 1];
      for (let s = offsets[i]; s < offsets[i + 1]; s++) {
        const bonus = turning[s] ? eta * (final - given.values[s + shift]) : 0;
        stepRewards.values[s] = turning[s] && replace ? bonus : d[s] + bonus;
      }
    }
    return {
      incremental,
      trend,
      // Rows of booleans cost more than all the rest: made when they are read.
      get turningPoints(): boolean[][] {
        return Array.from({ length: n }, (_, i) =>
          Array.from(turning.subarray(offsets[i], offsets[i + 1]), (flag) => flag === 1),
        );
      },
      stepRewards,
    };
  },
});

/** Unmarks the turning points beyond the rarer sign's number, smallest |Δ| first. */
function balanceSigns(turning: Uint8Array, overall: Float64Array, offsets: Uint32Array): void {
  const bySign: { positive: number[]; negative: number[] } = { positive: [], negative: [] };
  const sizes = new Float64Array(turning.length);
  for (let i = 0; i < overall.length; i++) {
    for (let s = offsets[i]; s < offsets[i + 1]; s++) {
      sizes[s] = Math.abs(overall[i]);
      if (turning[s] && overall[i] !== 0) (overall[i] > 0 ? bySign.positive : bySign.negative).push(s);
    }
  }
  const { positive, negative } = bySign;
  if (positive.length === 0 || negative.length === 0) return;
  const most = Math.min(positive.length, negative.length);
  for (const steps of [positive, negative]) {
    steps.sort((a, b) => sizes[b] - sizes[a] || a - b);
    for (let k = most; k < steps.length; k++) turning[steps[k]] = 0;
  }
}

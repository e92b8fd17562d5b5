import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields, nullableVector, ragged, shaped, vector } from "../core/fields.ts";
import { indexGroups } from "../core/groups.ts";
import { definePart } from "../core/part.ts";
import { rowOf, toFlat, toRagged, type Vector } from "../core/ragged.ts";
import { mean } from "../core/statistics.ts";

/** Running count, mean and sum of squared deviations. */
interface Moments {
  readonly n: number;
  readonly mean: number;
  readonly m2: number;
}

/** Merges a batch into running moments (Chan et al. 1979). */
function merge(state: Moments, count: number, batchMean: number, batchM2: number): Moments {
  const n = state.n + count;
  const delta = batchMean - state.mean;
  return {
    n,
    mean: state.mean + (delta * count) / n,
    m2: state.m2 + batchM2 + (delta * delta * state.n * count) / n,
  };
}

function squaresAround(values: Vector, centre: number): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i] - centre) ** 2;
  return sum;
}

const momentFields = {
  n: z.number().nonnegative().default(0).describe("rewards seen"),
  mean: z.number().default(0).describe("their mean"),
  m2: z.number().nonnegative().default(0).describe("their summed squared deviations"),
};

/**
 * Rewards on the scale of all rewards seen so far: mean–deviation, clip or min–max (baselines of arXiv 2502.18770;
 * ONI, arXiv 2410.23022).
 *
 * The batch is merged into the state first (n, mean, M2, min, max), then used:
 * `meanstd` (r − mean)/√(M2/n), divisor 1 where the deviation is 0; `clip` to [mean − sd, mean + sd]; `minmax`
 * (r − min)/(max − min), 0 where they agree. A batch of b rewards adds its variance times b, the variance losing `ddof`
 * degrees of freedom; a batch that is too small for it (b ≤ ddof) leaves the moments as they are, and with no moments
 * yet (n = 0) rewards pass unchanged. ONI starts with n = m2 = 1e-4 and `ddof` 1.
 */
export const runningNormalization = definePart({
  id: "shaping/running-normalization",
  papers: ["par", "oni"],
  params: z.object({
    mode: z.enum(["meanstd", "clip", "minmax"]).default("meanstd").describe("what the statistics are used for"),
    ddof: z
      .union([z.literal(0), z.literal(1)])
      .default(0)
      .describe("degrees of freedom lost by a batch's variance before it is merged"),
  }),
  inputs: z.object({
    rewards: fields.rewards,
    state: z
      .object({
        ...momentFields,
        min: z.number().nullable().default(null).describe("smallest reward seen"),
        max: z.number().nullable().default(null).describe("largest reward seen"),
      })
      .optional()
      .describe("moments so far; absent: none"),
  }),
  outputs: z.object({
    rewards: fields.rewards,
    state: z.object({
      n: z.number(),
      mean: z.number(),
      m2: z.number(),
      min: z.number().nullable(),
      max: z.number().nullable(),
    }),
  }),
  compute({ mode, ddof }, { rewards, state }) {
    const before: Moments = { n: state?.n ?? 0, mean: state?.mean ?? 0, m2: state?.m2 ?? 0 };
    const count = rewards.length;
    const out = Float64Array.from(rewards);
    let moments = before;
    if (count > ddof) {
      const centre = mean(rewards);
      moments = merge(before, count, centre, (squaresAround(rewards, centre) * count) / (count - ddof));
    }
    let min = state?.min ?? null;
    let max = state?.max ?? null;
    for (let i = 0; i < count; i++) {
      if (min === null || rewards[i] < min) min = rewards[i];
      if (max === null || rewards[i] > max) max = rewards[i];
    }
    if (mode === "minmax") {
      const low = min ?? 0;
      const range = (max ?? 0) - low;
      for (let i = 0; i < count; i++) out[i] = range === 0 ? 0 : (out[i] - low) / range;
    } else if (moments.n > 0) {
      const deviation = Math.sqrt(moments.m2 / moments.n);
      const divisor = deviation > 0 ? deviation : 1;
      for (let i = 0; i < count; i++) {
        if (mode === "meanstd") out[i] = (out[i] - moments.mean) / divisor;
        else out[i] = Math.min(moments.mean + deviation, Math.max(moments.mean - deviation, out[i]));
      }
    }
    return { rewards: out, state: { ...moments, min, max } };
  },
});

const perStep = (description: string) =>
  shaped(z.union([vector("T", description), ragged("T×B", description)]), "T or T×B", description);

/**
 * Adds an exploration bonus divided by its running deviation (arXiv 2306.03236 and its release).
 *
 * The bonuses are merged into running moments (population variance), then r + coefficient · b/σ, σ = √(m2/n), is
 * clipped to [−clip, clip]. The mean is never subtracted, so a bonus stays one. σ = 0 leaves the bonus unscaled.
 *
 * `stepRewards` and `bonuses` are T, or T×B for B environments side by side; `rewards` has their shape. `scale` is σ.
 * The state begins with n = 1e-8. `countMode: "first-axis"` reproduces the release, which divides the sums of a T×B
 * batch by T alone.
 */
export const intrinsicReward = definePart({
  id: "shaping/intrinsic-reward",
  papers: ["global-episodic-bonuses"],
  params: z.object({
    coefficient: z.number().default(1).describe("weight of the scaled bonus"),
    clip: z.number().positive().nullable().default(null).describe("bound on |reward|; null: none"),
    countMode: z.enum(["elements", "first-axis"]).default("elements").describe("how many values a batch counts as"),
  }),
  inputs: z.object({
    stepRewards: perStep("reward of the environment"),
    bonuses: perStep("bonus of the same step"),
    state: z
      .object({ ...momentFields, n: z.number().positive().default(1e-8) })
      .optional()
      .describe("moments of the bonuses so far; absent: none"),
  }),
  outputs: z.object({
    rewards: perStep("reward plus scaled bonus"),
    scale: z.number().describe("running deviation of the bonuses"),
    state: z.object({ n: z.number(), mean: z.number(), m2: z.number() }),
  }),
  compute({ coefficient, clip, countMode }, { stepRewards, bonuses, state }) {
    const rewards = toFlat(stepRewards);
    const bonus = toFlat(bonuses);
    if (rewards.values.length !== bonus.values.length || rewards.offsets?.length !== bonus.offsets?.length)
      throw new ContractError(
        "inputs.bonuses",
        `expected the shape of stepRewards (${rewards.values.length} values), got ${bonus.values.length}`,
      );
    let moments: Moments = { n: state?.n ?? 1e-8, mean: state?.mean ?? 0, m2: state?.m2 ?? 0 };
    const rows = bonus.offsets ? bonus.offsets.length - 1 : bonus.values.length;
    const count = countMode === "elements" ? bonus.values.length : rows;
    if (bonus.values.length > 0) {
      const centre = mean(bonus.values) * (bonus.values.length / count);
      moments = merge(moments, count, centre, squaresAround(bonus.values, centre));
    }
    const scale = Math.sqrt(moments.m2 / moments.n);
    const factor = coefficient / (scale > 0 ? scale : 1);
    const out = new Float64Array(rewards.values.length);
    for (let i = 0; i < out.length; i++) {
      const total = rewards.values[i] + factor * bonus.values[i];
      out[i] = clip === null ? total : Math.min(clip, Math.max(-clip, total));
    }
    const { offsets } = rewards;
    return { rewards: offsets ? { values: out, offsets } : out, scale, state: { ...moments } };
  },
});

/**
 * Standardises a prompt's score per task input, over every sample of every prompt tried on it (RLPrompt, arXiv
 * 2205.12548, §2.3).
 *
 * `samples` P×K: the K scores of each prompt (bootstrap maxima, or one score); `groups` P: the task input it was tried
 * on. reward = (mean of the row − μ)/(σ + ε), with μ and σ over all samples of the group, `ddof` degrees of freedom
 * lost. Rows may differ in length; an empty row is null. Equal samples give 0.
 */
export const inputZScore = definePart({
  id: "shaping/input-z-score",
  papers: ["rl-prompt"],
  params: z.object({
    epsilon: z.number().nonnegative().default(1e-4).describe("added to the deviation"),
    ddof: z
      .union([z.literal(0), z.literal(1)])
      .default(0)
      .describe("1: sample deviation, 0: population deviation"),
  }),
  inputs: z.object({
    samples: ragged("P×K", "scores of each prompt"),
    groups: shaped(z.array(z.union([z.string(), z.number()])), "P", "task input of each prompt"),
  }),
  outputs: z.object({ rewards: nullableVector("P", "standardised mean score; null: no sample") }),
  compute({ epsilon, ddof }, inputs) {
    const samples = toRagged(inputs.samples);
    const { of, counts } = indexGroups(inputs.groups);
    const sizes = new Float64Array(counts.length);
    const means = new Float64Array(counts.length);
    const squares = new Float64Array(counts.length);
    const { values, offsets } = samples;
    for (let p = 0; p < of.length; p++) sizes[of[p]] += offsets[p + 1] - offsets[p];
    for (let p = 0; p < of.length; p++)
      for (let v = offsets[p]; v < offsets[p + 1]; v++) means[of[p]] += values[v] / sizes[of[p]];
    for (let p = 0; p < of.length; p++)
      for (let v = offsets[p]; v < offsets[p + 1]; v++) squares[of[p]] += (values[v] - means[of[p]]) ** 2;
    const rewards = Array.from(of, (g, p) => {
      if (offsets[p + 1] === offsets[p]) return null;
      const off = mean(rowOf(samples, p)) - means[g];
      const deviation = sizes[g] > ddof ? Math.sqrt(squares[g] / (sizes[g] - ddof)) : 0;
      // Equal samples: what is left of the difference is rounding.
      if (deviation <= 1e-12 * Math.abs(means[g])) return 0;
      return off / (deviation + epsilon);
    });
    return { rewards };
  },
});

/**
 * Maps one range linearly onto another, without clipping (RLPrompt's reward rescaling, arXiv 2205.12548).
 *
 * r′ = newMin + (r − oldMin)(newMax − newMin)/(oldMax − oldMin). Values outside the old range land outside the new one.
 * The offset matters to soft Q-learning, whose values are not shift-invariant. An old range of width 0 is a
 * `ContractError`.
 */
export const linearRescale = definePart({
  id: "shaping/linear-rescale",
  papers: ["rl-prompt"],
  params: z.object({
    oldMin: z.number().default(0).describe("goes to newMin"),
    oldMax: z.number().default(1).describe("goes to newMax"),
    newMin: z.number().default(0).describe("see oldMin"),
    newMax: z.number().default(5).describe("see oldMax"),
  }),
  inputs: z.object({ rewards: fields.rewards }),
  outputs: z.object({ rewards: fields.rewards }),
  compute({ oldMin, oldMax, newMin, newMax }, { rewards }) {
    if (oldMax === oldMin) throw new ContractError("params.oldMax", "expected a value other than oldMin");
    const slope = (newMax - newMin) / (oldMax - oldMin);
    return { rewards: Float64Array.from(rewards, (reward) => newMin + (reward - oldMin) * slope) };
  },
});

import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields, flags, nullableVector, ragged, shaped, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { raggedLike, toRagged } from "../core/ragged.ts";

/**
 * Pays nothing for an ill-formed answer (SPARK, arXiv 2512.03244; any rule-based RL recipe).
 *
 * r′ = r where `valid`, else 0, also for negative r: an invalid answer is then better than a bad valid one, so use it
 * with non-negative rewards. N each.
 */
export const formatGate = definePart({
  id: "shaping/format-gate",
  papers: ["spark"],
  params: z.object({}),
  inputs: z.object({ rewards: fields.rewards, valid: fields.valid }),
  outputs: z.object({ rewards: fields.rewards }),
  compute(_, { rewards, valid }) {
    return { rewards: Float64Array.from(rewards, (reward, i) => (valid[i] ? reward : 0)) };
  },
});

/**
 * Keeps rewards above a threshold and zeroes the rest (ONI's ranking reward, arXiv 2410.23022).
 *
 * r′ = r where r > `threshold` (strictly), else 0. With a negative threshold, negative rewards above it stay. N.
 */
export const threshold = definePart({
  id: "shaping/threshold",
  papers: ["oni"],
  params: z.object({ threshold: z.number().default(-0.5).describe("largest value that becomes 0") }),
  inputs: z.object({ rewards: fields.rewards }),
  outputs: z.object({ rewards: fields.rewards }),
  compute({ threshold: limit }, { rewards }) {
    return { rewards: Float64Array.from(rewards, (reward) => (reward > limit ? reward : 0)) };
  },
});

/**
 * Fine for an action outside the environment's grammar (OPRL, arXiv 2509.19199).
 *
 * r′ = r − `penalty` where not `valid`. One entry per rollout or turn (N).
 */
export const invalidActionPenalty = definePart({
  id: "shaping/invalid-action-penalty",
  papers: ["oprl"],
  params: z.object({ penalty: z.number().default(0.1).describe("subtracted for an invalid action") }),
  inputs: z.object({ rewards: fields.rewards, valid: fields.valid }),
  outputs: z.object({ rewards: fields.rewards }),
  compute({ penalty }, { rewards, valid }) {
    return { rewards: Float64Array.from(rewards, (reward, i) => (valid[i] ? reward : reward - penalty)) };
  },
});

/**
 * Drops rewards whose uncertainty is too high (inference-time probing, arXiv 2511.12464, §5).
 *
 * `keep` = uncertainty ≤ `threshold` (for MRMBench: distance to the nearest cluster of representations). Dropped
 * rewards become `fallback`: null masks the rollout, which is what training wants; a number is for displays.
 * `keptFraction` is null for an empty batch. N each.
 */
export const confidenceGate = definePart({
  id: "shaping/confidence-gate",
  papers: ["mrm-bench"],
  params: z.object({
    threshold: z.number().describe("largest uncertainty that is kept; its scale is the model's own"),
    mode: z.literal("drop").default("drop").describe("what happens to the others"),
    fallback: z.number().nullable().default(null).describe("reward shown for a dropped rollout"),
  }),
  inputs: z.object({ rewards: fields.rewards, uncertainty: vector("N", "uncertainty of each reward") }),
  outputs: z.object({
    keep: flags("N", "the reward may be used"),
    rewards: nullableVector("N", "reward, or the fallback"),
    keptFraction: z.number().nullable().describe("share kept"),
  }),
  compute({ threshold: limit, fallback }, { rewards, uncertainty }) {
    const keep = Array.from(uncertainty, (value) => value <= limit);
    const kept = keep.filter(Boolean).length;
    return {
      keep,
      rewards: Array.from(rewards, (reward, i) => (keep[i] ? reward : fallback)),
      keptFraction: keep.length === 0 ? null : kept / keep.length,
    };
  },
});

/**
 * Result reward that agreement between analysis and answer multiplies (R1-Reward, arXiv 2505.02835, §4.2).
 *
 * R = result · (1 + consistencyWeight · consistency) + formatWeight · format, so that consistency pays only when the
 * result is right. `format` and `result` 0 or 1, `consistency` 0/1 (paper) or ±1 (release); N each.
 */
export const consistencyGate = definePart({
  id: "shaping/consistency-gate",
  papers: ["r1-reward"],
  params: z.object({
    formatWeight: z.number().default(0.5).describe("pay for the format"),
    consistencyWeight: z.number().default(0.5).describe("pay for consistency, relative to the result"),
  }),
  inputs: z.object({
    format: vector("N", "1: the format was followed"),
    result: vector("N", "1: the final answer is right"),
    consistency: vector("N", "analysis and answer agree: 1, disagree: 0 or −1"),
  }),
  outputs: z.object({ rewards: fields.rewards }),
  compute({ formatWeight, consistencyWeight }, { format, result, consistency }) {
    return {
      rewards: Float64Array.from(
        result,
        (value, i) => value * (1 + consistencyWeight * consistency[i]) + formatWeight * format[i],
      ),
    };
  },
});

/**
 * Rewards in order of priority: a level counts only where every level above it clears its threshold (G-RA, arXiv
 * 2508.10548).
 *
 * `levelRewards` K×N, highest priority first; `thresholds` K−1. Level k is open where R_j > δ_j (strictly) for all
 * j < k; R = Σ_k open_k R_k. Level 0 is always open. Outputs `open` K×N and `rewards` N.
 */
export const priorityGate = definePart({
  id: "shaping/priority-gate",
  papers: ["gated-rewards"],
  params: z.object({
    thresholds: z.array(z.number()).describe("δ per level but the last; a level must exceed it"),
  }),
  inputs: z.object({ levelRewards: ragged("K×N", "reward per level, highest priority first") }),
  outputs: z.object({
    open: shaped(z.array(z.array(z.boolean())), "K×N", "the level counts"),
    rewards: fields.rewards,
  }),
  compute({ thresholds }, { levelRewards }) {
    const { values, offsets } = toRagged(levelRewards);
    const levels = offsets.length - 1;
    if (thresholds.length !== Math.max(0, levels - 1))
      throw new ContractError(
        "params.thresholds",
        `expected ${Math.max(0, levels - 1)} entries (one per level but the last), got ${thresholds.length}`,
      );
    const n = levels === 0 ? 0 : offsets[1];
    const rewards = new Float64Array(n);
    const reached: boolean[] = new Array(n).fill(true);
    const open: boolean[][] = [];
    for (let k = 0; k < levels; k++) {
      if (offsets[k + 1] - offsets[k] !== n)
        throw new ContractError(
          `inputs.levelRewards[${k}]`,
          `expected ${n} entries, as in level 0, got ${offsets[k + 1] - offsets[k]}`,
        );
      open.push(reached.slice());
      for (let i = 0; i < n; i++) {
        const reward = values[offsets[k] + i];
        if (!reached[i]) continue;
        rewards[i] += reward;
        if (k < thresholds.length) reached[i] = reward > thresholds[k];
      }
    }
    return { open, rewards };
  },
});

/**
 * Step rewards that count only in trajectories whose outcome clears a threshold (G-RA, arXiv 2508.10548).
 *
 * `gated`: R = outcome + 1[outcome > threshold] · stepWeight · Σ_t r_t (≥ where `strict` is false). `direct` opens the
 * gate always (the accumulation that makes agents stop finishing), `outcome` never. `rewards` N (outcome) and
 * `stepRewards` N×S give `open` N, total `rewards` N and `stepRewards` N×S: weighted, gated, with the outcome added to
 * the last turn. A trajectory without turns keeps its scalar reward.
 */
export const gatedAccumulation = definePart({
  id: "shaping/gated-accumulation",
  papers: ["gated-rewards"],
  params: z.object({
    mode: z.enum(["gated", "direct", "outcome"]).default("gated").describe("when step rewards count"),
    threshold: z.number().default(-0.5).describe("δ, outcome that the gate is compared with"),
    strict: z.boolean().default(true).describe("outcome must exceed δ; false: reach it"),
    stepWeight: z.number().default(1).describe("weight of a step reward"),
  }),
  inputs: z.object({ rewards: fields.rewards, stepRewards: fields.stepRewards }),
  outputs: z.object({
    open: flags("N", "step rewards count"),
    rewards: fields.rewards,
    stepRewards: fields.stepRewards,
  }),
  compute({ mode, threshold: limit, strict, stepWeight }, { rewards, ...inputs }) {
    const given = toRagged(inputs.stepRewards);
    const stepRewards = raggedLike(given);
    const { offsets } = given;
    const totals = Float64Array.from(rewards);
    const open = Array.from(rewards, (reward) => {
      if (mode !== "gated") return mode === "direct";
      return strict ? reward > limit : reward >= limit;
    });
    for (let i = 0; i < totals.length; i++) {
      const end = offsets[i + 1];
      for (let s = offsets[i]; open[i] && s < end; s++) {
        stepRewards.values[s] = stepWeight * given.values[s];
        totals[i] += stepRewards.values[s];
      }
      if (end > offsets[i]) stepRewards.values[end - 1] += rewards[i];
    }
    return { open, rewards: totals, stepRewards };
  },
});

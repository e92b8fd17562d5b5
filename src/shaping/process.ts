import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields, flags, nullableVector, ragged, vector } from "../core/fields.ts";
import { indexGroups } from "../core/groups.ts";
import { definePart } from "../core/part.ts";
import { raggedLike, toRagged } from "../core/ragged.ts";

/**
 * Bounds process rewards from above by zero, so that no step can be farmed (Clip, arXiv 2410.15115, §4.2).
 *
 * r′ = min(r − threshold, 0) per step, N×S. Choose the threshold so that most steps get 0 (60 to 80 % of the scores of
 * initial rollouts) and freeze it; too high, it becomes a length penalty.
 */
export const clip = definePart({
  id: "shaping/clip",
  papers: ["clip-delta"],
  params: z.object({ threshold: z.number().describe("η, score from which a step costs nothing") }),
  inputs: z.object({ stepRewards: fields.stepRewards }),
  outputs: z.object({ stepRewards: fields.stepRewards }),
  compute({ threshold }, inputs) {
    const given = toRagged(inputs.stepRewards);
    const stepRewards = raggedLike(given);
    for (let s = 0; s < given.values.length; s++) stepRewards.values[s] = Math.min(given.values[s] - threshold, 0);
    return { stepRewards };
  },
});

/**
 * Differences of adjacent process rewards, so that their sum telescopes (Delta, arXiv 2410.15115, §4.2).
 *
 * With K steps: r′_k = r_k − r_{k+1} for k < K − 1, r′_{K−1} = r_{K−1}, r′_K = 0 (the last step is paid by the
 * outcome). The undiscounted sum from step k on is r_k. A row of one step gives 0. Apply clip first. N×S.
 */
export const delta = definePart({
  id: "shaping/delta",
  papers: ["clip-delta"],
  params: z.object({}),
  inputs: z.object({ stepRewards: fields.stepRewards }),
  outputs: z.object({ stepRewards: fields.stepRewards }),
  compute(_, inputs) {
    const given = toRagged(inputs.stepRewards);
    const stepRewards = raggedLike(given);
    const { values, offsets } = given;
    for (let i = 0; i + 1 < offsets.length; i++) {
      const last = offsets[i + 1] - 1;
      for (let s = offsets[i]; s < last; s++) stepRewards.values[s] = values[s] - (s + 1 < last ? values[s + 1] : 0);
    }
    return { stepRewards };
  },
});

/**
 * Process rewards plus the outcome on the last step, and their returns (SR + PR, arXiv 2410.15115, §3).
 *
 * r′_k = processWeight · r_k, plus outcomeWeight · outcome on the last step; `returns` are suffix sums (γ = 1). N×S
 * each; a row without steps has no place for its outcome.
 */
export const outcomePlusProcess = definePart({
  id: "shaping/outcome-plus-process",
  papers: ["clip-delta"],
  params: z.object({
    processWeight: z.number().describe("α, weight of a process reward"),
    outcomeWeight: z.number().default(1).describe("weight of the outcome"),
  }),
  inputs: z.object({ stepRewards: fields.stepRewards, rewards: fields.rewards }),
  outputs: z.object({ stepRewards: fields.stepRewards, returns: ragged("N×S", "return from each step on") }),
  compute({ processWeight, outcomeWeight }, { rewards, ...inputs }) {
    const given = toRagged(inputs.stepRewards);
    const stepRewards = raggedLike(given);
    const returns = raggedLike(given);
    const { values, offsets } = given;
    for (let i = 0; i + 1 < offsets.length; i++) {
      let sum = 0;
      for (let s = offsets[i + 1] - 1; s >= offsets[i]; s--) {
        const outcome = s === offsets[i + 1] - 1 ? outcomeWeight * rewards[i] : 0;
        stepRewards.values[s] = processWeight * values[s] + outcome;
        sum += stepRewards.values[s];
        returns.values[s] = sum;
      }
    }
    return { stepRewards, returns };
  },
});

const aggregates = ["min", "max", "sum", "prod", "geometric-mean", "mean", "mean-logit", "mean-odd", "last"] as const;

/**
 * One score per response from its step rewards (RewardMATH, arXiv 2410.01729, §4; ImplicitPRM, arXiv 2412.01981).
 *
 * `min`, `max`, `sum`, `prod`, `geometric-mean`, `mean`, `last`; `mean-logit`: σ of the mean log-odds; `mean-odd`:
 * max(0, mean of p/(1 − p)). The last two clamp p to [1e-7, 1 − 1e-7]. `stepMode: "accumulative"` aggregates the
 * running sums instead of the steps. `stepRewards` N×S, `rewards` N: `emptyValue` for a row without steps, null for the
 * geometric mean of a row with a negative product.
 */
export const stepAggregation = definePart({
  id: "shaping/step-aggregation",
  papers: ["rewardmath", "implicit-prm"],
  params: z.object({
    stepMode: z.enum(["single", "accumulative"]).default("single").describe("steps, or their running sums"),
    aggregate: z.enum(aggregates).default("min").describe("how steps are joined"),
    emptyValue: z.number().nullable().default(null).describe("score of a response without steps"),
  }),
  inputs: z.object({ stepRewards: fields.stepRewards }),
  outputs: z.object({ rewards: nullableVector("N", "score of the response") }),
  compute({ stepMode, aggregate, emptyValue }, inputs) {
    const { values: given, offsets } = toRagged(inputs.stepRewards);
    const values = stepMode === "single" ? given : Float64Array.from(given);
    const rewards: (number | null)[] = [];
    for (let i = 0; i + 1 < offsets.length; i++) {
      const row = values.subarray(offsets[i], offsets[i + 1]);
      if (stepMode === "accumulative") for (let s = 1; s < row.length; s++) row[s] += row[s - 1];
      rewards.push(row.length === 0 ? emptyValue : aggregated(row, aggregate));
    }
    return { rewards };
  },
});

function aggregated(row: Float64Array, aggregate: (typeof aggregates)[number]): number | null {
  const n = row.length;
  let low = row[0];
  let high = row[0];
  let sum = 0;
  let product = 1;
  let logs = 0;
  let negatives = 0;
  let logOdds = 0;
  let odds = 0;
  for (let s = 0; s < n; s++) {
    const value = row[s];
    const p = Math.min(1 - 1e-7, Math.max(1e-7, value));
    low = Math.min(low, value);
    high = Math.max(high, value);
    sum += value;
    product *= value;
    logs += Math.log(Math.abs(value));
    if (value < 0) negatives++;
    logOdds += Math.log(p / (1 - p));
    odds += p / (1 - p);
  }
  switch (aggregate) {
    case "min":
      return low;
    case "max":
      return high;
    case "sum":
      return sum;
    case "prod":
      return product;
    case "geometric-mean":
      // In logarithms: the product of many small steps would vanish. A zero step gives log −∞ and the mean 0.
      return logs !== Number.NEGATIVE_INFINITY && negatives % 2 === 1 ? null : Math.exp(logs / n);
    case "mean":
      return sum / n;
    case "mean-logit":
      return 1 / (1 + Math.exp(-logOdds / n));
    case "mean-odd":
      return Math.max(0, odds / n);
    case "last":
      return row[n - 1];
  }
}

/**
 * Sums step detectors with weights that double, so that a later step outweighs all earlier ones (Unsupervised
 * Perceptual Rewards, arXiv 1612.06699, eq. 2).
 *
 * R_t = Σ_i base^i R_i(t), i = 0, 1, …; `skipFirst` gives the first step (the start) weight 0. `scores` S×T: one row
 * per step, one column per frame. `weights` S, `rewards` T.
 */
export const stepDoubling = definePart({
  id: "shaping/step-doubling",
  papers: ["perceptual-rewards"],
  params: z.object({
    base: z.number().default(2).describe("ratio of one step's weight to the one before"),
    skipFirst: z.boolean().default(true).describe("the first step earns nothing"),
  }),
  inputs: z.object({ scores: ragged("S×T", "detector of each step at each frame") }),
  outputs: z.object({ weights: vector("S", "weight of each step"), rewards: vector("T", "reward of each frame") }),
  compute({ base, skipFirst }, { scores }) {
    const { values, offsets } = toRagged(scores);
    const steps = offsets.length - 1;
    const frames = steps === 0 ? 0 : offsets[1];
    const weights = new Float64Array(steps);
    const rewards = new Float64Array(frames);
    for (let i = 0; i < steps; i++) {
      if (offsets[i + 1] - offsets[i] !== frames)
        throw new ContractError(
          `inputs.scores[${i}]`,
          `expected ${frames} entries, as in row 0, got ${offsets[i + 1] - offsets[i]}`,
        );
      weights[i] = i === 0 && skipFirst ? 0 : base ** i;
      for (let t = 0; t < frames; t++) rewards[t] += weights[i] * values[offsets[i] + t];
    }
    return { weights, rewards };
  },
});

/**
 * Process rewards of thoughts, scaled by how able the policy is at the problem (TP-GRPO, arXiv 2507.23317, stage II).
 *
 * A thought is a run of steps with equal labels; the last of each row is the answer and gets 0. In a correct solution a
 * thought labelled l gets l · α · (share of the group that is correct); in an incorrect one, thoughts labelled −1
 * (adopted into the answer) get the outcome advantage and the others its negative. `thoughtLabels` N×K,
 * `outcomeAdvantages` N; outputs `thoughtRewards` N×K and `groupAccuracy` N.
 */
export const abilityAdaptiveThought = definePart({
  id: "shaping/ability-adaptive-thought",
  papers: ["tp-grpo-thought"],
  params: z.object({ alpha: z.number().default(1).describe("α, pay of a right thought where everybody is correct") }),
  inputs: z.object({
    thoughtLabels: ragged("N×K", "+1 right, −1 wrong (in an incorrect solution: adopted), per thought"),
    correct: flags("N", "verified outcome"),
    groups: fields.groups,
    outcomeAdvantages: vector("N", "group-relative advantage of the outcome"),
  }),
  outputs: z.object({
    thoughtRewards: ragged("N×K", "reward per thought, 0 for the last"),
    groupAccuracy: vector("N", "share of the rollout's group that is correct"),
  }),
  compute({ alpha }, { correct, groups, outcomeAdvantages, ...inputs }) {
    const labels = toRagged(inputs.thoughtLabels);
    const thoughtRewards = raggedLike(labels);
    const groupAccuracy = accuracies(correct, groups);
    const { offsets } = labels;
    for (let i = 0; i + 1 < offsets.length; i++) {
      for (let k = offsets[i]; k + 1 < offsets[i + 1]; k++) {
        const label = labels.values[k];
        if (correct[i]) thoughtRewards.values[k] = label * alpha * groupAccuracy[i];
        else thoughtRewards.values[k] = label < 0 ? outcomeAdvantages[i] : -outcomeAdvantages[i];
      }
    }
    return { thoughtRewards, groupAccuracy };
  },
});

function accuracies(correct: ArrayLike<boolean>, groups: ArrayLike<string | number>): Float64Array {
  const { of, counts } = indexGroups(groups);
  const right = new Float64Array(counts.length);
  for (let i = 0; i < of.length; i++) if (correct[i]) right[of[i]]++;
  return Float64Array.from(of, (g) => right[g] / counts[g]);
}

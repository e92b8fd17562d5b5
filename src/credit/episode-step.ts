import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields, shaped, vector } from "../core/fields.ts";
import { indexGroups } from "../core/groups.ts";
import { definePart } from "../core/part.ts";
import type { Vector } from "../core/ragged.ts";
import { whiten } from "./whitening.ts";

type Ids = ArrayLike<string | number>;

const turnInputs = {
  episodeRewards: vector("N", "outcome of the row's trajectory, repeated on each of its turns"),
  stepRewards: vector("N", "step reward of the turn"),
  groups: fields.groups,
  trajectories: shaped(z.array(z.union([z.string(), z.number()])), "N", "trajectory of each turn"),
};

/**
 * Advantage of a turn: its trajectory's against the group, plus its own (OPRL/iStar, arXiv 2509.19199, eqs. 6–8; release).
 *
 * One row per turn; A = A_E + stepWeight · A_S. Both are x against the group: `rloo` (x − mean) n/(n − 1); `grpo` x − mean;
 * `grpo-std` (x − mean)/(sd + ε), sample deviation; `reinforce++` x − mean, then whitened over all rows of the batch.
 * Episode statistics count each trajectory once. Step statistics run over all turns of the group (`all-steps`, the
 * paper) or over the first turn of each trajectory (`first-step`, the release). Over a single value there are no
 * statistics: x passes (grpo-std: over 1 + ε). Trajectories are told apart within their group.
 */
export const episodeStepAdvantage = definePart({
  id: "credit/episode-step-advantage",
  papers: ["oprl"],
  params: z.object({
    estimator: z.enum(["rloo", "grpo", "grpo-std", "reinforce++"]).default("rloo").describe("how groups compare"),
    stepWeight: z.number().default(1).describe("α, weight of the step advantage"),
    stepBaseline: z.enum(["all-steps", "first-step"]).default("all-steps").describe("turns in the step statistics"),
    epsilon: z.number().nonnegative().default(1e-6).describe("added to the deviation (grpo-std)"),
  }),
  inputs: z.object(turnInputs),
  outputs: z.object({
    episodeAdvantages: vector("N", "A_E"),
    stepAdvantages: vector("N", "A_S"),
    advantages: fields.advantages,
  }),
  compute({ estimator, stepWeight, stepBaseline, epsilon }, { episodeRewards, stepRewards, groups, trajectories }) {
    const { of, counts } = indexGroups(groups);
    const first = firstTurns(of, trajectories, counts.length);
    const options = { estimator, epsilon };
    const episodeAdvantages = compared(episodeRewards, of, counts.length, first, options);
    const counted = stepBaseline === "first-step" ? first : null;
    const stepAdvantages = compared(stepRewards, of, counts.length, counted, options);
    const advantages = episodeAdvantages.map((advantage, i) => advantage + stepWeight * stepAdvantages[i]);
    return { episodeAdvantages, stepAdvantages, advantages };
  },
});

/**
 * Leave-one-out advantage of outcome plus weighted step reward, the ablation that merges them first (OPRL/iStar, arXiv
 * 2509.19199, release).
 *
 * x = outcome + stepWeight · step reward per turn; A = (x − mean) n/(n − 1) with the statistics over the first turn of
 * each of the group's n trajectories; x itself where n = 1.
 */
export const mergedProcessOutcome = definePart({
  id: "credit/merged-process-outcome",
  papers: ["oprl"],
  params: z.object({ stepWeight: z.number().default(1).describe("weight of the step reward") }),
  inputs: z.object(turnInputs),
  outputs: z.object({ advantages: fields.advantages }),
  compute({ stepWeight }, { episodeRewards, stepRewards, groups, trajectories }) {
    const { of, counts } = indexGroups(groups);
    const merged = Float64Array.from(episodeRewards, (reward, i) => reward + stepWeight * stepRewards[i]);
    const first = firstTurns(of, trajectories, counts.length);
    return { advantages: compared(merged, of, counts.length, first, { estimator: "rloo", epsilon: 0 }) };
  },
});

/** 1 at the first row of each (group, trajectory). */
function firstTurns(of: Int32Array, trajectories: Ids, groups: number): Uint8Array {
  if (trajectories.length !== of.length)
    throw new ContractError("inputs.trajectories", `expected ${of.length} entries, got ${trajectories.length}`);
  const numbered = indexGroups(trajectories).of;
  const seen = new Set<number>();
  const first = new Uint8Array(of.length);
  for (let i = 0; i < of.length; i++) {
    const pair = numbered[i] * groups + of[i];
    if (seen.has(pair)) continue;
    seen.add(pair);
    first[i] = 1;
  }
  return first;
}

/** Every row against the counted rows (null: all) of its group. */
function compared(
  x: Vector,
  of: Int32Array,
  groups: number,
  counted: Uint8Array | null,
  {
    estimator,
    epsilon,
  }: { readonly estimator: "rloo" | "grpo" | "grpo-std" | "reinforce++"; readonly epsilon: number },
): Float64Array {
  const sizes = new Int32Array(groups);
  const means = new Float64Array(groups);
  const squares = new Float64Array(groups);
  for (let i = 0; i < of.length; i++) if (counted === null || counted[i]) sizes[of[i]]++;
  for (let i = 0; i < of.length; i++)
    if (sizes[of[i]] > 1 && (counted === null || counted[i])) means[of[i]] += x[i] / sizes[of[i]];
  for (let i = 0; i < of.length; i++) if (counted === null || counted[i]) squares[of[i]] += (x[i] - means[of[i]]) ** 2;
  const out = new Float64Array(of.length);
  for (let i = 0; i < of.length; i++) {
    const g = of[i];
    const n = sizes[g];
    let value = x[i] - means[g];
    if (estimator === "rloo" && n > 1) value *= n / (n - 1);
    if (estimator === "grpo-std") {
      const deviation = n > 1 ? Math.sqrt(squares[g] / (n - 1)) : 1;
      // Equal values: what is left of the difference is rounding.
      if (n > 1 && Math.abs(value) <= 1e-14 * Math.abs(means[g])) value = 0;
      if (deviation + epsilon > 0) value /= deviation + epsilon;
    }
    out[i] = value;
  }
  if (estimator === "reinforce++") {
    if (out.length === 1) out[0] = 0;
    else whiten(out, null, out);
  }
  return out;
}

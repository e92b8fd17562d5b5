import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields, ragged, vector } from "../core/fields.ts";
import { indexGroups } from "../core/groups.ts";
import { definePart } from "../core/part.ts";
import { raggedLike, raggedOf, rowCount, toRagged, type Vector } from "../core/ragged.ts";
import { groupScores } from "./group-scores.ts";

const ddof = z
  .union([z.literal(0), z.literal(1)])
  .default(1)
  .describe("1: sample deviation, 0: population deviation");
const singleton = z.enum(["zero", "raw"]).default("zero").describe("a group of one: 0, or its reward over 1 + ε");
const stepAdvantages = ragged("N×S", "advantage per step");

function labelsOf(stepLabels: Parameters<typeof toRagged>[0], rewards: Vector) {
  const labels = toRagged(stepLabels);
  if (rowCount(labels) !== rewards.length)
    throw new ContractError("inputs.stepLabels", `expected ${rewards.length} rows, got ${rowCount(labels)}`);
  return labels;
}

/**
 * Keeps the group advantage on steps whose label agrees with its sign (selective advantage, SPARK, arXiv 2512.03244).
 *
 * Â = (r − group mean)/(sd + ε). Step advantage Â where Â ≥ 0 and the step is right (+1), or Â < 0 and it is wrong (−1);
 * else 0, also for unknown steps (0). `rewards`, `groups`, `groupAdvantages` N; `stepLabels`, `advantages` N×S.
 */
export const selectiveAdvantage = definePart({
  id: "credit/selective-advantage",
  papers: ["spark"],
  params: z.object({
    epsilon: z.number().nonnegative().default(1e-6).describe("added to the deviation"),
    ddof,
    singleton,
  }),
  inputs: z.object({ rewards: fields.rewards, groups: fields.groups, stepLabels: fields.stepLabels }),
  outputs: z.object({ groupAdvantages: vector("N", "Â"), advantages: stepAdvantages }),
  compute(params, { rewards, groups, ...inputs }) {
    const labels = labelsOf(inputs.stepLabels, rewards);
    const groupAdvantages = groupScores(rewards, groups, params);
    const advantages = raggedLike(labels);
    for (let i = 0; i < rewards.length; i++) {
      const advantage = groupAdvantages[i];
      for (let s = labels.offsets[i]; s < labels.offsets[i + 1]; s++) {
        const agrees = advantage >= 0 ? labels.values[s] > 0 : labels.values[s] < 0;
        if (agrees) advantages.values[s] = advantage;
      }
    }
    return { groupAdvantages, advantages };
  },
});

/**
 * Mixes the group advantage with step labels standardised over the group (global step-reward, SPARK, arXiv 2512.03244;
 * how labels are normalised is the project's reading).
 *
 * A = processWeight · Â + stepWeight · (c − mean)/(sd + ε), c = 1 for a right step and 0 otherwise, with statistics over
 * all steps of all rollouts of the group; that term is 0 where they agree or there is only one.
 */
export const globalStepAdvantage = definePart({
  id: "credit/global-step-advantage",
  papers: ["spark"],
  params: z.object({
    processWeight: z.number().default(0.8).describe("weight of the rollout's advantage"),
    stepWeight: z.number().default(0.2).describe("weight of the step's"),
    epsilon: z.number().nonnegative().default(1e-6).describe("added to both deviations"),
    ddof,
    singleton,
  }),
  inputs: z.object({ rewards: fields.rewards, groups: fields.groups, stepLabels: fields.stepLabels }),
  outputs: z.object({ groupAdvantages: vector("N", "Â"), advantages: stepAdvantages }),
  compute({ processWeight, stepWeight, ...options }, { rewards, groups, ...inputs }) {
    const labels = labelsOf(inputs.stepLabels, rewards);
    const groupAdvantages = groupScores(rewards, groups, options);
    const { of, counts } = indexGroups(groups);
    const { offsets, values } = labels;
    const steps = new Float64Array(counts.length);
    const right = new Float64Array(counts.length);
    for (let i = 0; i < of.length; i++) {
      steps[of[i]] += offsets[i + 1] - offsets[i];
      for (let s = offsets[i]; s < offsets[i + 1]; s++) if (values[s] > 0) right[of[i]]++;
    }
    const advantages = raggedLike(labels);
    for (let i = 0; i < of.length; i++) {
      const g = of[i];
      const share = right[g] / steps[g];
      // Of n zeros and ones with share p: Σ(c − p)² = n p (1 − p).
      const spread = steps[g] > 1 && share > 0 && share < 1;
      const divisor = Math.sqrt((steps[g] * share * (1 - share)) / (steps[g] - options.ddof)) + options.epsilon;
      for (let s = offsets[i]; s < offsets[i + 1]; s++) {
        const step = spread ? ((values[s] > 0 ? 1 : 0) - share) / divisor : 0;
        advantages.values[s] = processWeight * groupAdvantages[i] + stepWeight * step;
      }
    }
    return { groupAdvantages, advantages };
  },
});

/**
 * Merges runs of equally labelled steps into thoughts (TP-GRPO, arXiv 2507.23317, stage II).
 *
 * `stepLabels` N×S gives `thoughtLabels` N×K, one label per run, and `thoughtOfStep` N×S, the run each step is in.
 */
export const thoughtMerge = definePart({
  id: "credit/thought-merge",
  papers: ["tp-grpo-thought"],
  params: z.object({}),
  inputs: z.object({ stepLabels: fields.stepLabels }),
  outputs: z.object({
    thoughtLabels: ragged("N×K", "label of each thought"),
    thoughtOfStep: ragged("N×S", "thought of each step"),
  }),
  compute(_, inputs) {
    const labels = toRagged(inputs.stepLabels);
    const thoughtOfStep = raggedLike(labels);
    const { offsets, values } = labels;
    const counts = new Int32Array(rowCount(labels));
    for (let i = 0; i < counts.length; i++) {
      for (let s = offsets[i]; s < offsets[i + 1]; s++) {
        if (s === offsets[i] || values[s] !== values[s - 1]) counts[i]++;
        thoughtOfStep.values[s] = counts[i] - 1;
      }
    }
    const thoughtLabels = raggedOf(counts);
    for (let i = 0; i < counts.length; i++)
      for (let s = offsets[i]; s < offsets[i + 1]; s++)
        thoughtLabels.values[thoughtLabels.offsets[i] + thoughtOfStep.values[s]] = values[s];
    return { thoughtLabels, thoughtOfStep };
  },
});

/**
 * Step advantages from thoughts judged by a generative process reward model (TP-GRPO, arXiv 2507.23317, stage II,
 * propositions 1 and 2).
 *
 * ô = (r − group mean)/(sd + ε), 0 in a group of one. The answer block joins as a last step (+1 if correct, −1 if not)
 * and runs of equal labels merge into thoughts. Every thought but the last is paid: in a correct solution label · α ·
 * (group accuracy), in an incorrect one ô if labelled −1 (adopted into the answer), else −ô. A = ô + the rewards of this
 * and all later thoughts. `merge: false` (ablation) makes every step its own thought.
 *
 * `rewards` (±1), `correct`, `groups` N, `stepLabels` N×S. `advantages` has S + 1 entries a row, the last for the answer
 * block; `outcomeAdvantages` (ô) and `groupAccuracy` N.
 */
export const thoughtLevelAdvantage = definePart({
  id: "credit/thought-level-advantage",
  papers: ["tp-grpo-thought"],
  params: z.object({
    alpha: z.number().default(1).describe("α, pay of a right thought where everybody is correct"),
    epsilon: z.number().nonnegative().default(1e-4).describe("added to the deviation"),
    merge: z.boolean().default(true).describe("merge runs of equal labels"),
    ddof,
  }),
  inputs: z.object({
    rewards: fields.rewards,
    correct: fields.correct,
    groups: fields.groups,
    stepLabels: fields.stepLabels,
  }),
  outputs: z.object({
    outcomeAdvantages: vector("N", "ô"),
    groupAccuracy: vector("N", "share of the rollout's group that is correct"),
    advantages: ragged("N×(S+1)", "advantage per step, then of the answer block"),
  }),
  compute({ alpha, merge, ...options }, { rewards, correct, groups, ...inputs }) {
    const labels = labelsOf(inputs.stepLabels, rewards);
    const outcomeAdvantages = groupScores(rewards, groups, { ...options, singleton: "zero" });
    const { of, counts } = indexGroups(groups);
    const right = new Float64Array(counts.length);
    for (let i = 0; i < of.length; i++) if (correct[i]) right[of[i]]++;
    const groupAccuracy = Float64Array.from(of, (g) => right[g] / counts[g]);
    const lengths = new Float64Array(of.length);
    for (let i = 0; i < of.length; i++) lengths[i] = labels.offsets[i + 1] - labels.offsets[i] + 1;
    const advantages = raggedOf(lengths);
    for (let i = 0; i < of.length; i++) {
      const outcome = outcomeAdvantages[i];
      let advantage = outcome;
      let later = correct[i] ? 1 : -1;
      const shift = advantages.offsets[i] - labels.offsets[i];
      advantages.values[advantages.offsets[i + 1] - 1] = outcome;
      for (let s = labels.offsets[i + 1] - 1; s >= labels.offsets[i]; s--) {
        const label = labels.values[s];
        // Backwards: a step that differs from the one after it ends a thought of its own.
        if (!merge || label !== later) {
          if (correct[i]) advantage += label * alpha * groupAccuracy[i];
          else advantage += label < 0 ? outcome : -outcome;
        }
        advantages.values[s + shift] = advantage;
        later = label;
      }
    }
    return { outcomeAdvantages, groupAccuracy, advantages };
  },
});

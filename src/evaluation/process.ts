import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields, flags, integers, ragged } from "../core/fields.ts";
import { groupMembers, indexGroups } from "../core/groups.ts";
import { definePart } from "../core/part.ts";
import { checkSameRows, rowCount, rowOf, toRagged, type Vector } from "../core/ragged.ts";
import { meanOrNull, variance } from "../core/statistics.ts";

/**
 * ProcessBench: accuracy of first-error predictions on erroneous and on correct solutions, and their harmonic mean F1
 * (as evaluated in arXiv 2412.01981 and 2510.14942).
 *
 * `labels` and `predictions` are the index of the first wrong step, −1 for none; any other prediction is wrong. From
 * `stepScores` q instead: the first step with σ(q) < threshold, else −1. `threshold` fixes it; `thresholdCount` picks the
 * best F1 on an even grid over [0, 1], both ends included, the lowest of equals, 0 if F1 stays 0. An accuracy without
 * cases, and then F1, is `undefined` (null; the official codes have 0). Neither predictions nor stepScores, or scores
 * without either param: `ContractError`. O(steps + grid).
 */
export const processBench = definePart({
  id: "evaluation/process-bench",
  papers: ["grounded-prm", "implicit-prm", "spark"],
  params: z.object({
    threshold: z.number().optional().describe("probability below which a step is wrong"),
    thresholdCount: z.int().min(2).optional().describe("points of the grid searched when no threshold is given"),
    undefined: z.number().nullable().default(null).describe("value of an accuracy without cases"),
  }),
  inputs: z.object({
    labels: integers("N", "first wrong step, −1: none"),
    predictions: integers("N", "predicted first wrong step, −1: none").optional(),
    stepScores: ragged("N×S", "score of each step, a logit").optional(),
  }),
  outputs: z.object({
    predictions: integers("N", "predicted first wrong step"),
    threshold: z.number().optional(),
    accuracyError: z.number().nullable(),
    accuracyCorrect: z.number().nullable(),
    f1: z.number().nullable(),
  }),
  compute(params, { labels, predictions, stepScores }) {
    const score = (predicted: Vector) => firstErrorScore(predicted, labels, params.undefined);
    if (predictions) return { predictions, threshold: undefined, ...score(predictions) };
    if (!stepScores) throw new ContractError("inputs.predictions", "expected predictions or stepScores");
    const scores = toRagged(stepScores);
    const probabilities = { values: scores.values.map(logistic), offsets: scores.offsets };
    const threshold = params.threshold ?? bestThreshold(probabilities, labels, params.thresholdCount);
    const predicted = Int32Array.from({ length: rowCount(scores) }, (_, i) =>
      rowOf(probabilities, i).findIndex((probability) => probability < threshold),
    );
    return { predictions: predicted, threshold, ...score(predicted) };
  },
});

function logistic(x: number): number {
  return x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x));
}

function firstErrorScore(predictions: Vector, labels: Vector, missing: number | null) {
  const counts = { error: 0, correct: 0 };
  const right = { error: 0, correct: 0 };
  for (let i = 0; i < labels.length; i++) {
    const kind = labels[i] < 0 ? "correct" : "error";
    counts[kind]++;
    if (predictions[i] === labels[i]) right[kind]++;
  }
  const accuracyError = counts.error > 0 ? right.error / counts.error : missing;
  const accuracyCorrect = counts.correct > 0 ? right.correct / counts.correct : missing;
  const f1 = counts.error > 0 && counts.correct > 0 ? harmonic(accuracyError ?? 0, accuracyCorrect ?? 0) : missing;
  return { accuracyError, accuracyCorrect, f1 };
}

function harmonic(a: number, b: number): number {
  return a + b > 0 ? (2 * a * b) / (a + b) : 0;
}

/**
 * The grid threshold with the best F1. A solution labelled k ≥ 0 is right for thresholds in (p_k, min of earlier p], one
 * labelled −1 up to its smallest p: each adds one interval of the grid, and one pass sums them.
 */
function bestThreshold(
  probabilities: { values: Float64Array; offsets: Uint32Array },
  labels: Vector,
  count: number | undefined,
): number {
  if (count === undefined) throw new ContractError("params.threshold", "expected threshold or thresholdCount");
  const grid = (k: number) => k / (count - 1);
  // Number of grid points that are at most p.
  const upTo = (p: number) => {
    let k = Math.min(count, Math.max(0, Math.floor(p * (count - 1)) + 1));
    while (k < count && grid(k) <= p) k++;
    while (k > 0 && grid(k - 1) > p) k--;
    return k;
  };
  const errors = new Float64Array(count + 1);
  const corrects = new Float64Array(count + 1);
  let errorCount = 0;
  let correctCount = 0;
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i];
    const row = rowOf(probabilities, i);
    let lowest = Number.POSITIVE_INFINITY;
    for (let s = 0; s < (label < 0 ? row.length : Math.min(label, row.length)); s++) lowest = Math.min(lowest, row[s]);
    const end = upTo(lowest);
    if (label < 0) {
      correctCount++;
      corrects[0]++;
      corrects[end]--;
    } else {
      errorCount++;
      const start = label < row.length ? upTo(row[label]) : count;
      if (start >= end) continue;
      errors[start]++;
      errors[end]--;
    }
  }
  let best = 0;
  let threshold = 0;
  let rightErrors = 0;
  let rightCorrects = 0;
  for (let k = 0; k < count && errorCount > 0 && correctCount > 0; k++) {
    rightErrors += errors[k];
    rightCorrects += corrects[k];
    const f1 = harmonic(rightErrors / errorCount, rightCorrects / correctCount);
    if (f1 <= best) continue;
    best = f1;
    threshold = grid(k);
  }
  return threshold;
}

/**
 * Does the sign of the summed process reward tell right from wrong (PURE, arXiv 2504.15275)?
 *
 * `predicted` = Σ of the (transformed) step rewards > 0, so a sum of exactly 0 predicts wrong. `matchRate` = share of
 * rollouts with a verifiable answer (`hasAnswer`, default all) where it equals `correct`; `undefined` (null; the
 * official code has 0) when there is none.
 */
export const prmOutcomeAgreement = definePart({
  id: "evaluation/prm-outcome-agreement",
  papers: ["pure"],
  params: z.object({
    undefined: z.number().nullable().default(null).describe("match rate when nothing is labelled"),
  }),
  inputs: z.object({
    stepRewards: fields.stepRewards,
    correct: fields.correct,
    hasAnswer: flags("N", "the prompt has a reference answer").optional(),
  }),
  outputs: z.object({ predicted: flags("N", "predicted correct"), matchRate: z.number().nullable() }),
  compute(params, { stepRewards, correct, hasAnswer }) {
    const steps = toRagged(stepRewards);
    let counted = 0;
    let matches = 0;
    const predicted = Array.from({ length: rowCount(steps) }, (_, i) => {
      let sum = 0;
      for (const reward of rowOf(steps, i)) sum += reward;
      const positive = sum > 0;
      if (!hasAnswer || hasAnswer[i]) {
        counted++;
        if (positive === correct[i]) matches++;
      }
      return positive;
    });
    return { predicted, matchRate: counted > 0 ? matches / counted : params.undefined };
  },
});

/**
 * Share of a group's rollout pairs that the summed token rewards order like the outcomes, weighted by the outcome gap
 * (OPRL, arXiv 2509.19199).
 *
 * Pairs of equal outcome have no weight; equal sums order nothing. A group whose outcomes are all equal (or of one) has
 * ½. `accuracy` = mean over groups, null without any.
 */
export const outcomeWeightedPairAccuracy = definePart({
  id: "evaluation/outcome-weighted-pair-accuracy",
  papers: ["oprl"],
  params: z.object({}),
  inputs: z.object({ tokenRewards: fields.tokenRewards, rewards: fields.rewards, groups: fields.groups }),
  outputs: z.object({ accuracy: z.number().nullable() }),
  compute(_, { tokenRewards, rewards, groups }) {
    const tokens = toRagged(tokenRewards);
    const sums = new Float64Array(rowCount(tokens));
    for (let i = 0; i < sums.length; i++) for (const reward of rowOf(tokens, i)) sums[i] += reward;
    const { order, starts } = groupMembers(indexGroups(groups));
    const accuracies = new Float64Array(starts.length - 1);
    for (let g = 0; g < accuracies.length; g++) {
      let total = 0;
      let ordered = 0;
      for (let k = starts[g]; k < starts[g + 1]; k++) {
        for (let l = k + 1; l < starts[g + 1]; l++) {
          const gap = rewards[order[k]] - rewards[order[l]];
          total += Math.abs(gap);
          if (gap * (sums[order[k]] - sums[order[l]]) > 0) ordered += Math.abs(gap);
        }
      }
      accuracies[g] = total > 0 ? ordered / total : 0.5;
    }
    return { accuracy: meanOrNull(accuracies) };
  },
});

/**
 * Spread of token or step advantages and what their sign says about the true step labels (audit for TP-GRPO, arXiv
 * 2507.23317; definition ours).
 *
 * `variance`: sample variance over all entries (null with fewer than two). `mutualInformation` (nats) between sign(A) ∈
 * {−, 0, +} and the label ±1; entries of unknown label (0) are left out; null without any.
 */
export const advantageLabelInformation = definePart({
  id: "evaluation/advantage-label-information",
  papers: ["tp-grpo-thought"],
  params: z.object({}),
  inputs: z.object({
    advantages: ragged("N×S", "advantage of each step (or token)"),
    stepLabels: fields.stepLabels,
  }),
  outputs: z.object({ variance: z.number().nullable(), mutualInformation: z.number().nullable() }),
  compute(_, inputs) {
    const advantages = toRagged(inputs.advantages);
    const labels = toRagged(inputs.stepLabels);
    checkSameRows(labels, advantages, "stepLabels");
    const joint = new Float64Array(6);
    let total = 0;
    for (let k = 0; k < labels.values.length; k++) {
      if (labels.values[k] === 0) continue;
      joint[(labels.values[k] > 0 ? 3 : 0) + 1 + Math.sign(advantages.values[k])]++;
      total++;
    }
    let information = 0;
    for (let cell = 0; cell < 6; cell++) {
      if (joint[cell] === 0) continue;
      const row = cell < 3 ? 0 : 3;
      const labelled = joint[row] + joint[row + 1] + joint[row + 2];
      const signed = joint[cell % 3] + joint[(cell % 3) + 3];
      information += (joint[cell] / total) * Math.log((joint[cell] * total) / (labelled * signed));
    }
    return {
      variance: advantages.values.length > 1 ? variance(advantages.values) : null,
      mutualInformation: total > 0 ? Math.max(0, information) : null,
    };
  },
});

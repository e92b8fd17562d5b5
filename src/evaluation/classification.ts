import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { flags, integers, nullableStrings, nullableVector, strings, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { meanDefined, share } from "../core/statistics.ts";

/**
 * Area under the ROC curve and under the precision-recall curve (ReMoDetect, arXiv 2405.17382; also the goal
 * separation of 2310.12921).
 *
 * `auroc` = P(positive > negative) + ½P(equal). `prAuc`: trapezoids over the step curve, one point per distinct score
 * from the highest down, starting at recall 0, precision 1. Both null without a positive or a negative.
 */
export const auroc = definePart({
  id: "evaluation/auroc",
  papers: ["remodetect", "vlm-rm"],
  params: z.object({}),
  inputs: z.object({
    positives: vector("M", "scores of the positive class"),
    negatives: vector("K", "scores of the negative class"),
  }),
  outputs: z.object({ auroc: z.number().nullable(), prAuc: z.number().nullable() }),
  compute(_, { positives, negatives }) {
    const p = positives.length;
    const n = negatives.length;
    if (p === 0 || n === 0) return { auroc: null, prAuc: null };
    const up = Float64Array.from(positives).sort();
    const down = Float64Array.from(negatives).sort();
    let i = p - 1;
    let j = n - 1;
    let above = 0;
    let recall = 0;
    let precision = 1;
    let prAuc = 0;
    while (i >= 0 || j >= 0) {
      const score = Math.max(i >= 0 ? up[i] : Number.NEGATIVE_INFINITY, j >= 0 ? down[j] : Number.NEGATIVE_INFINITY);
      const before = p - 1 - i;
      while (i >= 0 && up[i] === score) i--;
      const hits = p - 1 - i;
      const falseBefore = n - 1 - j;
      while (j >= 0 && down[j] === score) j--;
      const falseAlarms = n - 1 - j;
      above += (falseAlarms - falseBefore) * ((hits + before) / 2);
      const nextRecall = hits / p;
      const nextPrecision = hits / (hits + falseAlarms);
      prAuc += ((nextRecall - recall) * (nextPrecision + precision)) / 2;
      recall = nextRecall;
      precision = nextPrecision;
    }
    return { auroc: above / (p * n), prAuc };
  },
});

/**
 * Operating point of a detector at a bounded false-positive rate (ReMoDetect, arXiv 2405.17382): flag if score ≥ t.
 *
 * `threshold` = smallest observed score (of either class) at which at most `fpr` of the negatives are flagged; null if
 * even the largest flags too many, or without negatives, and then the rates are null too. `fpr`, `tpr`: the rates there
 * (`tpr` null without positives).
 */
export const thresholdAtFpr = definePart({
  id: "evaluation/threshold-at-fpr",
  papers: ["remodetect"],
  params: z.object({ fpr: z.number().min(0).max(1).default(0.01).describe("largest share of negatives flagged") }),
  inputs: z.object({
    positives: vector("M", "scores of the positive class"),
    negatives: vector("K", "scores of the negative class"),
  }),
  outputs: z.object({
    threshold: z.number().nullable(),
    fpr: z.number().nullable(),
    tpr: z.number().nullable(),
  }),
  compute(params, { positives, negatives }) {
    const n = negatives.length;
    const down = Float64Array.from(negatives).sort();
    const up = Float64Array.from(positives).sort();
    const candidates = Float64Array.from(new Set([...up, ...down])).sort();
    for (const threshold of candidates) {
      if (n === 0) break;
      const fpr = (n - lowerBound(down, threshold)) / n;
      if (fpr > params.fpr) continue;
      return {
        threshold,
        fpr,
        tpr: up.length > 0 ? (up.length - lowerBound(up, threshold)) / up.length : null,
      };
    }
    return { threshold: null, fpr: null, tpr: null };
  },
});

/** Number of entries of an ascending array below `value`. */
function lowerBound(sorted: Float64Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Log-likelihood, accuracy and confusion of a probabilistic yes/no classifier (prompt score of arXiv 2601.03468).
 *
 * `scores` p in [0, 1] (`ContractError` otherwise), `labels` y. `logLikelihood` = mean of y·log(p + ε) + (1−y)·log(1 −
 * p + ε), nats; predicted 1 where p ≥ `threshold`; `confusion[true][predicted]` counts. Means are null without items.
 */
export const binaryClassification = definePart({
  id: "evaluation/binary-classification",
  papers: ["artifact-reward"],
  params: z.object({
    epsilon: z.number().min(0).default(1e-8).describe("keeps the logarithm finite"),
    threshold: z.number().default(0.5).describe("least probability predicted 1"),
  }),
  inputs: z.object({ scores: vector("N", "probability of label 1"), labels: integers("N", "true label, 0 or 1") }),
  outputs: z.object({
    predictions: integers("N", "0 or 1"),
    logLikelihood: z.number().nullable(),
    accuracy: z.number().nullable(),
    confusion: z.array(z.array(z.int())).describe("counts, [true][predicted]"),
  }),
  compute({ epsilon, threshold }, { scores, labels }) {
    const n = scores.length;
    const predictions = new Int32Array(n);
    const confusion = [
      [0, 0],
      [0, 0],
    ];
    let sum = 0;
    for (let i = 0; i < n; i++) {
      if (!(scores[i] >= 0 && scores[i] <= 1))
        throw new ContractError(`inputs.scores[${i}]`, `expected a probability, got ${scores[i]}`);
      if (labels[i] !== 0 && labels[i] !== 1)
        throw new ContractError(`inputs.labels[${i}]`, `expected 0 or 1, got ${labels[i]}`);
      predictions[i] = scores[i] >= threshold ? 1 : 0;
      confusion[labels[i]][predictions[i]]++;
      sum += Math.log((labels[i] === 1 ? scores[i] : 1 - scores[i]) + epsilon);
    }
    if (n === 0) return { predictions, logLikelihood: null, accuracy: null, confusion };
    return { predictions, logLikelihood: sum / n, accuracy: (confusion[0][0] + confusion[1][1]) / n, confusion };
  },
});

/**
 * Accuracy, and precision, recall, F1 and support per class (arXiv 2511.16073, 2409.12798).
 *
 * precision = tp/predicted, null if the class is never predicted; recall = tp/present, null if it never occurs; F1 =
 * 2tp/(2tp + fp + fn), null if neither. `macroF1` = mean of the defined ones; `selectionRates` = share of all items
 * predicted as the class. A null prediction (unreadable reply) is wrong and predicts nothing; `invalidRate` is the
 * share of predictions that are null or no class. `classes` sets the order of the per-class lists; by default the
 * labels in order of first appearance. Rates are null without items.
 */
export const classificationReport = definePart({
  id: "evaluation/classification-report",
  papers: ["calm", "resume-grpo"],
  params: z.object({ classes: z.array(z.string()).optional().describe("class names; default: those of the labels") }),
  inputs: z.object({ predictions: nullableStrings("N", "predicted class"), labels: strings("N", "true class") }),
  outputs: z.object({
    accuracy: z.number().nullable(),
    precision: nullableVector("C", "per class"),
    recall: nullableVector("C", "per class"),
    f1: nullableVector("C", "per class"),
    support: integers("C", "items of the class"),
    macroF1: z.number().nullable(),
    selectionRates: nullableVector("C", "share predicted as the class"),
    invalidRate: z.number().nullable(),
  }),
  compute(params, { predictions, labels }) {
    const n = labels.length;
    const classes = params.classes ?? [...new Set(labels)];
    const ratio = (part: number, whole: number) => (whole > 0 ? part / whole : null);
    const rows = classes.map((name) => {
      let hits = 0;
      let predicted = 0;
      let present = 0;
      for (let i = 0; i < n; i++) {
        if (predictions[i] === name) predicted++;
        if (labels[i] === name) present++;
        if (predictions[i] === name && labels[i] === name) hits++;
      }
      return { hits, predicted, present };
    });
    const f1 = rows.map(({ hits, predicted, present }) => ratio(2 * hits, predicted + present));
    const known = new Set<string | null>(classes);
    return {
      accuracy: share(labels.map((label, i) => label === predictions[i])),
      precision: rows.map(({ hits, predicted }) => ratio(hits, predicted)),
      recall: rows.map(({ hits, present }) => ratio(hits, present)),
      f1,
      support: rows.map(({ present }) => present),
      macroF1: meanDefined(f1),
      selectionRates: rows.map(({ predicted }) => ratio(predicted, n)),
      invalidRate: share(predictions.map((prediction) => !known.has(prediction))),
    };
  },
});

/**
 * Agreement of a judge with a trusted one on yes/no labels: accuracy, Cohen's κ, error rates (arXiv 2507.08794).
 *
 * κ = (p_o − p_e)/(1 − p_e), p_e from both marginals, null when p_e = 1. False-positive rate over gold no, false-negative
 * rate over gold yes, null where there is none. Read the two together: an always-no judge has no false positives.
 */
export const judgeAgreement = definePart({
  id: "evaluation/judge-agreement",
  papers: ["master-rm", "cooper"],
  params: z.object({}),
  inputs: z.object({ labels: flags("N", "the judge's verdict"), gold: flags("N", "the trusted verdict") }),
  outputs: z.object({
    accuracy: z.number().nullable(),
    kappa: z.number().nullable(),
    falsePositiveRate: z.number().nullable(),
    falseNegativeRate: z.number().nullable(),
  }),
  compute(_, { labels, gold }) {
    const n = gold.length;
    let yes = 0;
    let right = 0;
    let falsePositives = 0;
    let falseNegatives = 0;
    for (let i = 0; i < n; i++) {
      if (gold[i]) yes++;
      if (labels[i] === gold[i]) right++;
      else if (labels[i]) falsePositives++;
      else falseNegatives++;
    }
    const said = yes - falseNegatives + falsePositives;
    // Both marginals in counts: n²·p_e = said·yes + (n − said)(n − yes), exact in integers.
    const chance = said * yes + (n - said) * (n - yes);
    return {
      accuracy: n > 0 ? right / n : null,
      kappa: n * n > chance ? (right * n - chance) / (n * n - chance) : null,
      falsePositiveRate: n > yes ? falsePositives / (n - yes) : null,
      falseNegativeRate: yes > 0 ? falseNegatives / yes : null,
    };
  },
});

/**
 * What an asymmetric decision payoff teaches, before training: the belief at which selecting pays, and the worth of the
 * constant policies (audit for arXiv 2511.16073, where rejecting everybody was optimal).
 *
 * With payoffs a, d, b, c of a true positive, true negative, false positive, false negative: selecting beats rejecting
 * iff P(positive) > θ = (d − b)/((a − c) + (d − b)), clamped to [0, 1]; null if the denominator is ≤ 0 (selecting can
 * never win). At prevalence π: always select πa + (1−π)b, always reject πc + (1−π)d, oracle πa + (1−π)d.
 * `falsePositiveAtTarget` = d − τ(a − c)/(1 − τ), the b that makes θ = `target` τ; null without a target or at τ = 1.
 */
export const decisionThreshold = definePart({
  id: "evaluation/decision-threshold",
  papers: ["resume-grpo"],
  params: z.object({
    truePositive: z.number().default(1).describe("a"),
    trueNegative: z.number().default(1).describe("d"),
    falsePositive: z.number().default(-0.5).describe("b"),
    falseNegative: z.number().default(-0.5).describe("c"),
  }),
  inputs: z.object({
    prevalence: z.number().min(0).max(1).describe("π, share of positives"),
    target: z.number().min(0).max(1).nullable().optional().describe("τ, the threshold wanted"),
  }),
  outputs: z.object({
    threshold: z.number().nullable(),
    alwaysSelect: z.number(),
    alwaysReject: z.number(),
    oracle: z.number(),
    falsePositiveAtTarget: z.number().nullable(),
  }),
  compute(params, { prevalence, target = null }) {
    const { truePositive: a, trueNegative: d, falsePositive: b, falseNegative: c } = params;
    const mix = (positive: number, negative: number) => prevalence * positive + (1 - prevalence) * negative;
    const span = a - c + (d - b);
    return {
      threshold: span > 0 ? Math.min(1, Math.max(0, (d - b) / span)) : null,
      alwaysSelect: mix(a, b),
      alwaysReject: mix(c, d),
      oracle: mix(a, d),
      falsePositiveAtTarget: target === null || target >= 1 ? null : d - (target * (a - c)) / (1 - target),
    };
  },
});

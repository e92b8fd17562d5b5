/** Point-wise losses: attributes, binary labels, linear probes, distillation of a teacher's scores. */
import { lax, numpy as np } from "@jax-js/jax";
import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { integers, ragged, shaped, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { rowCount, toRagged, type Vector } from "../core/ragged.ts";
import { isConstant } from "../core/statistics.ts";
import { evaluate, rowsTensor, type Tensor, vectorTensor } from "../objective/engine.ts";
import { crossEntropyWithLogits } from "../objective/implicit-reward.ts";
import { required } from "../objective/inputs.ts";
import { maskedMean, softplus } from "../objective/numerics.ts";

/** Differentiable `model/attribute-regression`; `mask` N×D of 0 and 1. */
export function attributeRegressionLoss() {
  return ({ predictions, labels, mask }: { predictions: Tensor; labels: Tensor; mask: Tensor }) => ({
    loss: maskedMean(np.square(predictions.sub(labels)), mask),
  });
}

/**
 * Masked squared error of several attributes at once (SteerLM regression as in HelpSteer2-Preference, arXiv 2410.01257).
 *
 * loss = Σ mask·(ŷ − y)² / Σ mask over all N×D entries; a label equal to `maskValue` is masked. Null without a label.
 */
export const attributeRegression = definePart({
  id: "model/attribute-regression",
  papers: ["helpsteer2-preference"],
  params: z.object({ maskValue: z.number().default(-100).describe("label that means: not annotated") }),
  inputs: z.object({
    predictions: ragged("N×D", "predicted attributes"),
    labels: ragged("N×D", "annotated attributes"),
  }),
  outputs: z.object({
    loss: z.number().nullable().describe("mean over annotated entries"),
    validCount: z.int().describe("annotated entries"),
  }),
  compute({ maskValue }, { predictions, labels }) {
    const packed = toRagged(labels);
    const mask = packed.values.map((label) => (label === maskValue ? 0 : 1));
    const validCount = mask.reduce((sum, one) => sum + one, 0);
    const { loss } = evaluate(attributeRegressionLoss(), {
      predictions: rowsTensor(predictions),
      labels: rowsTensor(packed),
      mask: rowsTensor({ values: mask, offsets: packed.offsets }),
    });
    return { loss: validCount === 0 ? null : loss, validCount };
  },
});

/** Differentiable `model/binary-cross-entropy`; labels N in [0, 1]. */
export function binaryCrossEntropyLoss() {
  return ({ logits, labels }: { logits: Tensor; labels: Tensor }) => {
    const losses = crossEntropyWithLogits(logits, labels);
    return { loss: np.mean(losses.ref), losses: lax.stopGradient(losses) };
  };
}

/**
 * Cross-entropy of binary labels on logits: a reward model as a classifier (Cooper's verifier, arXiv 2508.05613; classification rewards
 * of 2507.13158).
 *
 * losses = softplus(x) − y·x = −y log σ(x) − (1 − y) log σ(−x), exact where σ saturates; loss = mean. For a two-class head x is the
 * difference of its logits. Chosen responses as class 1 and rejected ones as class 0 give the pair-free objective. Shapes N; labels
 * true or false, or soft in [0, 1]. Null without a sample.
 */
export const binaryCrossEntropy = definePart({
  id: "model/binary-cross-entropy",
  papers: ["cooper", "irl-llm-survey", "oni"],
  params: z.object({}),
  inputs: z.object({
    logits: vector("N", "logit of the positive class"),
    labels: shaped(z.array(z.union([z.boolean(), z.number().min(0).max(1)])), "N", "positive, or its probability"),
  }),
  outputs: z.object({
    losses: vector("N", "loss per sample"),
    loss: z.number().nullable().describe("mean over samples"),
  }),
  compute(_, { logits, labels }) {
    const n = logits.length;
    const { loss, losses } = evaluate(binaryCrossEntropyLoss(), {
      logits: vectorTensor(logits),
      labels: vectorTensor(Float64Array.from(labels, Number)),
    });
    return { losses: losses.subarray(0, n), loss: n === 0 ? null : loss };
  },
});

const probeParams = z.object({
  kind: z.enum(["sigmoid", "softmax"]).default("sigmoid").describe("two classes on one logit, or C classes"),
});

/** Differentiable `model/linear-probe`: embeddings N×D, weights D×C, `targets` N×C (one-hot; N×1 of 0 and 1 for `sigmoid`). */
export function linearProbeLoss(params: z.input<typeof probeParams> = {}) {
  const { kind } = probeParams.parse(params);
  return ({ embeddings, weights, targets }: { embeddings: Tensor; weights: Tensor; targets: Tensor }) => {
    const logits = np.matmul(embeddings, weights);
    if (kind === "sigmoid") {
      const losses = np.sum(crossEntropyWithLogits(logits.ref, targets), -1);
      const probabilities = lax.stopGradient(np.exp(softplus(logits.neg()).neg()));
      return { loss: np.mean(losses.ref), losses: lax.stopGradient(losses), probabilities };
    }
    const centred = logits.ref.sub(lax.stopGradient(np.max(logits, -1, { keepdims: true })));
    const logProbabilities = centred.ref.sub(np.log(np.sum(np.exp(centred), -1, { keepdims: true })));
    const losses = np.sum(logProbabilities.ref.mul(targets), -1).neg();
    const probabilities = lax.stopGradient(np.exp(logProbabilities));
    return { loss: np.mean(losses.ref), losses: lax.stopGradient(losses), probabilities };
  };
}

/**
 * Linear probe of a frozen model's embeddings, without bias (MRMBench, arXiv 2511.12464).
 *
 * logits = h·W. `sigmoid` (W is D×1): binary cross-entropy, prediction 1 iff σ > ½; `softmax` (W is D×C): cross-entropy, prediction the
 * first largest logit. loss = mean. Standardise embeddings first: without a bias an uncentred representation costs accuracy.
 * Shapes N×D, D×C, labels N (class index); `probabilities` N (`sigmoid`, of class 1) or N×C. Null without a sample.
 * Errors: weights that do not fit; a label that is no class.
 */
export const linearProbe = definePart({
  id: "model/linear-probe",
  papers: ["mrm-bench"],
  params: probeParams,
  inputs: z.object({
    embeddings: ragged("N×D", "frozen representations"),
    weights: ragged("D×C", "probe weights; C is 1 for sigmoid"),
    labels: integers("N", "class index"),
  }),
  outputs: z.object({
    loss: z.number().nullable().describe("mean over samples"),
    losses: vector("N", "loss per sample"),
    predictions: integers("N", "predicted class"),
    accuracy: z.number().nullable().describe("share of samples predicted right"),
    probabilities: z.union([z.array(z.number()), z.array(z.array(z.number()))]).describe("of class 1, or per class"),
  }),
  compute(params, { embeddings, weights, labels }) {
    const n = labels.length;
    const states = toRagged(embeddings);
    const matrix = toRagged(weights);
    const dimensions = rowCount(matrix);
    const columns = dimensions === 0 ? 0 : matrix.offsets[1];
    checkProbe(params.kind, states, matrix, columns, labels);
    if (n === 0) return { loss: null, losses: [], predictions: [], accuracy: null, probabilities: [] };
    const sigmoid = params.kind === "sigmoid";
    const targets = new Float64Array(n * columns);
    for (let i = 0; i < n; i++) {
      if (sigmoid) targets[i] = labels[i];
      else targets[i * columns + labels[i]] = 1;
    }
    const offsets = Uint32Array.from({ length: n + 1 }, (_, i) => i * columns);
    const result = evaluate(linearProbeLoss(params), {
      embeddings: rowsTensor(states),
      weights: rowsTensor(matrix),
      targets: rowsTensor({ values: targets, offsets }),
    });
    const rows = Array.from({ length: n }, (_, i) =>
      Array.from(result.probabilities.subarray(i * columns, (i + 1) * columns)),
    );
    const predictions = rows.map((row) => (sigmoid ? Number(row[0] > 0.5) : row.indexOf(Math.max(...row))));
    let right = 0;
    for (let i = 0; i < n; i++) if (predictions[i] === labels[i]) right++;
    const probabilities = sigmoid ? rows.map((row) => row[0]) : rows;
    return { loss: result.loss, losses: result.losses, predictions, accuracy: right / n, probabilities };
  },
});

function checkProbe(
  kind: "sigmoid" | "softmax",
  states: { offsets: Uint32Array },
  matrix: { offsets: Uint32Array },
  columns: number,
  labels: Vector,
): void {
  const dimensions = matrix.offsets.length - 1;
  if (kind === "sigmoid" ? columns !== 1 : columns < 1)
    throw new ContractError("inputs.weights", `expected D×${kind === "sigmoid" ? "1" : "C"}, got ${columns} columns`);
  for (let d = 0; d < dimensions; d++)
    if (matrix.offsets[d + 1] - matrix.offsets[d] !== columns)
      throw new ContractError(`inputs.weights[${d}]`, `expected ${columns} columns, as in row 0`);
  const classes = kind === "sigmoid" ? 2 : columns;
  for (let i = 0; i < labels.length; i++) {
    const width = states.offsets[i + 1] - states.offsets[i];
    if (width !== dimensions)
      throw new ContractError(`inputs.embeddings[${i}]`, `expected ${dimensions} dimensions, got ${width}`);
    if (!(labels[i] >= 0 && labels[i] < classes))
      throw new ContractError(`inputs.labels[${i}]`, `expected a class in [0, ${classes}), got ${labels[i]}`);
  }
}

const distillationParams = z.object({
  loss: z.enum(["mse", "uncertainty", "preference"]).default("mse").describe("what is minimised"),
  standardize: z.boolean().default(false).describe("first standardise both sides over the batch (sample deviation)"),
  tau: z.number().positive().default(0.5).describe("τ of the preference loss"),
});

export interface SelfDistillationTensors {
  /** N, differentiated. */
  scores: Tensor;
  /** N, given with `mse` and `uncertainty`. */
  teacherScores?: Tensor;
  /** N, given with `uncertainty`. */
  logVariances?: Tensor;
}

/** (x − mean) / sample deviation; zeros where the batch is constant. */
function standardized(x: Tensor): Tensor {
  const n = x.shape[0];
  const centred = x.ref.sub(np.mean(x));
  const variance = np.sum(np.square(centred.ref)).div(Math.max(1, n - 1));
  const positive = np.greater(variance.ref, 0);
  return centred.mul(np.exp(np.log(np.where(positive, variance, 1)).mul(-0.5)));
}

/** Differentiable `model/self-distillation`. */
export function selfDistillationLoss(params: z.input<typeof distillationParams> = {}) {
  const p = distillationParams.parse(params);
  const prepare = (x: Tensor) => (p.standardize ? standardized(x) : x);
  return ({ scores, teacherScores, logVariances }: SelfDistillationTensors) => {
    const own = prepare(scores);
    if (p.loss === "preference" || teacherScores === undefined) {
      teacherScores?.dispose();
      logVariances?.dispose();
      const [better, worse] = np.split(own.reshape([own.shape[0] / 2, 2]), 2, 1);
      return { loss: np.mean(softplus(worse.sub(better).div(p.tau))) };
    }
    const squares = np.square(own.sub(prepare(teacherScores)));
    if (p.loss === "mse" || logVariances === undefined) {
      logVariances?.dispose();
      return { loss: np.mean(squares) };
    }
    const weighted = squares.mul(np.exp(logVariances.ref.neg()));
    return { loss: np.mean(weighted.add(logVariances)).mul(0.5) };
  };
}

/**
 * Self-distillation of a reward model from clean to noisy images (noise-aware fine-tuning of TTSnap, arXiv 2511.22242).
 *
 * `mse` mean (s − t)²; `uncertainty` mean ½e^(−u)(s − t)² + ½u, u the predicted log-variance (may be negative); `preference` over
 * consecutive pairs, the better one first, mean −log σ((s₁ − s₂)/τ) (the teacher's scores only order the pairs, which the caller did).
 * With `standardize` both sides become z-scores of the batch first. Shapes N; null without a sample or, standardised, with a constant
 * side. Errors: `uncertainty` without `logVariances`; `preference` with an odd count.
 */
export const selfDistillation = definePart({
  id: "model/self-distillation",
  papers: ["ttsnap"],
  params: distillationParams,
  inputs: z.object({
    scores: vector("N", "scores of the student"),
    teacherScores: vector("N", "scores of the teacher on the final images"),
    logVariances: vector("N", "predicted log-variances u").optional(),
  }),
  outputs: z.object({ loss: z.number().nullable().describe("mean over samples or pairs") }),
  compute(params, { scores, teacherScores, logVariances }) {
    const n = scores.length;
    const preference = params.loss === "preference";
    if (preference && n % 2 !== 0)
      throw new ContractError("inputs.scores", `expected consecutive pairs, got ${n} scores`);
    const tensors: SelfDistillationTensors = { scores: vectorTensor(scores) };
    if (!preference) tensors.teacherScores = vectorTensor(teacherScores);
    if (params.loss === "uncertainty")
      tensors.logVariances = vectorTensor(required(logVariances, "logVariances", "loss is uncertainty"));
    if (n === 0) return { loss: null };
    const { loss } = evaluate(selfDistillationLoss(params), tensors);
    const constant = params.standardize && (isConstant(scores) || (!preference && isConstant(teacherScores)));
    return { loss: constant ? null : loss };
  },
});

/** Linear probes of a reward model's hidden states, one per preference dimension (MRMBench, arXiv 2511.12464). */
import { linearProbe } from "../../model/regression.ts";
import { adam, softmaxRows } from "../../training/tabular.ts";
import type { Outcome, ProbeItem } from "./types.ts";

const steps = 200;
const learningRate = 0.03;

export interface Probed {
  readonly item: ProbeItem;
  readonly outcome: Outcome | null;
}

/**
 * Predictions for the test items of one dimension: a probe without bias on embeddings standardised by the training
 * items, full-batch Adam (0.03, 200 steps). null for test items without an embedding; undefined when the training
 * items have none or only one class.
 */
export function probePredictions(entries: readonly Probed[]): readonly (number | null)[] | undefined {
  const vectorOf = ({ outcome }: Probed) => (outcome?.kind === "embedding" ? outcome.embedding : null);
  const train = entries.filter((entry) => entry.item.split === "train" && vectorOf(entry) !== null);
  const labels = train.map(({ item }) => item.label);
  if (new Set(labels).size < 2) return undefined;
  const width = vectorOf(train[0])?.length ?? 0;
  const usable = (vector: readonly number[] | null): vector is readonly number[] => vector?.length === width;
  const vectors = train.map(vectorOf).filter(usable);
  if (vectors.length !== train.length) return undefined;
  const scale = standardiser(vectors, width);
  const classes = Math.max(...labels) + 1;
  const weights = fitProbe(vectors.map(scale), labels, width, classes);
  const test = entries.filter(({ item }) => item.split === "test");
  const shown = test.map(vectorOf).map((vector) => (usable(vector) ? scale(vector) : null));
  const scored = shown.filter((vector) => vector !== null);
  const predictions =
    scored.length === 0
      ? []
      : linearProbe({ kind: "softmax" })({
          embeddings: scored.map((vector) => Array.from(vector)),
          weights,
          labels: scored.map(() => 0),
        }).predictions;
  let at = 0;
  return shown.map((vector) => (vector === null ? null : predictions[at++]));
}

function standardiser(vectors: readonly (readonly number[])[], width: number) {
  const mean = new Float64Array(width);
  const square = new Float64Array(width);
  for (const vector of vectors) for (let d = 0; d < width; d++) mean[d] += vector[d] / vectors.length;
  for (const vector of vectors)
    for (let d = 0; d < width; d++) square[d] += (vector[d] - mean[d]) ** 2 / vectors.length;
  return (vector: readonly number[]): Float64Array =>
    Float64Array.from(vector, (x, d) => (square[d] > 0 ? (x - mean[d]) / Math.sqrt(square[d]) : 0));
}

/** Softmax regression, width × classes; two classes are the sigmoid probe with its logit halved between both. */
function fitProbe(
  vectors: readonly Float64Array[],
  labels: readonly number[],
  width: number,
  classes: number,
): number[][] {
  const weights = new Float64Array(width * classes);
  const optimiser = adam(weights.length, learningRate);
  const gradient = new Float64Array(weights.length);
  const logits = new Float64Array(classes);
  const probabilities = new Float64Array(classes);
  for (let step = 0; step < steps; step++) {
    gradient.fill(0);
    for (const [i, vector] of vectors.entries()) {
      logits.fill(0);
      for (let d = 0; d < width; d++)
        for (let c = 0; c < classes; c++) logits[c] += vector[d] * weights[d * classes + c];
      softmaxRows(logits, classes, probabilities);
      for (let c = 0; c < classes; c++) {
        const error = (probabilities[c] - (labels[i] === c ? 1 : 0)) / vectors.length;
        for (let d = 0; d < width; d++) gradient[d * classes + c] += error * vector[d];
      }
    }
    optimiser.descend(weights, gradient);
  }
  return Array.from({ length: width }, (_, d) => Array.from(weights.subarray(d * classes, (d + 1) * classes)));
}

import type { Vector } from "./ragged.ts";

/** log Σ exp(values), the maximum subtracted; −∞ of nothing. */
export function logSumExp(values: Vector): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) largest = Math.max(largest, values[i]);
  if (!Number.isFinite(largest)) return largest;
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += Math.exp(values[i] - largest);
  return largest + Math.log(sum);
}

/** log softmax(inverseTemperature · values). */
export function logSoftmax(values: Vector, inverseTemperature = 1): Float64Array {
  const scaled = new Float64Array(values.length);
  for (let i = 0; i < values.length; i++) scaled[i] = inverseTemperature * values[i];
  const normaliser = logSumExp(scaled);
  for (let i = 0; i < scaled.length; i++) scaled[i] -= normaliser;
  return scaled;
}

/** softmax(inverseTemperature · values). */
export function softmax(values: Vector, inverseTemperature = 1): Float64Array {
  return logSoftmax(values, inverseTemperature).map(Math.exp);
}

/** Shannon entropy in nats, 0 log 0 = 0. */
export function entropy(probabilities: Vector): number {
  let sum = 0;
  for (let i = 0; i < probabilities.length; i++) {
    const p = probabilities[i];
    if (p > 0) sum -= p * Math.log(p);
  }
  return sum;
}

/** KL(p‖q) in nats; null where p has mass that q has not. */
export function klDivergence(p: Vector, q: Vector): number | null {
  let sum = 0;
  for (let i = 0; i < p.length; i++) {
    if (p[i] <= 0) continue;
    if (q[i] <= 0) return null;
    sum += p[i] * Math.log(p[i] / q[i]);
  }
  return sum;
}

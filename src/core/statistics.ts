import type { Vector } from "./ragged.ts";
import { createRandom } from "./random.ts";

/** Arithmetic mean; NaN of nothing (callers decide what undefined means). */
export function mean(values: Vector): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i];
  return sum / values.length;
}

/** Arithmetic mean; null of nothing. */
export function meanOrNull(values: Vector): number | null {
  return values.length === 0 ? null : mean(values);
}

/** Mean of the entries that are not null; null where there is none. */
export function meanDefined(values: ArrayLike<number | null>): number | null {
  let sum = 0;
  let count = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (value === null) continue;
    sum += value;
    count++;
  }
  return count === 0 ? null : sum / count;
}

/** Share of true entries; null of nothing. */
export function share(flags: ArrayLike<boolean>): number | null {
  if (flags.length === 0) return null;
  let count = 0;
  for (let i = 0; i < flags.length; i++) if (flags[i]) count++;
  return count / flags.length;
}

/** Variance with `ddof` degrees of freedom lost (1: sample, 0: population); NaN when n ≤ ddof. */
export function variance(values: Vector, ddof = 1): number {
  if (values.length <= ddof) return Number.NaN;
  const centre = mean(values);
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i] - centre) ** 2;
  return sum / (values.length - ddof);
}

/** Standard deviation; see `variance`. */
export function standardDeviation(values: Vector, ddof = 1): number {
  return Math.sqrt(variance(values, ddof));
}

/** Quantile by linear interpolation between order statistics (type 7, as NumPy); NaN of nothing. */
export function quantile(values: Vector, q: number): number {
  return sortedQuantile(Float64Array.from(values).sort(), q);
}

function sortedQuantile(sorted: Float64Array, q: number): number {
  const position = q * (sorted.length - 1);
  const low = Math.floor(position);
  const high = Math.ceil(position);
  return sorted[low] + (sorted[high] - sorted[low]) * (position - low);
}

/** Every entry is the same number (also when there is none). */
export function isConstant(values: Vector): boolean {
  for (let i = 1; i < values.length; i++) if (values[i] !== values[0]) return false;
  return true;
}

/** Pearson correlation; null where a side is constant or there are fewer than two points. */
export function pearson(x: Vector, y: Vector): number | null {
  const n = x.length;
  // Exact: the computed mean of a constant may differ from it in the last bit.
  if (n < 2 || isConstant(x) || isConstant(y)) return null;
  const mx = mean(x);
  const my = mean(y);
  let xx = 0;
  let yy = 0;
  let xy = 0;
  for (let i = 0; i < n; i++) {
    const dx = x[i] - mx;
    const dy = y[i] - my;
    xx += dx * dx;
    yy += dy * dy;
    xy += dx * dy;
  }
  if (xx === 0 || yy === 0) return null;
  return Math.max(-1, Math.min(1, xy / Math.sqrt(xx * yy)));
}

/** Ranks from 1, ties sharing their mean rank. */
export function fractionalRanks(values: Vector): Float64Array {
  const order = Array.from({ length: values.length }, (_, i) => i).sort((a, b) => values[a] - values[b]);
  const ranks = new Float64Array(values.length);
  for (let start = 0; start < order.length; ) {
    let end = start + 1;
    while (end < order.length && values[order[end]] === values[order[start]]) end++;
    for (let k = start; k < end; k++) ranks[order[k]] = (start + end + 1) / 2;
    start = end;
  }
  return ranks;
}

/** Spearman correlation: Pearson of fractional ranks. */
export function spearman(x: Vector, y: Vector): number | null {
  return pearson(fractionalRanks(x), fractionalRanks(y));
}

export interface Interval {
  readonly estimate: number;
  readonly lower: number;
  readonly upper: number;
}

/** Percentile bootstrap interval of the mean; the same seed gives the same interval. */
export function bootstrapMean(
  values: Vector,
  {
    confidence = 0.95,
    resamples = 2000,
    seed = 0,
  }: { confidence?: number; resamples?: number; seed?: string | number } = {},
): Interval {
  const random = createRandom(seed);
  const means = new Float64Array(resamples);
  for (let r = 0; r < resamples; r++) {
    let sum = 0;
    for (let i = 0; i < values.length; i++) sum += values[random.integer(values.length)];
    means[r] = sum / values.length;
  }
  means.sort();
  const tail = (1 - confidence) / 2;
  return { estimate: mean(values), lower: sortedQuantile(means, tail), upper: sortedQuantile(means, 1 - tail) };
}

/** Wilson score interval of a share; the whole [0, 1] when there is no trial. */
export function wilson(successes: number, trials: number, z = 1.959963984540054): Interval {
  if (trials === 0) return { estimate: Number.NaN, lower: 0, upper: 1 };
  const p = successes / trials;
  const denominator = 1 + (z * z) / trials;
  const centre = (p + (z * z) / (2 * trials)) / denominator;
  const half = (z * Math.sqrt((p * (1 - p)) / trials + (z * z) / (4 * trials * trials))) / denominator;
  return { estimate: p, lower: Math.max(0, centre - half), upper: Math.min(1, centre + half) };
}

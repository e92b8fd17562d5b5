/**
 * Quantiles and histograms of a stream in bounded memory, as plain JSON.
 *
 * Exact (value → count) while there are at most 256 distinct values, which covers verdicts, rubric points
 * and most rewards; a merging t-digest beyond (Dunning & Ertl, arXiv 1902.04023, scale function k₁,
 * compression 400), whose rank error is far below 1 % in the middle and smaller at the ends.
 * Deterministic: the same values in the same order give the same sketch.
 */
export interface Sketch {
  count: number;
  minimum: number;
  maximum: number;
  /** Distinct values, ascending, with their counts; null once there were too many. */
  exact: { values: number[]; counts: number[] } | null;
  /** Centroids, ascending by mean, with their weights. */
  means: number[];
  weights: number[];
  /** Is a centroid one value, perhaps many times (a spike)? Others are spread around their mean. */
  pure: boolean[];
  /** Values not merged yet. */
  buffer: number[];
}

const distinctLimit = 256;
const compression = 400;
const bufferSize = 2048;

export function emptySketch(): Sketch {
  return {
    count: 0,
    minimum: 0,
    maximum: 0,
    exact: { values: [], counts: [] },
    means: [],
    weights: [],
    pure: [],
    buffer: [],
  };
}

export function addToSketch(sketch: Sketch, x: number): void {
  const value = x + 0; // −0 → 0: JSON has no −0
  sketch.count++;
  if (sketch.count === 1 || value < sketch.minimum) sketch.minimum = value;
  if (sketch.count === 1 || value > sketch.maximum) sketch.maximum = value;
  if (sketch.exact) {
    const { values, counts } = sketch.exact;
    const at = lowerBound(values, value);
    if (values[at] === value) {
      counts[at]++;
      return;
    }
    if (values.length < distinctLimit) {
      values.splice(at, 0, value);
      counts.splice(at, 0, 1);
      return;
    }
    sketch.means = values;
    sketch.weights = counts;
    sketch.pure = values.map(() => true);
    sketch.exact = null;
  }
  sketch.buffer.push(value);
  if (sketch.buffer.length < bufferSize) return;
  Object.assign(sketch, compressed(sketch));
  sketch.buffer = [];
}

/** Quantile; linear between order statistics when exact (type 7), between centroids otherwise. null of nothing. */
export function sketchQuantile(sketch: Sketch, q: number): number | null {
  if (sketch.count === 0) return null;
  if (sketch.exact) {
    const position = q * (sketch.count - 1);
    const low = Math.floor(position);
    const below = orderStatistic(sketch.exact, low);
    const above = orderStatistic(sketch.exact, Math.ceil(position));
    return below + (above - below) * (position - low);
  }
  const { xs, ranks } = knots(sketch);
  const target = q * sketch.count;
  const at = Math.max(1, Math.min(ranks.length - 1, lowerBound(ranks, target)));
  const span = ranks[at] - ranks[at - 1];
  const part = span > 0 ? (target - ranks[at - 1]) / span : 1;
  return xs[at - 1] + (xs[at] - xs[at - 1]) * Math.max(0, Math.min(1, part));
}

/** How many of the values are below x (exact sketches) or about that many. */
export function sketchRank(sketch: Sketch, x: number): number {
  if (sketch.count === 0) return 0;
  if (sketch.exact) {
    const end = lowerBound(sketch.exact.values, x);
    let rank = 0;
    for (let i = 0; i < end; i++) rank += sketch.exact.counts[i];
    return rank;
  }
  if (x <= sketch.minimum) return 0;
  if (x > sketch.maximum) return sketch.count;
  const { xs, ranks } = knots(sketch);
  const at = lowerBound(xs, x);
  const span = xs[at] - xs[at - 1];
  return span > 0 ? ranks[at - 1] + (ranks[at] - ranks[at - 1]) * ((x - xs[at - 1]) / span) : ranks[at - 1];
}

/** The distribution function as a polyline: a step at each spike, straight between the middles of the other centroids. */
function knots(sketch: Sketch): { xs: number[]; ranks: number[] } {
  const xs = [sketch.minimum];
  const ranks = [0];
  const { means, weights, pure } = compressed(sketch);
  let before = 0;
  for (let i = 0; i < means.length; i++) {
    if (pure[i]) {
      xs.push(means[i], means[i]);
      ranks.push(before, before + weights[i]);
    } else {
      xs.push(means[i]);
      ranks.push(before + weights[i] / 2);
    }
    before += weights[i];
  }
  xs.push(sketch.maximum);
  ranks.push(sketch.count);
  return { xs, ranks };
}

function orderStatistic(exact: { values: number[]; counts: number[] }, rank: number): number {
  let before = 0;
  for (let i = 0; i < exact.values.length; i++) {
    before += exact.counts[i];
    if (rank < before) return exact.values[i];
  }
  return exact.values[exact.values.length - 1];
}

/** The centroids with the buffer merged in. Leaves the sketch alone, so that looking changes nothing. */
function compressed(sketch: Sketch): Pick<Sketch, "means" | "weights" | "pure"> {
  if (sketch.buffer.length === 0) return sketch;
  const fresh = sketch.buffer.toSorted((a, b) => a - b);
  const out: Pick<Sketch, "means" | "weights" | "pure"> = { means: [], weights: [], pure: [] };
  let mean = 0;
  let weight = 0;
  let pure = true;
  let before = 0;
  let limit = 0;
  const close = () => {
    out.means.push(mean);
    out.weights.push(weight);
    out.pure.push(pure);
    before += weight;
  };
  let i = 0;
  let j = 0;
  while (i < sketch.means.length || j < fresh.length) {
    const old = j >= fresh.length || (i < sketch.means.length && sketch.means[i] <= fresh[j]);
    const x = old ? sketch.means[i] : fresh[j];
    let w = old ? sketch.weights[i] : 1;
    const single = old ? sketch.pure[i] : true;
    if (old) i++;
    else for (j++; j < fresh.length && fresh[j] === x; j++) w++;
    const same: boolean = weight > 0 && x === mean && pure && single;
    if (same || (weight > 0 && before + weight + w <= limit)) {
      weight += w;
      mean += ((x - mean) * w) / weight;
      pure = same;
      continue;
    }
    if (weight > 0) close();
    mean = x;
    weight = w;
    pure = single;
    limit = sketch.count * scaleLimit(before / sketch.count);
  }
  close();
  return out;
}

/** Largest quantile that a centroid starting at quantile q may reach: k₁(q′) = k₁(q) + 1. */
function scaleLimit(q: number): number {
  const k = (compression / (2 * Math.PI)) * Math.asin(2 * Math.min(1, q) - 1) + 1;
  if (k >= compression / 4) return 1;
  return (Math.sin((k * 2 * Math.PI) / compression) + 1) / 2;
}

/** First index whose entry is not below x. */
function lowerBound(ascending: readonly number[], x: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ascending[middle] < x) low = middle + 1;
    else high = middle;
  }
  return low;
}

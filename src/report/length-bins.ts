/**
 * Mean reward by length, in at most 1024 bins of equal width that is doubled whenever a longer response
 * comes; plain JSON. Bin i holds lengths in [i · width, (i + 1) · width).
 */
import { emptyMoments, type Moments, mergeMoments } from "./moments.ts";

export interface LengthBins {
  width: number;
  counts: number[];
  means: number[];
  /** Σ (reward − mean)² per bin. */
  squares: number[];
}

const limit = 1024;

export function emptyLengthBins(): LengthBins {
  return { width: 1, counts: [], means: [], squares: [] };
}

export function addToLengthBins(bins: LengthBins, length: number, reward: number): void {
  while (length >= bins.width * limit) halve(bins);
  const at = Math.floor(length / bins.width);
  for (let i = bins.counts.length; i <= at; i++) {
    bins.counts.push(0);
    bins.means.push(0);
    bins.squares.push(0);
  }
  const count = ++bins.counts[at];
  const delta = reward - bins.means[at];
  bins.means[at] += delta / count;
  bins.squares[at] += delta * (reward - bins.means[at]);
}

export interface LengthRange {
  from: number;
  /** Exclusive. */
  to: number;
  /** Mean length, to within half a bin. */
  length: number;
  rewards: Moments;
}

/**
 * Merges neighbouring bins into about `parts` ranges that hold equally many rollouts each. A stretch
 * without any rollout, longer than a twentieth of the whole span, ends a range: means are not taken
 * across it.
 */
export function lengthRanges(bins: LengthBins, parts: number): readonly LengthRange[] {
  const filled = bins.counts.flatMap((count, i) => (count > 0 ? [i] : []));
  const total = filled.reduce((sum, i) => sum + bins.counts[i], 0);
  const gap = ((filled.at(-1) ?? 0) - (filled[0] ?? 0)) / 20;
  const ranges: LengthRange[] = [];
  let open: LengthRange | null = null;
  let before = filled[0];
  for (const i of filled) {
    const apart = i - before > Math.max(1, gap);
    const full = open !== null && open.rewards.count >= total / parts;
    if (open === null || full || (apart && open.rewards.count >= 20)) {
      open = { from: i * bins.width, to: 0, length: 0, rewards: emptyMoments() };
      ranges.push(open);
    }
    open.to = (i + 1) * bins.width;
    mergeMoments(open.rewards, binMoments(bins, i));
    // A bin of width w holds the whole numbers up to w − 1 above its start.
    open.length += ((i + 0.5) * bins.width - 0.5 - open.length) * (bins.counts[i] / open.rewards.count);
    before = i;
  }
  return ranges;
}

function binMoments(bins: LengthBins, i: number): Moments {
  const mean = bins.means[i];
  return { count: bins.counts[i], mean, squares: bins.squares[i], minimum: mean, maximum: mean, nonZero: 0 };
}

function halve(bins: LengthBins): void {
  const half = Math.ceil(bins.counts.length / 2);
  for (let i = 0; i < half; i++) {
    const merged = emptyMoments();
    mergeMoments(merged, binMoments(bins, 2 * i));
    if (2 * i + 1 < bins.counts.length) mergeMoments(merged, binMoments(bins, 2 * i + 1));
    bins.counts[i] = merged.count;
    bins.means[i] = merged.mean;
    bins.squares[i] = merged.squares;
  }
  bins.counts.length = half;
  bins.means.length = half;
  bins.squares.length = half;
  bins.width *= 2;
}

import { type Sketch, sketchQuantile, sketchRank } from "./sketch.ts";

interface Bin {
  readonly from: number;
  readonly to: number;
  /** Share of all values, 0 to 1. */
  readonly share: number;
}

export type Histogram =
  /** One bar per value, where there are few. */
  | { readonly kind: "values"; readonly bars: readonly { readonly value: number; readonly share: number }[] }
  /** Bins of equal, round width, or of equal ratio; the shares outside (long tails are cut) are told apart. */
  | {
      readonly kind: "bins";
      readonly scale: "linear" | "log";
      readonly bins: readonly Bin[];
      readonly below: number;
      readonly above: number;
    };

/**
 * One bar per value where there are at most 6, or 12 equally spaced ones; else about 30 bins. With `skewed`,
 * positive values that span more than a factor of 50 get bins of equal ratio. null of nothing.
 */
export function histogramOf(sketch: Sketch, skewed = false): Histogram | null {
  const { count, exact } = sketch;
  if (count === 0) return null;
  if (exact && (exact.values.length <= 6 || (exact.values.length <= 12 && equallySpaced(exact.values)))) {
    return { kind: "values", bars: exact.values.map((value, i) => ({ value, share: exact.counts[i] / count })) };
  }
  if (skewed && isSkewed(sketch.minimum, sketch.maximum)) return ratioBins(sketch);
  let low = sketch.minimum;
  let high = sketch.maximum;
  const inner = [sketchQuantile(sketch, 0.005) as number, sketchQuantile(sketch, 0.995) as number];
  if (inner[1] > inner[0] && high - low > 3 * (inner[1] - inner[0])) [low, high] = inner;
  const width = roundWidth((high - low) / 30);
  const first = Math.floor(low / width);
  const last = Math.max(first + 1, Math.floor(high / width) + 1);
  const bins: Bin[] = [];
  const below = sketchRank(sketch, first * width);
  let rank = below;
  for (let i = first; i < last; i++) {
    const to = (i + 1) * width;
    const next = to > sketch.maximum ? count : sketchRank(sketch, to);
    bins.push({ from: i * width, to, share: (next - rank) / count });
    rank = next;
  }
  return { kind: "bins", scale: "linear", bins, below: below / count, above: (count - rank) / count };
}

/** Do positive values span so much that they are better seen on a logarithmic scale? */
export function isSkewed(minimum: number, maximum: number): boolean {
  return minimum > 0 && maximum / minimum > 50;
}

/** Equally many bins per decade, so that about 30 cover all values. Whole numbers: no bin is narrower than 1. */
function ratioBins(sketch: Sketch): Histogram {
  const ratio = (sketch.maximum / sketch.minimum) ** (1 / 30);
  const bins: Bin[] = [];
  let from = sketch.minimum;
  let rank = 0;
  while (rank < sketch.count && bins.length < 31) {
    const to = Math.max(from * ratio, sketch.minimum >= 1 ? Math.ceil(from * ratio) : 0);
    const next = to > sketch.maximum || bins.length === 30 ? sketch.count : sketchRank(sketch, to);
    bins.push({ from, to, share: (next - rank) / sketch.count });
    from = to;
    rank = next;
  }
  return { kind: "bins", scale: "log", bins, below: 0, above: 0 };
}

function equallySpaced(values: readonly number[]): boolean {
  const step = (values[values.length - 1] - values[0]) / (values.length - 1);
  return values.every((value, i) => Math.abs(values[0] + i * step - value) < 0.01 * step);
}

/** Of shares between 0 and 1: bars where there are few distinct ones, else ten bins, the last with 1 in it. */
export function shareHistogram(sketch: Sketch): Histogram | null {
  const { count, exact } = sketch;
  if (count === 0 || (exact && exact.values.length <= 6)) return histogramOf(sketch);
  if (exact && exact.values.length <= 12 && equallySpaced(exact.values)) return histogramOf(sketch);
  const bins: Bin[] = [];
  for (let i = 0; i < 10; i++) {
    const end = i === 9 ? count : sketchRank(sketch, (i + 1) / 10);
    bins.push({ from: i / 10, to: (i + 1) / 10, share: (end - sketchRank(sketch, i / 10)) / count });
  }
  return { kind: "bins", scale: "linear", bins, below: 0, above: 0 };
}

/** The next of 1, 2, 2.5, 5 × 10ⁿ at or above x. */
function roundWidth(x: number): number {
  if (!(x > 0) || !Number.isFinite(x)) return 1;
  const power = 10 ** Math.floor(Math.log10(x));
  for (const step of [1, 2, 2.5, 5]) if (step * power >= x * (1 - 1e-9)) return step * power;
  return 10 * power;
}

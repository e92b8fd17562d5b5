/** One number of a log over its steps: level, noise, baseline, and how far it moved, in O(1) a value. */

/** Values from which the baseline is taken. */
const baselineCount = 8;
/**
 * Weight of a new value in the running level: a quarter, and less in long runs, so that a level is always of some
 * hundredth of the run and many steps alone do not make rare noise likely.
 */
const levelRate = (count: number) => (count <= 400 ? 0.25 : 100 / count);
/** Most second differences that the noise is taken from. */
const noiseWindow = 120;
/** E|d| of a second difference d of independent N(0, 1) values: √6 · √(2/π). */
const secondDifference = Math.sqrt(6) * Math.sqrt(2 / Math.PI);
/** Moves smaller than this share of the range seen are no moves, however little noise there is. */
const rangeFloor = 0.03;

export interface Series {
  /** Values so far. */
  readonly count: number;
  /** Exponentially weighted mean of the recent values. */
  readonly level: number;
  /** Mean of the first values. */
  readonly baseline: number;
  /** Standard deviation of one value around its trend, from second differences, so that a trend is no noise. */
  readonly noise: number;
  readonly range: number;
  /** Step of the newest value. */
  readonly step: number;
  add(step: number, value: number): void;
  /** (to − from) in units of the standard error of two levels, one of them after `values` values, and of `rangeFloor` of the range. */
  distance(from: number, to: number, values?: number): number;
}

export function createSeries(): Series {
  let count = 0;
  let level = 0;
  let baseline = 0;
  let lowest = Number.POSITIVE_INFINITY;
  let highest = Number.NEGATIVE_INFINITY;
  let step = Number.NaN;
  let before = 0;
  let twoBefore = 0;
  const differences = new Float64Array(noiseWindow);
  let total = 0;
  const noise = () => (count < 3 ? 0 : total / Math.min(noiseWindow, count - 2) / secondDifference);
  const error = (values: number) => {
    // An exponentially weighted mean of independent values has variance rate / (2 − rate).
    const settled = levelRate(count) / (2 - levelRate(count));
    // A noise that few differences tell of may be several times as large.
    return noise() * (1 + 4 / Math.max(1, count - 2)) * Math.sqrt(Math.max(settled, 1 / Math.max(1, values)));
  };
  return {
    get count() {
      return count;
    },
    get level() {
      return level;
    },
    get baseline() {
      return baseline;
    },
    get noise() {
      return noise();
    },
    get range() {
      return count === 0 ? 0 : highest - lowest;
    },
    get step() {
      return step;
    },
    add(at, value) {
      if (count >= 2) {
        differences[(count - 2) % noiseWindow] = Math.abs(value - 2 * before + twoBefore);
        // Summed anew: taking a huge difference out of a running sum would leave nothing of the small ones.
        total = differences.reduce((sum, difference) => sum + difference, 0);
      }
      twoBefore = before;
      before = value;
      count++;
      step = at;
      if (count <= baselineCount) baseline += (value - baseline) / count;
      level += (value - level) * Math.max(levelRate(count), 1 / count);
      lowest = Math.min(lowest, level);
      highest = Math.max(highest, level);
    },
    distance(from, to, values = baselineCount) {
      const unit = Math.hypot(error(values), error(count), rangeFloor * (highest - lowest));
      if (unit === 0) return to === from ? 0 : Math.sign(to - from) * 1e3;
      return (to - from) / unit;
    },
  };
}

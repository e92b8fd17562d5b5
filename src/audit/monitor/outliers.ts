/**
 * Values of a log that stand alone, far outside of all others: a step whose reward was 1e6 for one bad rollout. One of
 * them would move level, noise and range of its series for a hundred steps, and an exploit would be lost in them.
 */

/** Values before any is judged; also the fewest others that an early one is judged by. */
const fewest = 4;
/** Values that may still be found to be outliers later, when more is known. */
const early = 8;
/** A value is doubtful this many times the mean change from value to value outside of all that was seen … */
const changes = 10;
/** … (more where few changes are known, since they may be small by chance) … */
const fewChanges = (count: number) => 1 + 4 / count;
/** … and this many times the range of all that was seen. */
const ranges = 2;
/** So many in a row on one side are a move. */
const believedInARow = 3;
/** More than one in so many are no outliers: rewards that are rare and large. */
const oneIn = 20;

export interface Sample {
  readonly step: number;
  readonly value: number;
}

export interface Guard {
  /** Values that count from now on: usually this one; none while it is doubtful; with it those held before, when they turn out to be a move. */
  admit(step: number, value: number): readonly Sample[];
  /** An early value that stands alone beside those that came since; it was admitted. */
  retracted(): Sample | null;
  /** Values left out, those under doubt too. */
  readonly leftOut: number;
}

export function createGuard(): Guard {
  const first: Sample[] = [];
  let lowest = Number.POSITIVE_INFINITY;
  let highest = Number.NEGATIVE_INFINITY;
  let last = 0;
  let total = 0;
  let count = 0;
  let dropped = 0;
  let held: Sample[] = [];
  const take = (sample: Sample) => {
    if (count > 0) total += Math.abs(sample.value - last);
    last = sample.value;
    lowest = Math.min(lowest, sample.value);
    highest = Math.max(highest, sample.value);
    count++;
    if (count <= early) first.push(sample);
  };
  /** 1 and −1: above and below all that was seen, by far; 0: no. */
  const side = (value: number): number => {
    if (count < fewest || dropped >= 1 + count / oneIn) return 0;
    const margin = marginOf(total, count - 1, highest - lowest);
    return value > highest + margin ? 1 : value < lowest - margin ? -1 : 0;
  };
  return {
    admit(step, value) {
      const now = side(value);
      const sample = { step, value };
      if (now === 0) {
        dropped += held.length;
        held = [];
        take(sample);
        return [sample];
      }
      if (held.length > 0 && side(held[0].value) !== now) {
        dropped += held.length;
        held = [];
      }
      held.push(sample);
      if (held.length < believedInARow) return [];
      const move = held;
      held = [];
      move.forEach(take);
      return move;
    },
    retracted() {
      if (count <= fewest || count > early) return null;
      // The newest was judged when it came.
      const at = first.slice(0, -1).findIndex((_, i) => standsAlone(first, i));
      return at < 0 ? null : first[at];
    },
    get leftOut() {
      return dropped + held.length;
    },
  };
}

/** How far outside is doubtful, by the sum of so many changes and the range. */
function marginOf(total: number, count: number, range: number): number {
  return Math.max((changes * fewChanges(count) * total) / count, ranges * range);
}

function standsAlone(samples: readonly Sample[], at: number): boolean {
  const others = samples.filter((_, i) => i !== at).map(({ value }) => value);
  const lowest = Math.min(...others);
  const highest = Math.max(...others);
  const total = others.slice(1).reduce((sum, value, i) => sum + Math.abs(value - others[i]), 0);
  const margin = marginOf(total, others.length - 1, highest - lowest);
  const { value } = samples[at];
  // Of others that are all equal nobody knows how much they vary.
  return margin > 0 && (value > highest + margin || value < lowest - margin);
}

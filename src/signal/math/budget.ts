/**
 * Work done for one sample is counted, not timed: a part reads no clock, and the same text must
 * always get the same verdict. Whoever does work that grows with the text charges for it.
 */
export class OutOfBudget extends Error {
  constructor(message: string) {
    super(message);
    this.name = "OutOfBudget";
  }
}

/** About 0.1 to 1 µs each: the worst sample stays far below a second. */
const STEPS = 300_000;

let left = STEPS;

/** Starts the count for a sample. */
export function openBudget(): void {
  left = STEPS;
}

/** Pays for `steps`; throws `OutOfBudget` when the sample has used up its share. */
export function charge(steps: number): void {
  left -= steps;
  if (left < 0) throw new OutOfBudget(`the answer needs more than ${STEPS} steps`);
}

/** Longest answer that is parsed, in UTF-16 units. */
export const LONGEST_ANSWER = 10_000;
/** Deepest nesting of brackets, fractions and powers. */
export const DEEPEST_ANSWER = 100;
/** Largest numerator or denominator of exact arithmetic. */
export const LARGEST_BITS = 16_384;
/** Longest plain integer or decimal. */
export const LONGEST_NUMBER = 100_000;

/** Runs `work` on at most `steps` of what is left; null when that does not suffice. */
export function attempt<T>(steps: number, work: () => T): T | null {
  const before = left;
  left = Math.min(left, steps);
  const share = left;
  try {
    return work();
  } catch (thrown) {
    if (thrown instanceof OutOfBudget) return null;
    throw thrown;
  } finally {
    left = before - (share - Math.max(left, 0));
  }
}

/**
 * Bed `bandit`, layout `length-mode`: every prompt is answered in a short (4 to 7 tokens) or a long mode (12 to 15), one
 * logit for all prompts decides. Mode alone moves success: the long one helps, the short one does, or neither.
 */
import type { Random } from "../core/random.ts";
import { type AdditiveLogits, additiveLogits } from "./bandit.ts";

export const lengthWorlds = ["long", "short", "neutral"] as const;
/** Which mode helps. */
export type LengthWorld = (typeof lengthWorlds)[number];

/** Success probability of the short and of the long mode. */
const successes: Readonly<Record<LengthWorld, readonly [short: number, long: number]>> = {
  long: [0.5, 0.65],
  short: [0.65, 0.5],
  neutral: [0.6, 0.6],
};
const firstLength = [4, 12];
const lengthsPerMode = 4;

export interface LengthModeWorld {
  /** One context, two arms: short, long. Starts even. */
  readonly policy: () => AdditiveLogits;
  /** An answer in a mode; takes two draws. */
  readonly answer: (mode: number, random: Random) => { readonly length: number; readonly correct: boolean };
}

export interface LengthModeTruth {
  /** Of the probabilities of short and long. */
  readonly expectedReward: (policy: ArrayLike<number>) => number;
  readonly expectedLength: (policy: ArrayLike<number>) => number;
  readonly bestReward: number;
}

export function lengthMode(helpful: LengthWorld): { readonly world: LengthModeWorld; readonly truth: LengthModeTruth } {
  const [short, long] = successes[helpful];
  const middle = (lengthsPerMode - 1) / 2;
  return {
    world: {
      policy: () => additiveLogits(1, 2, [{ start: [0], index: (_, mode) => (mode === 1 ? 0 : -1) }]),
      answer(mode, random) {
        const length = firstLength[mode] + random.integer(lengthsPerMode);
        return { length, correct: random.uniform() < (mode === 1 ? long : short) };
      },
    },
    truth: {
      expectedReward: (policy) => policy[0] * short + policy[1] * long,
      expectedLength: (policy) => policy[0] * (firstLength[0] + middle) + policy[1] * (firstLength[1] + middle),
      bestReward: Math.max(short, long),
    },
  };
}

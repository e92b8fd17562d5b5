/**
 * Bed `bandit`, layout `branch-length`: a response takes the right or the wrong branch, then goes on or stops at
 * every token. The reward looks at the branch alone, so that whatever happens to lengths is bias.
 */
import type { Random } from "../core/random.ts";

export interface BranchLengthParams {
  /** Longest response, in tokens. */
  readonly cap: number;
  /** Probability of going on, at the start. */
  readonly continueStart: number;
}

export const branchLengthDefaults: BranchLengthParams = { cap: 24, continueStart: 0.8 };

export interface BranchLengthWorld extends BranchLengthParams {
  /** Reward of a branch. */
  readonly reward: (right: boolean) => number;
  /** Length of one response whose every token goes on with the given probability. */
  readonly length: (continueProbability: number, random: Random) => number;
}

export interface BranchLengthTruth {
  /** Expected length, (1 − p^cap)/(1 − p). */
  readonly expectedLength: (continueProbability: number) => number;
}

export function branchLength(params: Partial<BranchLengthParams> = {}): {
  readonly world: BranchLengthWorld;
  readonly truth: BranchLengthTruth;
} {
  const settings = { ...branchLengthDefaults, ...params };
  return {
    world: {
      ...settings,
      reward: (right) => (right ? 1 : 0),
      length(continueProbability, random) {
        let tokens = 1;
        while (tokens < settings.cap && random.uniform() < continueProbability) tokens++;
        return tokens;
      },
    },
    truth: {
      expectedLength: (p) => (p === 1 ? settings.cap : (1 - p ** settings.cap) / (1 - p)),
    },
  };
}

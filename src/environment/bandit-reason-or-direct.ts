/**
 * Bed `bandit`, layout `reason-or-direct`: a reply reasons first or answers at once (one choice for all prompts), then
 * gives one of a few answers (a table per mode and prompt). Reasoning starts rare and better; a reply shows reasoning
 * phrases by its mode, and a reward model misjudges it by its mode.
 */

import type { Random } from "../core/random.ts";
import { mean } from "../core/statistics.ts";
import { type AdditiveLogits, additiveLogits, expectedValues } from "./bandit.ts";

export interface ReasonOrDirectParams {
  readonly prompts: number;
  readonly answers: number;
  /** Probability of reasoning, at the start. */
  readonly reasonStart: number;
  /** Logit of the gold answer at the start, by mode (direct, reason), on top of the noise. */
  readonly goldBias: readonly [direct: number, reason: number];
  /** Standard deviation of the noise on starting answer logits. */
  readonly noise: number;
}

export const reasonOrDirectDefaults: ReasonOrDirectParams = {
  prompts: 64,
  answers: 8,
  reasonStart: 0.08,
  goldBias: [-0.5, 3.2],
  noise: 0.5,
};

/** Phrases in a reply, give or take one, and how often a noisy reward model takes a right one for wrong; direct, reason. */
const usualPhrases = [1, 6];
const falseNegatives = [0.15, 0.55];
const falsePositives = 0.3;

export interface ReasonOrDirectWorld extends ReasonOrDirectParams {
  /** One context, two modes with a logit each: direct (0), reason (1). */
  readonly modePolicy: () => AdditiveLogits;
  /** Contexts 2 × prompts (mode · prompts + prompt), one arm per answer. */
  readonly answerPolicy: () => AdditiveLogits;
  readonly correct: (prompt: number, answer: number) => boolean;
  /** Reasoning phrases in a reply of a mode. */
  readonly phrases: (mode: number, random: Random) => number;
  /** What a noisy reward model takes the reply for. */
  readonly judgedCorrect: (correct: boolean, mode: number, random: Random) => boolean;
}

export interface ReasonOrDirectTruth {
  /** Of the two policies' probabilities. */
  readonly accuracy: (modes: ArrayLike<number>, answers: ArrayLike<number>) => number;
}

/** Streams: `gold` (which answer is right), `start` (noise on the logits). */
export function reasonOrDirect(
  params: Partial<ReasonOrDirectParams>,
  random: Random,
): { readonly world: ReasonOrDirectWorld; readonly truth: ReasonOrDirectTruth } {
  const settings = { ...reasonOrDirectDefaults, ...params };
  const { prompts, answers, reasonStart, goldBias, noise } = settings;
  const drawGold = random.stream("gold");
  const gold = Int32Array.from({ length: prompts }, () => drawGold.integer(answers));
  const drawStart = random.stream("start");
  const start = Float64Array.from({ length: 2 * prompts * answers }, (_, i) => {
    const context = Math.floor(i / answers);
    const isGold = i % answers === gold[context % prompts];
    return noise * drawStart.normal() + (isGold ? goldBias[context < prompts ? 0 : 1] : 0);
  });
  const rightness = Float64Array.from(start, (_, i) =>
    i % answers === gold[Math.floor(i / answers) % prompts] ? 1 : 0,
  );
  return {
    world: {
      ...settings,
      modePolicy: () => additiveLogits(1, 2, [{ start: [0, Math.log(reasonStart / (1 - reasonStart))] }]),
      answerPolicy: () => additiveLogits(2 * prompts, answers, [{ start }]),
      correct: (prompt, answer) => answer === gold[prompt],
      phrases: (mode, draw) => usualPhrases[mode] - 1 + draw.integer(3),
      judgedCorrect: (correct, mode, draw) => draw.uniform() < (correct ? 1 - falseNegatives[mode] : falsePositives),
    },
    truth: {
      accuracy(modes, policy) {
        const right = expectedValues(policy, rightness, answers);
        return modes[0] * mean(right.subarray(0, prompts)) + modes[1] * mean(right.subarray(prompts));
      },
    },
  };
}

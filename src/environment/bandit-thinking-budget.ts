/**
 * Bed `bandit`, layout `thinking-budget`: how long to think about a prompt, L = 1 … 16 (unit: 1024 tokens). A prompt of
 * one of three classes needs a length m; the answer is right with probability a · σ((L − m)/0.35). The policy has one
 * softmax per class and starts out too long.
 */

import type { Random } from "../core/random.ts";
import { mean } from "../core/statistics.ts";
import { type AdditiveLogits, additiveLogits, expectedValues } from "./bandit.ts";

export const thinkingClasses = ["easy", "medium", "hard"] as const;
export type ThinkingClass = (typeof thinkingClasses)[number];

/** Lowest and highest need, and the probability of being right with time enough. */
const needs: Readonly<Record<ThinkingClass, { low: number; high: number; ceiling: number }>> = {
  easy: { low: 0.5, high: 1.5, ceiling: 0.98 },
  medium: { low: 3, high: 5, ceiling: 0.9 },
  hard: { low: 6, high: 11, ceiling: 0.6 },
};

export interface ThinkingBudgetWorld {
  readonly prompts: number;
  readonly longest: number;
  /** Is an answer of this length right? `uniform` in [0, 1). */
  readonly attempt: (prompt: number, length: number, uniform: number) => boolean;
  /** The starting policy, prompts × lengths (arm a is length a + 1), tied within a class. */
  readonly policy: () => AdditiveLogits;
}

export interface ThinkingEvaluation {
  readonly accuracy: number;
  readonly length: number;
  readonly accuracyOf: Readonly<Record<ThinkingClass, number>>;
  readonly lengthOf: Readonly<Record<ThinkingClass, number>>;
}

export interface ThinkingBudgetTruth {
  readonly successProbability: (prompt: number, length: number) => number;
  /** Of probabilities, prompts × lengths. */
  readonly evaluate: (policy: Float64Array) => ThinkingEvaluation;
}

/** Stream: `needs`. Prompts come class by class. */
export function thinkingBudget(
  { perClass = 12, longest = 16 }: { readonly perClass?: number; readonly longest?: number },
  random: Random,
): { readonly world: ThinkingBudgetWorld; readonly truth: ThinkingBudgetTruth } {
  const prompts = thinkingClasses.length * perClass;
  const classOf = (prompt: number) => thinkingClasses[Math.floor(prompt / perClass)];
  const draw = random.stream("needs");
  const need = Float64Array.from({ length: prompts }, (_, prompt) => {
    const { low, high } = needs[classOf(prompt)];
    return low + (high - low) * draw.uniform();
  });
  const success = (prompt: number, length: number) =>
    needs[classOf(prompt)].ceiling / (1 + Math.exp(-(length - need[prompt]) / 0.35));
  const successes = Float64Array.from({ length: prompts * longest }, (_, i) =>
    success(Math.floor(i / longest), (i % longest) + 1),
  );
  const lengths = Float64Array.from({ length: prompts * longest }, (_, i) => (i % longest) + 1);
  const byClass = (values: Float64Array) => {
    const [easy, medium, hard] = thinkingClasses.map((_, c) => mean(values.subarray(c * perClass, (c + 1) * perClass)));
    return { easy, medium, hard };
  };
  return {
    world: {
      prompts,
      longest,
      attempt: (prompt, length, uniform) => uniform < success(prompt, length),
      policy: () =>
        additiveLogits(prompts, longest, [
          {
            start: Float64Array.from({ length: longest }, (_, a) => -0.5 * ((a + 1 - 10) / 5) ** 2),
            index: (_, arm) => arm,
            stepSize: 0,
          },
          {
            start: new Float64Array(thinkingClasses.length * longest),
            index: (prompt, arm) => Math.floor(prompt / perClass) * longest + arm,
          },
        ]),
    },
    truth: {
      successProbability: success,
      evaluate(policy) {
        const accuracy = expectedValues(policy, successes, longest);
        const length = expectedValues(policy, lengths, longest);
        return {
          accuracy: mean(accuracy),
          length: mean(length),
          accuracyOf: byClass(accuracy),
          lengthOf: byClass(length),
        };
      },
    },
  };
}

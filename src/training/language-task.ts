/** What a policy over tokens is trained on: problems, their prompts as tokens, and what a reply is worth. */

import type { Random } from "../core/random.ts";
import {
  type ArithmeticProblem,
  type ArithmeticTask,
  arithmeticEnd,
  arithmeticLengths,
  arithmeticPadding,
  arithmeticVocabulary,
  decodeArithmetic,
  defaultArithmeticTask,
  drawArithmeticProblem,
  encodeArithmetic,
  verifyArithmetic,
} from "../environment/arithmetic-lm.ts";

export interface LanguageTask<Problem = unknown> {
  readonly vocabulary: number;
  readonly padding: number;
  /** Token that ends a reply. */
  readonly stop: number;
  readonly promptLength: number;
  readonly replyLength: number;
  draw(random: Random, split: "training" | "held-out"): Problem;
  /** The prompt, padded on the left to `promptLength`. */
  prompt(problem: Problem): Int32Array;
  /** A demonstrated reply, padded on the right to `replyLength`; only supervised training asks for it. */
  demonstration(problem: Problem): Int32Array;
  /** Reward of a reply (its tokens up to the stop token); null: unscored, takes no part in the update. */
  reward(problem: Problem, reply: Int32Array): number | null;
}

/** A language task whose rollouts a reward file can read; its own `reward` is then the true success, which the reward file never sees. */
export interface TextTask<Problem = unknown> extends LanguageTask<Problem> {
  /** Tokens as text, padding and the stop token left out. */
  text(tokens: Int32Array): string;
  /** What else the reward file may read of a problem: the entry of each column, by the column's name (`references`). */
  fields(problem: Problem): Readonly<Record<string, unknown>>;
  /** What decides its problems and demonstrations, as JSON: a finished warm-up is found again by it. */
  readonly identity?: unknown;
}

/**
 * `arithmetic-lm`, rewarded 1 for the exact answer and 0 otherwise. Prompt and reply lengths may be larger
 * than the task needs. `spelling` is how replies read as text: `tokens`, one character each (`<3,1>4`), or
 * `tags`, as language models write them (`<think>3,1</think><answer>4</answer>`).
 */
export function arithmeticTask(
  changes: Partial<ArithmeticTask> = {},
  options: Partial<{ promptLength: number; replyLength: number; spelling: "tokens" | "tags" }> = {},
): TextTask<ArithmeticProblem> {
  const task = { ...defaultArithmeticTask, ...changes };
  const { promptLength, replyLength } = { ...arithmeticLengths(task), ...options };
  const { spelling = "tokens" } = options;
  return {
    vocabulary: arithmeticVocabulary.length,
    padding: arithmeticPadding,
    stop: arithmeticEnd,
    promptLength,
    replyLength,
    draw: (random, split) => drawArithmeticProblem(task, random, split),
    prompt: (problem) => encodeArithmetic(problem.prompt, promptLength, "left"),
    demonstration: (problem) => encodeArithmetic(problem.demonstration, replyLength, "right"),
    reward: (problem, reply) => (verifyArithmetic(task, problem, decodeArithmetic(reply)).correct ? 1 : 0),
    text: (tokens) => {
      const ended = tokens[tokens.length - 1] === arithmeticEnd;
      const text = decodeArithmetic(ended ? tokens.subarray(0, -1) : tokens);
      return spelling === "tags" ? spellTags(text, ended) : text;
    },
    fields: ({ answer }) => ({ references: answer }),
    identity: ["arithmetic-lm", task, promptLength, replyLength],
  };
}

/** `<` opens the thinking; `>` ends it and opens the answer, which the end of the reply closes. */
function spellTags(text: string, ended: boolean): string {
  const spelled = text.replaceAll("<", "\u0001").replaceAll(">", "</think><answer>").replaceAll("\u0001", "<think>");
  return ended && text.includes(">") ? `${spelled}</answer>` : spelled;
}

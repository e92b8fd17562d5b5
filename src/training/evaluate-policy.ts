import { createRandom } from "../core/random.ts";
import { transformerSampler } from "../model/networks/decoding.ts";
import { keep, type Parameters } from "../model/networks/parameters.ts";
import type { TransformerConfig } from "../model/networks/transformer.ts";
import type { LanguageTask } from "./language-task.ts";

export interface PolicyEvaluation {
  /** Mean reward of the scored replies; null when none was. */
  readonly reward: number | null;
  readonly length: number;
  /** Replies that the task scored. */
  readonly scored: number;
}

/**
 * A function that draws `count` held-out problems (the same ones each time), one reply each, and gives
 * the mean reward. Greedy where `greedy`, else at temperature 1. The parameters stay alive.
 */
export function policyEvaluation(
  model: TransformerConfig,
  task: LanguageTask,
  {
    count,
    greedy = false,
    seed = "evaluation",
    split = "held-out",
  }: { count: number; greedy?: boolean; seed?: string | number; split?: "training" | "held-out" },
): { (parameters: Parameters): PolicyEvaluation; dispose(): void } {
  const { promptLength, replyLength, stop } = task;
  const random = createRandom(seed);
  const problems = Array.from({ length: count }, () => task.draw(random, split));
  const prompts = new Int32Array(count * promptLength);
  problems.forEach((problem, row) => {
    prompts.set(task.prompt(problem), row * promptLength);
  });
  const uniforms = Float32Array.from({ length: count * replyLength }, () => random.uniform());
  const sampler = transformerSampler(model, { promptLength, replyLength, stop, topK: greedy ? 1 : null });
  const evaluate = (parameters: Parameters): PolicyEvaluation => {
    const { tokens, lengths } = sampler(keep(parameters), prompts, uniforms);
    let total = 0;
    let scored = 0;
    let length = 0;
    problems.forEach((problem, row) => {
      const start = row * (promptLength + replyLength) + promptLength;
      const reward = task.reward(problem, tokens.subarray(start, start + lengths[row]));
      length += lengths[row];
      if (reward === null) return;
      total += reward;
      scored++;
    });
    return { reward: scored === 0 ? null : total / scored, length: length / count, scored };
  };
  return Object.assign(evaluate, { dispose: sampler.dispose });
}

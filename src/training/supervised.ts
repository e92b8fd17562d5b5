/** Supervised training of a transformer on demonstrations (next-token cross-entropy on replies). */
import type { z } from "zod";
import { createRandom } from "../core/random.ts";
import { float32, int32, keep, type Parameters } from "../model/networks/parameters.ts";
import { initTransformer, replyStatistics, type TransformerConfig } from "../model/networks/transformer.ts";
import type { adamWParams } from "../model/optimizer.ts";
import { sftLoss } from "../objective/likelihood.ts";
import type { LanguageTask } from "./language-task.ts";
import { createLearner } from "./learner.ts";

export interface SupervisedOptions {
  readonly model: TransformerConfig;
  readonly task: LanguageTask;
  readonly steps: number;
  /** Demonstrations a step. */
  readonly batch: number;
  readonly optimizer: z.input<typeof adamWParams>;
  readonly seed: string | number;
  /** Starts from these (and consumes them) instead of drawing new ones. */
  readonly parameters?: Parameters;
  /** Sees each step's figures and the parameters, which stay the learner's; true ends the training. */
  readonly onStep?: (report: Record<string, number>, parameters: Parameters) => boolean | undefined;
}

/** Trains on fresh demonstrations of the training split. Gives the parameters, which the caller owns. */
export function trainSupervised({ onStep, ...options }: SupervisedOptions): Parameters {
  const training = supervisedSteps(options);
  let next = training.next();
  while (!next.done) next = training.next(onStep?.(next.value.report, next.value.parameters));
  return next.value;
}

export interface SupervisedStep {
  readonly report: Record<string, number>;
  /** The learner's. */
  readonly parameters: Parameters;
}

/** The same, step by step: true passed to `next` ends the training. */
export function* supervisedSteps(
  options: Omit<SupervisedOptions, "onStep">,
): Generator<SupervisedStep, Parameters, boolean | undefined> {
  const { model, task, steps, batch, seed } = options;
  const random = createRandom(seed);
  const problems = random.stream("problems");
  const objective = sftLoss();
  const learner = createLearner(
    options.parameters ?? initTransformer(model, random.stream("parameters")),
    (parameters, { tokens, mask }) => {
      const { logprobs, entropies, values } = replyStatistics(model, parameters, tokens, task.promptLength);
      entropies.dispose();
      values?.dispose();
      return { loss: objective({ logprobs, mask }).loss };
    },
    options.optimizer,
  );
  try {
    for (let step = 0; step < steps; step++) {
      const report = learner.step(demonstrations(task, batch, () => task.draw(problems, "training")));
      if (yield { report: { step, ...report }, parameters: learner.parameters }) break;
    }
    return keep(learner.parameters);
  } finally {
    learner.dispose();
  }
}

/** Sequences and the mask of their reply tokens (the stop token included). */
function demonstrations(task: LanguageTask, batch: number, draw: () => unknown) {
  const { promptLength, replyLength, padding } = task;
  const columns = promptLength + replyLength;
  const tokens = new Int32Array(batch * columns);
  const mask = new Float32Array(batch * replyLength);
  for (let row = 0; row < batch; row++) {
    const problem = draw();
    const reply = task.demonstration(problem);
    tokens.set(task.prompt(problem), row * columns);
    tokens.set(reply, row * columns + promptLength);
    for (let t = 0; t < replyLength; t++) mask[row * replyLength + t] = reply[t] === padding ? 0 : 1;
  }
  return { tokens: int32(tokens, [batch, columns]), mask: float32(mask, [batch, replyLength]) };
}

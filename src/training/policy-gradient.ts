/**
 * Policy-gradient training of a transformer, the loop of PPO, GRPO and their relatives: draw G replies
 * to each prompt, score them, subtract a baseline, take clipped steps. Which relative it is, is data
 * (`algorithms.ts`); advantages and losses are this package's parts.
 */
import { jit } from "@jax-js/jax";
import type { z } from "zod";
import { ContractError } from "../core/error.ts";
import { createRandom, type Random } from "../core/random.ts";
import { type Samples, transformerSampler } from "../model/networks/decoding.ts";
import { dispose, float32, int32, keep, type Parameters } from "../model/networks/parameters.ts";
import { replyStatistics, type TransformerConfig } from "../model/networks/transformer.ts";
import type { adamWParams } from "../model/optimizer.ts";
import type { Tensor, Tensors } from "../objective/engine.ts";
import type { PolicyGradientAlgorithm } from "./algorithms.ts";
import { type Advantages, advantagesOf } from "./credit.ts";
import type { LanguageTask } from "./language-task.ts";
import { createLearner } from "./learner.ts";
import { policyGradientLoss } from "./policy-gradient-loss.ts";
import { collectRollouts, rolloutFigures } from "./rollouts.ts";

export interface PolicyGradientOptions {
  readonly algorithm: PolicyGradientAlgorithm;
  readonly model: TransformerConfig;
  /** Where the policy starts; consumed. */
  readonly parameters: Parameters;
  /** What the KL terms refer to; the start where absent. Stays alive. */
  readonly reference?: Parameters;
  readonly task: LanguageTask;
  /** Prompts a step. */
  readonly prompts: number;
  /** Replies to each. */
  readonly groupSize: number;
  readonly temperature?: number;
  /** Passes over each batch of rollouts, and updates a pass. */
  readonly epochs?: number;
  readonly minibatches?: number;
  readonly optimizer: z.input<typeof adamWParams>;
  readonly seed: string | number;
}

/** One step's figures. Rewards are the task's, before any penalty. */
export interface PolicyGradientReport {
  readonly step: number;
  /** Mean over the scored rollouts that were drawn; null when none was scored. */
  readonly reward: number | null;
  readonly length: number;
  readonly entropy: number;
  /** Share of the groups that entered the update whose rewards differ. */
  readonly informativeGroups: number;
  readonly unscored: number;
  /** Rollouts drawn, with those that resampling dropped. */
  readonly rollouts: number;
  /** Mean of each figure of the updates: `loss`, `clipFraction`, `gradientNorm` … */
  readonly updates: Record<string, number>;
  readonly milliseconds: { readonly generation: number; readonly scoring: number; readonly update: number };
}

export interface PolicyGradientTrainer {
  /** The present policy; pass `keep(trainer.parameters)` to functions that consume it. */
  readonly parameters: Parameters;
  step(): PolicyGradientReport;
  dispose(): void;
}

export function policyGradient(options: PolicyGradientOptions): PolicyGradientTrainer {
  const { algorithm, model, task, prompts, groupSize, epochs = 1, minibatches = 1, temperature = 1 } = options;
  const { promptLength, replyLength, stop } = task;
  const rows = prompts * groupSize;
  const columns = promptLength + replyLength;
  if (rows % minibatches !== 0)
    throw new ContractError("minibatches", `expected a divisor of ${rows} rollouts, got ${minibatches}`);
  if ((algorithm.credit.kind === "gae") !== (model.valueHead === true))
    throw new ContractError("model.valueHead", "expected true with the credit gae, and only then");
  const needsReference = usesReference(algorithm);
  const reference = needsReference ? keep(options.reference ?? options.parameters) : null;

  const random = createRandom(options.seed);
  const sampler = transformerSampler(model, { promptLength, replyLength, groupSize, temperature, stop });
  const learner = createLearner(
    options.parameters,
    policyGradientLoss(model, algorithm, promptLength, temperature),
    options.optimizer,
  );
  const statistics = jit((parameters: Parameters, tokens: Tensor): Tensors => {
    const { logprobs, entropies, values } = replyStatistics(model, parameters, tokens, promptLength, temperature);
    entropies.dispose();
    return values === undefined ? { logprobs } : { logprobs, values };
  });
  const read = (parameters: Parameters, tokens: Int32Array): Record<string, Float32Array> => {
    const result = statistics(keep(parameters), int32(tokens, [rows, columns]));
    return Object.fromEntries(Object.entries(result).map(([name, x]) => [name, x.dataSync() as Float32Array]));
  };
  const sample = (tokens: Int32Array, uniforms: Float32Array) => sampler(keep(learner.parameters), tokens, uniforms);
  const { resampling } = algorithm;

  const step = (): PolicyGradientReport => {
    const started = performance.now();
    const { kept, drawn, scoring } = collectRollouts({ task, prompts, groupSize, resampling }, sample, random);
    const { samples } = kept;
    const mask = maskOf(samples.lengths, replyLength);
    const refLogprobs = reference === null ? undefined : read(reference, samples.tokens).logprobs;
    const values = model.valueHead ? read(learner.parameters, samples.tokens).values : undefined;
    const generated = performance.now();
    const credit = advantagesOf(algorithm, kept, { mask, values, refLogprobs, replyLength });
    const batch = { samples, mask: maskUnscored(mask, kept.scored, replyLength), refLogprobs, values, ...credit };
    const credited = performance.now();
    const updates: Record<string, number> = {};
    const size = rows / minibatches;
    for (let epoch = 0; epoch < epochs; epoch++) {
      const order = minibatches === 1 ? null : permutation(rows, random);
      for (let part = 0; part < minibatches; part++) {
        const chosen = order === null ? null : order.subarray(part * size, (part + 1) * size);
        const report = learner.step(toDevice(batch, chosen, rows));
        for (const [name, value] of Object.entries(report))
          updates[name] = (updates[name] ?? 0) + value / (epochs * minibatches);
      }
    }
    const updated = performance.now();
    return {
      step: learner.steps / (epochs * minibatches) - 1,
      ...rolloutFigures(drawn, kept, groupSize),
      updates,
      milliseconds: {
        generation: generated - started - scoring,
        scoring: scoring + credited - generated,
        update: updated - credited,
      },
    };
  };
  return {
    get parameters() {
      return learner.parameters;
    },
    step,
    dispose() {
      if (reference !== null) dispose(reference);
      sampler.dispose();
      statistics.dispose();
      learner.dispose();
    },
  };
}

function usesReference({ klInReward, loss }: PolicyGradientAlgorithm): boolean {
  return klInReward !== undefined || (loss.kind === "clipped-surrogate" && (loss.params?.klCoef ?? 0) !== 0);
}

/** 1 at the tokens of each reply. */
function maskOf(lengths: Int32Array, replyLength: number): Float32Array {
  const mask = new Float32Array(lengths.length * replyLength);
  for (let row = 0; row < lengths.length; row++) mask.fill(1, row * replyLength, row * replyLength + lengths[row]);
  return mask;
}

/** An unscored rollout takes no part in the loss. */
function maskUnscored(mask: Float32Array, scored: readonly boolean[], replyLength: number): Float32Array {
  const kept = mask.slice();
  scored.forEach((is, row) => {
    if (!is) kept.fill(0, row * replyLength, (row + 1) * replyLength);
  });
  return kept;
}

interface Batch extends Advantages {
  readonly samples: Samples;
  readonly mask: Float32Array;
  readonly refLogprobs?: Float32Array;
  readonly values?: Float32Array;
}

/** The rows of a minibatch (all of them: null) as arrays on the device. */
function toDevice(batch: Batch, chosen: Int32Array | null, rows: number): Tensors {
  const { samples, mask, advantages, returns, refLogprobs, values } = batch;
  const pick = <T extends Float32Array | Int32Array>(data: T, make: (size: number) => T): T => {
    if (chosen === null) return data;
    const width = data.length / rows;
    const picked = make(chosen.length * width);
    for (let i = 0; i < chosen.length; i++)
      picked.set(data.subarray(chosen[i] * width, (chosen[i] + 1) * width), i * width);
    return picked;
  };
  const size = chosen?.length ?? rows;
  const shape = (data: { length: number }) => [size, data.length / size];
  const floats = (data: Float32Array) => {
    const picked = pick(data, (length) => new Float32Array(length));
    return float32(picked, shape(picked));
  };
  const tokens = pick(samples.tokens, (length) => new Int32Array(length));
  const device: Tensors = {
    tokens: int32(tokens, shape(tokens)),
    oldLogprobs: floats(samples.logprobs),
    advantages: floats(advantages),
    mask: floats(mask),
  };
  if (refLogprobs !== undefined) device.refLogprobs = floats(refLogprobs);
  if (values !== undefined && returns !== undefined) {
    device.oldValues = floats(values);
    device.returns = floats(returns);
  }
  return device;
}

function permutation(count: number, random: Random): Int32Array {
  const order = Int32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

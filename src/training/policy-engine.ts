/**
 * The arrays of a policy-gradient trainer and what is computed with them: sampling, log-probabilities,
 * updates. Numbers go in and out on the host, so that it may live in another thread (`threads.ts`).
 */
import { jit } from "@jax-js/jax";
import type { z } from "zod";
import { type Samples, transformerSampler } from "../model/networks/decoding.ts";
import {
  dispose,
  float32,
  fromHost,
  type HostParameters,
  int32,
  keep,
  type Parameters,
  toHost,
} from "../model/networks/parameters.ts";
import { replyStatistics, type TransformerConfig } from "../model/networks/transformer.ts";
import type { adamWParams } from "../model/optimizer.ts";
import type { Tensor, Tensors } from "../objective/engine.ts";
import type { PolicyGradientAlgorithm } from "./algorithms.ts";
import { createLearner } from "./learner.ts";
import { policyGradientLoss } from "./policy-gradient-loss.ts";

/** Plain data. */
export interface PolicyEngineOptions {
  readonly algorithm: PolicyGradientAlgorithm;
  readonly model: TransformerConfig;
  readonly promptLength: number;
  readonly replyLength: number;
  readonly stop: number;
  readonly groupSize: number;
  readonly temperature: number;
  readonly optimizer: z.input<typeof adamWParams>;
  /** Goes on after so many updates. */
  readonly resume?: { readonly updates: number; readonly first: HostParameters; readonly second: HostParameters };
}

/** Arrays of one minibatch, M rows each, by name. */
export type HostBatch = Readonly<Record<string, Float32Array | Int32Array>>;

export interface PolicyState {
  readonly parameters: HostParameters;
  readonly first: HostParameters;
  readonly second: HostParameters;
}

export interface PolicyEngine {
  /** Lent until the next update. */
  readonly parameters: Parameters;
  /** Replies, and the reference's log-probabilities of them where there is one. */
  sample(prompts: Int32Array, uniforms: Float32Array): { samples: Samples; refLogprobs?: Float32Array };
  /** The critic's values of sequences N×T, N×R. */
  values(tokens: Int32Array): Float32Array | undefined;
  /** One update; gives the figures of `Learner.step`. */
  update(batch: HostBatch, rows: number): Record<string, number>;
  state(): PolicyState;
  dispose(): void;
}

/** Takes over the parameters and the reference. */
export function policyEngine(
  options: PolicyEngineOptions,
  parameters: Parameters,
  reference: Parameters | null,
): PolicyEngine {
  const { algorithm, model, promptLength, replyLength, stop, groupSize, temperature, optimizer, resume } = options;
  const columns = promptLength + replyLength;
  const sampler = transformerSampler(model, { promptLength, replyLength, groupSize, temperature, stop });
  const learner = createLearner(
    parameters,
    policyGradientLoss(model, algorithm, promptLength, temperature),
    optimizer,
    resume && { steps: resume.updates, first: fromHost(resume.first), second: fromHost(resume.second) },
  );
  const statistics = jit((policy: Parameters, tokens: Tensor): Tensors => {
    const { logprobs, entropies, values } = replyStatistics(model, policy, tokens, promptLength, temperature);
    entropies.dispose();
    return values === undefined ? { logprobs } : { logprobs, values };
  });
  const read = (policy: Parameters, tokens: Int32Array): Record<string, Float32Array> => {
    const result = statistics(keep(policy), int32(tokens, [tokens.length / columns, columns]));
    return Object.fromEntries(Object.entries(result).map(([name, x]) => [name, x.dataSync() as Float32Array]));
  };
  return {
    get parameters() {
      return learner.parameters;
    },
    sample(prompts, uniforms) {
      const samples = sampler(keep(learner.parameters), prompts, uniforms);
      return { samples, refLogprobs: reference === null ? undefined : read(reference, samples.tokens).logprobs };
    },
    values: (tokens) => (model.valueHead ? read(learner.parameters, tokens).values : undefined),
    update(batch, rows) {
      const arrays: Tensors = {};
      for (const [name, data] of Object.entries(batch)) {
        const shape = [rows, data.length / rows];
        arrays[name] = data instanceof Int32Array ? int32(data, shape) : float32(data, shape);
      }
      return learner.step(arrays);
    },
    state() {
      const { first, second } = learner.moments;
      return { parameters: toHost(learner.parameters), first: toHost(first), second: toHost(second) };
    },
    dispose() {
      if (reference !== null) dispose(reference);
      sampler.dispose();
      statistics.dispose();
      learner.dispose();
    },
  };
}

/**
 * Policy-gradient training of a transformer, the loop of PPO, GRPO and their relatives: draw G replies
 * to each prompt, score them, subtract a baseline, take clipped steps. Which relative it is, is data
 * (`algorithms.ts`); advantages and losses are this package's parts.
 */
import type { z } from "zod";
import { ContractError } from "../core/error.ts";
import { createRandom, type Random } from "../core/random.ts";
import type { Samples } from "../model/networks/decoding.ts";
import { dispose, type HostParameters, keep, type Parameters } from "../model/networks/parameters.ts";
import type { TransformerConfig } from "../model/networks/transformer.ts";
import type { adamWParams } from "../model/optimizer.ts";
import type { PolicyGradientAlgorithm } from "./algorithms.ts";
import { type Advantages, advantagesOf } from "./credit.ts";
import type { LanguageTask } from "./language-task.ts";
import { type HostBatch, type PolicyEngine, type PolicyEngineOptions, policyEngine } from "./policy-engine.ts";
import { collectRollouts, type DrawnRollouts, type RolloutScores, rolloutFigures, scoreByTask } from "./rollouts.ts";
import { threadedEngine } from "./threads.ts";

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
  /** Measures the KL to the reference in every step, also where the algorithm has no use for it. */
  readonly measureKl?: boolean;
  readonly seed: string | number;
  /** Threads of its own to compute on; absent: the calling one. Never changes a number. */
  readonly threads?: number;
  /** Goes on from here; `parameters` are then those of the snapshot, and `reference` is wanted where there is one. */
  readonly resume?: Pick<PolicyGradientSnapshot, "steps" | "first" | "second">;
}

/** All that a trainer is, on the host: draws depend on the seed and the step alone. */
export interface PolicyGradientSnapshot {
  /** Trainer steps made. */
  readonly steps: number;
  readonly parameters: HostParameters;
  readonly first: HostParameters;
  readonly second: HostParameters;
}

/** One step's figures. Rewards are the task's, before any penalty. */
export interface PolicyGradientReport {
  readonly step: number;
  /** Mean over the scored rollouts that were drawn; null when none was scored. */
  readonly reward: number | null;
  readonly length: number;
  readonly entropy: number;
  /** To the reference, nats a reply (ln π − ln π_ref, summed over tokens); null where no reference is kept. */
  readonly kl: number | null;
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
  /** A step on the task's own reward. */
  step(): PolicyGradientReport;
  /** A step on rewards, perhaps advantages, from elsewhere; asked once, or once a draw with `resampling`. */
  stepWith(score: (drawn: DrawnRollouts) => Promise<RolloutScores>): Promise<PolicyGradientReport>;
  /** A copy of its state. */
  snapshot(): PolicyGradientSnapshot;
  dispose(): void;
}

export function policyGradient(options: PolicyGradientOptions): PolicyGradientTrainer {
  const { algorithm, model, task, prompts, groupSize, epochs = 1, minibatches = 1 } = options;
  const { replyLength } = task;
  const rows = prompts * groupSize;
  if (rows % minibatches !== 0)
    throw new ContractError("minibatches", `expected a divisor of ${rows} rollouts, got ${minibatches}`);
  if ((algorithm.credit.kind === "gae") !== (model.valueHead === true))
    throw new ContractError("model.valueHead", "expected true with the credit gae, and only then");
  const algorithmUsesReference = usesReference(algorithm);
  const needsReference = options.measureKl === true || algorithmUsesReference;
  const engine = engineOf(options, needsReference);
  const { resampling } = algorithm;

  const streams = createRandom(options.seed);
  let steps = options.resume?.steps ?? 0;
  function* makeStep(): Generator<DrawnRollouts, PolicyGradientReport, RolloutScores> {
    const started = performance.now();
    // A stream for each step: where a run goes on, nothing has to be known but its number.
    const random = streams.stream(`step ${steps}`);
    const scoring = { milliseconds: 0 };
    const { kept, drawn } = yield* timed(
      collectRollouts({ task, prompts, groupSize, resampling }, engine.sample, random),
      scoring,
    );
    const { samples } = kept;
    const refLogprobs = algorithmUsesReference ? kept.refLogprobs : undefined;
    const mask = maskOf(samples.lengths, replyLength);
    const values = engine.values(samples.tokens);
    const generated = performance.now();
    const { advantages } = kept;
    if (advantages !== undefined && model.valueHead)
      throw new ContractError("advantages", "a critic needs those of the algorithm's own credit, gae");
    const credit =
      advantages === undefined
        ? advantagesOf(algorithm, kept, { mask, values, refLogprobs, replyLength })
        : { advantages };
    const batch = { samples, mask: maskUnscored(mask, kept.scored, replyLength), refLogprobs, values, ...credit };
    const credited = performance.now();
    const updates: Record<string, number> = {};
    const size = rows / minibatches;
    for (let epoch = 0; epoch < epochs; epoch++) {
      const order = minibatches === 1 ? null : permutation(rows, random);
      for (let part = 0; part < minibatches; part++) {
        const chosen = order === null ? null : order.subarray(part * size, (part + 1) * size);
        const report = engine.update(rowsOf(batch, chosen, rows), size);
        for (const [name, value] of Object.entries(report))
          updates[name] = (updates[name] ?? 0) + value / (epochs * minibatches);
      }
    }
    const updated = performance.now();
    return {
      step: steps++,
      ...rolloutFigures(drawn, kept, groupSize),
      updates,
      milliseconds: {
        generation: generated - started - scoring.milliseconds,
        scoring: scoring.milliseconds + credited - generated,
        update: updated - credited,
      },
    };
  }
  return {
    get parameters() {
      return engine.parameters;
    },
    step() {
      const making = makeStep();
      let next = making.next();
      while (!next.done) next = making.next(scoreByTask(task, next.value));
      return next.value;
    },
    async stepWith(score) {
      const making = makeStep();
      let next = making.next();
      while (!next.done) next = making.next(await score(next.value));
      return next.value;
    },
    snapshot: () => ({ steps, ...engine.state() }),
    dispose: engine.dispose,
  };
}

/** Where the arrays are. Consumes the parameters. */
function engineOf(options: PolicyGradientOptions, needsReference: boolean): PolicyEngine {
  const { algorithm, model, task, groupSize, temperature = 1, epochs = 1, minibatches = 1, optimizer } = options;
  const { promptLength, replyLength, stop } = task;
  const { parameters, reference = parameters, resume, threads } = options;
  const plain: PolicyEngineOptions = {
    ...{ algorithm, model, promptLength, replyLength, stop, groupSize, temperature, optimizer },
    resume: resume && {
      updates: resume.steps * epochs * minibatches,
      first: resume.first,
      second: resume.second,
    },
  };
  if (threads === undefined) return policyEngine(plain, parameters, needsReference ? keep(reference) : null);
  const engine = threadedEngine(plain, parameters, needsReference ? reference : null, threads);
  dispose(parameters);
  return engine;
}

/** Passes a generator on, and adds up how long it waits for answers. */
function* timed<Y, R, N>(inner: Generator<Y, R, N>, waited: { milliseconds: number }): Generator<Y, R, N> {
  let next = inner.next();
  while (!next.done) {
    const asked = performance.now();
    const answer = yield next.value;
    waited.milliseconds += performance.now() - asked;
    next = inner.next(answer);
  }
  return next.value;
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

/** The rows of a minibatch (all of them: null). */
function rowsOf(batch: Batch, chosen: Int32Array | null, rows: number): HostBatch {
  const { samples, mask, advantages, returns, refLogprobs, values } = batch;
  const pick = <T extends Float32Array | Int32Array>(data: T, make: (size: number) => T): T => {
    if (chosen === null) return data;
    const width = data.length / rows;
    const picked = make(chosen.length * width);
    for (let i = 0; i < chosen.length; i++)
      picked.set(data.subarray(chosen[i] * width, (chosen[i] + 1) * width), i * width);
    return picked;
  };
  const floats = (data: Float32Array) => pick(data, (length) => new Float32Array(length));
  const picked: Record<string, Float32Array | Int32Array> = {
    tokens: pick(samples.tokens, (length) => new Int32Array(length)),
    oldLogprobs: floats(samples.logprobs),
    advantages: floats(advantages),
    mask: floats(mask),
  };
  if (refLogprobs !== undefined) picked.refLogprobs = floats(refLogprobs);
  if (values !== undefined && returns !== undefined) {
    picked.oldValues = floats(values);
    picked.returns = floats(returns);
  }
  return picked;
}

function permutation(count: number, random: Random): Int32Array {
  const order = Int32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

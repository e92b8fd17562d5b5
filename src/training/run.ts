/**
 * A training run: warm-up, then policy-gradient steps against a reward through the real pipeline, with
 * metrics, checkpoints, evaluation on held-out problems, and an end. The same plan gives the same numbers,
 * also when it was killed and went on from a checkpoint.
 */
import { access, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { ContractError } from "../core/error.ts";
import { makeFolder } from "../core/make-folder.ts";
import { dispose, fromHost, keep, toHost } from "../model/networks/parameters.ts";
import { decodeSafetensors, encodeSafetensors } from "../model/safetensors.ts";
import { packageVersion } from "../pipeline/define.ts";
import { unscoredFailure } from "../pipeline/run-limits.ts";
import { createScorer } from "../pipeline/scorer.ts";
import { type PolicyGradientReport, type PolicyGradientTrainer, policyGradient } from "./policy-gradient.ts";
import {
  type Checkpoint,
  type CheckpointState,
  readCheckpoint,
  readTensors,
  writeCheckpoint,
  writeWhole,
} from "./run-checkpoint.ts";
import { type Evaluation, heldOutEvaluation } from "./run-evaluation.ts";
import type { LoadedTraining } from "./run-load.ts";
import { lockFolder } from "./run-lock.ts";
import { type EvaluationMetrics, openMetrics, type StartMetrics, type StepMetrics } from "./run-metrics.ts";
import { emptyTally, meanOf, type RewardTally, scoreDrawn } from "./run-reward.ts";
import { type Start, startPolicy, type WarmUpProgress } from "./run-warm-up.ts";

export type TrainingEvent =
  | ({ readonly type: "warm-up" } & WarmUpProgress)
  /** The first step is about to be made; `from` steps were made before. */
  | { readonly type: "start"; readonly from: number; readonly steps: number; readonly warmUp: Start["warmUp"] }
  | { readonly type: "metrics"; readonly metrics: StartMetrics | StepMetrics }
  | { readonly type: "checkpoint"; readonly step: number };

export interface RunOptions {
  /** Where everything goes; made where it is missing. */
  readonly folder: string;
  /** Forgets an earlier run in this folder. */
  readonly restart?: boolean;
  /** When it aborts, the step under way is finished and a checkpoint written. */
  readonly signal?: AbortSignal;
  readonly workers?: number;
  /** Folder of what judges answered. */
  readonly judgeCache?: string;
  /** Folder that keeps finished warm-ups; null: none is kept. */
  readonly warmUpCache?: string | null;
  readonly onEvent?: (event: TrainingEvent) => void;
}

export interface TrainingResult {
  /** `stopped`: by a rule of `stop`; `interrupted`: by the signal. */
  readonly status: "finished" | "stopped" | "interrupted";
  readonly reason: string | null;
  readonly step: number;
  /** Nothing was left to do: the run had ended before. */
  readonly again: boolean;
  readonly resumedAt: number | null;
  /** null: interrupted before. */
  readonly before: Evaluation | null;
  readonly after: Evaluation | null;
  readonly totals: Checkpoint["totals"];
  readonly warmUp: Start["warmUp"];
  readonly seconds: number;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly rewardHash: string;
}

/** A run that cannot go on; what it wrote up to the step before stays. */
export class TrainingError extends Error {
  readonly step: number;
  constructor(step: number, message: string) {
    super(`step ${step}: ${message}`);
    this.name = "TrainingError";
    this.step = step;
  }
}

/** Rollouts before a run may fail for want of rewards, in steps. */
const stepsBeforeJudging = 4;

export async function runTraining(training: LoadedTraining, options: RunOptions): Promise<TrainingResult> {
  makeFolder(options.folder);
  const unlock = await lockFolder(options.folder);
  try {
    return await runLocked(training, options);
  } finally {
    await unlock();
  }
}

async function runLocked(training: LoadedTraining, options: RunOptions): Promise<TrainingResult> {
  const { plan, reward, credit } = training;
  const { folder, signal, onEvent } = options;
  const { task, model, evaluation } = plan;
  const identity = identityOf(training);
  const paths = {
    metrics: join(folder, "metrics.jsonl"),
    start: join(folder, "start.safetensors"),
    policy: join(folder, "policy.safetensors"),
  };
  const found = options.restart ? null : await readCheckpoint(folder);
  const made = found?.status === "starting" ? null : found;
  if (made !== null) checkIdentity(made.identity, identity, folder);
  if (found === null && !options.restart && (await exists(paths.metrics)))
    throw new ContractError(
      paths.metrics,
      "is not of a run that can go on; choose another output, or --restart overwrites it",
    );
  if (made !== null && (made.step >= plan.steps || (made.status === "stopped" && stopReason(plan, made) !== null)))
    return resultOf(made, { status: statusOf(made), again: true, resumedAt: null, rewardHash: reward.hash });
  if (made === null) await rm(paths.policy, { force: true });

  const began = performance.now();
  let state: CheckpointState = made ?? {
    status: "starting",
    step: 0,
    bytes: 0,
    seconds: 0,
    startedAt: new Date().toISOString(),
    identity,
    warmUp: null,
    totals: { tokens: 0, rollouts: 0, scored: 0, unscored: 0, errors: {} },
    reward: null,
    before: null,
    after: null,
    progress: { best: null, since: 0 },
    reason: null,
  };
  const earlier = state.seconds;
  const seconds = () => Math.round((earlier + (performance.now() - began) / 1000) * 1000) / 1000;
  if (made === null) await writeCheckpoint(folder, state, null);
  const metrics = await openMetrics(paths.metrics, state.bytes);
  const scorer = createScorer(reward, {
    workers: options.workers ?? (reward.module === undefined ? 0 : 1),
    cacheFolder: options.judgeCache,
    seed: plan.seed,
  });
  const heldOut = heldOutEvaluation(model, task, { reward, scorer }, evaluation);
  let trainer: PolicyGradientTrainer | null = null;
  const interrupted = () =>
    resultOf(
      { ...state, seconds: seconds() },
      { status: "interrupted", again: false, resumedAt: made?.step ?? null, rewardHash: reward.hash },
    );
  try {
    if (made === null) {
      const { parameters, warmUp } = await startPolicy(plan, {
        cache: options.warmUpCache ?? null,
        moduleHash: training.hash,
        folder: training.folder,
        signal,
        onProgress: (progress) => onEvent?.({ type: "warm-up", ...progress }),
      });
      await writeWhole(paths.start, encodeSafetensors(toHost(parameters)));
      state = { ...state, warmUp };
      trainer = trainerOf(plan, { parameters: keep(parameters), reference: parameters });
      dispose(parameters);
    } else {
      const snapshot = await readTensors(folder, made, model);
      const reference = fromHost(decodeSafetensors(await readFile(paths.start)).parameters);
      trainer = trainerOf(plan, { parameters: fromHost(snapshot.parameters), reference, resume: snapshot });
      dispose(reference);
      scorer.restore(made.reward);
    }
    const { step: from, warmUp } = state;
    onEvent?.({ type: "start", from, steps: plan.steps, warmUp });

    const checkpoint = async (status: Checkpoint["status"], policy: PolicyGradientTrainer) => {
      await metrics.flush();
      state = { ...state, status, bytes: metrics.bytes, seconds: seconds(), reward: scorer.snapshot() };
      await writeCheckpoint(folder, state, policy.snapshot());
      onEvent?.({ type: "checkpoint", step: state.step });
    };
    const record = async (line: StartMetrics | StepMetrics) => {
      await metrics.write(line);
      onEvent?.({ type: "metrics", metrics: line });
    };
    if (made === null) {
      const before = await heldOut(trainer.parameters, signal);
      state = { ...state, before, after: before, progress: { best: before.success, since: 0 } };
      await record({ step: 0, evaluation: figuresOf(before), seconds: seconds() });
      await checkpoint("running", trainer);
    }

    while (state.step < plan.steps) {
      if (signal?.aborted) {
        await checkpoint("running", trainer);
        return interrupted();
      }
      // Signals and resized terminals are heard between steps.
      await new Promise((resolve) => setImmediate(resolve));
      const step = state.step + 1;
      const tally = emptyTally();
      const report = await trainer.stepWith((drawn) => scoreDrawn({ task, scorer, credit }, drawn, tally));
      const totals = addTotals(state.totals, tally);
      const figures = stepFigures(step, report, tally, totals);
      checkFigures(figures, report);
      state = { ...state, step, totals };
      const last = step === plan.steps;
      if (last || step % evaluation.every === 0) {
        const after = await heldOut(trainer.parameters);
        state = { ...state, after, progress: progressOf(state.progress, after.success, plan.stop.minImprovement) };
        await record({ ...figures, evaluation: figuresOf(after), seconds: seconds() });
      } else await record({ ...figures, seconds: seconds() });
      const failure = unscoredFailure(
        reward,
        { ...totals, signals: {} },
        stepsBeforeJudging * plan.prompts * plan.groupSize,
      );
      if (failure !== null) {
        await checkpoint("running", trainer);
        throw new TrainingError(step, failure);
      }
      // The evaluation after the last step, off the rhythm, decides nothing.
      const reason = step % evaluation.every === 0 ? stopReason(plan, state) : null;
      if (reason !== null || last) {
        state = { ...state, reason };
        await writeWhole(paths.policy, encodeSafetensors(toHost(trainer.parameters), { step: String(step) }));
        await checkpoint(reason === null ? "finished" : "stopped", trainer);
      } else if (step % plan.checkpoints.every === 0) await checkpoint("running", trainer);
      if (reason !== null) break;
    }
    return resultOf(state, {
      status: statusOf(state),
      again: false,
      resumedAt: made?.step ?? null,
      rewardHash: reward.hash,
    });
  } catch (thrown) {
    // Interrupted in the warm-up or in the first evaluation: there is nothing to keep.
    if (signal?.aborted && thrown === signal.reason) return interrupted();
    throw thrown;
  } finally {
    heldOut.dispose();
    trainer?.dispose();
    await Promise.all([metrics.close(), scorer.close()]);
  }
}

function trainerOf(
  {
    algorithm,
    model,
    task,
    prompts,
    groupSize,
    temperature,
    epochs,
    minibatches,
    optimizer,
    seed,
    threads,
  }: LoadedTraining["plan"],
  from: Pick<Parameters<typeof policyGradient>[0], "parameters" | "reference" | "resume">,
): PolicyGradientTrainer {
  return policyGradient({
    algorithm,
    model,
    task,
    prompts,
    groupSize,
    temperature,
    epochs,
    minibatches,
    optimizer,
    seed,
    threads,
    measureKl: true,
    ...from,
  });
}

/** All that decides the numbers of a run, so that nobody goes on with another one. How long it runs may change. */
function identityOf({ plan, reward, hash }: LoadedTraining): Record<string, unknown> {
  const {
    task,
    reward: _,
    steps: __,
    output: ___,
    name: ____,
    checkpoints: _____,
    stop: ______,
    threads: _______,
    ...settings
  } = plan;
  const identity = {
    task: task.identity ?? hash,
    reward: reward.hash,
    ...settings,
    // 1 and "1" draw the same numbers.
    seed: String(plan.seed),
    guerdon: packageVersion,
  };
  return JSON.parse(JSON.stringify(identity)) as Record<string, unknown>;
}

function checkIdentity(made: Record<string, unknown>, now: Record<string, unknown>, folder: string): void {
  const changed = Object.keys({ ...made, ...now }).filter(
    (name) => JSON.stringify(made[name]) !== JSON.stringify(now[name]),
  );
  if (changed.length > 0)
    throw new ContractError(
      folder,
      `holds a run with another ${changed.join(", ")}; choose another output, or --restart forgets that run`,
    );
}

function addTotals(
  { tokens, rollouts, scored, unscored, errors }: Checkpoint["totals"],
  tally: RewardTally,
): Checkpoint["totals"] {
  const sums = { ...errors };
  for (const [code, times] of Object.entries(tally.errors)) sums[code] = (sums[code] ?? 0) + times;
  return {
    tokens: tokens + tally.tokens,
    rollouts: rollouts + tally.rollouts,
    scored: scored + tally.scored,
    unscored: unscored + tally.rollouts - tally.scored,
    errors: sums,
  };
}

function stepFigures(
  step: number,
  { reward, kl, entropy, length, informativeGroups, updates }: PolicyGradientReport,
  { signals, success, rollouts, scored }: RewardTally,
  totals: Checkpoint["totals"],
): Omit<StepMetrics, "seconds" | "evaluation"> {
  return {
    step,
    reward,
    signals: Object.fromEntries(Object.entries(signals).map(([name, mean]) => [name, meanOf(mean)])),
    success: meanOf(success),
    kl: kl ?? 0,
    entropy,
    length,
    unscored: rollouts - scored,
    groupSpread: informativeGroups,
    loss: updates.loss,
    gradientNorm: updates.gradientNorm,
    learningRate: updates.learningRate,
    tokens: totals.tokens,
    rollouts: totals.rollouts,
  };
}

/** Once a number is no number, all that follow are none. */
function checkFigures(figures: Omit<StepMetrics, "seconds" | "evaluation">, { updates }: PolicyGradientReport): void {
  const all = {
    ...updates,
    kl: figures.kl,
    entropy: figures.entropy,
    loss: figures.loss,
    gradientNorm: figures.gradientNorm,
  };
  const [name, value] = Object.entries(all).find(([, number]) => !Number.isFinite(number)) ?? [];
  if (name !== undefined)
    throw new TrainingError(
      figures.step,
      `the policy diverged: ${name} is ${value}; a smaller optimizer.learningRate may help`,
    );
}

function progressOf(
  { best, since }: Checkpoint["progress"],
  success: number | null,
  minImprovement: number,
): Checkpoint["progress"] {
  if (success === null) return { best, since: since + 1 };
  return best === null || success >= best + minImprovement ? { best: success, since: 0 } : { best, since: since + 1 };
}

/** Why the run ends at its last evaluation; null: it does not. */
function stopReason({ stop }: LoadedTraining["plan"], { after, progress }: CheckpointState): string | null {
  const { success } = after as Evaluation;
  if (stop.success !== undefined && success !== null && success >= stop.success)
    return `true success ${success.toFixed(3)} reached ${stop.success}`;
  if (stop.patience !== undefined && progress.since >= stop.patience)
    return `no progress in ${progress.since} evaluations (best true success ${progress.best?.toFixed(3) ?? "unknown"})`;
  return null;
}

function statusOf({ reason }: CheckpointState): "finished" | "stopped" {
  return reason === null ? "finished" : "stopped";
}

function figuresOf({ samples: _, ...figures }: Evaluation): EvaluationMetrics {
  return figures;
}

function resultOf(
  { step, reason, before, after, totals, warmUp, seconds, startedAt }: CheckpointState,
  how: Pick<TrainingResult, "status" | "again" | "resumedAt" | "rewardHash">,
): TrainingResult {
  return {
    ...how,
    step,
    reason,
    before: before as Evaluation | null,
    after: after as Evaluation | null,
    totals,
    warmUp,
    seconds,
    startedAt,
  };
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** The supervised warm-up from which the experiments on `arithmetic-lm` start, cached on disk where wanted. */
import { createHash } from "node:crypto";
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { makeFolder } from "../core/make-folder.ts";
import { OutputError } from "../core/output-error.ts";
import { type ArithmeticTask, defaultArithmeticTask } from "../environment/arithmetic-lm.ts";
import {
  checkParameters,
  fromHost,
  type HostParameters,
  type Parameters,
  toHost,
} from "../model/networks/parameters.ts";
import { type TransformerConfig, transformerShapes } from "../model/networks/transformer.ts";
import { decodeSafetensors, encodeSafetensors } from "../model/safetensors.ts";
import { policyEvaluation } from "./evaluate-policy.ts";
import { arithmeticTask } from "./language-task.ts";
import { trainSupervised } from "./supervised.ts";

/** Increase when the warm-up itself changes, so that cached policies are made anew. */
const version = 1;

export const warmUpTask: Partial<ArithmeticTask> = { operands: 5, modulus: 5, carelessness: 0.28 };
export const warmUpModel: TransformerConfig = {
  vocabulary: 32,
  context: 32,
  width: 64,
  layers: 2,
  heads: 4,
  hidden: 256,
  padding: 0,
};

export interface WarmUpOptions {
  readonly task?: Partial<ArithmeticTask>;
  readonly model?: TransformerConfig;
  readonly seed: string | number;
  /** Ends at the first check (every tenth step) where sampled replies to training problems are this often right. */
  readonly target?: number;
  /** Ends here at the latest. */
  readonly maxSteps?: number;
  readonly batch?: number;
  readonly learningRate?: number;
  /** Folder that keeps finished warm-ups; absent: none is kept. */
  readonly cache?: string;
  readonly onStep?: (report: Record<string, number>) => void;
}

/**
 * A policy that is neither at the floor nor at the ceiling: trained on careless demonstrations until
 * about `target` of its sampled replies are right. The same options give the same parameters.
 */
export function warmArithmeticPolicy(options: WarmUpOptions): Parameters {
  const { seed, target = 0.24, maxSteps = 600, batch = 64, learningRate = 3e-3, cache, onStep } = options;
  const model = options.model ?? warmUpModel;
  const changes = { ...warmUpTask, ...options.task };
  const key = JSON.stringify([
    version,
    model,
    { ...defaultArithmeticTask, ...changes },
    seed,
    target,
    maxSteps,
    batch,
    learningRate,
  ]);
  const file =
    cache === undefined
      ? null
      : join(cache, `arithmetic-${createHash("sha256").update(key).digest("hex").slice(0, 16)}.safetensors`);
  const cached = file === null ? null : readCached(file, model);
  if (cached !== null) return fromHost(cached);

  const task = arithmeticTask(changes);
  const evaluate = policyEvaluation(model, task, { count: 256, split: "training", seed: `${seed}/warm-up` });
  const parameters = trainSupervised({
    model,
    task,
    batch,
    seed,
    steps: maxSteps,
    optimizer: { learningRate, warmupSteps: 20 },
    onStep: (report, present) => {
      const checked = report.step % 10 === 9;
      const reward = checked ? evaluate(present).reward : null;
      onStep?.(reward === null ? report : { ...report, reward });
      return reward !== null && reward >= target;
    },
  });
  evaluate.dispose();
  if (file !== null) writeCached(file, parameters, key);
  return parameters;
}

/** Keeps a policy: complete or not there, also when several processes warm up at once. */
export function writeCached(file: string, parameters: Parameters, options: string): void {
  makeFolder(dirname(file));
  const partial = `${file}.${process.pid}`;
  try {
    writeFileSync(partial, encodeSafetensors(toHost(parameters), { options }));
    renameSync(partial, file);
  } catch (thrown) {
    rmSync(partial, { force: true });
    throw new OutputError(file, thrown);
  }
}

/** A cached policy; null where there is none, or one that does not fit. */
export function readCached(file: string, model: TransformerConfig): HostParameters | null {
  try {
    const { parameters } = decodeSafetensors(readFileSync(file));
    checkParameters(parameters, transformerShapes(model));
    return parameters;
  } catch {
    return null;
  }
}

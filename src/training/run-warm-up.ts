/** Where a run's policy starts: drawn, read from a file, or trained on demonstrations (kept on disk for the next time). */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ContractError, messageOf } from "../core/error.ts";
import { createRandom } from "../core/random.ts";
import { checkParameters, fromHost, type Parameters } from "../model/networks/parameters.ts";
import { initTransformer, transformerShapes } from "../model/networks/transformer.ts";
import { decodeSafetensors } from "../model/safetensors.ts";
import { policyEvaluation } from "./evaluate-policy.ts";
import type { TrainingPlan } from "./run-config.ts";
import { supervisedSteps } from "./supervised.ts";
import { readCached, writeCached } from "./warm-up.ts";

/** Increase when the warm-up itself changes, so that kept policies are made anew. */
const version = 1;
const checkEvery = 10;
const breathEvery = 50;

export interface WarmUpProgress {
  readonly step: number;
  readonly steps: number;
  readonly loss: number;
  /** True success of sampled replies to training problems, where it was just checked. */
  readonly success?: number;
}

export interface Start {
  readonly parameters: Parameters;
  /** null: there was no warm-up. */
  readonly warmUp: { readonly steps: number; readonly seconds: number; readonly cached: boolean } | null;
}

export interface StartOptions {
  /** Folder that keeps finished warm-ups. */
  readonly cache: string | null;
  /** Stands for the task where it has no identity. */
  readonly moduleHash: string;
  /** From where a path in the config is meant. */
  readonly folder: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: WarmUpProgress) => void;
}

export async function startPolicy(plan: TrainingPlan, options: StartOptions): Promise<Start> {
  const { model, warmUp, seed } = plan;
  if (warmUp === false)
    return { parameters: initTransformer(model, createRandom(seed).stream("parameters")), warmUp: null };
  if ("from" in warmUp) {
    const file = join(options.folder, warmUp.from);
    try {
      const { parameters } = decodeSafetensors(await readFile(file));
      checkParameters(parameters, transformerShapes(model));
      return { parameters: fromHost(parameters), warmUp: null };
    } catch (thrown) {
      throw new ContractError("warmUp.from", `${warmUp.from}: ${messageOf(thrown)}`);
    }
  }
  const key = JSON.stringify([version, model, plan.task.identity ?? options.moduleHash, String(seed), warmUp]);
  const digest = createHash("sha256").update(key).digest("hex").slice(0, 16);
  const file = options.cache === null ? null : join(options.cache, `warm-up-${digest}.safetensors`);
  const kept = file === null ? null : readCached(file, model);
  if (kept !== null) return { parameters: fromHost(kept), warmUp: { steps: 0, seconds: 0, cached: true } };
  return warmUpPolicy(plan, warmUp, { ...options, keep: (parameters) => file && writeCached(file, parameters, key) });
}

async function warmUpPolicy(
  { task, model, seed: runSeed }: TrainingPlan,
  { steps, target, batch, learningRate, seed = runSeed }: Exclude<TrainingPlan["warmUp"], false | { from: string }>,
  { signal, onProgress, keep }: StartOptions & { keep(parameters: Parameters): void },
): Promise<Start> {
  const started = performance.now();
  const check =
    target === null ? null : policyEvaluation(model, task, { count: 256, split: "training", seed: `${seed}/warm-up` });
  const training = supervisedSteps({
    model,
    task,
    batch,
    steps,
    seed: `${seed}/warm-up`,
    optimizer: { learningRate, warmupSteps: 20 },
  });
  try {
    let breath = performance.now();
    let made = 0;
    let next = training.next();
    while (!next.done) {
      const { report, parameters } = next.value;
      made++;
      const success = made % checkEvery === 0 ? check?.(parameters).reward : undefined;
      onProgress?.({ step: made, steps, loss: report.loss, ...(typeof success === "number" ? { success } : {}) });
      if (!Number.isFinite(report.loss))
        throw new ContractError(
          "warmUp",
          `the loss is ${report.loss} after ${made} steps; a smaller warmUp.learningRate may help`,
        );
      if (performance.now() - breath > breathEvery) {
        // Training never waits; without a pause nobody could interrupt it.
        await new Promise((resolve) => setImmediate(resolve));
        breath = performance.now();
        signal?.throwIfAborted();
      }
      next = training.next(typeof success === "number" && target !== null && success >= target);
    }
    keep(next.value);
    const seconds = (performance.now() - started) / 1000;
    return { parameters: next.value, warmUp: { steps: made, seconds, cached: false } };
  } finally {
    training.return(undefined as never);
    check?.dispose();
  }
}

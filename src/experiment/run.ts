/** Runs experiments: jobs over threads, a journal for each experiment, results as they become complete. */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { messageOf } from "../core/error.ts";
import { packageVersion } from "../pipeline/define.ts";
import { type Journal, openJournal } from "./journal.ts";
import { judge, sweepOf } from "./judge.ts";
import type { LoadedExperiment } from "./papers.ts";
import { runJobs } from "./threads.ts";
import type { BudgetName, ExperimentResult, Measurement } from "./types.ts";
import type { Job } from "./worker.ts";

export interface RunOptions {
  readonly budget: BudgetName;
  /** How many seeds, from 0; default: the experiment's own number in full, one in quick. */
  readonly seeds?: number;
  readonly threads?: number;
  /** Folder of the journal of an experiment; absent: nothing is kept. */
  readonly journalFolder?: (loaded: LoadedExperiment) => string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: RunProgress) => void;
  readonly onResult?: (loaded: LoadedExperiment, result: ExperimentResult) => Promise<void>;
  readonly onFailure?: (loaded: LoadedExperiment, message: string) => void;
}

export interface RunProgress {
  readonly jobs: number;
  readonly finished: number;
  /** Finished before, by the run that this one resumes. */
  readonly resumed: number;
  /** Finished in [0, jobs], counting shares of the jobs under way. */
  readonly done: number;
  /** What was last heard of. */
  readonly at: string;
}

interface Work {
  readonly loaded: LoadedExperiment;
  readonly seeds: readonly number[];
  readonly journal: Journal | null;
  readonly measured: Map<string, Measurement<string>>;
  readonly total: number;
  failed: boolean;
}

/** Seeds that a budget asks for. */
export function seedsOf({ experiment }: LoadedExperiment, { budget, seeds }: Pick<RunOptions, "budget" | "seeds">) {
  const count = seeds ?? (budget === "full" ? experiment.seeds : 1);
  return Array.from({ length: count }, (_, i) => i);
}

/**
 * Runs all experiments with one set of threads. A run that fails ends its experiment and no other. The same
 * code and seeds give the same numbers, on any number of threads, resumed or not.
 */
export async function runExperiments(experiments: readonly LoadedExperiment[], options: RunOptions): Promise<void> {
  const { budget, onProgress, onResult, onFailure, signal } = options;
  const works = experiments.map((loaded) => planWork(loaded, options));
  const jobs: Job[] = [];
  const workOf = new Map<number, Work>();
  let resumed = 0;
  for (const work of works) {
    for (const { arm, sweep, seed } of runsOf(work)) {
      const before = work.journal?.get(keyOf(arm, sweep, seed));
      if (before) {
        work.measured.set(keyOf(arm, sweep, seed), before);
        resumed++;
        continue;
      }
      const id = jobs.length;
      jobs.push({ id, module: work.loaded.module, budget, arm, sweep, seed });
      workOf.set(id, work);
    }
  }
  const shares = new Map<number, number>();
  let finished = resumed;
  const tell = (job: Job | null) => {
    let running = 0;
    for (const share of shares.values()) running += share;
    const at = job ? `${workOf.get(job.id)?.loaded.slug} ${job.arm} ${job.seed}` : "";
    onProgress?.({ jobs: jobs.length + resumed, finished, resumed, done: finished + running, at });
  };
  const results: Promise<void>[] = [];
  const complete = (work: Work) => {
    if (work.failed || work.measured.size < work.total) return;
    results.push(finish(work));
  };
  const finish = async (work: Work) => {
    try {
      const result = judgeWork(work, budget);
      await onResult?.(work.loaded, result);
      work.journal?.remove();
    } catch (thrown) {
      work.failed = true;
      onFailure?.(work.loaded, messageOf(thrown));
    }
  };
  for (const work of works) complete(work);
  tell(null);
  await runJobs(
    jobs,
    options.threads ?? availableParallelism(),
    {
      onProgress(job, share) {
        shares.set(job.id, share);
        tell(job);
      },
      onDone(job, measurement) {
        const work = workOf.get(job.id);
        if (!work) return;
        shares.delete(job.id);
        finished++;
        const key = keyOf(job.arm, job.sweep, job.seed);
        work.measured.set(key, measurement);
        try {
          work.journal?.add(key, measurement);
        } catch (thrown) {
          // A full disk or a folder that cannot be written: the result could not be kept either.
          if (!work.failed) onFailure?.(work.loaded, messageOf(thrown));
          work.failed = true;
        }
        tell(job);
        complete(work);
      },
      onFailed(job, message) {
        const work = workOf.get(job.id);
        if (!work) return;
        shares.delete(job.id);
        finished++;
        tell(job);
        if (!work.failed) onFailure?.(work.loaded, `arm ${job.arm}, seed ${job.seed}: ${message}`);
        work.failed = true;
      },
    },
    signal,
  );
  await Promise.all(results);
}

const keyOf = (arm: string, sweep: number, seed: number) => `${arm} ${sweep} ${seed}`;

function planWork(loaded: LoadedExperiment, options: RunOptions): Work {
  const seeds = seedsOf(loaded, options);
  const folder = options.journalFolder?.(loaded);
  const work = {
    loaded,
    seeds,
    journal: folder === undefined ? null : openJournal(join(folder, `${options.budget}.jsonl`), loaded.hash),
    measured: new Map<string, Measurement<string>>(),
    failed: false,
    total: 0,
  };
  return { ...work, total: runsOf(work).length };
}

/** Seed by seed, so that what a seed shares is prepared once. */
function runsOf({ loaded: { experiment }, seeds }: Pick<Work, "loaded" | "seeds">) {
  return seeds.flatMap((seed) =>
    Object.keys(experiment.arms).flatMap((arm) => sweepOf(experiment, arm).map((sweep) => ({ arm, sweep, seed }))),
  );
}

function judgeWork({ loaded, seeds, measured }: Work, budget: BudgetName): ExperimentResult {
  const { experiment, hash, packages } = loaded;
  const of = (arm: string, sweep: number, seed: number) => {
    const found = measured.get(keyOf(arm, sweep, seed));
    if (!found) throw new Error(`no measurement of ${keyOf(arm, sweep, seed)}`);
    return found;
  };
  const versions = { guerdon: packageVersion, node: process.version, ...packages };
  return judge(experiment, of, { budget, seeds, hash, versions });
}

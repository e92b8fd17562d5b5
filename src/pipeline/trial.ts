/**
 * A trial of a module before a running process imports it: on a thread of its own, an import that never ends, ends its
 * process or eats its memory ends that thread only.
 */
import { Worker } from "node:worker_threads";
import { workerUrl } from "../core/worker-url.ts";
import type { TrialReply, TrialStart } from "./trial-worker.ts";

export interface Trial {
  /** Milliseconds that an import may take, on the thread and then here. */
  readonly limit: number;
  /** Ends the wait, because nobody wants the module any more. */
  readonly signal: AbortSignal;
  /** Hash of the version that is there: it needs no trial. */
  readonly current: string;
}

/** More than the threads get that score. */
const memoryLimitMb = 2048;

/** Resolves when a thread has imported the module; rejects with what became of it otherwise. */
export async function tryImport(module: string, trial: Trial): Promise<void> {
  const worker = new Worker(workerUrl(import.meta.url, "./trial-worker"), {
    workerData: { module } satisfies TrialStart,
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: memoryLimitMb },
  });
  const imported = new Promise<void>((resolve, reject) => {
    worker.on("message", (reply: TrialReply) => {
      if (reply.kind === "imported") resolve();
      else reject(Object.assign(new Error(reply.message), { stack: reply.stack }));
    });
    worker.on("error", reject);
    worker.on("exit", (code) => reject(new Error(`ends its process when it is imported (exit code ${code})`)));
  });
  let ended: Promise<unknown> | null = null;
  try {
    await inTime(imported, trial);
    ended = worker.terminate();
    // What it has taken (a port, the lock of a file) is free again before the import here.
    await inTime(ended, trial);
  } finally {
    ended ??= worker.terminate();
    // A thread that waits for a program of its own cannot be ended; it holds nobody up.
    worker.unref();
  }
}

/** The same result, unless the limit comes before it, or the signal. */
export async function inTime<T>(result: Promise<T>, { limit, signal }: Trial): Promise<T> {
  let free = () => {};
  const given = new Promise<never>((_, reject) => {
    const timer = setTimeout(() => reject(new Error(`its import did not end within ${limit / 1000} s`)), limit);
    const unwanted = () => reject(new Error("its import was given up"));
    signal.addEventListener("abort", unwanted);
    if (signal.aborted) unwanted();
    free = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", unwanted);
    };
  });
  try {
    return await Promise.race([result, given]);
  } finally {
    free();
  }
}

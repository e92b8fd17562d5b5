/** Worker threads over a list of jobs; the number of threads never changes a number. */
import { Worker } from "node:worker_threads";
import { messageOf } from "../core/error.ts";
import { workerUrl } from "../core/worker-url.ts";
import type { Measurement } from "./types.ts";
import type { Job, JobMessage } from "./worker.ts";

export interface JobEvents {
  readonly onProgress: (job: Job, share: number) => void;
  readonly onDone: (job: Job, measurement: Measurement<string>) => void;
  readonly onFailed: (job: Job, message: string) => void;
}

/** Runs all jobs; resolves when each is done or has failed, or soon after `signal` is aborted. */
export async function runJobs(
  jobs: readonly Job[],
  threads: number,
  { onProgress, onDone, onFailed }: JobEvents,
  signal?: AbortSignal,
): Promise<void> {
  const waiting = [...jobs];
  await Promise.all(Array.from({ length: Math.min(threads, jobs.length) }, () => work()));

  async function work(): Promise<void> {
    let worker: Worker | null = null;
    let last: Job | null = null;
    for (;;) {
      const job: Job | undefined = signal?.aborted ? undefined : take(waiting, last);
      if (!job) break;
      worker ??= new Worker(workerUrl(import.meta.url, "./worker"));
      const alive = await runOne(worker, job);
      last = job;
      if (!alive) worker = null;
    }
    await worker?.terminate();
  }

  /** One job on one thread; false when the thread is lost. */
  function runOne(worker: Worker, job: Job): Promise<boolean> {
    return new Promise((resolve) => {
      let failure: unknown = null;
      const onMessage = (message: JobMessage) => {
        if (message.kind === "progress") {
          onProgress(job, message.share);
          return;
        }
        if (message.kind === "done") onDone(job, message.measurement);
        else onFailed(job, message.message);
        finish(true);
      };
      const onError = (thrown: unknown) => {
        failure = thrown;
      };
      const onExit = (code: number) => {
        if (!signal?.aborted) onFailed(job, `its thread died (${failure ? messageOf(failure) : `exit code ${code}`})`);
        finish(false);
      };
      const stop = () => void worker.terminate();
      const finish = (alive: boolean) => {
        // One by one: removeAllListeners would take the worker's own along, and it would never answer again.
        worker.off("message", onMessage);
        worker.off("error", onError);
        worker.off("exit", onExit);
        signal?.removeEventListener("abort", stop);
        resolve(alive);
      };
      worker.on("message", onMessage);
      worker.on("error", onError);
      worker.on("exit", onExit);
      signal?.addEventListener("abort", stop, { once: true });
      worker.postMessage(job);
    });
  }
}

/** The next job: of the thread's last module and seed where there is one left, so that what was prepared is used again. */
function take(waiting: Job[], last: Job | null): Job | undefined {
  const same = last ? waiting.findIndex(({ module, seed }) => module === last.module && seed === last.seed) : -1;
  if (same >= 0) return waiting.splice(same, 1)[0];
  return waiting.shift();
}

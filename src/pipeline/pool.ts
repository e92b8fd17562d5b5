/**
 * Worker threads for synchronous signals. Plain `worker_threads`: what is special here, killing the one
 * worker that hangs, knowing the row it was at, and giving the rest of its work to a fresh one, is what
 * pool libraries hide.
 *
 * A worker publishes where it is through shared memory. A watchdog on this side compares: the same place
 * twice means that nothing moved in between, so a busy machine or a blocked main thread never makes a
 * call look longer than it was.
 */
import { Worker } from "node:worker_threads";
import { messageOf, type ScoreError, scoreError } from "../core/error.ts";
import { workerUrl } from "../core/worker-url.ts";
import type { Columns } from "./columns.ts";
import type { Item, Segment } from "./execute.ts";
import type { WorkerMessage, WorkerRequest, WorkerStart } from "./worker.ts";

export interface Task {
  readonly columns: Columns;
  readonly items: readonly Item[];
  /** Milliseconds that one call of a signal may take. */
  readonly limitOf: (item: Item) => number;
  /** May row `row` of `signal` be tried again after having failed `failures` times? */
  readonly mayRetry: (signal: number, failures: number) => boolean;
  readonly onSegment: (segment: Segment) => void;
  readonly onFailure: (signal: number, from: number, to: number, error: ScoreError) => void;
  readonly onAsynchronous: (signal: number) => void;
}

export interface Pool {
  readonly size: number;
  /** Resolves when every item of the task has a result or a failure. Rejects when the reward cannot be loaded in a worker. */
  run(task: Task): Promise<void>;
  close(): Promise<void>;
}

interface Job {
  readonly task: Task;
  items: Item[];
  readonly failures: Map<string, number>;
  /** Workers lost without being at any row. */
  losses: number;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

interface Slot {
  readonly worker: Worker;
  readonly place: Int32Array;
  ready: boolean;
  job: Job | null;
  /** Place last seen by the watchdog, and since when. */
  sequence: number;
  signal: number;
  since: number;
  /** Signals called at least once by this worker. */
  readonly warm: Set<number>;
  timedOut: boolean;
  failure: unknown;
}

const watchEvery = 20;
/**
 * A worker's first call of a signal may have to load what the signal needs. Where another worker has got
 * through it before, so that the files are at hand, less will do: several hanging samples in a row each meet
 * a fresh worker.
 */
const warmUp = { first: 3000, later: 500 } as const;
const memoryLimitMb = 1024;

export function createPool(module: string, size: number): Pool {
  const slots = new Set<Slot>();
  const queue: Job[] = [];
  const warmSomewhere = new Set<number>();
  let watchdog: NodeJS.Timeout | null = null;
  let closed = false;

  const warmed = (slot: Slot, signal: number) => {
    slot.warm.add(signal);
    warmSomewhere.add(signal);
  };

  const spawn = (): Slot => {
    const progress = new SharedArrayBuffer(5 * Int32Array.BYTES_PER_ELEMENT);
    const start: WorkerStart = { module, progress };
    const worker = new Worker(workerUrl(import.meta.url, "./worker"), {
      workerData: start,
      execArgv: ["--enable-source-maps"],
      resourceLimits: { maxOldGenerationSizeMb: memoryLimitMb },
    });
    const slot: Slot = {
      worker,
      place: new Int32Array(progress),
      ready: false,
      job: null,
      sequence: -1,
      signal: -1,
      since: 0,
      warm: new Set(),
      timedOut: false,
      failure: null,
    };
    worker.unref();
    worker.on("message", (message: WorkerMessage) => receive(slot, message));
    worker.on("error", (thrown) => {
      slot.failure = thrown;
    });
    worker.on("exit", (code) => lost(slot, code));
    slots.add(slot);
    return slot;
  };

  const dispatch = () => {
    while (queue.length > 0) {
      let slot: Slot | null = null;
      for (const candidate of slots) if (!candidate.job && !candidate.timedOut) slot = candidate;
      if (!slot) {
        if (slots.size >= size) break;
        slot = spawn();
      }
      const job = queue.shift();
      if (!job) break;
      slot.job = job;
      slot.sequence = -1;
      slot.worker.ref();
      const request: WorkerRequest = { columns: job.task.columns, items: job.items };
      try {
        slot.worker.postMessage(request);
      } catch (thrown) {
        slot.job = null;
        slot.worker.unref();
        job.reject(thrown);
      }
    }
    const busy = [...slots].some((slot) => slot.job);
    if (busy && !watchdog) watchdog = setInterval(watch, watchEvery);
    else if (!busy && watchdog) {
      clearInterval(watchdog);
      watchdog = null;
    }
  };

  const watch = () => {
    const now = performance.now();
    for (const slot of slots) {
      if (!slot.job || !slot.ready || slot.timedOut) continue;
      const sequence = Atomics.load(slot.place, 0);
      if (sequence !== slot.sequence || Atomics.load(slot.place, 1) === 0) {
        if (slot.sequence >= 0 && slot.sequence !== sequence) warmed(slot, slot.signal);
        slot.sequence = sequence;
        slot.signal = slot.place[2];
        slot.since = now;
        continue;
      }
      const item = slot.job.items.find(
        ({ signal, from, to }) => signal === slot.place[2] && from <= slot.place[3] && slot.place[3] < to,
      );
      if (!item) continue;
      const grace = slot.warm.has(item.signal) ? 0 : warmSomewhere.has(item.signal) ? warmUp.later : warmUp.first;
      const limit = slot.job.task.limitOf(item) + grace;
      if (now - slot.since <= limit) continue;
      slot.timedOut = true;
      void slot.worker.terminate();
    }
  };

  const finish = (slot: Slot) => {
    const { job } = slot;
    slot.job = null;
    if (!closed) slot.worker.unref();
    job?.resolve();
    dispatch();
  };

  const accept = (job: Job, segment: Segment) => {
    job.items = job.items.flatMap((item) =>
      item.signal === segment.signal && item.from === segment.from
        ? segment.to < item.to
          ? [{ ...item, from: segment.to }]
          : []
        : [item],
    );
    job.task.onSegment(segment);
  };

  const receive = (slot: Slot, message: WorkerMessage) => {
    if (message.kind === "ready") {
      slot.ready = true;
      return;
    }
    const { job } = slot;
    if (!job) return;
    if (message.kind === "segment") {
      warmed(slot, message.segment.signal);
      accept(job, message.segment);
    } else if (message.kind === "asynchronous") {
      job.items = job.items.filter((item) => item.signal !== message.signal);
      job.task.onAsynchronous(message.signal);
    } else {
      for (const segment of message.segments) {
        warmed(slot, segment.signal);
        accept(job, segment);
      }
      finish(slot);
    }
  };

  const lost = (slot: Slot, exitCode: number) => {
    slots.delete(slot);
    const { job } = slot;
    slot.job = null;
    if (job && closed) job.reject(new Error("the scorer was closed"));
    else if (job && !slot.ready)
      job.reject(
        new Error(`the reward does not load in a worker thread: ${messageOf(slot.failure ?? `exit code ${exitCode}`)}`),
      );
    else if (job) recover(slot, job, exitCode);
    dispatch();
  };

  /** Blames the row that the worker was at and puts the rest back at the front of the queue. */
  const recover = (slot: Slot, job: Job, exitCode: number) => {
    const [, underWay, signal, from, to] = slot.place;
    const at = job.items.findIndex((item) => item.signal === signal && item.from <= from && to <= item.to);
    const item = job.items[at];
    const reason = slot.failure ? messageOf(slot.failure) : `exit code ${exitCode}`;
    if (!underWay || !item) {
      job.losses++;
      if (job.losses >= 3) {
        const error = scoreError("crashed", `the worker died (${reason})`, true);
        for (const { signal: failed, from: start, to: end } of job.items) job.task.onFailure(failed, start, end, error);
        job.resolve();
        return;
      }
      queue.unshift(job);
      return;
    }
    const before = item.from < from ? [{ ...item, to: from }] : [];
    const after = to < item.to ? [{ ...item, from: to }] : [];
    let middle: Item[] = [];
    if (to - from > 1 && !item.batch) middle = [{ ...item, from, to, single: true }];
    else {
      const key = `${signal}:${from}`;
      const failures = (job.failures.get(key) ?? 0) + 1;
      job.failures.set(key, failures);
      if (job.task.mayRetry(signal, failures)) middle = [{ ...item, from, to }];
      else {
        const error = slot.timedOut
          ? scoreError("timeout", `took longer than ${job.task.limitOf(item)} ms`, true)
          : scoreError("crashed", `the worker died (${reason})`, true);
        job.task.onFailure(signal, from, to, error);
      }
    }
    // Rows before the culprit may be recomputed: their results died with the worker.
    job.items = [...job.items.slice(0, at), ...before, ...middle, ...after, ...job.items.slice(at + 1)];
    if (job.items.length === 0) job.resolve();
    else requeue(job);
  };

  /** What is left of a slice that met trouble is shared with a worker that has nothing to do. */
  const requeue = (job: Job) => {
    const busy = [...slots].filter((slot) => slot.job).length;
    const [first, second] = queue.length === 0 && size - busy >= 2 ? halves(job.items) : [job.items, []];
    if (first.length === 0 || second.length === 0) {
      queue.unshift(job);
      return;
    }
    let open = 2;
    const resolve = () => {
      open--;
      if (open === 0) job.resolve();
    };
    queue.push({ ...job, items: first, resolve }, { ...job, items: second, resolve });
  };

  return {
    size,
    run(task) {
      if (closed) return Promise.reject(new Error("the scorer was closed"));
      if (task.items.length === 0) return Promise.resolve();
      return new Promise((resolve, reject) => {
        queue.push({ task, items: [...task.items], failures: new Map(), losses: 0, resolve, reject });
        dispatch();
      });
    },
    async close() {
      closed = true;
      for (const job of queue.splice(0)) job.reject(new Error("the scorer was closed"));
      // Kept alive until they are gone: an idle worker is no reason for the program to wait for this promise.
      for (const slot of slots) slot.worker.ref();
      await Promise.all([...slots].map((slot) => slot.worker.terminate()));
      if (watchdog) clearInterval(watchdog);
      watchdog = null;
    },
  };
}

/** Cuts items into two lists of about as many rows. */
function halves(items: readonly Item[]): [Item[], Item[]] {
  const rows = items.reduce((sum, { from, to }) => sum + to - from, 0);
  const first: Item[] = [];
  const second: Item[] = [];
  let left = Math.floor(rows / 2);
  for (const item of items) {
    const count = item.to - item.from;
    if (left >= count || (item.batch && left > 0)) first.push(item);
    else if (left <= 0) second.push(item);
    else {
      first.push({ ...item, to: item.from + left });
      second.push({ ...item, from: item.from + left });
    }
    left -= count;
  }
  return [first, second];
}

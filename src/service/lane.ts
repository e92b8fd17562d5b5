/**
 * The short way of a request whose reward is quick: one thread reads the body, scores the batch and writes the answer,
 * while this one only passes bytes. Anything unusual (a malformed body, a sample that hangs or kills its thread, a
 * function that waits) ends it, and the request goes the ordinary way from the beginning, which finds out what is wrong
 * and with which rollout.
 *
 * It pays while a batch takes a few milliseconds; longer ones are shared among threads by the scorer.
 */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { workerUrl } from "../core/worker-url.ts";
import { planOf } from "../pipeline/define.ts";
import type { Reward, Scorer, ScorerCounters, ScorerOptions } from "../pipeline/index.ts";
import { sumCounters } from "./counters.ts";
import type { LaneReply, LaneRequest, LaneStart, LaneWorkerMessage } from "./lane-worker.ts";
import { Problem } from "./problem.ts";
import type { BatchSummary } from "./summary.ts";

export interface Lane {
  /** It pays at present: batches were quick, and no thread was lost lately. */
  readonly open: boolean;
  /** A batch was scored, here or the ordinary way. */
  observe(batch: BatchSummary): void;
  /** Scores the body of a request, in pieces. `settle` hears once what became of it. */
  score(body: readonly Buffer[], requestId: string, settle: (outcome: LaneOutcome) => void): void;
  /** Of the threads, past and present. */
  counters(): ScorerCounters[];
  close(): Promise<void>;
}

/** An answer; null when the request has to go the ordinary way; a problem where that way would be no better. */
export type LaneOutcome = LaneAnswer | Problem | null;

export type LaneAnswer = Exclude<LaneReply, { readonly kind: "ordinary" }>;

export interface LaneLimits {
  /** Rollouts in one request. */
  readonly batch: number;
}

interface Waiting {
  /** Requests are taken up in this order. */
  readonly order: number;
  readonly requestId: string;
  readonly body: readonly Buffer[];
  readonly bytes: number;
  readonly settle: (outcome: LaneOutcome) => void;
}

interface Thread {
  readonly worker: Worker;
  readonly place: Int32Array;
  /** Memory that both sides see, for bodies of up to `cellBytes`: nothing is made or copied for them on the way. */
  readonly cells: Uint8Array;
  /**
   * What it has been given, each at its place. A list, since a Map that is filled and emptied all the time leaves a chain
   * of old tables behind, each of which keeps what was in it from young collections.
   */
  readonly places: (Waiting | null)[];
  taken: number;
  outgoing: LaneRequest[];
  ready: boolean;
  /** It has answered at least once: its first call may have to load what the reward needs. */
  warm: boolean;
  sequence: number;
  since: number;
  /** Why it is being ended. */
  ending: "signal" | "rest" | null;
  counters: ScorerCounters | null;
}

/** Milliseconds that a batch may take, by how long batches took lately. */
const quick = 5;
/** Rollouts to have seen before that is believed. */
const enoughRollouts = 32;
/** Milliseconds for which the lane stays closed after a thread was lost. */
const coolOff = 10_000;
/** Requests that a thread has at once: enough for it never to wait for this thread, few enough to be shared fairly. */
const depth = 6;
/** Requests that every thread has before there is another thread: starting one costs more than a short wait. */
const busyWith = 2;
const cellBytes = 256 * 1024;
const watchEvery = 20;
const warmUp = 3000;
/** Milliseconds for what is no signal: reading the request, combine, shaping, credit, writing the answer. */
const restLimit = 30_000;
const memoryLimitMb = 1024;

/** Only what computes, on rollouts that nothing else influences: no state, no order of batches, no disk. */
export function mayHaveLane(reward: Reward, { workers, cacheFolder }: ScorerOptions): boolean {
  const { signals, stateful, draws } = planOf(reward);
  return (
    reward.module !== undefined &&
    workers !== 0 &&
    !stateful &&
    !draws &&
    signals.every((signal) => signal.thread === "worker" && !(signal.cache && cacheFolder !== undefined))
  );
}

export interface LaneOptions {
  readonly name: string;
  readonly reward: Reward;
  /** Scores the ordinary way, and knows whether something waits. */
  readonly scorer: Pick<Scorer, "waits">;
  readonly options: ScorerOptions;
  readonly limits: LaneLimits;
}

export function createLane({ name, reward, scorer, options, limits }: LaneOptions): Lane {
  const plan = planOf(reward);
  const most = options.workers ?? availableParallelism();
  const threads = new Set<Thread>();
  const queue: Waiting[] = [];
  let past: ScorerCounters | null = null;
  let next = 0;
  let dispatching = false;
  let closed = false;
  let closedUntil = 0;
  let typical = 0;
  let seen = 0;
  let watchdog: NodeJS.Timeout | null = null;

  const spawn = (): Thread => {
    const progress = new SharedArrayBuffer(5 * Int32Array.BYTES_PER_ELEMENT);
    const cells = new SharedArrayBuffer(depth * cellBytes);
    const start: LaneStart = {
      cells,
      module: reward.module ?? "",
      name,
      hash: reward.hash,
      seed: options.seed ?? 0,
      mostRollouts: limits.batch,
      progress,
    };
    const worker = new Worker(workerUrl(import.meta.url, "./lane-worker"), {
      workerData: start,
      execArgv: ["--enable-source-maps"],
      resourceLimits: { maxOldGenerationSizeMb: memoryLimitMb },
    });
    const thread: Thread = {
      worker,
      place: new Int32Array(progress),
      cells: new Uint8Array(cells),
      places: new Array<Waiting | null>(depth).fill(null),
      taken: 0,
      outgoing: [],
      ready: false,
      warm: false,
      sequence: -1,
      since: performance.now(),
      ending: null,
      counters: null,
    };
    worker.unref();
    worker.on("message", (message: LaneWorkerMessage) => receive(thread, message));
    // Whatever ended it, `exit` follows; the ordinary way says what it was.
    worker.on("error", () => {});
    worker.on("exit", () => lost(thread));
    threads.add(thread);
    return thread;
  };

  /** Once for all requests that came in together: a message costs as much as reading a small body. */
  const dispatch = () => {
    dispatching = false;
    while (queue.length > 0) {
      let thread: Thread | null = null;
      for (const one of threads) if (one.ending === null && (thread === null || one.taken < thread.taken)) thread = one;
      if ((thread === null || thread.taken >= busyWith) && threads.size < most) thread = spawn();
      if (thread === null || thread.taken >= depth) break;
      const waiting = queue.shift();
      if (!waiting) break;
      if (thread.taken === 0) {
        thread.worker.ref();
        thread.since = performance.now();
      }
      thread.taken++;
      thread.outgoing.push(requestFor(thread, waiting));
    }
    let busy = false;
    for (const thread of threads) {
      if (thread.taken > 0) busy = true;
      if (thread.outgoing.length === 0) continue;
      thread.worker.postMessage(thread.outgoing);
      thread.outgoing = [];
    }
    if (busy && !watchdog) watchdog = setInterval(watch, watchEvery);
    else if (!busy && watchdog) {
      clearInterval(watchdog);
      watchdog = null;
    }
  };

  const receive = (thread: Thread, message: LaneWorkerMessage) => {
    if (message.kind === "ready") {
      thread.ready = true;
      thread.since = performance.now();
      return;
    }
    thread.counters = message.counters ?? thread.counters;
    thread.warm = true;
    for (const reply of message.replies) {
      const waiting = thread.places[reply.id];
      thread.places[reply.id] = null;
      thread.taken--;
      if (reply.kind === "ordinary" && reply.waits) closedUntil = Number.POSITIVE_INFINITY;
      waiting?.settle(reply.kind === "ordinary" ? null : reply);
    }
    if (thread.taken === 0 && !closed) thread.worker.unref();
    dispatch();
  };

  const watch = () => {
    const now = performance.now();
    for (const thread of threads) {
      if (thread.taken === 0 || !thread.ready || thread.ending) continue;
      const sequence = Atomics.load(thread.place, 0);
      if (sequence !== thread.sequence) {
        thread.sequence = sequence;
        thread.since = now;
        continue;
      }
      const [, calling, index, from, to] = thread.place;
      const signal = calling ? plan.signals[index] : undefined;
      const rows = signal?.kind === "part" && signal.scope === "batch" ? to - from : 1;
      const limit = (signal ? signal.timeLimit * rows : restLimit) + (thread.warm ? 0 : warmUp);
      if (now - thread.since <= limit) continue;
      thread.ending = signal ? "signal" : "rest";
      void thread.worker.terminate();
    }
  };

  const lost = (thread: Thread) => {
    threads.delete(thread);
    closedUntil = Math.max(closedUntil, performance.now() + coolOff);
    if (thread.counters) past = past ? sumCounters(past, thread.counters) : thread.counters;
    // In the order in which they were taken up: the first is the one that it was at.
    let first = true;
    const left = thread.places.filter((waiting) => waiting !== null).sort((a, b) => a.order - b.order);
    for (const { settle } of left) {
      settle(first && thread.ending === "rest" ? stuck() : null);
      first = false;
    }
    for (const { settle } of queue.splice(0)) settle(null);
    dispatch();
  };

  return {
    get open() {
      return !closed && seen >= enoughRollouts && typical < quick && !scorer.waits && closedUntil <= performance.now();
    },
    observe({ size, signals }) {
      let milliseconds = 0;
      for (const signal of signals) milliseconds += signal.milliseconds;
      // The first batches show how long it takes to load things rather than how long they take.
      // One that was interrupted by others shows little more.
      typical = seen < enoughRollouts ? milliseconds : typical + 0.2 * (Math.min(milliseconds, 4 * quick) - typical);
      seen += size;
    },
    score(body, requestId, settle) {
      if (closed) {
        settle(null);
        return;
      }
      const bytes = body.reduce((sum, piece) => sum + piece.length, 0);
      queue.push({ order: next++, requestId, body, bytes, settle });
      if (dispatching) return;
      dispatching = true;
      setImmediate(dispatch);
    },
    counters() {
      const own = [...threads].flatMap(({ counters }) => counters ?? []);
      return past ? [past, ...own] : own;
    },
    async close() {
      closed = true;
      for (const { settle } of queue.splice(0)) settle(null);
      for (const thread of threads) thread.worker.ref();
      await Promise.all([...threads].map((thread) => thread.worker.terminate()));
      if (watchdog) clearInterval(watchdog);
      watchdog = null;
    },
  };
}

function requestFor({ cells, places }: Thread, waiting: Waiting): LaneRequest {
  const { requestId, body, bytes } = waiting;
  const id = places.indexOf(null);
  places[id] = waiting;
  const from = id * cellBytes;
  const fits = bytes <= cellBytes;
  // Memory of its own: a piece of a pool would take the pool along.
  const target = fits ? cells.subarray(from) : Buffer.allocUnsafeSlow(bytes);
  let at = 0;
  for (const piece of body) {
    target.set(piece, at);
    at += piece.length;
  }
  return fits ? { id, requestId, from, bytes } : { id, requestId, body: target };
}

function stuck(): Problem {
  const message = `combine, shaping or credit did not end within ${restLimit} ms`;
  return new Problem(504, "deadline", message, { retryable: true, retryAfter: 1 });
}

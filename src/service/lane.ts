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
  /** Scores the body of a request, which has memory of its own. `settle` hears once what became of it. */
  score(body: Uint8Array, requestId: string, settle: (outcome: LaneOutcome) => void): void;
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
  readonly request: LaneRequest;
  readonly settle: (outcome: LaneOutcome) => void;
}

interface Slot {
  readonly worker: Worker;
  readonly place: Int32Array;
  readonly underWay: Map<number, Waiting>;
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
const depth = 4;
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
  const threads = options.workers ?? availableParallelism();
  const slots = new Set<Slot>();
  const queue: Waiting[] = [];
  let past: ScorerCounters | null = null;
  let next = 0;
  let dispatching = false;
  let closed = false;
  let closedUntil = 0;
  let typical = 0;
  let seen = 0;
  let watchdog: NodeJS.Timeout | null = null;

  const spawn = (): Slot => {
    const progress = new SharedArrayBuffer(5 * Int32Array.BYTES_PER_ELEMENT);
    const start: LaneStart = {
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
    const slot: Slot = {
      worker,
      place: new Int32Array(progress),
      underWay: new Map(),
      outgoing: [],
      ready: false,
      warm: false,
      sequence: -1,
      since: performance.now(),
      ending: null,
      counters: null,
    };
    worker.unref();
    worker.on("message", (message: LaneWorkerMessage) => receive(slot, message));
    // Whatever ended it, `exit` follows; the ordinary way says what it was.
    worker.on("error", () => {});
    worker.on("exit", () => lost(slot));
    slots.add(slot);
    return slot;
  };

  /** Once for all requests that came in together: a message costs as much as reading a small body. */
  const dispatch = () => {
    dispatching = false;
    while (queue.length > 0) {
      let slot: Slot | null = null;
      for (const one of slots)
        if (one.ending === null && (slot === null || one.underWay.size < slot.underWay.size)) slot = one;
      if ((slot === null || slot.underWay.size > 0) && slots.size < threads) slot = spawn();
      if (slot === null || slot.underWay.size >= depth) break;
      const waiting = queue.shift();
      if (!waiting) break;
      if (slot.underWay.size === 0) {
        slot.worker.ref();
        slot.since = performance.now();
      }
      slot.underWay.set(waiting.request.id, waiting);
      slot.outgoing.push(waiting.request);
    }
    let busy = false;
    for (const slot of slots) {
      if (slot.underWay.size > 0) busy = true;
      if (slot.outgoing.length === 0) continue;
      slot.worker.postMessage(slot.outgoing);
      slot.outgoing = [];
    }
    if (busy && !watchdog) watchdog = setInterval(watch, watchEvery);
    else if (!busy && watchdog) {
      clearInterval(watchdog);
      watchdog = null;
    }
  };

  const receive = (slot: Slot, message: LaneWorkerMessage) => {
    if (message.kind === "ready") {
      slot.ready = true;
      slot.since = performance.now();
      return;
    }
    slot.counters = message.counters ?? slot.counters;
    slot.warm = true;
    for (const reply of message.replies) {
      const waiting = slot.underWay.get(reply.id);
      slot.underWay.delete(reply.id);
      if (reply.kind === "ordinary" && reply.waits) closedUntil = Number.POSITIVE_INFINITY;
      waiting?.settle(reply.kind === "ordinary" ? null : reply);
    }
    if (slot.underWay.size === 0 && !closed) slot.worker.unref();
    dispatch();
  };

  const watch = () => {
    const now = performance.now();
    for (const slot of slots) {
      if (slot.underWay.size === 0 || !slot.ready || slot.ending) continue;
      const sequence = Atomics.load(slot.place, 0);
      if (sequence !== slot.sequence) {
        slot.sequence = sequence;
        slot.since = now;
        continue;
      }
      const [, calling, index, from, to] = slot.place;
      const signal = calling ? plan.signals[index] : undefined;
      const rows = signal?.kind === "part" && signal.scope === "batch" ? to - from : 1;
      const limit = (signal ? signal.timeLimit * rows : restLimit) + (slot.warm ? 0 : warmUp);
      if (now - slot.since <= limit) continue;
      slot.ending = signal ? "signal" : "rest";
      void slot.worker.terminate();
    }
  };

  const lost = (slot: Slot) => {
    slots.delete(slot);
    closedUntil = Math.max(closedUntil, performance.now() + coolOff);
    if (slot.counters) past = past ? sumCounters(past, slot.counters) : slot.counters;
    // In the order in which they were taken up: the first is the one that it was at.
    let first = true;
    for (const { settle } of slot.underWay.values()) {
      settle(first && slot.ending === "rest" ? stuck() : null);
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
      typical = seen < enoughRollouts ? milliseconds : typical + 0.2 * (milliseconds - typical);
      seen += size;
    },
    score(body, requestId, settle) {
      if (closed) {
        settle(null);
        return;
      }
      queue.push({ request: { id: next++, requestId, body }, settle });
      if (dispatching) return;
      dispatching = true;
      setImmediate(dispatch);
    },
    counters() {
      const own = [...slots].flatMap(({ counters }) => counters ?? []);
      return past ? [past, ...own] : own;
    },
    async close() {
      closed = true;
      for (const { settle } of queue.splice(0)) settle(null);
      for (const slot of slots) slot.worker.ref();
      await Promise.all([...slots].map((slot) => slot.worker.terminate()));
      if (watchdog) clearInterval(watchdog);
      watchdog = null;
    },
  };
}

function stuck(): Problem {
  const message = `combine, shaping or credit did not end within ${restLimit} ms`;
  return new Problem(504, "deadline", message, { retryable: true, retryAfter: 1 });
}

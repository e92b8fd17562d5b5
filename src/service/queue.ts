/**
 * The side of the queue that wants batches scored. A batch is a BullMQ job; its result comes back under a key of its
 * own that expires. The job's id is the batch's: adding it again changes nothing while Redis knows it, so that
 * whatever was lost (a result, Redis itself) is simply asked for again, and the first result that comes counts.
 */
import { randomUUID } from "node:crypto";
import type { Queue as BullQueue, QueueEvents } from "bullmq";
import type { Redis } from "ioredis";
import { messageOf } from "../core/error.ts";
import { Problem } from "./problem.ts";
import {
  cancelChannel,
  checkQueue,
  cleaned,
  jobKey,
  loadQueueLibraries,
  parseQueueUrl,
  queueName,
  reconnectDelay,
  resultKey,
} from "./queue-connection.ts";
import { type ExpectedResult, type Job, type Refusal, type Result, readResult, writeJob } from "./queue-messages.ts";
import { beat, beatEvery, leave, type Presence, type Registry } from "./queue-registry.ts";

export interface QueueOptions {
  readonly url: string;
  /** Milliseconds that a batch waits for Redis to come back, or for a first worker, before it is refused. Default 15,000; Infinity: for ever. */
  readonly patience?: number;
  /** Milliseconds after which nobody waits for a batch any more; workers then pass it over. Default: never. */
  readonly deadline?: number;
  /** Told what goes wrong, and when it is over (null). */
  readonly onProblem?: (message: string | null) => void;
}

export interface QueueCounters {
  /** Batches given to the queue. */
  readonly submitted: number;
  /** Given again, because Redis had lost them. */
  readonly resubmitted: number;
  /** Results that were not what a worker writes. */
  readonly unreadable: number;
  /** Batches whose worker fell silent, so that another one took them. */
  readonly stalled: number;
}

export interface Queue {
  /** host:port/db. */
  readonly shown: string;
  /** The password, for whoever keeps secrets out of answers. */
  readonly secrets: readonly string[];
  /** Why nothing can be scored at the moment, or null. */
  readonly problem: string | null;
  readonly counters: QueueCounters;
  /** Batches that wait or are being scored. */
  readonly pending: number;
  readonly registry: Registry;
  /** Says that this version of a reward is wanted; until `release`. */
  hold(name: string, hash: string): { release(): Promise<void> };
  /** Resolves to the result of a batch; rejects with the signal's reason, or a `Problem` that says what is missing. */
  score(job: Omit<Job, "deadline">, signals: readonly string[], signal: AbortSignal): Promise<Result | Refusal>;
  close(): Promise<void>;
}

interface Pending {
  readonly id: string;
  readonly job: Readonly<Record<string, unknown>>;
  readonly expected: ExpectedResult;
  readonly channel: Channel;
  readonly since: number;
  state: "unsent" | "sending" | "sent";
  sends: number;
  checkedAt: number;
  checking: boolean;
  settle(outcome: { readonly result: Result | Refusal } | { readonly thrown: unknown }): void;
}

/** One version of a reward. */
interface Channel {
  readonly hash: string;
  readonly presence: Presence;
  readonly queue: BullQueue;
  readonly events: QueueEvents;
  holders: number;
  /** Since when no worker is there for it. */
  aloneSince: number | null;
}

const tickEvery = 250;
const checkEvery = 1000;
/** Redis may lose a batch a few times; a batch that is lost again and again is not the fault of Redis. */
const mostSends = 10;
const connectWithin = 5000;

export async function openQueue(options: QueueOptions): Promise<Queue> {
  const address = parseQueueUrl(options.url);
  const { prefix, shown } = address;
  const patience = options.patience ?? 15_000;
  const libraries = await loadQueueLibraries();
  await checkQueue(libraries, address, connectWithin);
  const connection = { ...address.options, retryStrategy: reconnectDelay };
  // Commands fail at once while there is no connection: what is pending is looked at again when there is one.
  const redis: Redis = new libraries.Redis({
    ...connection,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: 10_000,
  });
  const id = randomUUID();
  const channels = new Map<string, Channel>();
  const pending = new Map<string, Pending>();
  const counters = { submitted: 0, resubmitted: 0, unreadable: 0, stalled: 0 };
  let registry: Registry = { workers: [], submitters: [], ahead: 0 };
  let next = 0;
  let closed = false;
  /** Since when Redis has not answered, and why. */
  let away: { since: number; why: string } | null = { since: performance.now(), why: "not connected yet" };
  const lost = (thrown: unknown) => {
    if (closed) return;
    if (away === null) {
      away = { since: performance.now(), why: cleaned(address, thrown) };
      options.onProblem?.(`Redis at ${shown} does not answer: ${away.why}`);
    } else away.why = cleaned(address, thrown);
  };
  redis.on("error", lost);
  redis.on("close", () => lost(new Error(away?.why ?? "the connection was closed")));

  const present = () => [...channels.values()].map(({ presence }) => presence);
  const beatOnce = async () => {
    try {
      registry = await beat(redis, prefix, "submitters", present());
      if (away !== null && next > 0) options.onProblem?.(null);
      away = null;
      for (const channel of channels.values()) {
        const served = registry.workers.some(({ hash }) => hash === channel.hash);
        channel.aloneSince = served ? null : (channel.aloneSince ?? performance.now());
      }
    } catch (thrown) {
      lost(thrown);
    }
  };
  let beating: Promise<void> = Promise.resolve();
  const beatNow = () => {
    beating = beating.then(beatOnce);
    return beating;
  };
  redis.on("ready", () => void beatNow());
  const beats = setInterval(() => void beatNow(), beatEvery);

  const send = async (one: Pending) => {
    one.state = "sending";
    try {
      await one.channel.queue.add("score", one.job, {
        jobId: one.id,
        removeOnComplete: true,
        removeOnFail: { age: 600, count: 100 },
      });
      one.sends++;
      one.state = "sent";
      one.checkedAt = performance.now();
    } catch (thrown) {
      one.state = "unsent";
      if (redis.status === "ready") refused(one, thrown);
    }
  };
  /** Redis is there and does not take it: full, or read-only. */
  const refused = (one: Pending, thrown: unknown) => {
    const message = cleaned(address, thrown);
    if (!/^(OOM|READONLY|MISCONF|NOPERM|NOAUTH|WRONGPASS)/.test(message)) return;
    one.settle({ thrown: unavailable(`Redis at ${shown} refuses the batch: ${message}`) });
  };

  /** Looks for a result, and whether the job is still known. */
  const check = async (one: Pending) => {
    if (one.checking) return;
    one.checking = true;
    try {
      // In this order: a worker writes the result before its job is removed.
      const answers = await redis
        .pipeline()
        .hmget(jobKey(prefix, one.channel.hash, one.id), "timestamp", "finishedOn", "failedReason")
        .get(resultKey(prefix, one.id))
        .exec();
      const [[, job], [, text]] = (answers ?? [[], []]) as [[unknown, (string | null)[]], [unknown, string | null]];
      if (typeof text === "string") finish(one, text);
      else if (job?.[1] && job[2]) fail(one, job[2]);
      else if (job?.every((field) => field === null) && one.state === "sent") again(one);
    } catch {
      // Looked at again by the clock.
    } finally {
      one.checking = false;
      one.checkedAt = performance.now();
    }
  };
  const finish = (one: Pending, text: string) => {
    if (!pending.has(one.id)) return;
    one.channel.aloneSince = null;
    try {
      const result = readResult(text, one.expected);
      one.settle({ result });
    } catch (thrown) {
      counters.unreadable++;
      one.settle({ thrown: unavailable(`what came back from the queue is no result: ${messageOf(thrown)}`, 502) });
    }
    redis.del(resultKey(prefix, one.id)).catch(() => {});
  };
  const fail = (one: Pending, reason: string) => {
    const message = /stalled more than/.test(reason)
      ? "the process that scored this batch ended again and again"
      : `a worker could not score this batch: ${cleaned(address, reason)}`;
    one.settle({ result: { kind: "failed", path: "", message } });
    one.channel.queue.remove(one.id).catch(() => {});
  };
  const again = (one: Pending) => {
    if (!pending.has(one.id)) return;
    if (one.sends >= mostSends) {
      one.settle({ thrown: unavailable("Redis lost this batch again and again") });
      return;
    }
    counters.resubmitted++;
    void send(one);
  };

  const whatIsMissing = (one: Pending, now: number): Problem | null => {
    if (away !== null) {
      const gone = now - Math.max(away.since, one.since);
      return gone > patience ? unavailable(`Redis at ${shown} does not answer: ${away.why}`) : null;
    }
    const { aloneSince, presence } = one.channel;
    if (aloneSince === null || now - Math.max(aloneSince, one.since) <= patience) return null;
    return unavailable(noWorker(presence, registry));
  };
  const tick = () => {
    const now = performance.now();
    for (const one of pending.values()) {
      const missing = whatIsMissing(one, now);
      if (missing) one.settle({ thrown: missing });
      else if (redis.status !== "ready") continue;
      else if (one.state === "unsent") void send(one);
      else if (one.state === "sent" && now - one.checkedAt > checkEvery) void check(one);
    }
  };
  const ticks = setInterval(tick, tickEvery);

  const openChannel = (name: string, hash: string): Channel => {
    const common = { prefix };
    const queue = new libraries.bullmq.Queue(queueName(hash), {
      ...common,
      connection: redis,
      streams: { events: { maxLen: 1000 } },
    });
    queue.on("error", lost);
    const events = new libraries.bullmq.QueueEvents(queueName(hash), {
      ...common,
      connection: { ...connection, maxRetriesPerRequest: null },
    });
    // Lost events cost a second: what is pending is looked at by the clock as well.
    events.on("error", () => {});
    events.on("completed", ({ jobId }) => {
      const one = pending.get(jobId);
      if (one) void check(one);
    });
    events.on("failed", ({ jobId, failedReason }) => {
      const one = pending.get(jobId);
      if (one) fail(one, failedReason);
    });
    events.on("stalled", ({ jobId }) => {
      if (pending.has(jobId)) counters.stalled++;
    });
    return { hash, presence: { id, name, hash }, queue, events, holders: 0, aloneSince: performance.now() };
  };
  const closeChannel = async (channel: Channel) => {
    channels.delete(channel.hash);
    for (const one of pending.values())
      if (one.channel === channel) one.settle({ thrown: new Error("the scorer was closed") });
    await leave(redis, prefix, "submitters", [channel.presence]).catch(() => {});
    await Promise.all([within(channel.queue.close(), 1000), within(channel.events.close(), 1000)]);
  };

  // BullMQ takes a connection that fails its first command for one that is broken for good.
  if (redis.status !== "ready") await within(new Promise((resolve) => redis.once("ready", resolve)), connectWithin);
  await beatNow();
  return {
    shown,
    secrets: address.secrets,
    get problem() {
      return away === null ? null : `Redis at ${shown} does not answer: ${away.why}`;
    },
    get counters() {
      return { ...counters };
    },
    get pending() {
      return pending.size;
    },
    get registry() {
      return registry;
    },
    hold(name, hash) {
      let channel = channels.get(hash);
      if (!channel) {
        channel = openChannel(name, hash);
        channels.set(hash, channel);
        void beatNow();
      }
      channel.holders++;
      const held = channel;
      let released = false;
      return {
        async release() {
          if (released) return;
          released = true;
          held.holders--;
          if (held.holders === 0) await closeChannel(held);
        },
      };
    },
    score(job, signals, signal) {
      return new Promise((resolve, reject) => {
        const channel = channels.get(job.reward);
        if (closed || !channel) {
          reject(new Error("the queue was closed"));
          return;
        }
        if (signal.aborted) {
          reject(signal.reason);
          return;
        }
        const now = Date.now() + registry.ahead;
        const deadline = options.deadline === undefined ? null : now + options.deadline;
        const one: Pending = {
          id: `${id}-${++next}`,
          job: writeJob({ ...job, deadline }),
          expected: { reward: job.reward, size: job.batch.size, signals },
          channel,
          since: performance.now(),
          state: "unsent",
          sends: 0,
          checkedAt: performance.now(),
          checking: false,
          settle(outcome) {
            if (!pending.delete(one.id)) return;
            signal.removeEventListener("abort", abandon);
            if ("result" in outcome) resolve(outcome.result);
            else reject(outcome.thrown);
            if ("result" in outcome || redis.status !== "ready") return;
            // Out of the queue if it still waits there; else whoever scores it hears that nobody wants it.
            channel.queue
              .remove(one.id)
              .then((removed) => (removed === 1 ? 0 : redis.publish(cancelChannel(prefix), one.id)))
              .catch(() => {});
          },
        };
        /** Nobody waits for it any more; if it is the queue's fault, that is the reason to give. */
        const abandon = () => {
          const { reason } = signal;
          const late = reason instanceof Problem && reason.code === "deadline";
          const why = away !== null ? `Redis at ${shown} does not answer: ${away.why}` : null;
          const alone = channel.aloneSince === null ? null : noWorker(channel.presence, registry);
          const fault = why ?? alone;
          one.settle({ thrown: late && fault !== null ? unavailable(`${reason.message}: ${fault}`) : reason });
        };
        pending.set(one.id, one);
        counters.submitted++;
        signal.addEventListener("abort", abandon, { once: true });
        if (redis.status === "ready") void send(one);
      });
    },
    async close() {
      closed = true;
      clearInterval(beats);
      clearInterval(ticks);
      await Promise.all([...channels.values()].map(closeChannel));
      redis.disconnect();
    },
  };
}

function noWorker({ name, hash }: Presence, { workers }: Registry): string {
  const others = workers.filter((worker) => worker.name === name && worker.hash !== hash);
  const have =
    others.length === 0
      ? ""
      : `; ${others.length} there under this name have another version of it (${short(others[0].hash)})`;
  return `no worker scores reward ${name} (${short(hash)})${have}; start one: guerdon work <reward file> --queue …`;
}

export const short = (hash: string) => hash.slice(0, 12);

function unavailable(message: string, status = 503): Problem {
  return new Problem(status, "queue", message, { retryable: true, retryAfter: 5 });
}

/** A connection that cannot be closed properly is left to the process's end. */
export function within<T>(promise: Promise<T>, milliseconds: number): Promise<T | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(undefined), milliseconds);
    const done = (value?: T) => {
      clearTimeout(timer);
      resolve(value);
    };
    promise.then(done, () => done());
  });
}

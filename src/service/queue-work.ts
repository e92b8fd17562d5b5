/** The side of the queue that scores: takes batches of the rewards it has loaded, one BullMQ worker for each version. */
import { randomUUID } from "node:crypto";
import type { Job as BullJob, Worker } from "bullmq";
import type { Redis } from "ioredis";
import { type Logger, pino } from "pino";
import { ContractError, messageOf } from "../core/error.ts";
import { planOf } from "../pipeline/define.ts";
import { createHost, type LoadedReward, type RewardSource } from "./host.ts";
import { short, within } from "./queue.ts";
import {
  cancelChannel,
  checkQueue,
  cleaned,
  loadQueueLibraries,
  parseQueueUrl,
  queueName,
  reconnectDelay,
  resultKey,
} from "./queue-connection.ts";
import { type Job, type Refusal, readJob, writeRefusal, writeResult } from "./queue-messages.ts";
import { beat, beatEvery, leave, type Presence, type Registry } from "./queue-registry.ts";

export interface WorkOptions {
  readonly rewards: readonly RewardSource[];
  readonly url: string;
  /** Batches of one reward at once. Default 4; 1 where parts keep state. */
  readonly batches?: number;
  /** Milliseconds after which a batch is taken from a worker that has fallen silent. Default 10,000. */
  readonly silence?: number;
  /** Milliseconds that batches under way get once told to stop. Default 60,000. */
  readonly drain?: number;
  readonly workers?: number;
  readonly cacheFolder?: string;
  readonly seed?: string | number;
  /** Milliseconds between looks at the reward files; 0: never. Default 1000. */
  readonly watchEvery?: number;
  readonly log?: Logger;
}

export interface WorkCounters {
  readonly batches: number;
  readonly rollouts: number;
  readonly unscored: number;
  /** Batches that nobody waited for any more. */
  readonly late: number;
  /** Batches that were not what a submitter writes, or want another seed. */
  readonly refused: number;
}

export interface RunningWork {
  readonly names: readonly string[];
  readonly shown: string;
  readonly counters: WorkCounters;
  /** Batches that are being scored. */
  readonly running: number;
  /** Why nothing can be taken at the moment, or null. */
  readonly problem: string | null;
  /** Takes nothing new, ends what it has begun. False: some were still under way at the end of the drain limit. */
  stop(): Promise<boolean>;
  reload(): Promise<void>;
}

/** A result that nobody fetched in this time is asked for again, or nobody wants it. */
const resultLife = 60_000;
/** How often a batch may lose its worker before it is taken for the cause. */
const mostStalled = 2;

interface Version {
  readonly loaded: LoadedReward;
  readonly presence: Presence;
  readonly worker: Worker;
  /** Gives the version back to the host, which closes it. */
  readonly free: () => void;
}

/** Starts scoring. Throws `ContractError` when a service is there that serves another version of a reward under its name. */
export async function work(options: WorkOptions): Promise<RunningWork> {
  const address = parseQueueUrl(options.url);
  const { prefix, shown } = address;
  const log = options.log ?? pino({ level: "silent" });
  const silence = options.silence ?? 10_000;
  const libraries = await loadQueueLibraries();
  await checkQueue(libraries, address, 5000);
  const host = await createHost(options.rewards, {
    scorer: { workers: options.workers, cacheFolder: options.cacheFolder, seed: options.seed },
  });
  const connection = { ...address.options, retryStrategy: reconnectDelay, maxRetriesPerRequest: null };
  // Results wait for Redis to come back: they are ready, and scoring them again costs more.
  const redis: Redis = new libraries.Redis(connection);
  /** Hears of batches that nobody wants any more. */
  const ears: Redis = new libraries.Redis(connection);
  ears.on("error", () => {});
  ears.subscribe(cancelChannel(prefix)).catch(() => {});
  ears.on("message", (_, job) => stops.get(job)?.abort(new Error("nobody waits for it")));
  const stops = new Map<string, AbortController>();
  const id = randomUUID();
  const versions = new Set<Version>();
  const counters = { batches: 0, rollouts: 0, unscored: 0, late: 0, refused: 0 };
  let registry: Registry = { workers: [], submitters: [], ahead: 0 };
  let running = 0;
  let stopping = false;
  let problem: string | null = null;
  const lost = (thrown: unknown) => {
    if (stopping || problem !== null) return;
    problem = `Redis at ${shown} does not answer: ${cleaned(address, thrown)}`;
    log.error({ problem }, "the queue is away; this worker waits for it");
  };
  redis.on("error", lost);
  redis.on("close", () => lost(new Error("the connection was closed")));

  const put = (job: string, text: string) => redis.set(resultKey(prefix, job), text, "PX", resultLife);
  const refuse = async (job: string, reward: string, refusal: Refusal) => {
    counters.refused++;
    log.warn({ batch: job, problem: refusal.message }, "a batch was refused");
    await put(job, writeRefusal(reward, refusal));
  };

  /** Retries that no result has reported yet. */
  const reported = new Map<LoadedReward, Record<string, number>>();
  const newRetries = (loaded: LoadedReward): Record<string, number> => {
    const before = reported.get(loaded) ?? {};
    const now = Object.fromEntries(Object.entries(loaded.scorer.counters().signals).map(([k, v]) => [k, v.retries]));
    reported.set(loaded, now);
    return Object.fromEntries(Object.entries(now).map(([k, count]) => [k, count - (before[k] ?? 0)]));
  };

  const scoreJob = async (bullJob: BullJob, loaded: LoadedReward): Promise<void> => {
    const job = bullJob.id ?? "";
    if (!/^[\w-]{1,100}$/.test(job)) throw new libraries.bullmq.UnrecoverableError("no batch has such an id");
    const { hash } = loaded.reward;
    const plan = planOf(loaded.reward);
    const ordered = plan.stateful || plan.draws;
    let request: Job;
    try {
      request = readJob(bullJob.data);
      if (request.reward !== hash)
        throw new ContractError("job.reward", `this worker has another version (${short(hash)})`);
      const { seed } = (request.snapshot ?? {}) as { seed?: unknown };
      if (plan.draws && seed !== (options.seed ?? 0))
        throw new ContractError(
          "job.snapshot.seed",
          "this worker draws with another seed; start both with the same --seed",
        );
      if (ordered) loaded.scorer.restore(request.snapshot);
    } catch (thrown) {
      await refuse(job, hash, { kind: "refused", path: "", message: messageOf(thrown) });
      return;
    }
    const { batch, credit, deadline } = request;
    const left = deadline === null ? null : deadline - (Date.now() + registry.ahead);
    if (left !== null && left <= 0) {
      counters.late++;
      return;
    }
    const stop = new AbortController();
    const timer =
      left === null ? undefined : setTimeout(() => stop.abort(new Error("late")), Math.min(left, 2 ** 31 - 1));
    const began = performance.now();
    running++;
    stops.set(job, stop);
    try {
      // No pause between `restore` above and here: the batch begins with its own state and its own draws.
      const scored = await loaded.scorer.score(batch, { signal: stop.signal, credit });
      const snapshot = plan.stateful ? scored.snapshot : null;
      await put(job, writeResult(hash, { scored, snapshot, retries: newRetries(loaded) }));
      const unscored = scored.rewards.reduce((sum: number, reward) => sum + (reward === null ? 1 : 0), 0);
      counters.batches++;
      counters.rollouts += batch.size;
      counters.unscored += unscored;
      const milliseconds = Math.round(performance.now() - began);
      log.info({ batch: job, reward: loaded.name, rollouts: batch.size, unscored, milliseconds }, "batch");
    } catch (thrown) {
      if (stop.signal.aborted) {
        counters.late++;
        return;
      }
      if (!(thrown instanceof ContractError)) throw thrown;
      const { path, message } = thrown;
      const rest = message.startsWith(`${path}: `) ? message.slice(path.length + 2) : message;
      await refuse(job, hash, { kind: "input", path, message: rest });
    } finally {
      running--;
      stops.delete(job);
      clearTimeout(timer);
    }
  };

  const start = (name: string): Promise<Version> =>
    new Promise((resolve, reject) => {
      host
        .use(name, async (loaded) => {
          const worker = new libraries.bullmq.Worker(
            queueName(loaded.reward.hash),
            (job: BullJob) => scoreJob(job, loaded),
            {
              prefix,
              connection,
              concurrency: planOf(loaded.reward).stateful ? 1 : (options.batches ?? 4),
              lockDuration: Math.ceil(silence),
              // Redis takes whole milliseconds only.
              stalledInterval: Math.max(250, Math.ceil(silence / 3)),
              maxStalledCount: mostStalled,
              runRetryDelay: 1000,
              drainDelay: 2,
            },
          );
          worker.on("error", (thrown) => {
            // Without a connection there are many; that it is gone has been said.
            log[problem === null ? "warn" : "debug"](
              { problem: cleaned(address, thrown) },
              "the queue reports an error",
            );
          });
          worker.on("failed", (job, thrown) =>
            log.error({ batch: job?.id, problem: cleaned(address, thrown) }, "a batch could not be scored"),
          );
          worker.on("stalled", (job) =>
            log.warn({ batch: job }, "the worker of this batch fell silent; it is scored again"),
          );
          await new Promise<void>((free) => {
            resolve({ loaded, presence: { id, name, hash: loaded.reward.hash }, worker, free });
          });
        })
        .catch(reject);
    });
  const end = async (version: Version, drain: number): Promise<boolean> => {
    versions.delete(version);
    await within(leave(redis, prefix, "workers", [version.presence]), 1000);
    const closed = await within(
      version.worker.close().then(() => true),
      drain,
    );
    if (closed !== true) await within(version.worker.close(true), 1000);
    reported.delete(version.loaded);
    version.free();
    return closed === true;
  };

  let warned = "";
  const beatNow = async () => {
    if (redis.status !== "ready") return;
    try {
      registry = await beat(
        redis,
        prefix,
        "workers",
        [...versions].map(({ presence }) => presence),
      );
      if (problem !== null) log.info("the queue is back");
      problem = null;
    } catch (thrown) {
      lost(thrown);
      return;
    }
    const current = new Set(host.current());
    for (const version of versions) {
      // An old version goes when nobody asks for it any more.
      if (!current.has(version.loaded) && !registry.submitters.some(({ hash }) => hash === version.presence.hash))
        void end(version, options.drain ?? 60_000);
    }
    const other =
      host
        .current()
        .map((loaded) => mismatch(loaded, registry))
        .find((text) => text !== null) ?? "";
    if (other !== "" && other !== warned) log.warn({ problem: other }, "this worker has nothing to do");
    warned = other;
  };

  const stopAll = async (): Promise<boolean> => {
    const drain = options.drain ?? 60_000;
    const inTime = await Promise.all([...versions].map((version) => end(version, drain)));
    await host.close();
    redis.disconnect();
    ears.disconnect();
    return inTime.every(Boolean);
  };
  try {
    registry = await beat(redis, prefix, "workers", []);
    for (const loaded of host.current()) {
      const other = mismatch(loaded, registry);
      if (other !== null) throw new ContractError(loaded.name, other);
    }
    for (const name of host.names) versions.add(await start(name));
    await beatNow();
  } catch (thrown) {
    stopping = true;
    await stopAll();
    throw thrown;
  }
  const beats = setInterval(() => void beatNow(), beatEvery);
  const reload = async (which: "all" | "changed") => {
    for (const result of await host.reload(which)) {
      if (result.outcome === "failed") log.error(result, "a reward did not load; the old version goes on");
      else log.info(result, "reward loaded");
      if (result.outcome !== "replaced" || stopping) continue;
      const version = await start(result.name);
      versions.add(version);
      if (stopping) await end(version, options.drain ?? 60_000);
      else await beatNow();
    }
  };
  const watchEvery = options.watchEvery ?? 1000;
  let watching = false;
  const watch = async () => {
    if (watching || stopping) return;
    watching = true;
    await reload("changed").finally(() => {
      watching = false;
    });
  };
  const watcher = watchEvery > 0 ? setInterval(() => void watch(), watchEvery) : null;
  let stopped: Promise<boolean> | null = null;
  return {
    names: host.names,
    shown,
    get counters() {
      return { ...counters };
    },
    get running() {
      return running;
    },
    get problem() {
      return problem;
    },
    stop() {
      stopping = true;
      clearInterval(beats);
      if (watcher) clearInterval(watcher);
      stopped ??= stopAll();
      return stopped;
    },
    reload: () => reload("all"),
  };
}

/** Under this name somebody wants other versions of the reward, and nobody wants this one. */
function mismatch({ name, reward }: LoadedReward, { submitters }: Registry): string | null {
  if (submitters.some(({ hash }) => hash === reward.hash)) return null;
  const wanted = submitters.filter((one) => one.name === name);
  if (wanted.length === 0) return null;
  return `is another version here (${short(reward.hash)}) than what is asked for under this name (${short(wanted[0].hash)}): the reward file, what it imports, or the version of guerdon or of a package differs`;
}

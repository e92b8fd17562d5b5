/** Starts the service on a socket, keeps its rewards fresh, and stops it without losing what it has accepted. */
import { createServer, type Server } from "node:http";
import { type Logger, pino } from "pino";
import { ContractError, messageOf } from "../core/error.ts";
import { packageVersion } from "../pipeline/define.ts";
import type { Reward } from "../pipeline/index.ts";
import { createAdmission } from "./admission.ts";
import { createApp } from "./app.ts";
import { isLoopback } from "./auth.ts";
import { createHost, type Host, type ReloadResult, type RewardSource } from "./host.ts";
import { createListener } from "./lane-route.ts";
import { createMeasures } from "./measures.ts";
import { defaultLimits, type Limits } from "./options.ts";
import { createPartRunner } from "./part-runner.ts";
import { openQueue } from "./queue.ts";
import { createQueueScorer } from "./queue-scorer.ts";
import { createRedact } from "./redact.ts";
import type { Service } from "./service.ts";
import { openStore } from "./store.ts";

export interface ServeOptions {
  /** The first one answers where a request names none. */
  readonly rewards: readonly RewardSource[];
  /** Default 127.0.0.1; anything beyond loopback needs tokens. */
  readonly host?: string;
  /** Default 8420; 0: any free port. */
  readonly port?: number;
  readonly tokens?: readonly string[];
  readonly limits?: Partial<Limits>;
  readonly workers?: number;
  readonly cacheFolder?: string;
  readonly seed?: string | number;
  /** Milliseconds between looks at the reward files; 0: never. Default 1000. */
  readonly watchEvery?: number;
  readonly log?: Logger;
  /** A DuckDB file that keeps every scored rollout. */
  readonly store?: string;
  /** `redis://…`: batches are scored by `guerdon work` processes, not here. */
  readonly queue?: string;
}

export interface RunningService {
  readonly url: string;
  readonly host: Host;
  /** Loads all reward files again. */
  reload(): Promise<readonly ReloadResult[]>;
  /** Accepts nothing new, answers what was accepted, then closes. False: some were still under way at the end of the drain limit. */
  stop(): Promise<boolean>;
}

export async function serve(options: ServeOptions): Promise<RunningService> {
  const tokens = options.tokens ?? [];
  const address = options.host ?? "127.0.0.1";
  if (!isLoopback(address) && tokens.length === 0) {
    throw new ContractError("host", `${address} can be reached from other machines: give tokens (--token-file)`);
  }
  const limits: Limits = { ...defaultLimits, ...options.limits };
  const log = options.log ?? pino({ level: "silent" });
  const store =
    options.store === undefined
      ? null
      : await openStore(options.store, (message) =>
          log.error({ store: options.store, message }, "the store loses rows"),
        );
  const onQueueProblem = (message: string | null) => {
    if (message === null) log.info("the queue is back");
    else log.error({ problem: message }, "the queue is away; requests wait for it");
  };
  const queue =
    (await (options.queue === undefined
      ? null
      : openQueue({ url: options.queue, deadline: limits.deadline, onProblem: onQueueProblem })
    )?.catch(async (thrown: unknown) => {
      await store?.close();
      throw thrown;
    })) ?? null;
  const scorerOptions = { workers: options.workers, cacheFolder: options.cacheFolder, seed: options.seed };
  const makeScorer = queue
    ? (name: string, reward: Reward) => createQueueScorer(queue, name, reward, scorerOptions)
    : undefined;
  // What the store keeps has to come by here, and with a queue nothing is scored here.
  const lanes = store || queue ? undefined : { batch: limits.batch };
  const host = await createHost(options.rewards, { scorer: scorerOptions, makeScorer, lanes }).catch(async (thrown) => {
    await Promise.all([store?.close(), queue?.close()]);
    throw thrown;
  });
  const admission = createAdmission(limits);
  const parts = createPartRunner(limits.part);
  let draining = false;
  const service: Service = {
    host,
    admission,
    measures: createMeasures(host, admission, { store, queue }),
    limits,
    redact: createRedact([...tokens, ...(queue?.secrets ?? [])], process.env),
    log,
    parts,
    version: packageVersion,
    store,
    queue,
    get draining() {
      return draining;
    },
  };
  const app = createApp(service, { tokens });
  const server = createServer(createListener(service, app, tokens));
  // Clients reuse connections; one that closes first, in the moment of the next request, costs them a retry.
  server.keepAliveTimeout = 75_000;
  server.headersTimeout = 20_000;
  server.requestTimeout = 120_000;
  try {
    await listen(server, options.port ?? 8420, address);
  } catch (thrown) {
    await Promise.all([host.close(), parts.close(), store?.close()]);
    await queue?.close();
    throw new ContractError("port", `cannot listen on ${address}: ${messageOf(thrown)}`);
  }
  const unanswered = trackAnswers(server);
  const url = urlOf(server);
  log.info({ url, rewards: host.current().map(({ name, reward }) => ({ name, hash: reward.hash })) }, "listening");

  const reload = async (which: "all" | "changed") => {
    const results = await host.reload(which);
    for (const result of results) {
      if (result.outcome === "failed") log.error(result, "a reward did not load; the old version goes on");
      else log.info(result, "reward loaded");
    }
    return results;
  };
  const watchEvery = options.watchEvery ?? 1000;
  const watcher = watchEvery > 0 ? setInterval(() => void reload("changed"), watchEvery) : null;
  watcher?.unref();

  let stopped: Promise<boolean> | null = null;
  const stop = async (): Promise<boolean> => {
    draining = true;
    if (watcher) clearInterval(watcher);
    log.info({ inside: admission.inside }, "stopping: what has been accepted is answered first");
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeIdleConnections();
    const idle = setInterval(() => server.closeIdleConnections(), 50);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), limits.drain);
    });
    // An answer that is complete here may still be on its way through the socket.
    const answered = admission.empty().then(() => unanswered.empty());
    const inTime = await Promise.race([answered.then(() => true), late]);
    clearTimeout(timer);
    clearInterval(idle);
    server.closeAllConnections();
    await Promise.all([host.close(), parts.close(), store?.close()]);
    await queue?.close();
    await closed;
    log.info({ inTime }, "stopped");
    return inTime;
  };
  return {
    url,
    host,
    reload: () => reload("all"),
    stop() {
      stopped ??= stop();
      return stopped;
    },
  };
}

/** Answers that have not been handed to the operating system yet, by number: see `places` in lane.ts. */
function trackAnswers(server: Server): { empty(): Promise<void> } {
  let open = 0;
  let waiting: (() => void)[] = [];
  server.on("request", (_, response) => {
    open++;
    // Comes once, after `finish` or without it.
    response.once("close", () => {
      open--;
      if (open > 0) return;
      for (const resolve of waiting) resolve();
      waiting = [];
    });
  });
  return {
    empty: () => (open === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
  };
}

function listen(server: Server, port: number, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, address, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

function urlOf(server: Server): string {
  const bound = server.address();
  if (bound === null || typeof bound === "string") return String(bound);
  const shown = bound.family === "IPv6" ? `[${bound.address}]` : bound.address;
  return `http://${shown}:${bound.port}`;
}

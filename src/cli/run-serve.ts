import { readFile } from "node:fs/promises";
import { setFlagsFromString } from "node:v8";
import { pino } from "pino";
import { ContractError, messageOf } from "../core/error.ts";
import { type Limits, parseSource, parseTokens, type RewardSource, serve } from "../service/index.ts";

export interface RunServeOptions {
  readonly rewards: readonly string[];
  readonly names: readonly string[];
  readonly host: string;
  readonly port: number;
  readonly tokenFile?: string;
  readonly workers?: number;
  readonly cacheFolder?: string;
  readonly seed: string;
  readonly watch: boolean;
  readonly store?: string;
  readonly queue?: string;
  readonly logLevel: string;
  readonly limits: Partial<Limits>;
}

const levels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"];

/** Runs `guerdon serve` until it is told to stop; resolves to the exit code. */
export async function runServe(options: RunServeOptions): Promise<number> {
  if (!levels.includes(options.logLevel))
    throw new ContractError("--log-level", `expected one of ${levels.join(", ")}, got ${options.logLevel}`);
  if (options.names.length > options.rewards.length)
    throw new ContractError("--name", `${options.names.length} names for ${options.rewards.length} files`);
  const rewards = options.rewards.map((text, i): RewardSource => {
    const name = options.names[i];
    return parseSource(name === undefined ? text : `${name}=${text}`);
  });
  // The heap of a server is small, and the bodies that pass through it are not: V8 would mark all of it several times a
  // second under load, for a sixth of the processor time and most of the slowest answers (bench/serve).
  setFlagsFromString("--heap-growing-percent=300");
  const log = pino({ level: options.logLevel, base: { pid: process.pid } }, pino.destination({ dest: 1, sync: false }));
  const running = await serve({
    rewards,
    host: options.host,
    port: options.port,
    tokens: options.tokenFile === undefined ? [] : await readTokens(options.tokenFile),
    workers: options.workers,
    cacheFolder: options.cacheFolder,
    seed: options.seed,
    limits: options.limits,
    watchEvery: options.watch ? 1000 : 0,
    store: options.store,
    queue: options.queue,
    log,
  });
  process.stderr.write(`serving ${running.host.names.join(", ")} at ${running.url} (docs at ${running.url}/docs)\n`);
  return new Promise((resolve) => {
    let asked = false;
    const stop = () => {
      if (asked) process.exit(130);
      asked = true;
      process.off("SIGHUP", reload);
      running.stop().then(
        (inTime) => log.flush(() => resolve(inTime ? 0 : 1)),
        (thrown) => {
          process.stderr.write(`error: ${messageOf(thrown)}\n`);
          resolve(1);
        },
      );
    };
    const reload = () => void running.reload();
    process.on("SIGTERM", stop);
    process.on("SIGINT", stop);
    process.on("SIGHUP", reload);
  });
}

async function readTokens(file: string): Promise<string[]> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (thrown) {
    throw new ContractError(file, `cannot be read: ${messageOf(thrown)}`);
  }
  return parseTokens(text, file);
}

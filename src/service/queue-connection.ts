/** Redis behind a URL: read, connected, and never written anywhere with its password. Loads BullMQ only when used. */
import type { Redis, RedisOptions } from "ioredis";
import { ContractError, messageOf } from "../core/error.ts";

type BullMq = typeof import("bullmq");

/** Where the queue is. */
export interface QueueAddress {
  readonly options: RedisOptions;
  /** Begins the name of every key. */
  readonly prefix: string;
  /** `host:port/db`, to be shown. */
  readonly shown: string;
  /** What must never be shown. */
  readonly secrets: readonly string[];
}

/**
 * Reads `redis://[user][:password]@host[:port][/db][?prefix=name]`, or `rediss://…` for TLS. A password that is not in
 * the URL is taken from GUERDON_QUEUE_PASSWORD. Throws `ContractError`, without the URL in its message.
 */
export function parseQueueUrl(
  text: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): QueueAddress {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new ContractError("--queue", "expected redis://host:port or rediss://host:port");
  }
  if (url.protocol !== "redis:" && url.protocol !== "rediss:")
    throw new ContractError("--queue", `expected redis:// or rediss://, got ${url.protocol}//`);
  if (url.hostname === "") throw new ContractError("--queue", "expected a host in the URL");
  if (!/^(\/\d{0,4})?$/.test(url.pathname))
    throw new ContractError("--queue", "expected the number of a database as the URL's path, or none");
  for (const key of url.searchParams.keys())
    if (key !== "prefix") throw new ContractError("--queue", "the only option that its URL takes is prefix");
  const prefix = url.searchParams.get("prefix") ?? "guerdon";
  if (!/^[\w.-]{1,64}$/.test(prefix))
    throw new ContractError("--queue", "expected letters, digits, dots or dashes as the prefix");
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const port = url.port === "" ? 6379 : Number(url.port);
  const db = Number(url.pathname.slice(1) || "0");
  const username = decoded(url.username);
  const password = decoded(url.password) || environment.GUERDON_QUEUE_PASSWORD || "";
  const options: RedisOptions = { host, port, db };
  if (username !== "") options.username = username;
  if (password !== "") options.password = password;
  if (url.protocol === "rediss:") options.tls = { servername: host };
  return { options, prefix, shown: `${url.hostname}:${port}/${db}`, secrets: password === "" ? [] : [password] };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new ContractError("--queue", "the user or password in its URL is not percent-encoded");
  }
}

export interface QueueLibraries {
  readonly bullmq: BullMq;
  readonly Redis: typeof Redis;
}

export async function loadQueueLibraries(): Promise<QueueLibraries> {
  try {
    const [bullmq, { Redis }] = await Promise.all([import("bullmq"), import("ioredis")]);
    return { bullmq, Redis };
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw thrown;
    throw new ContractError("--queue", "needs BullMQ, which is not installed: npm install bullmq ioredis");
  }
}

/** Connects once, to say at the start what is wrong with the address; then closes. */
export async function checkQueue({ Redis }: QueueLibraries, address: QueueAddress, within: number): Promise<void> {
  const redis = new Redis({
    ...address.options,
    lazyConnect: true,
    connectTimeout: within,
    commandTimeout: within,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  let last: unknown = null;
  redis.on("error", (thrown) => {
    last ??= thrown;
  });
  try {
    await redis.connect();
    await redis.ping();
  } catch (thrown) {
    throw new ContractError("--queue", `cannot use Redis at ${address.shown}: ${cleaned(address, last ?? thrown)}`);
  } finally {
    redis.disconnect();
  }
}

/** A message without the password. */
export function cleaned({ secrets }: Pick<QueueAddress, "secrets">, thrown: unknown): string {
  let message = messageOf(thrown) || (thrown as NodeJS.ErrnoException).code || "no connection";
  for (const secret of secrets) message = message.replaceAll(secret, "[secret]");
  return message.slice(0, 300);
}

/** Milliseconds until the next try to connect. */
export const reconnectDelay = (times: number) => Math.min(1000, 50 * 2 ** Math.min(times, 6));

/** Name of the BullMQ queue of one version of a reward, and of the keys beside it. */
export const queueName = (hash: string) => `rewards-${hash.slice(0, 32)}`;
/** Where ids of batches are called out that nobody waits for any more. */
export const cancelChannel = (prefix: string) => `${prefix}:cancel`;
export const resultKey = (prefix: string, job: string) => `${prefix}:result:${job}`;
export const jobKey = (prefix: string, hash: string, job: string) => `${prefix}:${queueName(hash)}:${job}`;

/** Who is there: workers and submitters say so in Redis every few seconds, by the clock of Redis, and are forgotten when they stop. */
import type { Redis } from "ioredis";

/** One version of a reward, with somebody who scores it or wants it scored. */
export interface Presence {
  readonly id: string;
  readonly name: string;
  readonly hash: string;
}

export interface Registry {
  readonly workers: readonly Presence[];
  readonly submitters: readonly Presence[];
  /** Milliseconds that the clock of Redis is ahead of this one. */
  readonly ahead: number;
}

export const beatEvery = 2000;
/** Who has not been heard for so long is gone. */
const forgottenAfter = 10_000;
const most = 1000;

const script = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i = 3, #ARGV do redis.call('ZADD', KEYS[1], now, ARGV[i]) end
for i = 1, 2 do
  redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', now - ARGV[1])
  redis.call('PEXPIRE', KEYS[i], ARGV[1])
end
return { now, redis.call('ZRANGE', KEYS[1], 0, ARGV[2]), redis.call('ZRANGE', KEYS[2], 0, ARGV[2]) }
`;

type Side = "workers" | "submitters";
const keyOf = (prefix: string, side: Side) => `${prefix}:${side}`;

/** Says that we are there, and hears who else is. */
export async function beat(redis: Redis, prefix: string, side: Side, own: readonly Presence[]): Promise<Registry> {
  const other: Side = side === "workers" ? "submitters" : "workers";
  const answer = (await redis.eval(
    script,
    2,
    keyOf(prefix, side),
    keyOf(prefix, other),
    forgottenAfter,
    most - 1,
    ...own.map(member),
  )) as [number, unknown[], unknown[]];
  const [now, mine, theirs] = answer;
  const sides = { [side]: mine.flatMap(read), [other]: theirs.flatMap(read) } as Record<Side, Presence[]>;
  return { ...sides, ahead: Number(now) - Date.now() };
}

export async function leave(redis: Redis, prefix: string, side: Side, own: readonly Presence[]): Promise<void> {
  if (own.length > 0) await redis.zrem(keyOf(prefix, side), ...own.map(member));
}

function member({ id, name, hash }: Presence): string {
  return JSON.stringify({ id, name, hash });
}

/** What is no entry of ours is passed over. */
function read(text: unknown): Presence[] {
  try {
    const { id, name, hash } = JSON.parse(String(text)) as Record<string, unknown>;
    if (typeof id !== "string" || typeof name !== "string" || typeof hash !== "string") return [];
    return /^[\w.-]{1,64}$/.test(id) && /^[\w.-]{1,64}$/.test(name) && /^[0-9a-f]{64}$/.test(hash)
      ? [{ id, name, hash }]
      : [];
  } catch {
    return [];
  }
}

/**
 * Every scored rollout in a DuckDB file, written off the hot path by a thread of its own, once a second or sooner.
 * What a client was told is right whatever happens here: a store that cannot write loses rows, counts them and says
 * so, and never an answer.
 */
import { Worker } from "node:worker_threads";
import { ContractError } from "../core/error.ts";
import type { RolloutBatch } from "../core/rollout.ts";
import { isChat, messageText } from "../core/rollout.ts";
import { workerUrl } from "../core/worker-url.ts";
import type { ScoredBatch } from "../pipeline/index.ts";

export interface StoredSignal {
  readonly name: string;
  readonly values: readonly (number | null)[];
  readonly errorCodes: readonly (string | null)[];
  readonly errorMessages: readonly (string | null)[];
  /** JSON. */
  readonly evidence: readonly (string | null)[];
  readonly cached: readonly boolean[];
  readonly milliseconds: number;
}

/** A batch as it crosses to the thread: plain columns. */
export interface StoredBatch {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly request: string;
  readonly rewardName: string;
  readonly rewardHash: string;
  readonly policyStep: number | null;
  readonly size: number;
  readonly groups: readonly (string | null)[] | null;
  readonly prompts: readonly (string | null)[] | null;
  readonly responses: readonly (string | null)[];
  readonly rewards: readonly (number | null)[];
  readonly combined: readonly (number | null)[];
  /** null for those of tokens, which are not kept. */
  readonly advantages: readonly (number | null)[] | null;
  readonly errorCodes: readonly (string | null)[];
  readonly errorMessages: readonly (string | null)[];
  readonly milliseconds: number;
  readonly signals: readonly StoredSignal[];
}

export type StoreRequest =
  | { readonly kind: "append"; readonly batches: readonly StoredBatch[] }
  | {
      readonly kind: "query";
      readonly id: number;
      readonly sql: string;
      readonly limit: number;
      readonly timeLimit: number;
    }
  | { readonly kind: "close" };

export interface StoreAnswer {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
  /** There are more rows than were asked for. */
  readonly more: boolean;
}

export type StoreReply =
  | { readonly kind: "open" }
  | { readonly kind: "failed"; readonly message: string }
  | { readonly kind: "appended"; readonly rollouts: number }
  | { readonly kind: "lost"; readonly rollouts: number; readonly message: string }
  | { readonly kind: "answer"; readonly id: number; readonly answer?: StoreAnswer; readonly error?: string }
  | { readonly kind: "closed" };

export interface Store {
  readonly path: string;
  /** Takes a scored batch; returns at once. */
  add(batch: StoredBatch): void;
  /** Resolves when there is room for another batch: the store may not grow in memory without bound. */
  room(signal: AbortSignal): Promise<void>;
  /** One reading statement. Rejects with `ContractError` for what is no such. */
  query(sql: string, options?: { readonly limit?: number; readonly timeLimit?: number }): Promise<StoreAnswer>;
  readonly counters: { readonly written: number; readonly lost: number; readonly waiting: number };
  /** Why rows were lost last; null while all is well. */
  readonly problem: string | null;
  /** Writes what waits, and closes the file. */
  close(): Promise<void>;
}

/** Rollouts, and characters of their texts, that may wait to be written. */
const mostWaiting = 65_536;
const mostCharacters = 64 * 2 ** 20;
const flushEvery = 1000;
const flushAt = 4096;
const flushAtCharacters = 4 * 2 ** 20;

/** Opens or makes the file. Throws `ContractError` when it cannot be had, as when another process has it open. */
export async function openStore(path: string, onProblem: (message: string) => void = () => {}): Promise<Store> {
  const worker = new Worker(workerUrl(import.meta.url, "./store-worker"), {
    workerData: { path },
    // Options of this process, such as --input-type, are not the thread's.
    execArgv: [],
  });
  let waiting = 0;
  let written = 0;
  let lost = 0;
  let problem: string | null = null;
  let pending: StoredBatch[] = [];
  let pendingRollouts = 0;
  let pendingCharacters = 0;
  /** Characters that wait, here and with the thread; those of each message, in its order. */
  let characters = 0;
  const sent: number[] = [];
  let questions = 0;
  let gone = false;
  const asked = new Map<number, { resolve: (answer: StoreAnswer) => void; reject: (error: Error) => void }>();
  const forRoom: (() => void)[] = [];
  let whenClosed: () => void = () => {};
  const closed = new Promise<void>((resolve) => {
    whenClosed = resolve;
  });

  const hasRoom = () => gone || (waiting < mostWaiting && characters < mostCharacters);
  const settle = (rollouts: number) => {
    waiting -= rollouts;
    characters -= sent.shift() ?? 0;
    while (forRoom.length > 0 && hasRoom()) forRoom.shift()?.();
  };
  const lose = (rollouts: number, message: string) => {
    lost += rollouts;
    if (problem === null) onProblem(message);
    problem = message;
    settle(rollouts);
  };

  const opened = await new Promise<StoreReply>((resolve) => {
    worker.once("message", resolve);
    worker.once("error", (thrown: Error) => resolve({ kind: "failed", message: thrown.message }));
  });
  if (opened.kind !== "open") {
    await worker.terminate();
    throw new ContractError(path, opened.kind === "failed" ? openProblem(opened.message) : "did not open");
  }
  worker.on("message", (reply: StoreReply) => {
    if (reply.kind === "appended") {
      written += reply.rollouts;
      problem = null;
      settle(reply.rollouts);
    } else if (reply.kind === "lost") lose(reply.rollouts, reply.message);
    else if (reply.kind === "answer") {
      const question = asked.get(reply.id);
      asked.delete(reply.id);
      if (reply.answer) question?.resolve(reply.answer);
      else question?.reject(new ContractError("sql", reply.error ?? "failed"));
    } else if (reply.kind === "closed") whenClosed();
  });
  worker.on("error", (thrown: Error) => onProblem(thrown.message));
  worker.on("exit", () => {
    gone = true;
    if (waiting > 0) lose(waiting, "the store's thread has ended");
    for (const { reject } of asked.values()) reject(new ContractError("sql", "the store has been closed"));
    asked.clear();
    whenClosed();
  });

  const flush = () => {
    if (pending.length === 0) return;
    if (!gone) {
      worker.postMessage({ kind: "append", batches: pending } satisfies StoreRequest);
      sent.push(pendingCharacters);
    }
    pending = [];
    pendingRollouts = 0;
    pendingCharacters = 0;
  };
  const timer = setInterval(flush, flushEvery);
  timer.unref();

  return {
    path,
    add(batch) {
      waiting += batch.size;
      if (gone) {
        lose(batch.size, "the store's thread has ended");
        return;
      }
      pending.push(batch);
      pendingRollouts += batch.size;
      const size = charactersOf(batch);
      pendingCharacters += size;
      characters += size;
      if (pendingRollouts >= flushAt || pendingCharacters >= flushAtCharacters) flush();
    },
    room(signal) {
      if (hasRoom()) return Promise.resolve();
      return new Promise((resolve, reject) => {
        const done = () => {
          signal.removeEventListener("abort", stop);
          resolve();
        };
        const stop = () => {
          const at = forRoom.indexOf(done);
          if (at >= 0) forRoom.splice(at, 1);
          reject(signal.reason);
        };
        forRoom.push(done);
        signal.addEventListener("abort", stop, { once: true });
      });
    },
    query(sql, { limit = 10_000, timeLimit = 30_000 } = {}) {
      if (gone) return Promise.reject(new ContractError("sql", "the store has been closed"));
      const id = questions++;
      return new Promise((resolve, reject) => {
        asked.set(id, { resolve, reject });
        worker.postMessage({ kind: "query", id, sql, limit, timeLimit } satisfies StoreRequest);
      });
    },
    get counters() {
      return { written, lost, waiting };
    },
    get problem() {
      return problem;
    },
    async close() {
      clearInterval(timer);
      flush();
      if (!gone) worker.postMessage({ kind: "close" } satisfies StoreRequest);
      await closed;
      await worker.terminate();
    },
  };
}

function charactersOf({ prompts, responses, signals }: StoredBatch): number {
  let sum = 0;
  for (const column of [prompts ?? [], responses, ...signals.map(({ evidence }) => evidence)])
    for (const text of column) sum += text?.length ?? 0;
  return sum;
}

function openProblem(message: string): string {
  if (/lock/i.test(message)) return "is open in another process: one service writes a store at a time";
  if (/Cannot find (package|module)/.test(message))
    return "the store needs @duckdb/node-api; install it with: npm install @duckdb/node-api";
  return `cannot be opened: ${message.split("\n")[0]}`;
}

export interface Scored {
  readonly rewardName: string;
  readonly rewardHash: string;
  readonly request: string;
  readonly policyStep: number | null;
  readonly milliseconds: number;
}

/** What the store keeps of a batch. */
export function storedBatch(
  { size, fields }: RolloutBatch,
  scored: ScoredBatch,
  facts: Scored,
  redact: (text: string) => string,
): StoredBatch {
  const column = <T>(read: (i: number) => T) => Array.from({ length: size }, (_, i) => read(i));
  const has = (name: string) => Object.hasOwn(fields, name);
  const message = (text: string | undefined) => (text === undefined ? null : redact(text));
  const { advantages } = scored;
  return {
    ...facts,
    at: Date.now(),
    size,
    groups: has("groups") ? column((i) => (fields.groups[i] == null ? null : String(fields.groups[i]))) : null,
    prompts: has("prompts") ? column((i) => textOf(fields.prompts[i])) : null,
    responses: column((i) => textOf(fields.responses?.[i])),
    rewards: scored.rewards,
    combined: scored.combined,
    advantages: advantages
      ? column((i) => {
          const one = advantages[i];
          return typeof one === "number" ? one : null;
        })
      : null,
    errorCodes: column((i) => scored.errors[i]?.code ?? null),
    errorMessages: column((i) => message(scored.errors[i]?.message)),
    signals: Object.entries(scored.signals).map(([name, signal]) => ({
      name,
      values: signal.values,
      errorCodes: column((i) => signal.errors[i]?.code ?? null),
      errorMessages: column((i) => message(signal.errors[i]?.message)),
      evidence: column((i) => evidenceOf(signal.evidence[i])),
      cached: signal.cached,
      milliseconds: signal.milliseconds,
    })),
  };
}

/** A chat is kept as its texts, one paragraph a message. */
function textOf(value: unknown): string | null {
  if (typeof value === "string") return value;
  if (isChat(value)) return value.map((message) => messageText(message)).join("\n\n");
  return value === undefined || value === null ? null : JSON.stringify(value);
}

function evidenceOf(evidence: unknown): string | null {
  if (evidence === undefined || evidence === null) return null;
  try {
    return JSON.stringify(evidence, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value)) ?? null;
  } catch {
    return null;
  }
}

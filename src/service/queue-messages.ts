/** What goes through Redis: a batch to be scored, and its result. Both sides read it as if a stranger had written it. */
import { ContractError, type ScoreError, type ScoreErrorCode } from "../core/error.ts";
import type { RolloutBatch } from "../core/rollout.ts";
import type { ScoredBatch, SignalColumn } from "../pipeline/index.ts";
import { pack, unpack } from "./queue-values.ts";

/** A batch to be scored. A worker needs nothing else: parts with state get theirs with the batch. */
export interface Job {
  readonly reward: string;
  readonly batch: RolloutBatch;
  readonly credit: boolean;
  /** State before this batch, as `Scorer.snapshot` gives it. */
  readonly snapshot: unknown;
  /** By the clock of Redis: when nobody waits for the result any more. null: somebody always will. */
  readonly deadline: number | null;
}

export interface Result {
  readonly scored: ScoredBatch;
  /** State after this batch, where parts keep state. */
  readonly snapshot: unknown;
  /** Further tries of each signal since the worker's last result. */
  readonly retries: Readonly<Record<string, number>>;
}

/** Why a batch as a whole has no result. */
export interface Refusal {
  /** The input is wrong; a worker does not take it; no worker lived through it. */
  readonly kind: "input" | "refused" | "failed";
  readonly path: string;
  readonly message: string;
}

const version = 1;
const mostRollouts = 1_000_000;
const codes: ReadonlySet<string> = new Set<ScoreErrorCode>([
  "timeout",
  "not-finite",
  "threw",
  "crashed",
  "unreadable",
  "no-value",
  "unavailable",
  "bad-input",
  "incomplete-group",
  "cancelled",
]);

type Json = Readonly<Record<string, unknown>>;

export function writeJob({ reward, batch, credit, snapshot, deadline }: Job): Json {
  const fields = Object.fromEntries(
    Object.entries(batch.fields).map(([name, column]) => [name, pack(plainColumn(column))]),
  );
  return { version, reward, size: batch.size, fields, credit, snapshot: pack(snapshot), deadline };
}

/** A column of numbers may come as a typed array; parts take both. */
function plainColumn(column: ArrayLike<unknown>): readonly unknown[] {
  return Array.isArray(column) ? column : Array.from(column);
}

export function readJob(value: unknown): Job {
  const job = objectAt(value, "job");
  checkVersion(job, "job");
  const { reward, size, credit, deadline } = job;
  if (typeof reward !== "string" || !/^[0-9a-f]{64}$/.test(reward)) throw bad("job.reward", "a hash");
  if (!isCount(size) || size < 1 || size > mostRollouts) throw bad("job.size", "a number of rollouts");
  if (typeof credit !== "boolean") throw bad("job.credit", "true or false");
  if (deadline !== null && (typeof deadline !== "number" || !Number.isFinite(deadline)))
    throw bad("job.deadline", "a time");
  const fields: Record<string, readonly unknown[]> = {};
  for (const [name, packed] of Object.entries(objectAt(job.fields, "job.fields"))) {
    if (name === "__proto__") throw bad("job.fields", "names of fields");
    fields[name] = columnAt(unpack(packed, `job.fields.${name}`), `job.fields.${name}`, size);
  }
  return { reward, batch: { size, fields }, credit, snapshot: unpack(job.snapshot, "job.snapshot"), deadline };
}

export function writeResult(reward: string, { scored, snapshot, retries }: Result): string {
  const signals = Object.entries(scored.signals).map(([name, { values, errors, evidence, cached, milliseconds }]) => [
    name,
    { values, errors, evidence: pack(Array.from(evidence)), cached, milliseconds },
  ]);
  return JSON.stringify({
    version,
    reward,
    size: scored.size,
    rewards: scored.rewards,
    errors: scored.errors,
    advantages: scored.advantages && pack(scored.advantages.map((row) => (row === null ? null : plainRow(row)))),
    combined: scored.combined,
    signals: Object.fromEntries(signals),
    fields: Object.fromEntries(Object.entries(scored.fields).map(([name, column]) => [name, pack(column)])),
    snapshot: pack(snapshot),
    retries,
  });
}

function plainRow(row: number | readonly number[]): number | readonly number[] {
  return typeof row === "number" ? row : Array.from(row);
}

export function writeRefusal(reward: string, { kind, path, message }: Refusal): string {
  return JSON.stringify({ version, reward, refusal: { kind, path, message } });
}

export interface ExpectedResult {
  readonly reward: string;
  readonly size: number;
  /** Names of the reward's signals. */
  readonly signals: readonly string[];
}

/** Throws `ContractError` for anything that is not a result of exactly this batch. */
export function readResult(text: string, expected: ExpectedResult): Result | Refusal {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw bad("result", "JSON");
  }
  const result = objectAt(value, "result");
  checkVersion(result, "result");
  if (result.reward !== expected.reward) throw bad("result.reward", "the hash of the reward that was asked for");
  if (result.refusal !== undefined) return readRefusal(result.refusal);
  const { size } = expected;
  if (result.size !== size) throw bad("result.size", `${size}`);
  const rewards = numbersAt(result.rewards, "result.rewards", size);
  const errors = errorsAt(result.errors, "result.errors", size);
  for (let i = 0; i < size; i++) {
    if (rewards[i] === null && errors[i] === null)
      throw bad(`result.errors[${i}]`, "a reason where there is no reward");
  }
  const signals: Record<string, SignalColumn> = {};
  const given = objectAt(result.signals, "result.signals");
  for (const name of expected.signals) signals[name] = signalAt(given[name], `result.signals.${name}`, size);
  if (Object.keys(given).length !== expected.signals.length)
    throw bad("result.signals", "the signals of the reward and no others");
  const fields: Record<string, ArrayLike<unknown>> = {};
  for (const [name, packed] of Object.entries(objectAt(result.fields, "result.fields"))) {
    if (name === "__proto__") throw bad("result.fields", "names of fields");
    const column = unpack(packed, `result.fields.${name}`);
    if (!Array.isArray(column) && !ArrayBuffer.isView(column)) throw bad(`result.fields.${name}`, "a list");
    fields[name] = column as unknown as ArrayLike<unknown>;
  }
  const retries: Record<string, number> = {};
  for (const [name, count] of Object.entries(objectAt(result.retries, "result.retries"))) {
    if (isCount(count) && expected.signals.includes(name)) retries[name] = count;
  }
  return {
    scored: {
      size,
      rewards,
      errors,
      ...(result.advantages === undefined ? {} : { advantages: advantagesAt(result.advantages, size) }),
      combined: numbersAt(result.combined, "result.combined", size),
      signals,
      fields,
    },
    snapshot: unpack(result.snapshot, "result.snapshot"),
    retries,
  };
}

function readRefusal(value: unknown): Refusal {
  const { kind, path, message } = objectAt(value, "result.refusal");
  if (kind !== "input" && kind !== "refused" && kind !== "failed") throw bad("result.refusal.kind", "a kind");
  if (typeof path !== "string" || typeof message !== "string") throw bad("result.refusal", "a path and a message");
  return { kind, path: path.slice(0, 200), message: message.slice(0, 2000) };
}

function signalAt(value: unknown, at: string, size: number): SignalColumn {
  const column = objectAt(value, at);
  const { cached, milliseconds } = column;
  if (!Array.isArray(cached) || cached.length !== size || !cached.every((flag) => typeof flag === "boolean"))
    throw bad(`${at}.cached`, `${size} flags`);
  if (typeof milliseconds !== "number" || !Number.isFinite(milliseconds) || milliseconds < 0)
    throw bad(`${at}.milliseconds`, "a time");
  return {
    values: numbersAt(column.values, `${at}.values`, size),
    errors: errorsAt(column.errors, `${at}.errors`, size),
    evidence: columnAt(unpack(column.evidence, `${at}.evidence`), `${at}.evidence`, size),
    cached: cached as boolean[],
    milliseconds,
  };
}

function advantagesAt(value: unknown, size: number): (number | readonly number[] | null)[] {
  const rows = columnAt(unpack(value, "result.advantages"), "result.advantages", size);
  return rows.map((row, i) => {
    if (row === null || isNumber(row)) return row as number | null;
    if (!Array.isArray(row) || !row.every(isNumber)) throw bad(`result.advantages[${i}]`, "a number or numbers");
    return row as readonly number[];
  });
}

function numbersAt(value: unknown, at: string, size: number): (number | null)[] {
  return columnAt(value, at, size).map((item, i) => {
    if (item !== null && !isNumber(item)) throw bad(`${at}[${i}]`, "a number or null");
    return item as number | null;
  });
}

function errorsAt(value: unknown, at: string, size: number): (ScoreError | null)[] {
  return columnAt(value, at, size).map((item, i) => {
    if (item === null) return null;
    const { code, message, retryable } = objectAt(item, `${at}[${i}]`);
    if (typeof code !== "string" || !codes.has(code) || typeof message !== "string" || typeof retryable !== "boolean")
      throw bad(`${at}[${i}]`, "an error or null");
    return { code: code as ScoreErrorCode, message, retryable };
  });
}

function columnAt(value: unknown, at: string, size: number): readonly unknown[] {
  if (!Array.isArray(value) || value.length !== size) throw bad(at, `a list of ${size}`);
  return value;
}

function objectAt(value: unknown, at: string): Json {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw bad(at, "an object");
  return value as Json;
}

function checkVersion(message: Json, at: string): void {
  if (message.version !== version) throw bad(`${at}.version`, `${version}; do both sides run the same guerdon?`);
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0;
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function bad(at: string, expected: string): ContractError {
  return new ContractError(at, `expected ${expected}`);
}

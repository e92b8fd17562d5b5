/** A scored batch as JSON. */
import type { ScoreError } from "../core/error.ts";
import type { ScoredBatch, SignalColumn } from "../pipeline/index.ts";
import type { Redact } from "./redact.ts";

export interface SignalAnswer {
  readonly values: readonly (number | null)[];
  readonly errors: readonly (ScoreError | null)[];
  readonly evidence?: readonly unknown[];
  readonly cached: readonly boolean[];
}

export interface ScoreAnswer {
  readonly rewards: readonly (number | null)[];
  readonly errors: readonly (ScoreError | null)[];
  readonly combined: readonly (number | null)[];
  readonly advantages?: readonly (number | readonly number[] | null)[];
  readonly signals: Readonly<Record<string, SignalAnswer>>;
}

/** The messages of its errors are those of the reward: they are for nobody before they are `cleaned`. */
export function toAnswer(scored: ScoredBatch, evidence: boolean): ScoreAnswer {
  return {
    rewards: scored.rewards,
    errors: scored.errors,
    combined: scored.combined,
    advantages: scored.advantages,
    signals: mapValues(scored.signals, (column) => signalAnswer(column, evidence)),
  };
}

function signalAnswer(column: SignalColumn, evidence: boolean): SignalAnswer {
  return {
    values: column.values,
    errors: column.errors,
    evidence: evidence ? column.evidence.map((item) => plainEvidence(item)) : undefined,
    cached: column.cached,
  };
}

export function cleaned(answer: ScoreAnswer, redact: Redact): ScoreAnswer {
  const clean = cleaner(redact);
  return {
    ...answer,
    errors: answer.errors.map(clean),
    signals: mapValues(answer.signals, (column) => ({ ...column, errors: column.errors.map(clean) })),
  };
}

/** Nothing failed, so that there is nothing to clean. */
export function isClean({ errors, signals }: ScoreAnswer): boolean {
  const none = (list: readonly (ScoreError | null)[]) => list.every((error) => error === null);
  return none(errors) && Object.values(signals).every((column) => none(column.errors));
}

function mapValues<A, B>(record: Readonly<Record<string, A>>, map: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value)]));
}

export function cleaner(redact: Redact): (error: ScoreError | null) => ScoreError | null {
  return (error) => error && { code: error.code, message: redact(error.message), retryable: error.retryable };
}

const deepest = 12;

/** Evidence may be anything a reward file makes: what JSON cannot say is described. */
export function plainEvidence(value: unknown, depth = 0): unknown {
  if (value === null || value === undefined) return null;
  if (typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "object") return `a ${typeof value}`;
  if (depth >= deepest) return "…";
  if (ArrayBuffer.isView(value)) {
    if (value instanceof DataView) return "bytes";
    return Array.from(value as unknown as ArrayLike<unknown>, (item) => plainEvidence(item, depth + 1));
  }
  if (Array.isArray(value)) return value.map((item) => plainEvidence(item, depth + 1));
  if (value instanceof Map || value instanceof Set) return plainEvidence([...value], depth + 1);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (value instanceof Error) return value.message;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plainEvidence(item, depth + 1)]));
}

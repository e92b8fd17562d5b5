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

export function toAnswer(scored: ScoredBatch, redact: Redact, evidence: boolean): ScoreAnswer {
  const clean = cleaner(redact);
  return {
    rewards: scored.rewards,
    errors: scored.errors.map(clean),
    combined: scored.combined,
    advantages: scored.advantages,
    signals: Object.fromEntries(
      Object.entries(scored.signals).map(([name, column]) => [name, signalAnswer(column, clean, evidence)]),
    ),
  };
}

function signalAnswer(
  column: SignalColumn,
  clean: (error: ScoreError | null) => ScoreError | null,
  evidence: boolean,
): SignalAnswer {
  return {
    values: column.values,
    errors: column.errors.map(clean),
    evidence: evidence ? column.evidence.map((item) => plainEvidence(item)) : undefined,
    cached: column.cached,
  };
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

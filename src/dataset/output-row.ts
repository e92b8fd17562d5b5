/** One line of output: the row as it came, then what scoring found. */
import { toUSVString } from "node:util";
import type { ScoreError } from "../core/error.ts";
import type { ScoredBatch, SignalColumn } from "../pipeline/types.ts";
import { type ColumnType, sqlType } from "./types.ts";

/** Columns that scoring writes. A column of that name in the input is replaced. */
export const outputColumns = ["reward", "advantage", "error", "signals", "evidence"] as const;

/** The end of rollout i's line: `"reward":…}`. */
export function outputTail(scored: ScoredBatch, i: number, withCredit: boolean, withEvidence: boolean): string {
  const error = scored.errors[i];
  let tail = `"reward":${json(scored.rewards[i])}`;
  if (withCredit) tail += `,"advantage":${json(scored.advantages?.[i] ?? null)}`;
  tail += `,"error":${error ? json({ code: error.code, message: error.message }) : "null"},"signals":{`;
  let separator = "";
  for (const [name, column] of Object.entries(scored.signals)) {
    tail += `${separator}${json(name)}:${json(column.values[i] ?? null)}`;
    separator = ",";
  }
  tail += "}";
  if (withEvidence) {
    const evidence: Record<string, unknown> = {};
    for (const [name, column] of Object.entries(scored.signals)) evidence[name] = column.evidence[i] ?? null;
    tail += `,"evidence":${json(evidence)}`;
  }
  return `${tail}}`;
}

/** JSON of a result. Evidence that JSON cannot hold (a cycle, a bigint) is said to be so instead of ending the run. */
function json(value: unknown): string {
  if (value === null || value === undefined) return "null";
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : "null";
  try {
    return JSON.stringify(value) ?? "null";
  } catch {
    return '"[evidence that JSON cannot hold]"';
  }
}

/** Joins a row's own JSON text with a tail, leaving the text's numbers as they are. */
export function outputLine(text: string, replaced: boolean, tail: string): string {
  let row = text.trim();
  if (replaced) {
    const kept: Record<string, unknown> = { ...(JSON.parse(row) as Record<string, unknown>) };
    for (const name of outputColumns) delete kept[name];
    row = JSON.stringify(kept);
  }
  const body = row.slice(0, -1).trimEnd();
  return `${body}${body.endsWith("{") ? "" : ","}${tail}`;
}

/** Lone surrogates, which neither Parquet nor CSV can hold, become U+FFFD. */
export function wellFormedLine(line: string): string {
  if (!/\\u[dD][89a-fA-F]/.test(line)) return line;
  return JSON.stringify(wellFormed(JSON.parse(line)));
}

function wellFormed(value: unknown): unknown {
  if (typeof value === "string") return toUSVString(value);
  if (Array.isArray(value)) return value.map(wellFormed);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [toUSVString(key), wellFormed(item)]));
  }
  return value;
}

/** Types of the columns that scoring writes, for Parquet and CSV. */
export function resultColumns(options: {
  readonly signals: readonly string[];
  readonly credit: "none" | "number" | "list";
  readonly evidence: boolean;
}): { name: string; type: string }[] {
  const signals: ColumnType = {
    kind: "struct",
    of: Object.fromEntries(options.signals.map((name) => [name, { kind: "number" } as const])),
  };
  const columns = [{ name: "reward", type: "DOUBLE" }];
  if (options.credit !== "none") {
    columns.push({ name: "advantage", type: options.credit === "list" ? "DOUBLE[]" : "DOUBLE" });
  }
  columns.push({ name: "error", type: "STRUCT(code VARCHAR, message VARCHAR)" });
  columns.push({ name: "signals", type: options.signals.length > 0 ? sqlType(signals) : "JSON" });
  if (options.evidence) columns.push({ name: "evidence", type: "JSON" });
  return columns;
}

/**
 * Results of the rows that could be scored, spread over all rows of the unit: `refused[i]` is the error of
 * row i, or null where the next result belongs.
 */
export function spread(
  scored: ScoredBatch | null,
  refused: readonly (ScoreError | null)[],
  signals: readonly string[],
  credit: boolean,
): ScoredBatch {
  const place = <T>(column: ArrayLike<T> | undefined, otherwise: (i: number) => T): T[] => {
    let next = 0;
    return refused.map((error, i) => {
      if (error !== null || column === undefined) return otherwise(i);
      return column[next++];
    });
  };
  const nothing = () => null;
  const columns: Record<string, SignalColumn> = {};
  for (const name of signals) {
    const column = scored?.signals[name];
    columns[name] = {
      values: place<number | null>(column?.values, nothing),
      errors: place<ScoreError | null>(column?.errors, nothing),
      evidence: place<unknown>(column?.evidence, nothing),
      cached: place<boolean>(column?.cached, () => false),
      milliseconds: column?.milliseconds ?? 0,
    };
  }
  return {
    size: refused.length,
    rewards: place<number | null>(scored?.rewards, nothing),
    errors: place<ScoreError | null>(scored?.errors, (i) => refused[i]),
    ...(credit ? { advantages: place<number | readonly number[] | null>(scored?.advantages, nothing) } : {}),
    combined: place<number | null>(scored?.combined, nothing),
    signals: columns,
    fields: Object.fromEntries(
      Object.entries(scored?.fields ?? {}).map(([name, column]) => [name, place<unknown>(column, nothing)]),
    ),
  };
}

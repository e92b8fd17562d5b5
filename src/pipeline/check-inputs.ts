import { type ScoreError, scoreError } from "../core/error.ts";
import { type Columns, columnKey, shownKey } from "./columns.ts";
import type { InputPlan, PartSignalPlan } from "./plan.ts";
import type { SignalRun } from "./signal-run.ts";

/** Marks the rows whose inputs a part could not use, before it silently misreads them. */
export function checkInputs(
  signal: PartSignalPlan,
  columns: Columns,
  run: SignalRun,
  runs: ReadonlyMap<string, SignalRun>,
): void {
  const has = (key: string) => key in columns;
  for (const input of signal.inputs) {
    const key = columnKey(input.source, has);
    if (key === null && input.source.from === "signal" && !input.optional) {
      const message = `needs ${input.source.signal}.${input.source.output}, which was not given for any rollout`;
      failMissing(run, runs.get(input.source.signal), input.source.signal, message);
    }
    if (key === null || input.layout === "whole") continue;
    if (input.layout === "single" && signal.scope === "batch") continue;
    const column = columns[key];
    const sound = soundness(input);
    const provider =
      input.source.from === "signal" ? { name: input.source.signal, run: runs.get(input.source.signal) } : null;
    for (let i = 0; i < column.length; i++) {
      const entry = column[i];
      if (sound(entry) || run.errors[i]) continue;
      const cause = provider?.run?.errors[i];
      if (cause && provider) run.errors[i] = needs(provider.name, cause);
      else
        run.errors[i] = scoreError("bad-input", `${shownKey(key)}: expected ${expected(input)}, got ${shown(entry)}`);
    }
  }
}

function failMissing(run: SignalRun, provider: SignalRun | undefined, name: string, message: string): void {
  for (let i = 0; i < run.errors.length; i++) {
    const cause = provider?.errors[i];
    run.errors[i] ??= cause ? needs(name, cause) : scoreError("no-value", message);
  }
}

function needs(name: string, cause: ScoreError): ScoreError {
  return scoreError(cause.code, `needs signal ${name}, which failed: ${cause.message}`, cause.retryable);
}

function soundness({ kind, nullable, optional, layout }: InputPlan): (entry: unknown) => boolean {
  const mayMiss = nullable || (optional && layout === "single");
  const missing = (entry: unknown) => (entry === null || entry === undefined) && mayMiss;
  switch (layout === "columns" ? "array" : kind) {
    case "string":
      return (entry) => typeof entry === "string" || missing(entry);
    case "number":
      return (entry) => (typeof entry === "number" && Number.isFinite(entry)) || missing(entry);
    case "boolean":
      return (entry) => typeof entry === "boolean" || missing(entry);
    case "array":
      return (entry) => Array.isArray(entry) || ArrayBuffer.isView(entry) || missing(entry);
    default:
      return (entry) => (entry !== undefined && entry !== null) || mayMiss;
  }
}

function expected({ kind, layout }: InputPlan): string {
  if (layout === "columns" || kind === "array") return "a list";
  return kind === "string"
    ? "a text"
    : kind === "number"
      ? "a finite number"
      : kind === "boolean"
        ? "true or false"
        : "a value";
}

function shown(entry: unknown): string {
  if (entry === undefined) return "nothing";
  if (entry === null || typeof entry === "number" || typeof entry === "boolean") return String(entry);
  if (typeof entry === "string") return JSON.stringify(entry.length > 40 ? `${entry.slice(0, 40)}…` : entry);
  return Array.isArray(entry) ? "a list" : `a ${typeof entry}`;
}

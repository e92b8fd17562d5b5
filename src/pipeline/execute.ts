/**
 * Runs one signal over rows of a batch, on whatever thread this is. Row-wise parts are called on slices
 * whose size follows their speed; everything else row by row, or once where a part wants the whole batch.
 */
import { ContractError, messageOf, type ScoreError, scoreError } from "../core/error.ts";
import { fromThrown, isErrorCode, isThenable, normalizeResult } from "./calls.ts";
import { type Column, type Columns, columnKey, entriesOf, sliceColumn, transpose, viewer } from "./columns.ts";
import type { FunctionSignalPlan, PartSignalPlan, SignalPlan } from "./plan.ts";
import type { SignalContext } from "./types.ts";

/** Rows [from, to) of one signal. `single`: one at a time, to find the row that hangs or crashes. */
export interface Item {
  readonly signal: number;
  readonly from: number;
  readonly to: number;
  readonly single?: boolean;
  readonly batch?: boolean;
}

/** Results of rows [from, to). `values` is NaN where there is none; its reason, if any, is in `errors`. */
export interface Segment {
  readonly signal: number;
  readonly from: number;
  readonly to: number;
  readonly values: Float64Array;
  readonly errors: readonly (readonly [row: number, error: ScoreError])[];
  /** Output → one entry per row. */
  readonly outputs: Readonly<Record<string, Column>>;
  readonly milliseconds: number;
}

export interface ExecuteOptions {
  /** Told before every call: rows [from, to) are under way. */
  readonly publish?: (from: number, to: number) => void;
  readonly emit: (segment: Segment) => void;
  /** Milliseconds after which what is there is emitted. */
  readonly flushAfter?: number;
}

/** Thrown where a synchronous run meets a promise: the signal has to run where it can be awaited. */
export class AsynchronousSignal extends Error {}

export function execute(signal: SignalPlan, columns: Columns, item: Item, options: ExecuteOptions): void {
  const builder = createBuilder(signal, item, options);
  if (signal.kind !== "part") runFunction(signal, columns, item, builder, options);
  else if (signal.scope === "batch") runBatch(signal, columns, item, builder, options);
  else if (signal.scope === "single") runRows(signal, columns, { ...item, single: true }, builder, options);
  else runRows(signal, columns, item, builder, options);
  builder.flush(item.to);
}

interface Builder {
  readonly put: (row: number, output: string, entry: unknown) => void;
  readonly value: (row: number, value: number) => void;
  readonly fail: (row: number, error: ScoreError) => void;
  /** Rows before `upTo` are done; emits them when enough time has passed. */
  readonly progress: (upTo: number) => void;
  readonly flush: (upTo: number) => void;
}

function createBuilder(
  signal: SignalPlan,
  item: Item,
  { emit, flushAfter = Number.POSITIVE_INFINITY }: ExecuteOptions,
): Builder {
  let from = item.from;
  let started = performance.now();
  let values = new Float64Array(item.to - from).fill(Number.NaN);
  let errors: [number, ScoreError][] = [];
  let outputs: Record<string, unknown[]> = {};
  const flush = (upTo: number) => {
    if (upTo <= from) return;
    const now = performance.now();
    const size = upTo - from;
    for (const name of Object.keys(outputs)) outputs[name].length = size;
    emit({
      signal: signal.index,
      from,
      to: upTo,
      values: size === values.length ? values : values.slice(0, size),
      errors,
      outputs,
      milliseconds: now - started,
    });
    from = upTo;
    started = now;
    if (from === item.to) return;
    values = new Float64Array(item.to - from).fill(Number.NaN);
    errors = [];
    outputs = {};
  };
  return {
    put(row, output, entry) {
      outputs[output] ??= new Array<unknown>(item.to - from).fill(null);
      outputs[output][row - from] = entry;
    },
    value(row, value) {
      values[row - from] = value;
    },
    fail(row, error) {
      errors.push([row, error]);
    },
    progress(upTo) {
      if (performance.now() - started >= flushAfter) flush(upTo);
    },
    flush,
  };
}

function runFunction(
  signal: FunctionSignalPlan,
  columns: Columns,
  item: Item,
  builder: Builder,
  { publish }: ExecuteOptions,
): void {
  const view = viewer(columns);
  const context = endless();
  for (let row = item.from; row < item.to; row++) {
    publish?.(row, row + 1);
    try {
      const result = signal.run(view(row), context);
      if (isThenable(result)) {
        result.then(undefined, () => {});
        throw new AsynchronousSignal();
      }
      const { value, error, evidence } = normalizeResult(result);
      if (error) builder.fail(row, error);
      else builder.value(row, value);
      if (evidence !== undefined) builder.put(row, "evidence", evidence);
    } catch (thrown) {
      if (thrown instanceof AsynchronousSignal) throw thrown;
      builder.fail(row, fromThrown(thrown));
    }
    if ((row & 15) === 15) builder.progress(row + 1);
  }
}

/** What computes is never aborted, and hardly ever looks: its signal is made when it does. */
function endless(): SignalContext {
  let signal: AbortSignal | null = null;
  return {
    get signal() {
      signal ??= new AbortController().signal;
      return signal;
    },
  };
}

/** Slice sizes that proved right, by signal; only speed depends on them. */
const sliceSizes = new WeakMap<SignalPlan, number>();

function runRows(
  signal: PartSignalPlan,
  columns: Columns,
  item: Item,
  builder: Builder,
  { publish }: ExecuteOptions,
): void {
  let size = item.single ? 1 : (sliceSizes.get(signal) ?? 1);
  const call = caller(signal, columns);
  for (let at = item.from; at < item.to; ) {
    const end = Math.min(item.to, at + size);
    publish?.(at, end);
    const started = performance.now();
    try {
      take(signal, call(at, end), at, end, builder);
    } catch (thrown) {
      if (thrown instanceof AsynchronousSignal) throw thrown;
      if (end - at === 1) builder.fail(at, rowError(signal, columns, at, thrown));
      else for (let row = at; row < end; row++) runRow(signal, columns, call, row, builder, publish);
    }
    const spent = performance.now() - started;
    if (!item.single) size = spent < 5 ? Math.min(size * 4, 2048) : spent > 30 ? Math.max(1, size >> 1) : size;
    at = end;
    builder.progress(at);
  }
  if (!item.single) sliceSizes.set(signal, size);
}

function runRow(
  signal: PartSignalPlan,
  columns: Columns,
  call: Caller,
  row: number,
  builder: Builder,
  publish: ExecuteOptions["publish"],
): void {
  publish?.(row, row + 1);
  try {
    take(signal, call(row, row + 1), row, row + 1, builder);
  } catch (thrown) {
    if (thrown instanceof AsynchronousSignal) throw thrown;
    builder.fail(row, rowError(signal, columns, row, thrown));
  }
}

function runBatch(
  signal: PartSignalPlan,
  columns: Columns,
  item: Item,
  builder: Builder,
  { publish }: ExecuteOptions,
): void {
  publish?.(item.from, item.to);
  try {
    take(signal, caller(signal, columns)(item.from, item.to), item.from, item.to, builder);
  } catch (thrown) {
    if (thrown instanceof AsynchronousSignal) throw thrown;
    const error = fromThrown(thrown);
    for (let row = item.from; row < item.to; row++) builder.fail(row, error);
  }
}

/** Calls a part on rows [from, to). */
type Caller = (from: number, to: number) => Record<string, unknown>;

/** Inputs of a part for rows [from, to) of the columns. */
export function inputsFor(
  signal: PartSignalPlan,
  columns: Columns,
  state?: unknown,
): (from: number, to: number) => Record<string, unknown> {
  const has = (key: string) => key in columns;
  const single = signal.scope === "single";
  const readers: ((inputs: Record<string, unknown>, from: number, to: number) => void)[] = [];
  for (const { name, source, layout, optional } of signal.inputs) {
    if (source.from === "constant") readers.push((inputs) => (inputs[name] = source.value));
    else if (source.from === "state") {
      if (state !== undefined) readers.push((inputs) => (inputs[name] = state));
    } else {
      const key = columnKey(source, has);
      if (key === null) continue;
      const column = columns[key];
      if (layout === "rows") readers.push((inputs, from, to) => (inputs[name] = sliceColumn(column, from, to)));
      else if (layout === "columns")
        readers.push((inputs, from, to) => (inputs[name] = transpose(sliceColumn(column, from, to))));
      else if (layout === "whole") readers.push((inputs, from, to) => (inputs[name] = sliceColumn(column, from, to)));
      else if (single)
        readers.push((inputs, from) => {
          const entry = column[from];
          if (!(optional && (entry === null || entry === undefined))) inputs[name] = entry;
        });
      else readers.push((inputs, from, to) => (inputs[name] = common(name, column, from, to)));
    }
  }
  return (from, to) => {
    const inputs: Record<string, unknown> = {};
    for (const read of readers) read(inputs, from, to);
    return inputs;
  };
}

function caller(signal: PartSignalPlan, columns: Columns): Caller {
  const inputs = inputsFor(signal, columns);
  const run = signal.bound as unknown as (inputs: unknown) => unknown;
  return (from, to) => {
    const result = run(inputs(from, to));
    if (isThenable(result)) {
      result.then(undefined, () => {});
      throw new AsynchronousSignal();
    }
    return result as Record<string, unknown>;
  };
}

/** The one value that all rows of a column share. */
export function common(name: string, column: Column, from: number, to: number): unknown {
  for (let i = from + 1; i < to; i++) {
    if (column[i] !== column[from] && JSON.stringify(column[i]) !== JSON.stringify(column[from])) {
      throw new ContractError(`inputs.${name}`, "takes one value for the whole batch, but its rollouts differ in it");
    }
  }
  return column[from];
}

/** Takes a part's outputs for rows [from, to) apart. */
export function take(
  signal: PartSignalPlan,
  result: Record<string, unknown>,
  from: number,
  to: number,
  builder: Pick<Builder, "put" | "value" | "fail">,
): void {
  if (typeof result !== "object" || result === null)
    throw new ContractError("outputs", `${signal.bound.part.id} gave ${String(result)}`);
  const size = to - from;
  const columns: Record<string, Column> = {};
  for (const { name, layout } of signal.outputs) {
    const output = result[name];
    if (output === undefined) continue;
    if (layout === "rows") {
      const entries = entriesOf(output);
      if (!entries || entries.length !== size) {
        throw new ContractError(
          `outputs.${name}`,
          `${signal.bound.part.id} gave ${entries ? `${entries.length} entries` : typeof output} for ${size} rollouts`,
        );
      }
      columns[name] = entries;
    } else if (layout === "single" && size === 1 && name !== "state") columns[name] = [output];
  }
  const worth = columns[signal.worth.name];
  if (!worth) throw new ContractError(`outputs.${signal.worth.name}`, `${signal.bound.part.id} did not give it`);
  const names = Object.keys(columns);
  const failures: Column | undefined = columns.errors;
  const valid: Column | undefined = columns.valid;
  for (let i = 0; i < size; i++) {
    const entry = worth[i];
    if (entry === null || entry === undefined) {
      if (signal.worth.kind === "verdict" && valid?.[i] === true) builder.value(from + i, 0.5);
      else builder.fail(from + i, partError(signal, failures?.[i]));
    } else {
      const value = worthNumber(entry);
      if (Number.isFinite(value)) builder.value(from + i, value);
      else builder.fail(from + i, scoreError("not-finite", `${signal.worth.name} is ${String(entry)}`));
    }
  }
  for (const name of names) {
    const column = columns[name];
    for (let i = 0; i < size; i++) builder.put(from + i, name, column[i]);
  }
}

function worthNumber(entry: unknown): number {
  if (typeof entry === "number") return entry;
  if (typeof entry === "boolean") return entry ? 1 : 0;
  return entry === "A" ? 1 : entry === "B" ? 0 : Number.NaN;
}

/** The reason a part gives for a null, in its own words. */
function partError(signal: PartSignalPlan, reason: unknown): ScoreError {
  if (typeof reason === "string") return scoreError("no-value", reason);
  if (typeof reason === "object" && reason !== null && "message" in reason) {
    const { code, message, retryable } = reason as Partial<ScoreError>;
    return scoreError(isErrorCode(code) ? code : "no-value", String(message), retryable === true);
  }
  return scoreError("no-value", `${signal.bound.part.id} gave no ${signal.worth.name} for this rollout`);
}

/** Was it the input's fault? Only asked once something went wrong. */
function rowError(signal: PartSignalPlan, columns: Columns, row: number, thrown: unknown): ScoreError {
  try {
    const inputs = inputsFor(signal, columns)(row, row + 1);
    const parsed = signal.bound.part.inputs.safeParse(inputs);
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      return scoreError("bad-input", `${issue.path.map(String).join(".")}: ${issue.message}`);
    }
  } catch (other) {
    return scoreError("bad-input", messageOf(other));
  }
  return fromThrown(thrown);
}

/** Runs the signals of one level over a batch: worker threads, this thread and endpoints at the same time. */
import { messageOf, type ScoreError, scoreError } from "../core/error.ts";
import type { Random } from "../core/random.ts";
import type { ResultCache } from "./cache.ts";
import { forEachAtOnce, readCache, rowKeys, writeCache } from "./cached-rows.ts";
import { callWithRetries, fromThrown, isThenable, type Limiter } from "./calls.ts";
import { checkInputs } from "./check-inputs.ts";
import { type Columns, columnKey, gather, isSignalKey, sliceColumn, viewer } from "./columns.ts";
import { AsynchronousSignal, execute, type Item, inputsFor, type Segment, take } from "./execute.ts";
import { type FunctionSignalPlan, type PartSignalPlan, type SignalPlan, waiting } from "./plan.ts";
import type { Pool } from "./pool.ts";
import { emptyRun, put, type SignalRun } from "./signal-run.ts";
import type { ScorerCounters } from "./types.ts";

export interface Runner {
  readonly pool: Pool | null;
  readonly cache: ResultCache | null;
  readonly random: Random;
  readonly limiters: ReadonlyMap<string, Limiter>;
  readonly counters: ScorerCounters;
  /** Signals that turned out to be asynchronous. */
  readonly asynchronous: Set<number>;
  readonly rewardHash: string;
  readonly onCall?: (signal: number, from: number, to: number) => void;
}

interface Prepared {
  readonly signal: SignalPlan;
  readonly run: SignalRun;
  /** Rows to compute: those with sound inputs that the cache does not know. */
  readonly rows: Int32Array;
  readonly keys: (string | null)[] | null;
}

/** Rollouts of a batch that one worker gets at least. */
const smallestSlice = 4;
/** Milliseconds of work that are worth a message of their own to another worker. */
const worthSharing = 2;

export async function runLevel(
  signals: readonly SignalPlan[],
  columns: Columns,
  size: number,
  runs: ReadonlyMap<string, SignalRun>,
  runner: Runner,
  stop: AbortSignal | undefined,
): Promise<void> {
  const prepared = await Promise.all(
    signals.map(async (signal): Promise<Prepared> => {
      const run = runs.get(signal.name) ?? emptyRun(size);
      if (signal.kind === "part") checkInputs(signal, columns, run, runs);
      const keys = runner.cache && signal.cache ? rowKeys(signal, columns, size, run, runner.rewardHash) : null;
      if (runner.cache && keys) await readCache(runner.cache, keys, run);
      const rows: number[] = [];
      for (let i = 0; i < size; i++) if (!run.errors[i] && !run.cached[i]) rows.push(i);
      const counted = runner.counters.signals[signal.name];
      counted.calls += rows.length;
      counted.cacheHits += run.cached.reduce((hits, hit) => hits + (hit ? 1 : 0), 0);
      return { signal, run, rows: Int32Array.from(rows), keys };
    }),
  );

  const threaded = prepared.filter(
    ({ signal }) => signal.thread === "worker" && !runner.asynchronous.has(signal.index),
  );
  const here = prepared.filter((one) => !threaded.includes(one));
  const turnedAsynchronous = new Set<Prepared>();
  await Promise.all([
    runner.pool
      ? runOnPool(runner.pool, threaded, columns, size, runner, turnedAsynchronous)
      : runInThread(threaded, columns, runner, turnedAsynchronous),
    ...here.map((one) => runHere(one, columns, runner, stop)),
  ]);
  await Promise.all([...turnedAsynchronous].map((one) => runHere(remaining(one), columns, runner, stop)));

  for (const { signal, run, rows, keys } of prepared) {
    runner.counters.signals[signal.name].milliseconds += run.milliseconds;
    for (const row of rows) {
      if (Number.isNaN(run.values[row]) && !run.errors[row]) run.errors[row] = scoreError("no-value", "gave no result");
    }
    if (runner.cache && keys) await writeCache(runner.cache, keys, run, rows);
  }
}

function remaining({ signal, run, rows, keys }: Prepared): Prepared {
  return { signal, run, keys, rows: rows.filter((row) => Number.isNaN(run.values[row]) && !run.errors[row]) };
}

/** Maps local rows of a piece of work to rows of the batch. */
type RowOf = (local: number) => number;

function receive(run: SignalRun, segment: Segment, rowOf: RowOf): void {
  const { from, to, values, errors, outputs } = segment;
  for (let i = from; i < to; i++) run.values[rowOf(i)] = values[i - from];
  for (const [row, error] of errors) run.errors[rowOf(row)] = error;
  for (const name of Object.keys(outputs)) {
    run.outputs[name] ??= new Array<unknown>(run.values.length).fill(null);
    const target = run.outputs[name];
    const column = outputs[name];
    for (let i = from; i < to; i++) target[rowOf(i)] = column[i - from];
  }
  run.milliseconds += segment.milliseconds;
}

/** Column keys that signals read. */
function neededKeys(signals: readonly SignalPlan[], columns: Columns): string[] {
  const all = Object.keys(columns);
  const needed = new Set<string>();
  for (const signal of signals) {
    if (signal.kind !== "part") for (const key of all.filter((name) => !isSignalKey(name))) needed.add(key);
    else {
      for (const { source } of signal.inputs) {
        const key = columnKey(source, (name) => name in columns);
        if (key !== null) needed.add(key);
      }
    }
  }
  return [...needed];
}

/** Consecutive rows as ranges, cut to [from, to) and counted from `from`. */
function rangesWithin(rows: Int32Array, from: number, to: number): [number, number][] {
  const ranges: [number, number][] = [];
  let k = 0;
  for (let low = 0, high = rows.length; low < high; k = low) {
    const middle = (low + high) >> 1;
    if (rows[middle] < from) low = middle + 1;
    else high = middle;
  }
  while (k < rows.length && rows[k] < from) k++;
  while (k < rows.length && rows[k] < to) {
    const start = rows[k];
    let end = start;
    while (k < rows.length && rows[k] === end && end < to) {
      k++;
      end++;
    }
    ranges.push([start - from, end - from]);
  }
  return ranges;
}

function isBatch(signal: SignalPlan): boolean {
  return signal.kind === "part" && signal.scope === "batch";
}

async function runOnPool(
  pool: Pool,
  prepared: readonly Prepared[],
  columns: Columns,
  size: number,
  runner: Runner,
  turnedAsynchronous: Set<Prepared>,
): Promise<void> {
  const tasks: Promise<void>[] = [];
  const byIndex = new Map(prepared.map((one) => [one.signal.index, one]));
  const submit = (items: Item[], pieces: Columns, rowOf: RowOf) => {
    if (items.length === 0) return;
    const task = pool.run({
      columns: pieces,
      items,
      limitOf: (item) =>
        (byIndex.get(item.signal)?.signal.timeLimit ?? 0) * (item.batch ? Math.max(1, item.to - item.from) : 1),
      mayRetry(signal, failures) {
        const one = byIndex.get(signal);
        if (!one || failures > one.signal.retries) return false;
        runner.counters.signals[one.signal.name].retries++;
        return true;
      },
      onSegment(segment) {
        const one = byIndex.get(segment.signal);
        if (one) receive(one.run, segment, rowOf);
      },
      onFailure(signal, from, to, error) {
        const one = byIndex.get(signal);
        if (!one) return;
        if (error.code === "timeout") runner.counters.signals[one.signal.name].timeouts++;
        for (let i = from; i < to; i++) one.run.errors[rowOf(i)] = error;
      },
      onAsynchronous(signal) {
        runner.asynchronous.add(signal);
        const one = byIndex.get(signal);
        if (one) turnedAsynchronous.add(one);
      },
    });
    tasks.push(task);
  };

  const cut = prepared.filter(({ signal }) => !isBatch(signal));
  if (cut.length > 0) {
    const keys = neededKeys(
      cut.map(({ signal }) => signal),
      columns,
    );
    const most = Math.max(1, Math.min(pool.size, Math.floor(size / smallestSlice)));
    const slices = Math.min(most, Math.max(1, Math.ceil(expectedMilliseconds(cut, runner.counters) / worthSharing)));
    for (let s = 0; s < slices; s++) {
      const from = Math.floor((size * s) / slices);
      const to = Math.floor((size * (s + 1)) / slices);
      const items = cut.flatMap(({ signal, rows }) =>
        rangesWithin(rows, from, to).map(([start, end]) => ({ signal: signal.index, from: start, to: end })),
      );
      submit(items, sliceAll(keys, columns, from, to), (i) => from + i);
    }
  }
  for (const { signal, rows } of prepared.filter((one) => isBatch(one.signal))) {
    submit(batchItem(signal, rows), gatherAll(neededKeys([signal], columns), columns, rows), (i) => rows[i]);
  }
  await Promise.all(tasks);
}

/** What the rows will take, by how long rollouts took before; infinite for a signal that has not been measured. */
function expectedMilliseconds(prepared: readonly Prepared[], { signals }: ScorerCounters): number {
  let sum = 0;
  for (const { signal, rows } of prepared) {
    const { calls, milliseconds } = signals[signal.name];
    // Calls are counted when they begin: those under way make the guess smaller, never larger.
    sum += milliseconds === 0 ? Number.POSITIVE_INFINITY : (rows.length * milliseconds) / calls;
  }
  return sum;
}

/** A column that goes by two names stays one, so that it crosses to the worker once. */
function sliceAll(keys: readonly string[], columns: Columns, from: number, to: number): Columns {
  const sliced = new Map<Columns[string], Columns[string]>();
  return Object.fromEntries(
    keys.map((key) => {
      const column = columns[key];
      const slice = sliced.get(column) ?? sliceColumn(column, from, to);
      sliced.set(column, slice);
      return [key, slice];
    }),
  );
}

function batchItem(signal: SignalPlan, rows: Int32Array): Item[] {
  return rows.length === 0 ? [] : [{ signal: signal.index, from: 0, to: rows.length, batch: true }];
}

function gatherAll(keys: readonly string[], columns: Columns, rows: Int32Array): Columns {
  return Object.fromEntries(
    keys.map((key) => [key, rows.length === columns[key].length ? columns[key] : gather(columns[key], rows)]),
  );
}

/** Without worker threads: same results, but nothing can stop a signal that hangs. */
async function runInThread(
  prepared: readonly Prepared[],
  columns: Columns,
  runner: Runner,
  turnedAsynchronous: Set<Prepared>,
): Promise<void> {
  for (const one of prepared) {
    const { signal, run, rows } = one;
    const { onCall } = runner;
    const publish = onCall && ((from: number, to: number) => onCall(signal.index, from, to));
    try {
      if (isBatch(signal)) {
        const pieces = gatherAll(neededKeys([signal], columns), columns, rows);
        for (const item of batchItem(signal, rows))
          execute(signal, pieces, item, { publish, emit: (segment) => receive(run, segment, (i) => rows[i]) });
      } else {
        for (const [from, to] of rangesWithin(rows, 0, run.values.length)) {
          execute(
            signal,
            columns,
            { signal: signal.index, from, to },
            { publish, emit: (segment) => receive(run, segment, (i) => i) },
          );
        }
      }
    } catch (thrown) {
      if (!(thrown instanceof AsynchronousSignal) || onCall) throw thrown;
      runner.asynchronous.add(signal.index);
      turnedAsynchronous.add(one);
    } finally {
      onCall?.(signal.index, 0, 0);
    }
  }
}

async function runHere(one: Prepared, columns: Columns, runner: Runner, stop: AbortSignal | undefined): Promise<void> {
  const { signal } = one;
  if (signal.kind !== "part") await runCalls(one, signal, columns, runner, stop);
  else if (signal.bound.part.asynchronous || runner.asynchronous.has(signal.index))
    await runAsynchronousPart(one, signal, columns, runner);
  else await runInThread([one], columns, runner, new Set());
}

async function runCalls(
  { run, rows }: Prepared,
  signal: FunctionSignalPlan,
  columns: Columns,
  runner: Runner,
  stop: AbortSignal | undefined,
): Promise<void> {
  const view = viewer(columns);
  const counted = runner.counters.signals[signal.name];
  const limiter = runner.limiters.get(signal.name);
  if (!limiter) throw new Error(`no limiter for signal ${signal.name}`);
  // A function that looked synchronous and turned out to wait gets the limits of what waits.
  const turned = runner.asynchronous.has(signal.index);
  const timeLimit = turned && !signal.explicitLimit ? waiting.timeLimit : signal.timeLimit;
  const retries = turned && !signal.explicitRetries ? waiting.retries : signal.retries;
  let next = 0;
  const oneAfterAnother = async () => {
    while (next < rows.length) {
      const row = rows[next++];
      const started = performance.now();
      const rollout = view(row);
      const { value, error, evidence } = await callWithRetries(
        (context) => signal.run(rollout, context),
        {
          timeLimit,
          retries,
          limiter,
          random: runner.random,
          onRetry: () => counted.retries++,
          onTimeout: () => counted.timeouts++,
        },
        stop,
      );
      run.milliseconds += performance.now() - started;
      if (error) run.errors[row] = error;
      else run.values[row] = value;
      if (evidence !== undefined) put(run, "evidence", row, evidence);
    }
  };
  await Promise.all(Array.from({ length: Math.min(signal.concurrency, rows.length) }, oneAfterAnother));
}

/** One call for the batch: such a part brings its own pool and limits. */
async function runAsynchronousPart(
  { run, rows }: Prepared,
  signal: PartSignalPlan,
  columns: Columns,
  runner: Runner,
): Promise<void> {
  if (rows.length === 0) return;
  const started = performance.now();
  const pieces = gatherAll(neededKeys([signal], columns), columns, rows);
  const compute = signal.bound as unknown as (inputs: unknown) => unknown;
  const builder = {
    put: (row: number, name: string, entry: unknown) => put(run, name, rows[row], entry),
    value: (row: number, value: number) => {
      run.values[rows[row]] = value;
    },
    fail: (row: number, error: ScoreError) => {
      run.errors[rows[row]] = error;
    },
  };
  const inputs = inputsFor(signal, pieces);
  const call = async (from: number, to: number) => {
    const result = compute(inputs(from, to));
    take(signal, (isThenable(result) ? await result : result) as Record<string, unknown>, from, to, builder);
  };
  const failAll = (from: number, to: number, error: ScoreError) => {
    for (let i = from; i < to; i++) builder.fail(i, error);
  };
  const calls =
    signal.scope === "single" ? Array.from(rows, (_, i) => [i, i + 1] as const) : [[0, rows.length] as const];
  await forEachAtOnce(calls.length, async (k) => {
    const [from, to] = calls[k];
    let timer: NodeJS.Timeout | undefined;
    try {
      const work = call(from, to);
      if (!signal.explicitLimit) await work;
      else {
        const limit = signal.timeLimit * (to - from);
        const late = new Promise<never>((_, reject) => {
          timer = setTimeout(() => reject(new TimeoutError(`took longer than ${limit} ms`)), limit);
        });
        await Promise.race([work, late]);
      }
    } catch (thrown) {
      if (thrown instanceof TimeoutError) {
        runner.counters.signals[signal.name].timeouts += to - from;
        failAll(from, to, scoreError("timeout", messageOf(thrown), true));
      } else failAll(from, to, fromThrown(thrown));
    } finally {
      clearTimeout(timer);
    }
  });
  run.milliseconds += performance.now() - started;
}

class TimeoutError extends Error {}

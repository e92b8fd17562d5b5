import { type ScoreError, scoreError } from "../core/error.ts";
import { fromThrown } from "./calls.ts";
import { type Columns, columnKey, shownKey } from "./columns.ts";
import { inputsFor, take } from "./execute.ts";
import type { PartSignalPlan } from "./plan.ts";
import { put, type SignalRun } from "./signal-run.ts";
import { signalStateKey } from "./state.ts";
import type { ScorerCounters } from "./types.ts";

/** A signal with state: one call for the whole batch, on this thread, when its turn has come. Replaces its entry in `states`. */
export async function runStatefulSignal(
  signal: PartSignalPlan,
  columns: Columns,
  size: number,
  runs: ReadonlyMap<string, SignalRun>,
  counters: ScorerCounters,
  states: Record<string, unknown>,
): Promise<void> {
  const run = runs.get(signal.name);
  if (!run || size === 0) return;
  const started = performance.now();
  const key = signalStateKey(signal.name);
  counters.signals[signal.name].calls += size;
  const failAll = (error: ScoreError) => {
    for (let i = 0; i < size; i++) run.errors[i] = error;
  };
  try {
    const missing = missingInput(signal, columns);
    if (missing) failAll(missing);
    else {
      const inputs = inputsFor(signal, columns, states[key])(0, size);
      const outputs = (await (signal.bound as unknown as (inputs: unknown) => unknown)(inputs)) as Record<
        string,
        unknown
      >;
      take(signal, outputs, 0, size, {
        put(row, name, entry) {
          put(run, name, row, entry);
        },
        value(row, value) {
          run.values[row] = value;
        },
        fail(row, error) {
          run.errors[row] = error;
        },
      });
      if (outputs.state !== undefined) states[key] = outputs.state;
    }
  } catch (thrown) {
    failAll(fromThrown(thrown));
  }
  run.milliseconds += performance.now() - started;
  counters.signals[signal.name].milliseconds += run.milliseconds;
}

/** A part with state sees a batch whole or not at all: leaving rollouts out would change its state. */
function missingInput({ inputs }: PartSignalPlan, columns: Columns): ScoreError | null {
  for (const { source, nullable, layout } of inputs) {
    const key = columnKey(source, (candidate) => candidate in columns);
    if (key === null || nullable || layout === "whole") continue;
    const column = columns[key];
    for (let i = 0; i < column.length; i++) {
      if (column[i] === null || column[i] === undefined)
        return scoreError("bad-input", `${shownKey(key)}[${i}] is missing, and this signal needs the batch whole`);
    }
  }
  return null;
}

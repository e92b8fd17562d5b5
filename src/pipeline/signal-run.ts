import type { ScoreError } from "../core/error.ts";

/** A signal's results while they come in, N entries each; NaN: no value (yet). */
export interface SignalRun {
  readonly values: Float64Array;
  readonly errors: (ScoreError | null)[];
  readonly outputs: Record<string, unknown[]>;
  readonly cached: boolean[];
  milliseconds: number;
}

export function emptyRun(size: number): SignalRun {
  return {
    values: new Float64Array(size).fill(Number.NaN),
    errors: new Array<ScoreError | null>(size).fill(null),
    outputs: {},
    cached: new Array<boolean>(size).fill(false),
    milliseconds: 0,
  };
}

/** Keeps an output's entry for one rollout. */
export function put(run: SignalRun, name: string, row: number, entry: unknown): void {
  run.outputs[name] ??= new Array<unknown>(run.values.length).fill(null);
  run.outputs[name][row] = entry;
}

/** Column of a signal's worth as later parts see it. */
export function worthColumn({ values }: SignalRun): (number | null)[] {
  const worth = new Array<number | null>(values.length).fill(null);
  for (let i = 0; i < values.length; i++) if (!Number.isNaN(values[i])) worth[i] = values[i];
  return worth;
}

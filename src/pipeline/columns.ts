/** Columns: the fields of a batch under the keys by which sources name them. */
import { isRagged, type Ragged, rowOf } from "../core/ragged.ts";
import { singularOf } from "./contract.ts";
import type { Source } from "./plan.ts";
import type { RolloutView } from "./types.ts";

export type Column = ArrayLike<unknown>;
export type Columns = Readonly<Record<string, Column>>;

/** Key of a signal's output among the columns; no column of the input can have it, whatever its name. */
export function signalKey(signal: string, output: string): string {
  return `\u0001${signal}.${output}`;
}

export function isSignalKey(key: string): boolean {
  return key.startsWith("\u0001");
}

/** A key as people write it. */
export function shownKey(key: string): string {
  return isSignalKey(key) ? key.slice(1) : key;
}

/** Key of the column that a source reads, or null when the batch has none. */
export function columnKey(source: Source, has: (key: string) => boolean): string | null {
  switch (source.from) {
    case "field":
    case "draw":
      return source.names.find(has) ?? null;
    case "signal": {
      const key = signalKey(source.signal, source.output);
      return has(key) ? key : null;
    }
    default:
      return null;
  }
}

export function sliceColumn(column: Column, from: number, to: number): Column {
  if (from === 0 && to === column.length) return column;
  if (ArrayBuffer.isView(column)) return (column as unknown as Float64Array).subarray(from, to);
  return Array.prototype.slice.call(column, from, to);
}

/** The entries of a column at the given rows. */
export function gather(column: Column, rows: ArrayLike<number>): unknown[] {
  const gathered = new Array<unknown>(rows.length);
  for (let i = 0; i < rows.length; i++) gathered[i] = column[rows[i]];
  return gathered;
}

/** Rollouts × K → K × rollouts. */
export function transpose(column: Column): unknown[][] {
  const width = column.length > 0 ? (column[0] as ArrayLike<unknown>).length : 0;
  return Array.from({ length: width }, (_, k) => Array.from(column, (row) => (row as ArrayLike<unknown>)[k]));
}

/** A part's output as something with one entry per row. */
export function entriesOf(value: unknown): Column | null {
  if (isRagged(value)) return raggedRows(value);
  if (Array.isArray(value)) return value;
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) return value as unknown as Column;
  return null;
}

function raggedRows(ragged: Ragged): Float64Array[] {
  return Array.from({ length: ragged.offsets.length - 1 }, (_, i) => rowOf(ragged, i));
}

/** Makes the views that functions get of single rollouts: columns under their singular names. */
export function viewer(columns: Columns): (row: number) => RolloutView {
  const names = Object.keys(columns).filter((name) => !isSignalKey(name));
  const singular = names.map(singularOf);
  const sources = names.map((name) => columns[name]);
  return (row) => {
    const view: Record<string, unknown> = {};
    for (let i = 0; i < names.length; i++) view[singular[i]] = sources[i][row];
    return view as RolloutView;
  };
}

import { ContractError } from "./error.ts";

/**
 * Ragged arrays: N rows of different lengths in one buffer.
 *
 * Row i is `values[offsets[i]] … values[offsets[i + 1] - 1]`; `offsets` has N + 1 entries and
 * starts at 0. Hot paths read the buffer directly; nothing is allocated per row.
 */
export interface Ragged {
  readonly values: Float64Array;
  readonly offsets: Uint32Array;
}

/** Numbers in a row: a plain array or any typed array. */
export type Vector = ArrayLike<number>;

/** What parts accept for a ragged field: packed, or nested arrays as they come from JSON. */
export type RaggedLike = Ragged | ArrayLike<Vector>;

export function isRagged(value: unknown): value is Ragged {
  return (
    typeof value === "object" &&
    value !== null &&
    (value as Ragged).values instanceof Float64Array &&
    (value as Ragged).offsets instanceof Uint32Array
  );
}

/** Packs nested rows; returns packed input unchanged (no copy). */
export function toRagged(rows: RaggedLike): Ragged {
  if (isRagged(rows)) return rows;
  const offsets = new Uint32Array(rows.length + 1);
  for (let i = 0; i < rows.length; i++) offsets[i + 1] = offsets[i] + rows[i].length;
  const values = new Float64Array(offsets[rows.length]);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i];
    const start = offsets[i];
    for (let j = 0; j < row.length; j++) values[start + j] = row[j];
  }
  return { values, offsets };
}

/**
 * One buffer for a field that is either a vector or rows of numbers; `offsets` is null for a vector. A
 * Float64Array is not copied.
 */
export function toFlat(values: Vector | RaggedLike): { values: Float64Array; offsets: Uint32Array | null } {
  if (isRagged(values)) return values;
  if (values.length === 0 || typeof values[0] === "number") {
    const vector = values as Vector;
    return { values: vector instanceof Float64Array ? vector : Float64Array.from(vector), offsets: null };
  }
  return toRagged(values as RaggedLike);
}

/** Number of rows. */
export function rowCount(ragged: Ragged): number {
  return ragged.offsets.length - 1;
}

/** Row i as a view into the buffer (no copy). */
export function rowOf(ragged: Ragged, i: number): Float64Array {
  return ragged.values.subarray(ragged.offsets[i], ragged.offsets[i + 1]);
}

/** Nested arrays, for JSON. */
export function toRows(ragged: Ragged): number[][] {
  const rows: number[][] = [];
  for (let i = 0; i < rowCount(ragged); i++) rows.push(Array.from(rowOf(ragged, i)));
  return rows;
}

/** A zero-filled ragged array with the row lengths of another (they share `offsets`). */
export function raggedLike(ragged: Ragged): Ragged {
  return { values: new Float64Array(ragged.values.length), offsets: ragged.offsets };
}

/** A zero-filled ragged array with the given row lengths. */
export function raggedOf(lengths: Vector): Ragged {
  const offsets = new Uint32Array(lengths.length + 1);
  for (let i = 0; i < lengths.length; i++) offsets[i + 1] = offsets[i] + lengths[i];
  return { values: new Float64Array(offsets[lengths.length]), offsets };
}

/** Throws `ContractError` unless `ragged` has the rows of `like`; the edge checks this too, direct calls do not. */
export function checkSameRows(ragged: Ragged, like: Ragged, field: string): void {
  if (ragged.offsets === like.offsets) return;
  const rows = rowCount(like);
  if (rowCount(ragged) !== rows)
    throw new ContractError(`inputs.${field}`, `expected ${rows} rows, got ${rowCount(ragged)}`);
  for (let i = 1; i <= rows; i++) {
    if (ragged.offsets[i] === like.offsets[i]) continue;
    const expected = like.offsets[i] - like.offsets[i - 1];
    const got = ragged.offsets[i] - ragged.offsets[i - 1];
    throw new ContractError(`inputs.${field}[${i - 1}]`, `expected ${expected} entries, got ${got}`);
  }
}

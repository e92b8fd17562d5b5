/**
 * Regroups a stream of rows: a group's rows may lie apart, but no more than `window` rows are open at once.
 *
 * What is done depends on the rows alone, never on timing, so that a resumed run makes the same batches.
 * A group closes when it has `groupSize` rows, when its first row lies `window` rows back, or at the end.
 * A row of a group that has closed, and every row of a group that closes with other than `groupSize`
 * rows, is incomplete.
 */
export interface WindowRow {
  readonly index: number;
  /** null: the row needs no company. */
  readonly group: string | number | null;
}

/** A batch to be scored, or rows of groups that are not whole. */
export interface Unit<R> {
  readonly kind: "batch" | "late" | "short";
  readonly rows: readonly R[];
}

export interface WindowOptions {
  readonly window: number;
  readonly batchSize: number;
  readonly groupSize: number | null;
  /** false: groups are kept together as far as the window goes, and nothing is refused. */
  readonly strict: boolean;
}

export interface WindowState {
  readonly open: readonly (readonly number[])[];
  readonly ready: readonly number[];
  readonly closed: readonly number[];
}

export interface RegroupingWindow<R extends WindowRow> {
  add(row: R): Unit<R>[];
  end(): Unit<R>[];
  snapshot(): WindowState;
  restore(state: WindowState, row: (index: number) => R): void;
}

/** Closed groups that are remembered; one that comes back later than that is taken for a new one. */
const remembered = 65_536;

export function createWindow<R extends WindowRow>(options: WindowOptions): RegroupingWindow<R> {
  const { window, batchSize, groupSize, strict } = options;
  let open = new Map<string | number, R[]>();
  let ready: R[] = [];
  /** Hashes of closed groups, oldest first. */
  let closed = new Set<number>();

  const flush = (units: Unit<R>[]): void => {
    if (ready.length === 0) return;
    units.push({ kind: "batch", rows: ready });
    ready = [];
  };
  const close = (group: string | number, rows: R[], units: Unit<R>[]): void => {
    open.delete(group);
    if (strict) {
      closed.add(hashOf(group));
      if (closed.size > remembered)
        for (const oldest of closed) {
          closed.delete(oldest);
          break;
        }
      if (groupSize !== null && rows.length !== groupSize) {
        units.push({ kind: "short", rows });
        return;
      }
    }
    for (const row of rows) ready.push(row);
    if (ready.length >= batchSize) flush(units);
  };

  return {
    add(row) {
      const units: Unit<R>[] = [];
      const { group } = row;
      if (group === null) {
        ready.push(row);
        if (ready.length >= batchSize) flush(units);
      } else if (strict && closed.has(hashOf(group))) {
        units.push({ kind: "late", rows: [row] });
      } else {
        let rows = open.get(group);
        if (!rows) {
          rows = [];
          open.set(group, rows);
        }
        rows.push(row);
        if (rows.length === groupSize) close(group, rows, units);
      }
      for (const [oldest, rows] of open) {
        if (rows[0].index > row.index - window) break;
        close(oldest, rows, units);
      }
      return units;
    },
    end() {
      const units: Unit<R>[] = [];
      for (const [group, rows] of open) close(group, rows, units);
      flush(units);
      return units;
    },
    snapshot: () => ({
      open: [...open.values()].map((rows) => rows.map((row) => row.index)),
      ready: ready.map((row) => row.index),
      closed: [...closed],
    }),
    restore(state, row) {
      open = new Map();
      for (const indices of state.open) {
        const rows = indices.map(row);
        const { group } = rows[0];
        if (group !== null) open.set(group, rows);
      }
      ready = state.ready.map(row);
      closed = new Set(state.closed);
    },
  };
}

/** 53 bits of cyrb53; `1` and `"1"` differ. */
export function hashOf(group: string | number): number {
  const text = `${typeof group === "number" ? "n" : "s"}${group}`;
  let high = 0xdeadbeef;
  let low = 0x41c6ce57;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    high = Math.imul(high ^ code, 2654435761);
    low = Math.imul(low ^ code, 1597334677);
  }
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909);
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909);
  return 4294967296 * (2097151 & low) + (high >>> 0);
}

import { type CachedResult, cacheKey, type ResultCache } from "./cache.ts";
import { type Columns, columnKey, viewer } from "./columns.ts";
import { packageVersion } from "./define.ts";
import type { SignalPlan } from "./plan.ts";
import { put, type SignalRun } from "./signal-run.ts";

/** Cache keys of a signal's rows; null for a row without one, or for a signal whose rows depend on each other. */
export function rowKeys(
  signal: SignalPlan,
  columns: Columns,
  size: number,
  run: SignalRun,
  rewardHash: string,
): (string | null)[] | null {
  const keys: (string | null)[] = new Array(size).fill(null);
  if (signal.kind === "part") {
    if (signal.scope === "batch") return null; // a rollout's result depends on the others
    const has = (key: string) => key in columns;
    const wired = signal.inputs.map(({ name, source }) => ({
      name,
      key: columnKey(source, has),
      constant: source.from === "constant" ? source.value : undefined,
    }));
    for (let i = 0; i < size; i++) {
      if (run.errors[i]) continue;
      const inputs = wired.map(({ name, key, constant }) => [name, key === null ? constant : columns[key][i]]);
      keys[i] = cacheKey([packageVersion, signal.bound.part.id, signal.bound.params, signal.worth.name, inputs]);
    }
    return keys;
  }
  const decides = signal.kind === "judge" ? ["judge", signal.identity] : ["function", rewardHash, signal.name];
  const view = viewer(
    signal.reads
      ? pick(
          columns,
          signal.reads.flatMap(({ names }) => names),
        )
      : columns,
  );
  for (let i = 0; i < size; i++) keys[i] = cacheKey([packageVersion, decides, view(i)]);
  return keys;
}

function pick(columns: Columns, names: readonly string[]): Columns {
  return Object.fromEntries(names.filter((name) => name in columns).map((name) => [name, columns[name]]));
}

const filesAtOnce = 32;

/** Runs `work` for 0 … count − 1, a few at a time. */
export async function forEachAtOnce(count: number, work: (i: number) => Promise<void>): Promise<void> {
  let next = 0;
  const one = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: Math.min(count, filesAtOnce) }, one));
}

export async function readCache(cache: ResultCache, keys: readonly (string | null)[], run: SignalRun): Promise<void> {
  await forEachAtOnce(keys.length, async (i) => {
    const key = keys[i];
    const found: CachedResult | null = key === null ? null : await cache.get(key);
    if (!found) return;
    run.values[i] = found.value;
    run.cached[i] = true;
    for (const [name, entry] of Object.entries(found.outputs)) put(run, name, i, entry);
  });
}

export async function writeCache(
  cache: ResultCache,
  keys: readonly (string | null)[],
  run: SignalRun,
  rows: Int32Array,
): Promise<void> {
  await forEachAtOnce(rows.length, async (k) => {
    const row = rows[k];
    const key = keys[row];
    if (key === null || run.errors[row]) return;
    const outputs = Object.fromEntries(Object.entries(run.outputs).map(([name, column]) => [name, column[row]]));
    await cache.put(key, { value: run.values[row], outputs });
  });
}

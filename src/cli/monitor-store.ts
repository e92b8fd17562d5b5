/** A run in the store of a service, as records: one for each policy step. */
import { setTimeout as wait } from "node:timers/promises";
import { type MonitorRecord, type ReaderOptions, recordsFrom } from "../audit/monitor/index.ts";
import { queryFile, queryService } from "../service/store-reader.ts";
import { type StepRow, stepRows, stepsStatement } from "../service/store-steps.ts";

export interface StoreLogOptions {
  readonly map: ReaderOptions["map"];
  readonly follow?: boolean;
  readonly idle?: number;
  readonly signal: AbortSignal;
  /** Milliseconds between two questions. */
  readonly interval?: number;
}

/** Is this a store (a file that ends in `.duckdb`) or the address of a service that has one? */
export function isStore(place: string): boolean {
  return /\.duckdb$/.test(place) || /^https?:\/\//.test(place);
}

/**
 * Steps of the reward with most rollouts. While a run goes on, a step counts as complete when a later one has begun, or
 * when it did not grow between two questions.
 */
export async function* storeRecords(place: string, options: StoreLogOptions): AsyncGenerator<MonitorRecord> {
  const { map, follow = false, idle, signal, interval = 2000 } = options;
  let last = -1;
  let growing = null as StepRow | null;
  let lastNews = Date.now();
  for (;;) {
    const rows = await ask(place, last);
    const newest = rows[rows.length - 1];
    const settled: boolean =
      !follow || (newest !== undefined && growing?.step === newest.step && growing.rollouts === newest.rollouts);
    const complete = settled ? rows : rows.slice(0, -1);
    if (newest !== undefined && !settled) lastNews = Date.now();
    growing = newest === undefined || settled ? null : newest;
    for (const row of complete) {
      last = row.step;
      yield* recordsFrom([row.entry], { format: "jsonl", map });
    }
    if (!follow || signal.aborted || (idle !== undefined && Date.now() - lastNews >= idle)) return;
    await wait(interval, undefined, { signal }).catch(() => {});
  }
}

/** Most steps of one answer; a longer run takes several questions. */
const stepsAtOnce = 5000;

async function ask(place: string, after: number): Promise<StepRow[]> {
  const sql = stepsStatement(after);
  const answer = place.endsWith(".duckdb")
    ? await queryFile(place, sql, stepsAtOnce)
    : await queryService(place, process.env.GUERDON_TOKEN, sql, stepsAtOnce);
  const rows = stepRows(answer);
  if (!answer.more || rows.length === 0) return rows;
  return [...rows, ...(await ask(place, rows[rows.length - 1].step))];
}

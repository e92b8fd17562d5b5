/** A run in the store of a service, as records: one for each policy step. */
import { setTimeout as wait } from "node:timers/promises";
import { type MonitorRecord, type ReaderOptions, recordsFrom } from "../audit/monitor/index.ts";
import { queryFile, queryService } from "../service/store-reader.ts";

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

interface StepRow {
  readonly step: number;
  readonly rollouts: number;
  readonly entry: Readonly<Record<string, unknown>>;
}

async function ask(place: string, after: number): Promise<StepRow[]> {
  const sql = statement(after);
  const answer = place.endsWith(".duckdb")
    ? await queryFile(place, sql, stepsAtOnce)
    : await queryService(place, process.env.GUERDON_TOKEN, sql, stepsAtOnce);
  const rows = answer.rows.map((row): StepRow => {
    const { step, rollouts, signals, ...rest } = Object.fromEntries(answer.columns.map((name, i) => [name, row[i]]));
    const means = Array.isArray(signals)
      ? Object.fromEntries(
          (signals as { signal: string; mean: number | null }[]).map(({ signal, mean }) => [signal, mean]),
        )
      : undefined;
    return { step: Number(step), rollouts: Number(rollouts), entry: { step: Number(step), ...rest, signals: means } };
  });
  if (!answer.more || rows.length === 0) return rows;
  return [...rows, ...(await ask(place, rows[rows.length - 1].step))];
}

function statement(after: number): string {
  return `WITH run AS (SELECT * FROM rollouts WHERE policy_step > ${after} AND reward_name =
      (SELECT reward_name FROM rollouts WHERE policy_step IS NOT NULL GROUP BY reward_name ORDER BY count(*) DESC, reward_name LIMIT 1)),
    spread AS (SELECT policy_step, avg(CASE WHEN high > low THEN 1.0 ELSE 0.0 END) AS share
      FROM (SELECT policy_step, min(reward) AS low, max(reward) AS high FROM run WHERE group_id IS NOT NULL
        GROUP BY policy_step, group_id HAVING count(reward) > 1) GROUP BY policy_step),
    parts AS (SELECT policy_step, list({ signal: signal, mean: mean }) AS means
      FROM (SELECT r.policy_step, s.signal, avg(s.value) AS mean FROM signals s JOIN run r ON r.id = s.rollout
        GROUP BY r.policy_step, s.signal) GROUP BY policy_step)
    SELECT run.policy_step AS step, count(*) AS rollouts, avg(reward) AS reward, stddev_samp(reward) AS "rewardStd",
      avg(length(response)) AS length, 1 - count(reward) / count(*) AS unscored, any_value(spread.share) AS "groupSpread",
      any_value(parts.means) AS signals
    FROM run LEFT JOIN spread USING (policy_step) LEFT JOIN parts USING (policy_step)
    GROUP BY run.policy_step ORDER BY run.policy_step`;
}

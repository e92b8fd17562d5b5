/** Policy steps of a store, each as one record for the monitor. */
import { literal } from "../dataset/duckdb.ts";
import type { StoreAnswer } from "./store.ts";

export interface StepRow {
  readonly step: number;
  readonly rollouts: number;
  readonly entry: Readonly<Record<string, unknown>>;
}

export function stepRows(answer: StoreAnswer): StepRow[] {
  return answer.rows.map((row): StepRow => {
    const { step, rollouts, signals, ...rest } = Object.fromEntries(answer.columns.map((name, i) => [name, row[i]]));
    const means = Array.isArray(signals)
      ? Object.fromEntries(
          (signals as { signal: string; mean: number | null }[]).map(({ signal, mean }) => [signal, mean]),
        )
      : undefined;
    return { step: Number(step), rollouts: Number(rollouts), entry: { step: Number(step), ...rest, signals: means } };
  });
}

/** Steps after `after` of one reward, by default the one with most rollouts. */
export function stepsStatement(after: number, reward?: string): string {
  const name =
    reward === undefined
      ? "(SELECT reward_name FROM rollouts WHERE policy_step IS NOT NULL GROUP BY reward_name ORDER BY count(*) DESC, reward_name LIMIT 1)"
      : literal(reward);
  return `WITH run AS (SELECT * FROM rollouts WHERE policy_step > ${after} AND reward_name = ${name}),
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

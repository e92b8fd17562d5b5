/** Tables and views of the store. */

/** One row a rollout. Times are UTC; milliseconds are those of its batch. */
export const storeTables = [
  `CREATE TABLE IF NOT EXISTS rollouts (
    id BIGINT, time TIMESTAMP, request VARCHAR, position INTEGER, reward_name VARCHAR, reward_hash VARCHAR,
    policy_step BIGINT, group_id VARCHAR, prompt VARCHAR, response VARCHAR,
    reward DOUBLE, combined DOUBLE, advantage DOUBLE, error_code VARCHAR, error_message VARCHAR, milliseconds DOUBLE)`,
  // One row a signal of a rollout; evidence is JSON.
  `CREATE TABLE IF NOT EXISTS signals (
    rollout BIGINT, signal VARCHAR, value DOUBLE, error_code VARCHAR, error_message VARCHAR,
    evidence VARCHAR, cached BOOLEAN, milliseconds DOUBLE)`,
] as const;

export interface StoreView {
  readonly name: string;
  readonly description: string;
  readonly sql: string;
}

export const storeViews: readonly StoreView[] = [
  {
    name: "reward_per_step",
    description: "rewards by policy step: rollouts, unscored, mean, spread, quantiles",
    sql: `SELECT policy_step, reward_name, count(*) AS rollouts, count(*) - count(reward) AS unscored, avg(reward) AS mean,
      stddev_samp(reward) AS std, quantile_cont(reward, 0.1) AS p10, median(reward) AS median, quantile_cont(reward, 0.9) AS p90,
      avg(length(response)) AS characters
      FROM rollouts GROUP BY ALL ORDER BY policy_step, reward_name`,
  },
  {
    name: "signals_per_step",
    description: "mean of every signal by policy step",
    sql: `SELECT r.policy_step, r.reward_name, s.signal, count(s.value) AS scored, count(*) - count(s.value) AS unscored, avg(s.value) AS mean
      FROM signals s JOIN rollouts r ON r.id = s.rollout GROUP BY ALL ORDER BY ALL`,
  },
  {
    name: "disagreements",
    description: "rollouts whose signals disagree most: distance between the highest and the lowest z-score",
    sql: `WITH z AS (SELECT s.rollout, s.signal, s.value,
        (s.value - avg(s.value) OVER w) / nullif(stddev_pop(s.value) OVER w, 0) AS z
        FROM signals s JOIN rollouts r ON r.id = s.rollout WINDOW w AS (PARTITION BY r.reward_name, s.signal))
      SELECT max(z) - min(z) AS disagreement, r.id, r.reward_name, r.policy_step, r.reward,
        map_from_entries(list((signal, value) ORDER BY signal)) AS signals, r.prompt, r.response
      FROM z JOIN rollouts r ON r.id = z.rollout WHERE z IS NOT NULL
      GROUP BY r.id, r.reward_name, r.policy_step, r.reward, r.prompt, r.response
      HAVING count(*) > 1 ORDER BY disagreement DESC`,
  },
  {
    name: "slowest_signals",
    description: "time of every signal: mean and worst batches, cache hits",
    sql: `SELECT r.reward_name, s.signal, count(*) AS rollouts, avg(s.cached::INT) AS cached, avg(s.milliseconds) AS mean_ms,
      quantile_cont(s.milliseconds, 0.99) AS p99_ms, max(s.milliseconds) AS max_ms
      FROM signals s JOIN rollouts r ON r.id = s.rollout GROUP BY ALL ORDER BY mean_ms DESC`,
  },
  {
    name: "unscored_by_cause",
    description: "rollouts without a reward, by reason",
    sql: `SELECT reward_name, error_code, error_message, count(*) AS rollouts, min(time) AS first_time, max(time) AS last_time
      FROM rollouts WHERE reward IS NULL GROUP BY ALL ORDER BY rollouts DESC`,
  },
  {
    name: "reward_per_group",
    description: "rewards within groups: size, mean, spread, best",
    sql: `SELECT reward_name, policy_step, request, group_id, count(*) AS rollouts, avg(reward) AS mean,
      stddev_pop(reward) AS std, max(reward) AS best FROM rollouts WHERE group_id IS NOT NULL GROUP BY ALL ORDER BY ALL`,
  },
];

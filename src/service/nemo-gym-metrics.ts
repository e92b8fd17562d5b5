/** NeMo Gym's `/aggregate_metrics`: mean, max, min, median and std of every number, per task and over all rollouts. */
import { mean, quantile, standardDeviation } from "../core/statistics.ts";
import { badField } from "./problem.ts";
import { checkKeys } from "./score-request.ts";

type Row = Readonly<Record<string, unknown>>;

const task = "_ng_task_index";
const rollout = "_ng_rollout_index";

export function aggregateMetrics(body: Row): Record<string, unknown> {
  checkKeys(body, ["verify_responses"]);
  const rows = body.verify_responses;
  if (!Array.isArray(rows)) throw badField("verify_responses", "expected a list of verify responses");
  const seen = new Set<string>();
  const read = rows.map((row: unknown, i) => {
    const at = `verify_responses[${i}]`;
    if (typeof row !== "object" || row === null || Array.isArray(row)) throw badField(at, "expected an object");
    const key = { task: indexOf(row as Row, task, at), rollout: indexOf(row as Row, rollout, at) };
    const name = `${key.task}:${key.rollout}`;
    if (seen.has(name)) throw badField(at, `a second response for rollout ${name}`);
    seen.add(name);
    return { ...key, name, row: row as Row, numbers: numbersOf(row as Row) };
  });
  if (read.length === 0) return { group_level_metrics: [], agent_metrics: {}, key_metrics: {} };
  read.sort((a, b) => a.task - b.task || a.rollout - b.rollout);
  const tasks = new Map<number, typeof read>();
  for (const one of read) {
    const list = tasks.get(one.task);
    if (list) list.push(one);
    else tasks.set(one.task, [one]);
  }
  const groups = [...tasks].map(([index, members]) => ({
    [task]: index,
    ...statistics(members.map(({ numbers }) => numbers)),
    sample: { agent_ref: { name: "agent" } },
    num_rollouts: members.length,
    expected_num_rollouts: members.length,
    missing_num_rollouts: 0,
    reward_profile_completion_pct: 100,
    rollout_infos: members.map(({ name, row, numbers, rollout: r }) => ({
      rollout_id: name,
      [task]: index,
      [rollout]: r,
      ...("reward" in row ? { reward: row.reward } : {}),
      ...numbers,
    })),
  }));
  const overall = statistics(read.map(({ numbers }) => numbers));
  const key = Object.fromEntries(Object.entries(overall).filter(([name]) => name.startsWith("mean/")));
  return { group_level_metrics: groups, agent_metrics: overall, key_metrics: key };
}

function indexOf(row: Row, name: string, at: string): number {
  const value = row[name] ?? 0;
  if (typeof value !== "number" || !Number.isInteger(value)) throw badField(`${at}.${name}`, "expected an integer");
  return value;
}

/** Numbers and truth values of a response, those of its usage among them. */
function numbersOf(row: Row): Record<string, number> {
  const numbers: Record<string, number> = {};
  const { usage } = (row.response ?? {}) as { usage?: unknown };
  for (const source of [row, (usage ?? {}) as Row]) {
    for (const [name, value] of Object.entries(source)) {
      if (name === task || name === rollout) continue;
      if (typeof value === "boolean") numbers[name] = value ? 1 : 0;
      else if (typeof value === "number" && Number.isFinite(value)) numbers[name] = value;
    }
  }
  return numbers;
}

/**
 * Like pandas: what is missing is left out, and the standard deviation has n − 1 below it. One rollout has
 * none: 0 where nothing has one, absent otherwise.
 */
function statistics(rows: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const columns = names.map((name) => ({
    name,
    values: rows.flatMap((row) => (Object.hasOwn(row, name) ? [row[name]] : [])),
  }));
  const noneSpreads = columns.every(({ values }) => values.length < 2);
  const out: Record<string, number> = {};
  const write = (kind: string, of: (values: readonly number[]) => number) => {
    for (const { name, values } of columns) out[`${kind}/${name}`] = of(values);
  };
  write("mean", mean);
  write("max", (values) => values.reduce((a, b) => Math.max(a, b)));
  write("min", (values) => values.reduce((a, b) => Math.min(a, b)));
  write("median", (values) => quantile(values, 0.5));
  for (const { name, values } of columns) {
    if (values.length > 1) out[`std/${name}`] = standardDeviation(values, 1);
    else if (noneSpreads && values.length === rows.length) out[`std/${name}`] = 0;
  }
  return out;
}

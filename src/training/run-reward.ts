/** A run's reward: drawn rollouts become a batch for the pipeline, its results what a step learns from. */
import { ContractError, type ScoreError } from "../core/error.ts";
import { toPlain } from "../core/plain.ts";
import type { RolloutBatch } from "../core/rollout.ts";
import type { ScoredBatch, Scorer } from "../pipeline/types.ts";
import type { TextTask } from "./language-task.ts";
import type { DrawnRollouts, RolloutScores } from "./rollouts.ts";

/** Sums over the draws of a step. */
export interface RewardTally {
  readonly signals: Record<string, { sum: number; count: number }>;
  readonly errors: Record<string, number>;
  success: { sum: number; count: number };
  tokens: number;
  rollouts: number;
  scored: number;
}

export function emptyTally(): RewardTally {
  return { signals: {}, errors: {}, success: { sum: 0, count: 0 }, tokens: 0, rollouts: 0, scored: 0 };
}

/** Scores drawn rollouts by the pipeline and adds to the tally, the true success too. */
export async function scoreDrawn(
  { task, scorer, credit, signal }: { task: TextTask; scorer: Scorer; credit: boolean; signal?: AbortSignal },
  drawn: DrawnRollouts,
  tally: RewardTally,
): Promise<RolloutScores> {
  const batch = batchOf(task, drawn);
  const scored = await scorer.score(batch, { credit, signal });
  const { samples, groups, problems } = drawn;
  for (const [name, { values }] of Object.entries(scored.signals)) {
    tally.signals[name] ??= { sum: 0, count: 0 };
    for (const value of values) add(tally.signals[name], value);
  }
  for (let row = 0; row < groups.length; row++) {
    add(tally.success, task.reward(problems[groups[row]], replyOf(task, samples, row)));
    tally.tokens += samples.lengths[row];
    tally.rollouts++;
    if (scored.rewards[row] !== null) tally.scored++;
    const error = scored.errors[row];
    if (error) tally.errors[error.code] = (tally.errors[error.code] ?? 0) + 1;
  }
  if (!credit) return { rewards: scored.rewards };
  if (scored.advantages === undefined) throw new ContractError("reward.credit", "gave no advantages");
  return { rewards: scored.rewards, advantages: scored.advantages };
}

function add(mean: { sum: number; count: number }, value: number | null): void {
  if (value === null) return;
  mean.sum += value;
  mean.count++;
}

export function meanOf({ sum, count }: { sum: number; count: number }): number | null {
  return count === 0 ? null : sum / count;
}

/** Tokens of a row's reply, the stop token included. */
export function replyOf(
  { promptLength, replyLength }: TextTask,
  { tokens, lengths }: DrawnRollouts["samples"],
  row: number,
): Int32Array {
  const start = row * (promptLength + replyLength) + promptLength;
  return tokens.subarray(start, start + lengths[row]);
}

/** What the reward may see: texts, what the task tells of its problems, and what the policy itself knows. */
function batchOf(task: TextTask, { problems, samples, refLogprobs, groups }: DrawnRollouts): RolloutBatch {
  const size = groups.length;
  const { lengths, logprobs, entropies } = samples;
  const width = logprobs.length / size;
  const rows = (data: Float32Array) =>
    Array.from(lengths, (length, row) => Array.from(data.subarray(row * width, row * width + length)));
  return {
    size,
    fields: {
      ...textColumns(
        task,
        Array.from(groups, (group) => problems[group]),
        (row) => replyOf(task, samples, row),
        size,
      ),
      groups: Array.from(groups),
      logprobs: rows(logprobs),
      entropies: rows(entropies),
      ...(refLogprobs === undefined ? {} : { refLogprobs: rows(refLogprobs) }),
    },
  };
}

/** The columns that any rollout of a task has; `problems` and replies one a row. */
export function textColumns(
  task: TextTask,
  problems: readonly unknown[],
  reply: (row: number) => Int32Array,
  size: number,
): Record<string, unknown[]> {
  const columns: Record<string, unknown[]> = { prompts: [], responses: [], lengths: [], truncated: [] };
  for (let row = 0; row < size; row++) {
    const tokens = reply(row);
    columns.prompts.push(task.text(task.prompt(problems[row])));
    columns.responses.push(task.text(tokens));
    columns.lengths.push(tokens.length);
    columns.truncated.push(tokens[tokens.length - 1] !== task.stop);
    for (const [name, value] of Object.entries(task.fields(problems[row]))) {
      if (row === 0 && name in columns) throw new ContractError(`task.fields.${name}`, "this column is the run's own");
      columns[name] ??= [];
      columns[name].push(value);
    }
  }
  return columns;
}

/** One reply with what the reward made of it, to be shown. */
export interface TrainingSample {
  readonly prompt: string;
  readonly response: string;
  readonly reference: string | null;
  /** The reply ended before its stop token. */
  readonly truncated: boolean;
  readonly success: number | null;
  readonly reward: number | null;
  readonly error: string | null;
  readonly signals: readonly {
    readonly name: string;
    readonly value: number | null;
    readonly error: string | null;
    readonly evidence: string | null;
  }[];
}

const longest = 400;

export function sampleOf(
  { fields }: RolloutBatch,
  scored: ScoredBatch,
  row: number,
  success: number | null,
): TrainingSample {
  const reference = fields.references?.[row];
  return {
    prompt: String(fields.prompts[row]),
    response: String(fields.responses[row]),
    reference: typeof reference === "string" ? reference : null,
    truncated: fields.truncated[row] === true,
    success,
    reward: scored.rewards[row],
    error: described(scored.errors[row]),
    signals: Object.entries(scored.signals).map(([name, { values, errors, evidence }]) => ({
      name,
      value: values[row],
      error: described(errors[row]),
      evidence: evidenceText(evidence[row]),
    })),
  };
}

function described(error: ScoreError | null): string | null {
  return error === null ? null : cut(`${error.code}: ${error.message}`);
}

function evidenceText(evidence: unknown): string | null {
  if (evidence === null || evidence === undefined) return null;
  try {
    return cut(JSON.stringify(toPlain(evidence)));
  } catch {
    return null;
  }
}

function cut(text: string): string {
  return text.length <= longest ? text : `${text.slice(0, longest - 1)}…`;
}

import { ContractError } from "../core/error.ts";
import type { Random } from "../core/random.ts";
import type { Samples } from "../model/networks/decoding.ts";
import { dynamicFilter } from "../sampling/dynamic-filter.ts";
import type { LanguageTask } from "./language-task.ts";

/** Rollouts of one step, N rows, groups one after the other. */
export interface Rollouts {
  readonly samples: Samples;
  readonly rewards: Float64Array;
  readonly scored: readonly boolean[];
  readonly groups: Int32Array;
}

export interface CollectOptions {
  readonly task: LanguageTask;
  readonly prompts: number;
  readonly groupSize: number;
  readonly resampling?: number;
}

/**
 * Rollouts for one update. With `resampling`, groups without spread are replaced by groups drawn anew, up
 * to that many times; what is then still missing is filled with groups without spread, which carry no
 * gradient under a group baseline. `drawn` are all of them, `kept` those for the update.
 */
export function collectRollouts(
  { task, prompts, groupSize, resampling }: CollectOptions,
  sample: (prompts: Int32Array, uniforms: Float32Array) => Samples,
  random: Random,
): { kept: Rollouts; drawn: Rollouts[]; scoring: number } {
  const { promptLength, replyLength } = task;
  const columns = promptLength + replyLength;
  const rows = prompts * groupSize;
  let scoring = 0;
  const draw = (): Rollouts => {
    const problems = Array.from({ length: prompts }, () => task.draw(random, "training"));
    const tokens = new Int32Array(prompts * promptLength);
    problems.forEach((problem, group) => {
      tokens.set(task.prompt(problem), group * promptLength);
    });
    const uniforms = new Float32Array(rows * replyLength);
    for (let i = 0; i < uniforms.length; i++) uniforms[i] = random.uniform();
    const samples = sample(tokens, uniforms);
    const started = performance.now();
    const rewards = new Float64Array(rows);
    const scored: boolean[] = [];
    for (let row = 0; row < rows; row++) {
      const start = row * columns + promptLength;
      const reply = samples.tokens.subarray(start, start + samples.lengths[row]);
      const reward = task.reward(problems[Math.floor(row / groupSize)], reply);
      scored.push(reward !== null);
      if (reward !== null && !Number.isFinite(reward))
        throw new ContractError("task.reward", `expected a finite number or null, got ${reward}`);
      rewards[row] = reward ?? 0;
    }
    scoring += performance.now() - started;
    return { samples, rewards, scored, groups: Int32Array.from({ length: rows }, (_, i) => Math.floor(i / groupSize)) };
  };
  const first = draw();
  if (resampling === undefined) return { kept: first, drawn: [first], scoring };
  const drawn = [first];
  const spread: [Rollouts, number][] = [];
  const flat: [Rollouts, number][] = [];
  const sort = (rollouts: Rollouts) => {
    const { keep: kept } = dynamicFilter()({ rewards: rollouts.rewards, groups: rollouts.groups });
    for (let group = 0; group < prompts; group++)
      (kept[group * groupSize] ? spread : flat).push([rollouts, group * groupSize]);
  };
  sort(first);
  for (let round = 0; round < resampling && spread.length < prompts; round++) {
    const more = draw();
    drawn.push(more);
    sort(more);
  }
  return { kept: gather([...spread, ...flat].slice(0, prompts), groupSize, columns, replyLength), drawn, scoring };
}

/** Puts groups (rollouts, first row) of several draws together. */
function gather(
  from: readonly [Rollouts, number][],
  groupSize: number,
  columns: number,
  replyLength: number,
): Rollouts {
  const rows = from.length * groupSize;
  const tokens = new Int32Array(rows * columns);
  const lengths = new Int32Array(rows);
  const logprobs = new Float32Array(rows * replyLength);
  const entropies = new Float32Array(rows * replyLength);
  const rewards = new Float64Array(rows);
  const scored: boolean[] = [];
  from.forEach(([{ samples, rewards: theirs, scored: whether }, start], group) => {
    const at = group * groupSize;
    const end = start + groupSize;
    tokens.set(samples.tokens.subarray(start * columns, end * columns), at * columns);
    lengths.set(samples.lengths.subarray(start, end), at);
    logprobs.set(samples.logprobs.subarray(start * replyLength, end * replyLength), at * replyLength);
    entropies.set(samples.entropies.subarray(start * replyLength, end * replyLength), at * replyLength);
    rewards.set(theirs.subarray(start, end), at);
    scored.push(...whether.slice(start, end));
  });
  const groups = Int32Array.from({ length: rows }, (_, i) => Math.floor(i / groupSize));
  return { samples: { tokens, lengths, logprobs, entropies }, rewards, scored, groups };
}

/** What a report says of rollouts: all that were drawn, and those of the update. */
export function rolloutFigures(drawn: readonly Rollouts[], kept: Rollouts, groupSize: number) {
  let total = 0;
  let scored = 0;
  let rollouts = 0;
  let length = 0;
  let entropy = 0;
  for (const one of drawn) {
    one.scored.forEach((is, row) => {
      if (is) total += one.rewards[row];
      if (is) scored++;
      length += one.samples.lengths[row];
    });
    rollouts += one.scored.length;
    for (const value of one.samples.entropies) entropy += value;
  }
  let informative = 0;
  for (let row = 0; row < kept.scored.length; row += groupSize) {
    const rewards = kept.rewards.subarray(row, row + groupSize).filter((_, i) => kept.scored[row + i]);
    if (rewards.some((reward) => reward !== rewards[0])) informative++;
  }
  return {
    reward: scored === 0 ? null : total / scored,
    length: length / rollouts,
    entropy: entropy / Math.max(1, length),
    informativeGroups: (informative * groupSize) / kept.scored.length,
    unscored: rollouts - scored,
    rollouts,
  };
}

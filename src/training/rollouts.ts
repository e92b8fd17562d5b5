import { ContractError } from "../core/error.ts";
import type { Random } from "../core/random.ts";
import type { Samples } from "../model/networks/decoding.ts";
import { dynamicFilter } from "../sampling/dynamic-filter.ts";
import type { LanguageTask } from "./language-task.ts";

/** What was drawn and is to be scored: N rows, groups one after the other. */
export interface DrawnRollouts {
  /** The problem of each group. */
  readonly problems: readonly unknown[];
  readonly samples: Samples;
  /** N×R; where a reference is kept. */
  readonly refLogprobs?: Float32Array;
  readonly groups: Int32Array;
}

/** What drawn rollouts are worth, one entry a row; null: unscored. */
export interface RolloutScores {
  readonly rewards: ArrayLike<number | null>;
  /** One a rollout, or one a token of each reply. Absent: the algorithm's credit gives them. */
  readonly advantages?: ArrayLike<number | ArrayLike<number> | null>;
}

/** Rollouts of one step, N rows, groups one after the other. */
export interface Rollouts {
  readonly samples: Samples;
  readonly refLogprobs?: Float32Array;
  readonly rewards: Float64Array;
  readonly scored: readonly boolean[];
  readonly groups: Int32Array;
  /** N, or N×R, where they came with the rewards. */
  readonly advantages?: Float32Array;
}

/** Rollouts by the task's own reward. */
export function scoreByTask(task: LanguageTask, { problems, samples, groups }: DrawnRollouts): RolloutScores {
  const { promptLength, replyLength } = task;
  const rewards = Array.from(groups, (group, row) => {
    const start = row * (promptLength + replyLength) + promptLength;
    return task.reward(problems[group], samples.tokens.subarray(start, start + samples.lengths[row]));
  });
  return { rewards };
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
 *
 * A generator: it yields what is to be scored and is given the scores, so that scoring may take its time.
 */
export function* collectRollouts(
  { task, prompts, groupSize, resampling }: CollectOptions,
  sample: (prompts: Int32Array, uniforms: Float32Array) => Pick<DrawnRollouts, "samples" | "refLogprobs">,
  random: Random,
): Generator<DrawnRollouts, { kept: Rollouts; drawn: Rollouts[] }, RolloutScores> {
  const { promptLength, replyLength } = task;
  const columns = promptLength + replyLength;
  const rows = prompts * groupSize;
  function* draw(): Generator<DrawnRollouts, Rollouts, RolloutScores> {
    const problems = Array.from({ length: prompts }, () => task.draw(random, "training"));
    const tokens = new Int32Array(prompts * promptLength);
    problems.forEach((problem, group) => {
      tokens.set(task.prompt(problem), group * promptLength);
    });
    const uniforms = new Float32Array(rows * replyLength);
    for (let i = 0; i < uniforms.length; i++) uniforms[i] = random.uniform();
    const groups = Int32Array.from({ length: rows }, (_, i) => Math.floor(i / groupSize));
    const drawn = sample(tokens, uniforms);
    return { ...drawn, groups, ...checkScores(yield { problems, ...drawn, groups }, drawn.samples, replyLength) };
  }
  const first = yield* draw();
  if (resampling === undefined) return { kept: first, drawn: [first] };
  const drawn = [first];
  const spread: [Rollouts, number][] = [];
  const flat: [Rollouts, number][] = [];
  const sort = (rollouts: Rollouts) => {
    const kept = groupsWithSpread(rollouts, groupSize);
    for (let group = 0; group < prompts; group++) (kept.has(group) ? spread : flat).push([rollouts, group * groupSize]);
  };
  sort(first);
  for (let round = 0; round < resampling && spread.length < prompts; round++) {
    const more = yield* draw();
    drawn.push(more);
    sort(more);
  }
  return { kept: gather([...spread, ...flat].slice(0, prompts), groupSize, columns, replyLength), drawn };
}

/**
 * Groups whose scored rewards differ; the unscored tell nothing. A group that was drawn as one rollout is compared
 * with nothing and kept when it is scored; one of which a single rollout was scored has lost what it is compared with.
 */
function groupsWithSpread({ rewards, scored, groups }: Rollouts, groupSize: number): ReadonlySet<string | number> {
  const rows = scored.flatMap((is, row) => (is ? [row] : []));
  const { keptGroups } = dynamicFilter({ keepSingletons: groupSize === 1 })({
    rewards: Float64Array.from(rows, (row) => rewards[row]),
    groups: Int32Array.from(rows, (row) => groups[row]),
  });
  return new Set(keptGroups);
}

/** Scores as typed arrays; whatever is no number is named. The 0 of an unscored rollout is a filler that `scored` hides. */
function checkScores(
  { rewards, advantages }: RolloutScores,
  { lengths }: Samples,
  replyLength: number,
): Pick<Rollouts, "rewards" | "scored" | "advantages"> {
  const scored = Array.from(lengths, (_, row) => rewards[row] !== null);
  const values = Float64Array.from(lengths, (_, row) => {
    const reward = rewards[row] === null ? 0 : rewards[row];
    if (!Number.isFinite(reward))
      throw new ContractError("task.reward", `expected a finite number or null, got ${reward}`);
    return reward;
  });
  if (advantages === undefined) return { rewards: values, scored };
  const perToken = Array.prototype.some.call(advantages, (one: unknown) => typeof one === "object" && one !== null);
  const flat = new Float32Array(lengths.length * (perToken ? replyLength : 1));
  lengths.forEach((length, row) => {
    const one = advantages[row];
    if (one === null || !scored[row]) return;
    const wrong = typeof one === "number" ? perToken || !Number.isFinite(one) : one.length !== length;
    if (wrong || one === undefined)
      throw new ContractError(
        `advantages[${row}]`,
        perToken
          ? `expected one number for each of ${length} tokens, got ${typeof one === "object" ? one.length : one}`
          : `expected a finite number, got ${one}`,
      );
    if (typeof one === "number") flat[row] = one;
    else flat.set(Array.from(one), row * replyLength);
  });
  return { rewards: values, scored, advantages: flat };
}

/** Puts groups (rollouts, first row) of several draws together. */
function gather(
  from: readonly [Rollouts, number][],
  groupSize: number,
  columns: number,
  replyLength: number,
): Rollouts {
  const rows = from.length * groupSize;
  const joined = <A extends Float32Array | Float64Array | Int32Array>(
    target: A,
    width: number,
    pick: (rollouts: Rollouts) => A | undefined,
  ): A => {
    from.forEach(([rollouts, start], group) => {
      const part = pick(rollouts)?.subarray(start * width, (start + groupSize) * width);
      if (part !== undefined) target.set(part, group * groupSize * width);
    });
    return target;
  };
  const floats = (width: number, pick: (rollouts: Rollouts) => Float32Array | undefined) =>
    joined(new Float32Array(rows * width), width, pick);
  const [{ refLogprobs, advantages, scored }] = from[0];
  const width = advantages === undefined ? 0 : advantages.length / scored.length;
  return {
    samples: {
      tokens: joined(new Int32Array(rows * columns), columns, ({ samples }) => samples.tokens),
      lengths: joined(new Int32Array(rows), 1, ({ samples }) => samples.lengths),
      logprobs: floats(replyLength, ({ samples }) => samples.logprobs),
      entropies: floats(replyLength, ({ samples }) => samples.entropies),
    },
    refLogprobs: refLogprobs && floats(replyLength, (rollouts) => rollouts.refLogprobs),
    rewards: joined(new Float64Array(rows), 1, (rollouts) => rollouts.rewards),
    scored: from.flatMap(([rollouts, start]) => rollouts.scored.slice(start, start + groupSize)),
    groups: Int32Array.from({ length: rows }, (_, i) => Math.floor(i / groupSize)),
    advantages: advantages && floats(width, (rollouts) => rollouts.advantages),
  };
}

/** What a report says of rollouts: all that were drawn, and those of the update. */
export function rolloutFigures(drawn: readonly Rollouts[], kept: Rollouts, groupSize: number) {
  let total = 0;
  let scored = 0;
  let rollouts = 0;
  let length = 0;
  let entropy = 0;
  let kl = 0;
  for (const one of drawn) {
    one.scored.forEach((is, row) => {
      if (is) total += one.rewards[row];
      if (is) scored++;
      length += one.samples.lengths[row];
    });
    rollouts += one.scored.length;
    for (const value of one.samples.entropies) entropy += value;
    kl += sequenceKl(one);
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
    kl: kept.refLogprobs === undefined ? null : kl / rollouts,
    informativeGroups: (informative * groupSize) / kept.scored.length,
    unscored: rollouts - scored,
    rollouts,
  };
}

/** Σ over replies of ln π − ln π_ref (k1): unbiased, and not carried away by one unlikely token as k3 is; noise may take it below 0. */
function sequenceKl({ samples: { lengths, logprobs }, refLogprobs }: Rollouts): number {
  if (refLogprobs === undefined) return 0;
  const width = logprobs.length / lengths.length;
  let total = 0;
  for (let row = 0; row < lengths.length; row++)
    for (let i = row * width; i < row * width + lengths[row]; i++) total += logprobs[i] - refLogprobs[i];
  return total;
}

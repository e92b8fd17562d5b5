import { comparable } from "../core/groups.ts";
import { isRagged, type Ragged } from "../core/ragged.ts";
import { gae } from "../credit/gae.ts";
import { hasGroupBaseline } from "../credit/group-baseline.ts";
import { groupRelative } from "../credit/group-relative.ts";
import { reinforcePlusPlus } from "../credit/reinforce-plus-plus.ts";
import { klInReward } from "../shaping/kl-in-reward.ts";
import { overlongPenalty } from "../shaping/length.ts";
import type { PolicyGradientAlgorithm } from "./algorithms.ts";
import type { Rollouts } from "./rollouts.ts";

export interface Advantages {
  /** One a rollout (N) or one a token (N×R). */
  readonly advantages: Float32Array;
  /** N×R; with `gae` only. */
  readonly returns?: Float32Array;
}

export interface CreditInputs {
  /** N×R: 1 at the tokens of a reply. */
  readonly mask: Float32Array;
  readonly refLogprobs?: Float32Array;
  readonly values?: Float32Array;
  readonly replyLength: number;
}

/**
 * Advantages of one step's rollouts by the algorithm's parts. Unscored rollouts are left out before
 * anything is computed; they get 0, and their tokens are masked in the loss. The only scored rollout of
 * a larger group has nothing left to be compared with: under a group baseline it gets 0 and enters no
 * statistic, whatever `singleton` says of groups that were drawn as one rollout. A single token cannot be
 * whitened: a step that has no other gets 0 as well.
 */
export function advantagesOf(algorithm: PolicyGradientAlgorithm, rollouts: Rollouts, inputs: CreditInputs): Advantages {
  const { credit } = algorithm;
  const { replyLength } = inputs;
  const rows = comparableRows(credit, rollouts);
  const count = rollouts.scored.length;
  const perToken = credit.kind !== "group-relative";
  const advantages = new Float32Array(perToken ? count * replyLength : count);
  const returns = credit.kind === "gae" ? new Float32Array(count * replyLength) : undefined;
  if (rows.length === 0) return { advantages, returns };

  const picked = (data: Float32Array) => pickRows(data, rows, replyLength);
  const mask = picked(inputs.mask);
  const groups = Int32Array.from(rows, (row) => rollouts.groups[row]);
  let rewards = Float64Array.from(rows, (row) => rollouts.rewards[row]);
  if (algorithm.overlongPenalty !== undefined) {
    const lengths = rows.map((row) => rollouts.samples.lengths[row]);
    const { lengthRewards } = overlongPenalty(algorithm.overlongPenalty)({ lengths });
    rewards = rewards.map((reward, i) => reward + Number(lengthRewards[i]));
  }
  const shaped = klInReward({ beta: 0, ...algorithm.klInReward })({
    rewards,
    mask,
    ...(algorithm.klInReward === undefined || inputs.refLogprobs === undefined
      ? {}
      : { logprobs: picked(rollouts.samples.logprobs), refLogprobs: picked(inputs.refLogprobs) }),
  });
  const put = (target: Float32Array, { values }: Ragged) => {
    rows.forEach((row, i) => {
      target.set(values.subarray(i * replyLength, (i + 1) * replyLength), row * replyLength);
    });
  };
  if (credit.kind === "group-relative") {
    const result = groupRelative(credit.params)({ rewards: shaped.rewards, groups }).advantages;
    const values = isRagged(result) ? result.values : result;
    rows.forEach((row, i) => {
      advantages[row] = values[i];
    });
  } else if (credit.kind === "reinforce-plus-plus") {
    if (tokensOf(mask) < 2) return { advantages };
    put(advantages, reinforcePlusPlus(credit.params)({ tokenRewards: shaped.tokenRewards, groups, mask }).advantages);
  } else {
    const values = picked(inputs.values ?? new Float32Array(count * replyLength));
    const lone = tokensOf(mask) < 2;
    const params = lone ? { ...credit.params, whiten: false } : credit.params;
    const result = gae(params)({ tokenRewards: shaped.tokenRewards, values, mask });
    // The critic learns from a single token too; unwhitened, so does the policy.
    if (!lone || credit.params.whiten === false) put(advantages, result.advantages);
    if (returns !== undefined) put(returns, result.returns);
  }
  return { advantages, returns };
}

/** Scored rollouts; where the baseline is the group's, those that have another scored one in it, or never had any other. */
function comparableRows(credit: PolicyGradientAlgorithm["credit"], { scored, groups }: Rollouts): number[] {
  const rows = scored.flatMap((is, row) => (is ? [row] : []));
  if (rows.length === scored.length || !hasGroupBaseline(`credit/${credit.kind}`, credit.params)) return rows;
  const kept = comparable(rows, groups);
  return rows.filter((_, i) => kept[i] === 1);
}

function tokensOf({ values }: Ragged): number {
  let tokens = 0;
  for (const value of values) if (value !== 0) tokens++;
  return tokens;
}

/** Rows of N×R as a ragged array of full rows. */
function pickRows(data: Float32Array, rows: readonly number[], width: number): Ragged {
  const values = new Float64Array(rows.length * width);
  rows.forEach((row, i) => {
    values.set(data.subarray(row * width, (row + 1) * width), i * width);
  });
  return { values, offsets: Uint32Array.from({ length: rows.length + 1 }, (_, i) => i * width) };
}

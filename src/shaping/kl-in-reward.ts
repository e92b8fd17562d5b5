import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields, nullableVector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { checkSameRows, raggedLike, toRagged } from "../core/ragged.ts";

/**
 * Per-token rewards with the KL penalty inside (PPO for language models; verl `apply_kl_penalty`, arXiv 2203.02155, eq. 2).
 *
 * With d_t = logprobs_t − refLogprobs_t, on unmasked tokens
 * `tokenRewards_t` = −β k(d_t) + tokenCoef · (given tokenRewards)_t, plus the outcome `rewards` on the
 * row's last unmasked token; masked tokens get 0. k is d (`k1`) or |d| (`abs`). With reduction `mean`
 * β is divided by the row's number of unmasked tokens.
 *
 * N rows of T tokens; an absent mask counts every token. Outputs: `tokenRewards` (N×T), `rewards` (N,
 * their row sums) and, where log-probabilities are given, `sequenceKl` (N, nats): the sum (or mean) of
 * k over the row, null for a mean over no token. A row whose mask is empty pays nothing, not even its
 * outcome. Log-probabilities may be left out when β is 0.
 */
export const klInReward = definePart({
  id: "shaping/kl-in-reward",
  papers: ["grpo"],
  params: z.object({
    beta: z.number().default(0.05).describe("strength of the penalty"),
    estimator: z.enum(["k1", "abs"]).default("k1").describe("k1: log-ratio, abs: its absolute value"),
    reduction: z.enum(["sum", "mean"]).default("sum").describe("mean: the penalty is averaged over the row's tokens"),
    tokenCoef: z.number().default(1).describe("weight of the given token rewards"),
  }),
  inputs: z.object({
    rewards: fields.rewards,
    logprobs: fields.logprobs.optional(),
    refLogprobs: fields.refLogprobs.optional(),
    mask: fields.mask.optional(),
    tokenRewards: fields.tokenRewards.optional(),
  }),
  outputs: z.object({
    tokenRewards: fields.tokenRewards,
    rewards: fields.rewards,
    sequenceKl: nullableVector("N", "KL of each row to the reference, nats; null: a mean over no token").optional(),
  }),
  compute({ beta, estimator, reduction, tokenCoef }, inputs) {
    const pack = (rows: typeof inputs.mask) => (rows === undefined ? null : toRagged(rows));
    const logprobs = pack(inputs.logprobs);
    const refLogprobs = pack(inputs.refLogprobs);
    const mask = pack(inputs.mask);
    const given = pack(inputs.tokenRewards);
    const like = mask ?? logprobs ?? given;
    if (!like) throw new ContractError("inputs.mask", "required when neither logprobs nor tokenRewards are given");
    if (beta !== 0 && !logprobs) throw new ContractError("inputs.logprobs", "required unless beta is 0");
    if ((logprobs === null) !== (refLogprobs === null))
      throw new ContractError("inputs.refLogprobs", "expected logprobs and refLogprobs together");
    const rows = like.offsets.length - 1;
    if (inputs.rewards.length !== rows)
      throw new ContractError("inputs.rewards", `expected ${rows} entries, got ${inputs.rewards.length}`);
    for (const [field, ragged] of Object.entries({ logprobs, refLogprobs, tokenRewards: given }))
      if (ragged) checkSameRows(ragged, like, field);
    const tokenRewards = raggedLike(like);
    const rewards = new Float64Array(rows);
    const kl = logprobs ? new Float64Array(rows) : null;
    const out = tokenRewards.values;
    const m = mask ? mask.values : null;
    const l = logprobs ? logprobs.values : null;
    const ref = refLogprobs ? refLogprobs.values : null;
    const g = given ? given.values : null;
    let unscored: number[] | null = null;
    for (let i = 0; i < rows; i++) {
      const start = like.offsets[i];
      const end = like.offsets[i + 1];
      let count = end - start;
      let last = end - 1;
      if (m) {
        count = 0;
        last = -1;
        for (let t = start; t < end; t++) {
          if (m[t] === 0) continue;
          count++;
          last = t;
        }
      }
      if (count === 0) {
        if (kl && reduction === "mean") {
          unscored ??= [];
          unscored.push(i);
        }
        continue;
      }
      const strength = reduction === "mean" ? beta / count : beta;
      let sum = 0;
      let sumKl = 0;
      for (let t = start; t <= last; t++) {
        if (m && m[t] === 0) continue;
        let reward = t === last ? inputs.rewards[i] : 0;
        if (l && ref) {
          const ratio = l[t] - ref[t];
          const k = estimator === "abs" ? Math.abs(ratio) : ratio;
          sumKl += k;
          reward -= strength * k;
        }
        if (g) reward += tokenCoef * g[t];
        out[t] = reward;
        sum += reward;
      }
      rewards[i] = sum;
      if (kl) kl[i] = reduction === "mean" ? sumKl / count : sumKl;
    }
    return kl ? { tokenRewards, rewards, sequenceKl: withNulls(kl, unscored) } : { tokenRewards, rewards };
  },
});

function withNulls(values: Float64Array, at: readonly number[] | null): ArrayLike<number | null> {
  if (!at) return values;
  const nullable: (number | null)[] = Array.from(values);
  for (const i of at) nullable[i] = null;
  return nullable;
}

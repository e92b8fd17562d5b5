import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields } from "../core/fields.ts";
import { indexGroups } from "../core/groups.ts";
import { definePart } from "../core/part.ts";
import { checkSameRows, type Ragged, raggedLike, rowCount, toRagged, type Vector } from "../core/ragged.ts";
import { whiten } from "./whitening.ts";

/**
 * REINFORCE++ advantages (arXiv 2501.03262): whitened returns-to-go, or whitened group-centred rewards.
 *
 * - baseline `none`: R_t = r_t + γ R_{t+1}, started anew before every masked token (as verl), then
 *   whitened over all unmasked tokens of the batch: (R − μ) / √(σ² + 1e-8), Bessel-corrected. `returns`
 *   are the R before whitening. Takes `tokenRewards`.
 * - baseline `group-mean`: r_i minus the mean of its group (nothing is subtracted in a group of one),
 *   copied to the rollout's unmasked tokens, then whitened, so that long answers weigh more in the
 *   statistics. `returns` equal `advantages`. Takes `groups` and `rewards` (or `tokenRewards`, whose row
 *   sums are then the rewards).
 *
 * `mask` (N×T, absent = all, but needed where only `rewards` are given) and both outputs are N×T; masked
 * tokens get advantage 0. A batch with a single unmasked token cannot be whitened: `ContractError`.
 */
export const reinforcePlusPlus = definePart({
  id: "credit/reinforce-plus-plus",
  papers: ["grpo"],
  params: z.object({
    gamma: z.number().min(0).max(1).default(1).describe("discount per token (baseline none)"),
    baseline: z.enum(["none", "group-mean"]).default("none").describe("group-mean: the REINFORCE++-baseline variant"),
  }),
  inputs: z.object({
    tokenRewards: fields.tokenRewards.optional(),
    mask: fields.mask.optional(),
    rewards: fields.rewards.optional(),
    groups: fields.groups.optional(),
  }),
  outputs: z.object({ advantages: fields.tokenAdvantages, returns: fields.returns }),
  compute({ gamma, baseline }, inputs) {
    const tokenRewards = inputs.tokenRewards === undefined ? null : toRagged(inputs.tokenRewards);
    const mask = inputs.mask === undefined ? null : toRagged(inputs.mask);
    if (mask && tokenRewards) checkSameRows(mask, tokenRewards, "mask");
    if (baseline === "none") {
      if (!tokenRewards) throw new ContractError("inputs.tokenRewards", "required when baseline is none");
      const returns = returnsToGo(tokenRewards, mask, gamma);
      const advantages = raggedLike(returns);
      whitenUnmasked(returns, mask, advantages);
      return { advantages, returns };
    }
    if (inputs.groups === undefined) throw new ContractError("inputs.groups", "required when baseline is group-mean");
    const like = mask ?? tokenRewards;
    if (!like) throw new ContractError("inputs.mask", "required when only rewards are given");
    const rewards = inputs.rewards ?? (tokenRewards ? rowSums(tokenRewards) : null);
    if (!rewards) throw new ContractError("inputs.rewards", "required when baseline is group-mean");
    const n = rowCount(like);
    if (rewards.length !== n) throw new ContractError("inputs.rewards", `expected ${n} entries, got ${rewards.length}`);
    if (inputs.groups.length !== n)
      throw new ContractError("inputs.groups", `expected ${n} entries, got ${inputs.groups.length}`);
    const centred = groupCentred(rewards, inputs.groups);
    const advantages = raggedLike(like);
    for (let i = 0; i < n; i++) advantages.values.fill(centred[i], like.offsets[i], like.offsets[i + 1]);
    whitenUnmasked(advantages, mask, advantages);
    return { advantages, returns: advantages };
  },
});

function returnsToGo(tokenRewards: Ragged, mask: Ragged | null, gamma: number): Ragged {
  const returns = raggedLike(tokenRewards);
  const { values: r, offsets } = tokenRewards;
  const m = mask ? mask.values : null;
  const out = returns.values;
  for (let i = 0; i + 1 < offsets.length; i++) {
    let running = 0;
    for (let t = offsets[i + 1] - 1; t >= offsets[i]; t--) {
      running = r[t] + gamma * running;
      out[t] = running;
      if (m !== null && m[t] === 0) running = 0;
    }
  }
  return returns;
}

function whitenUnmasked({ values }: Ragged, mask: Ragged | null, { values: out }: Ragged): void {
  const m = mask ? mask.values : null;
  whiten(values, m, out);
  if (m) for (let t = 0; t < out.length; t++) if (m[t] === 0) out[t] = 0;
}

function rowSums({ values, offsets }: Ragged): Float64Array {
  const sums = new Float64Array(offsets.length - 1);
  for (let i = 0; i < sums.length; i++) for (let t = offsets[i]; t < offsets[i + 1]; t++) sums[i] += values[t];
  return sums;
}

function groupCentred(rewards: Vector, groups: ArrayLike<string | number>): Float64Array {
  const { of, counts } = indexGroups(groups);
  const means = new Float64Array(counts.length);
  for (let i = 0; i < of.length; i++) means[of[i]] += rewards[i] / counts[of[i]];
  const centred = new Float64Array(of.length);
  for (let i = 0; i < of.length; i++) centred[i] = counts[of[i]] > 1 ? rewards[i] - means[of[i]] : rewards[i];
  return centred;
}

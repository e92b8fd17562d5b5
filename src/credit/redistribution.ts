import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields, nullableVector, ragged, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { checkSameRows, raggedLike, raggedOf, rowCount, toRagged } from "../core/ragged.ts";

/**
 * Spreads a response's reward over its tokens by the reward model's attention (attention-based credit, in arXiv
 * 2507.13158; arXiv 2402.00782).
 *
 * r̂_t = β R α_t + (1 − β) R · [t is the last unmasked token], α the attention normalised over unmasked tokens; without
 * attention mass all of R is on the last. Rows sum to R, except where every token is masked. `rewards` N; `attentions`,
 * `mask`, `tokenRewards` N×T.
 */
export const attentionRedistribution = definePart({
  id: "credit/attention-redistribution",
  papers: ["irl-llm-survey"],
  params: z.object({ beta: z.number().min(0).max(1).default(0.8).describe("β, share that follows attention") }),
  inputs: z.object({
    rewards: fields.rewards,
    attentions: ragged("N×T", "attention of the reward model to each token"),
    mask: fields.mask.optional(),
  }),
  outputs: z.object({ tokenRewards: fields.tokenRewards }),
  compute({ beta }, { rewards, ...inputs }) {
    const attentions = toRagged(inputs.attentions);
    const masked = inputs.mask === undefined ? null : toRagged(inputs.mask);
    if (masked) checkSameRows(masked, attentions, "mask");
    if (rowCount(attentions) !== rewards.length)
      throw new ContractError("inputs.attentions", `expected ${rewards.length} rows, got ${rowCount(attentions)}`);
    const m = masked ? masked.values : null;
    const tokenRewards = raggedLike(attentions);
    const { values, offsets } = attentions;
    for (let i = 0; i < rewards.length; i++) {
      let mass = 0;
      let last = -1;
      for (let t = offsets[i]; t < offsets[i + 1]; t++) {
        if (m !== null && m[t] === 0) continue;
        mass += values[t];
        last = t;
      }
      if (last < 0) continue;
      const share = mass > 0 ? beta : 0;
      for (let t = offsets[i]; share > 0 && t <= last; t++)
        if (m === null || m[t] !== 0) tokenRewards.values[t] = (share * rewards[i] * values[t]) / mass;
      tokenRewards.values[last] += (1 - share) * rewards[i];
    }
    return { tokenRewards };
  },
});

/**
 * Gives every step of an episode its mean return, on the scale of the returns seen (IRCR, arXiv 2010.12718; as in LaRe,
 * arXiv 2412.11120, release).
 *
 * With g = return/length: reward = (g − min)/(max − min), min and max over this batch and the state's; 0 where they
 * agree. `returns`, `lengths` (steps), `rewards` N; null for an episode without steps. `state` {min, max}, null or absent
 * at the start.
 */
export const uniformRedistribution = definePart({
  id: "credit/uniform-redistribution",
  papers: ["lare"],
  params: z.object({}),
  inputs: z.object({
    returns: vector("N", "return of each episode"),
    lengths: vector("N", "steps of each episode"),
    state: z
      .object({
        min: z.number().nullable().default(null).describe("smallest mean return seen"),
        max: z.number().nullable().default(null).describe("largest mean return seen"),
      })
      .optional()
      .describe("absent: nothing seen yet"),
  }),
  outputs: z.object({
    rewards: nullableVector("N", "reward of every step of the episode"),
    state: z.object({ min: z.number().nullable(), max: z.number().nullable() }),
  }),
  compute(_, { returns, lengths, state }) {
    let min = state?.min ?? null;
    let max = state?.max ?? null;
    const means = Array.from(returns, (value, i) => (lengths[i] > 0 ? value / lengths[i] : null));
    for (const value of means) {
      if (value === null) continue;
      if (min === null || value < min) min = value;
      if (max === null || value > max) max = value;
    }
    const low = min ?? 0;
    const range = (max ?? 0) - low;
    return {
      rewards: means.map((value) => (value === null ? null : range === 0 ? 0 : (value - low) / range)),
      state: { min, max },
    };
  },
});

/**
 * Puts each unit's value on its last token and what is left of the reward on the response's last (SCAR, arXiv
 * 2505.20417, §3; in arXiv 2512.04302).
 *
 * Token reward = mix · (values of the units that end there), plus R − mix · Σ values on the last token, so that rows sum
 * to R whatever the values. `rewards`, `lengths` N; `unitValues`, `unitEnds` (last token of each unit, 0-based,
 * inclusive) N×U; `tokenRewards` N×T. A response of length 0 has no place for its reward. An end beyond the response is
 * a `ContractError`.
 */
export const unitToToken = definePart({
  id: "credit/unit-to-token",
  papers: ["dense-rewards-proposal"],
  params: z.object({ mix: z.number().default(1).describe("share that is dense; the rest stays terminal") }),
  inputs: z.object({
    rewards: fields.rewards,
    unitValues: ragged("N×U", "value of each unit, e.g. Shapley"),
    unitEnds: ragged("N×U", "last token of each unit, 0-based, inclusive"),
    lengths: fields.lengths,
  }),
  outputs: z.object({ tokenRewards: fields.tokenRewards }),
  compute({ mix }, { rewards, lengths, ...inputs }) {
    const values = toRagged(inputs.unitValues);
    const ends = toRagged(inputs.unitEnds);
    checkSameRows(ends, values, "unitEnds");
    const tokenRewards = raggedOf(lengths);
    const out = tokenRewards.values;
    for (let i = 0; i < rewards.length; i++) {
      const start = tokenRewards.offsets[i];
      let left = rewards[i];
      for (let u = values.offsets[i]; u < values.offsets[i + 1]; u++) {
        const end = ends.values[u];
        if (!Number.isInteger(end) || end < 0 || end >= lengths[i])
          throw new ContractError(
            `inputs.unitEnds[${i}][${u - values.offsets[i]}]`,
            `expected a token below ${lengths[i]}, got ${end}`,
          );
        out[start + end] += mix * values.values[u];
        left -= mix * values.values[u];
      }
      if (lengths[i] > 0) out[start + lengths[i] - 1] += left;
    }
    return { tokenRewards };
  },
});

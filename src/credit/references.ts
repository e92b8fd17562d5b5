import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields, flags, integers, nullableVector, shaped, vector } from "../core/fields.ts";
import { type GroupIndex, groupMembers, indexGroups } from "../core/groups.ts";
import { definePart } from "../core/part.ts";
import type { Vector } from "../core/ragged.ts";

/**
 * Compares every rollout with one drawn from its own group (BRPO, Writing-Zero, arXiv 2506.00103, §3.3).
 *
 * `references` P: each group's reference rollout, groups in order of first appearance, as indices into the batch; if one
 * of those lies outside its group, all are read as positions within their groups. `wins` N×V: the candidate beat the reference in vote v (ignored for the reference). R = +1 if the votes prefer
 * the candidate, −1 if they prefer the reference, `inconsistent` otherwise: `unanimous` wants all votes to agree,
 * `majority` more than half. The reference, and a rollout without votes, gets 0. The advantage is R itself.
 *
 * `skew` = |Σ R|/G per group, the reference counted in G; groups above `skewThreshold` (strictly) are dropped: their
 * advantages are 0 and `keepGroups` is false.
 */
export const bootstrappedRelative = definePart({
  id: "credit/bootstrapped-relative",
  papers: ["writing-zero"],
  params: z.object({
    skewThreshold: z.number().nonnegative().default(0.6).describe("largest skew that is kept"),
    voteRule: z.enum(["unanimous", "majority"]).default("unanimous").describe("when votes prefer a side"),
    inconsistent: z.number().default(-1).describe("R where they prefer neither"),
  }),
  inputs: z.object({
    groups: fields.groups,
    references: integers("P", "index of each group's reference rollout"),
    wins: shaped(z.array(z.array(z.boolean())), "N×V", "the candidate beat the reference, per vote"),
  }),
  outputs: z.object({
    advantages: fields.advantages,
    skew: vector("P", "|Σ R|/G"),
    keepGroups: flags("P", "the group may be trained on"),
  }),
  compute({ skewThreshold, voteRule, inconsistent }, { groups, references, wins }) {
    const index = indexGroups(groups);
    const { of, ids, counts } = index;
    if (references.length !== ids.length)
      throw new ContractError(
        "inputs.references",
        `expected ${ids.length} entries (one per group), got ${references.length}`,
      );
    const chosen = resolveReferences(references, index);
    const advantages = new Float64Array(of.length);
    const sums = new Float64Array(ids.length);
    for (let i = 0; i < of.length; i++) {
      const votes = wins[i].length;
      if (i === chosen[of[i]] || votes === 0) continue;
      let won = 0;
      for (const win of wins[i]) if (win) won++;
      const needed = voteRule === "unanimous" ? votes : Math.floor(votes / 2) + 1;
      if (won >= needed) advantages[i] = 1;
      else advantages[i] = votes - won >= needed ? -1 : inconsistent;
      sums[of[i]] += advantages[i];
    }
    const skew = sums.map((sum, g) => Math.abs(sum) / counts[g]);
    const keepGroups = Array.from(skew, (value) => value <= skewThreshold);
    for (let i = 0; i < of.length; i++) if (!keepGroups[of[i]]) advantages[i] = 0;
    return { advantages, skew, keepGroups };
  },
});

function resolveReferences(references: Vector, index: GroupIndex): Int32Array {
  const { of, ids, counts } = index;
  const chosen = Int32Array.from(references);
  if (chosen.every((reference, g) => of[reference] === g)) return chosen;
  const { order, starts } = groupMembers(index);
  return chosen.map((position, g) => {
    if (position < 0 || position >= counts[g])
      throw new ContractError(`inputs.references[${g}]`, `rollout ${position} is not in group ${ids[g]}`);
    return order[starts[g] + position];
  });
}

/**
 * Advantages of thoughts under the log-mean likelihood of the reference answer (JEPO, in arXiv 2602.03979, eq. 11).
 *
 * With ℓ_i = log π(a*|p, z_i): R = log (1/G) Σ e^{ℓ_i} over the group, A_i = R minus the same over the other G − 1, and
 * `answerWeights` softmax(ℓ) within the group, the weight of each answer's own gradient. Computed in logarithms.
 * `groupRewards` P in order of first appearance; A is null in a group of one.
 */
export const jensenLeaveOneOut = definePart({
  id: "credit/jensen-leave-one-out",
  papers: ["likelihood-rewards"],
  params: z.object({}),
  inputs: z.object({
    logLikelihoods: vector("N", "log-probability (nats) of the reference answer after each thought"),
    groups: fields.groups,
  }),
  outputs: z.object({
    groupRewards: vector("P", "log-mean likelihood"),
    advantages: nullableVector("N", "A; null: there is no other rollout"),
    answerWeights: vector("N", "share of each rollout, summing to 1 in its group"),
  }),
  compute(_, { logLikelihoods, groups }) {
    const index = indexGroups(groups);
    const { order, starts } = groupMembers(index);
    const n = order.length;
    const groupRewards = new Float64Array(index.ids.length);
    const advantages = new Float64Array(n);
    const answerWeights = new Float64Array(n);
    // Sums of what comes before and after each member: subtracting its own share would lose the digits of the rest.
    const before = new Float64Array(n);
    let lonely = false;
    for (let g = 0; g < index.ids.length; g++) {
      const size = starts[g + 1] - starts[g];
      let all = Number.NEGATIVE_INFINITY;
      for (let k = starts[g]; k < starts[g + 1]; k++) {
        before[k] = all;
        all = logAdd(all, logLikelihoods[order[k]]);
      }
      groupRewards[g] = all - Math.log(size);
      let after = Number.NEGATIVE_INFINITY;
      for (let k = starts[g + 1] - 1; k >= starts[g]; k--) {
        const i = order[k];
        answerWeights[i] = Math.exp(logLikelihoods[i] - all);
        advantages[i] = size === 1 ? Number.NaN : groupRewards[g] - (logAdd(before[k], after) - Math.log(size - 1));
        after = logAdd(after, logLikelihoods[i]);
      }
      if (size === 1) lonely = true;
    }
    const shown = lonely ? Array.from(advantages, (value) => (Number.isNaN(value) ? null : value)) : advantages;
    return { groupRewards, advantages: shown, answerWeights };
  },
});

/** log(e^a + e^b). */
function logAdd(a: number, b: number): number {
  const high = Math.max(a, b);
  return high === Number.NEGATIVE_INFINITY ? high : high + Math.log1p(Math.exp(Math.min(a, b) - high));
}

/**
 * Standardises rewards per prompt with a memory of earlier ones (DDPO, arXiv 2305.13301, §5.2; release).
 *
 * The batch's rewards join their prompt's buffer, of which the last `bufferSize` are kept; A = (r − μ)/(σ + ε) with mean
 * and population deviation of the buffer, or of the whole batch while the buffer holds fewer than `minCount`. Equal
 * rewards give 0. `rewards`, `groups` (prompt), `advantages` N; `state.buffers` {prompt id as text: rewards}.
 */
export const perPromptNormalization = definePart({
  id: "credit/per-prompt-normalization",
  papers: ["flow-grpo"],
  params: z.object({
    bufferSize: z.int().positive().default(16).describe("rewards remembered per prompt"),
    minCount: z.int().nonnegative().default(16).describe("fewest rewards for statistics of its own"),
    epsilon: z.number().nonnegative().default(1e-6).describe("added to the deviation"),
  }),
  inputs: z.object({
    rewards: fields.rewards,
    groups: fields.groups,
    state: z
      .object({ buffers: z.record(z.string(), z.array(z.number())).default({}) })
      .optional()
      .describe("buffer by prompt; absent: none yet"),
  }),
  outputs: z.object({
    advantages: fields.advantages,
    state: z.object({ buffers: z.record(z.string(), z.array(z.number())) }),
  }),
  compute({ bufferSize, minCount, epsilon }, { rewards, groups, state }) {
    const index = indexGroups(groups);
    const { order, starts } = groupMembers(index);
    const buffers = new Map(Object.entries(state?.buffers ?? {}));
    const batch = moments(rewards);
    const advantages = new Float64Array(rewards.length);
    for (let g = 0; g < index.ids.length; g++) {
      const key = String(index.ids[g]);
      const members = order.subarray(starts[g], starts[g + 1]);
      const earlier = buffers.get(key) ?? [];
      const buffer: number[] = [];
      for (let k = Math.max(0, earlier.length + members.length - bufferSize); k < earlier.length + members.length; k++)
        buffer.push(k < earlier.length ? earlier[k] : rewards[members[k - earlier.length]]);
      buffers.set(key, buffer);
      const { mean, deviation } = buffer.length < minCount ? batch : moments(buffer);
      const divisor = deviation + epsilon;
      for (let k = 0; k < members.length; k++) {
        const off = rewards[members[k]] - mean;
        advantages[members[k]] = divisor === 0 ? off : off / divisor;
      }
    }
    return { advantages, state: { buffers: Object.fromEntries(buffers) } };
  },
});

/** Mean and population deviation, exact for equal values. */
function moments(values: ArrayLike<number>): { mean: number; deviation: number } {
  let shift = 0;
  const n = values.length;
  const origin = n === 0 ? 0 : values[0];
  for (let i = 0; i < n; i++) shift += (values[i] - origin) / n;
  let squares = 0;
  for (let i = 0; i < n; i++) squares += (values[i] - origin - shift) ** 2;
  return { mean: origin + shift, deviation: n === 0 ? 0 : Math.sqrt(squares / n) };
}

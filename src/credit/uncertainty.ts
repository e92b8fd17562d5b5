import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields, nullableVector, ragged, vector } from "../core/fields.ts";
import { indexGroups } from "../core/groups.ts";
import { definePart } from "../core/part.ts";
import { checkSameRows, type Ragged, raggedLike, rowCount, toRagged, type Vector } from "../core/ragged.ts";

/**
 * Reweights advantages by the policy's certainty, per response and per token (UCAS, arXiv 2510.10649, eqs. 4–9).
 *
 * Per response: A = (r − mean)/(sd + ε) over its group; C = sum (or `mean`) over unmasked tokens of the self-certainty
 * logsumexp(z) − mean(z); K = (C − mean)/(sd + ε); w = e^(−β⁺K) if A > 0, else e^(β⁻K); B = A·w. `scale: "none"` divides
 * neither A nor K. A group of one has mean 0 and deviation 1 (`raw`), or B = 0 (`zero`).
 *
 * Per token: n_t = (ẑ_t − min)/(max − min + ε) over all unmasked tokens of the batch, ½ where max ≈ min; y_t = B −
 * penalty · n_t, not below 0 where B > 0; 0 for masked tokens. ẑ is the raw logit of the sampled token.
 *
 * `rewards`, `groups` N; `certainties`, `tokenLogits`, `mask` N×T. Outputs `advantages` (y) and `normalizedLogits` (n, 0
 * where masked) N×T, `responseAdvantages` (B) and `weights` (w) N. A group without spread is pushed down as a whole.
 */
export const uncertaintyShaped = definePart({
  id: "credit/uncertainty-shaped",
  papers: ["ucas"],
  params: z.object({
    betaPositive: z.number().default(0.25).describe("β⁺, for responses above the mean"),
    betaNegative: z.number().default(0.35).describe("β⁻, for the others"),
    penalty: z.number().default(0.05).describe("λ, cost of the largest token logit"),
    aggregate: z.enum(["sum", "mean"]).default("sum").describe("certainty of a response from its tokens"),
    scale: z.enum(["group", "none"]).default("group").describe("divide by the group's deviation"),
    epsilon: z.number().nonnegative().default(1e-6).describe("added to deviations and to the logits' range"),
    ddof: z
      .union([z.literal(0), z.literal(1)])
      .default(1)
      .describe("1: sample deviation, 0: population deviation"),
    singleton: z.enum(["raw", "zero"]).default("raw").describe("a group of one"),
  }),
  inputs: z.object({
    rewards: fields.rewards,
    groups: fields.groups,
    certainties: ragged("N×T", "self-certainty per token, nats"),
    tokenLogits: ragged("N×T", "raw logit of the sampled token"),
    mask: fields.mask.optional(),
  }),
  outputs: z.object({
    advantages: fields.tokenAdvantages,
    responseAdvantages: vector("N", "B, before the token penalty"),
    weights: vector("N", "w"),
    normalizedLogits: ragged("N×T", "n, 0 to 1"),
  }),
  compute(params, { rewards, groups, ...inputs }) {
    const certainties = toRagged(inputs.certainties);
    const logits = toRagged(inputs.tokenLogits);
    const masked = inputs.mask === undefined ? null : toRagged(inputs.mask);
    checkSameRows(logits, certainties, "tokenLogits");
    if (masked) checkSameRows(masked, certainties, "mask");
    if (rowCount(certainties) !== rewards.length)
      throw new ContractError("inputs.certainties", `expected ${rewards.length} rows, got ${rowCount(certainties)}`);
    const m = masked ? masked.values : null;
    const { offsets } = certainties;
    const n = rewards.length;
    const { of, counts } = indexGroups(groups);
    const a = standardised(rewards, of, counts, params);
    const k = standardised(rowTotals(certainties, m, params.aggregate === "mean"), of, counts, params);
    const weights = new Float64Array(n);
    const responseAdvantages = new Float64Array(n);
    for (let i = 0; i < n; i++) {
      weights[i] = Math.exp(a[i] > 0 ? -params.betaPositive * k[i] : params.betaNegative * k[i]);
      responseAdvantages[i] = params.singleton === "zero" && counts[of[i]] === 1 ? 0 : a[i] * weights[i];
    }
    const normalizedLogits = normalised(logits, m, params.epsilon);
    const advantages = raggedLike(logits);
    for (let i = 0; i < n; i++) {
      const b = responseAdvantages[i];
      for (let t = offsets[i]; t < offsets[i + 1]; t++) {
        if (m !== null && m[t] === 0) continue;
        const value = b - params.penalty * normalizedLogits.values[t];
        advantages.values[t] = b > 0 && value < 0 ? 0 : value;
      }
    }
    return { advantages, responseAdvantages, weights, normalizedLogits };
  },
});

function rowTotals({ values, offsets }: Ragged, m: Float64Array | null, average: boolean): Float64Array {
  const totals = new Float64Array(offsets.length - 1);
  for (let i = 0; i < totals.length; i++) {
    let count = 0;
    for (let t = offsets[i]; t < offsets[i + 1]; t++) {
      if (m !== null && m[t] === 0) continue;
      totals[i] += values[t];
      count++;
    }
    if (average && count > 0) totals[i] /= count;
  }
  return totals;
}

function standardised(
  values: Vector,
  of: Int32Array,
  counts: Int32Array,
  { scale, epsilon, ddof }: { readonly scale: "group" | "none"; readonly epsilon: number; readonly ddof: 0 | 1 },
): Float64Array {
  const means = new Float64Array(counts.length);
  const squares = new Float64Array(counts.length);
  for (let i = 0; i < of.length; i++) if (counts[of[i]] > 1) means[of[i]] += values[i] / counts[of[i]];
  for (let i = 0; i < of.length; i++) squares[of[i]] += (values[i] - means[of[i]]) ** 2;
  const out = new Float64Array(of.length);
  for (let i = 0; i < of.length; i++) {
    const g = of[i];
    let off = values[i] - means[g];
    let divisor = 1;
    if (counts[g] > 1) {
      const deviation = Math.sqrt(squares[g] / (counts[g] - ddof));
      // Equal values: what is left of the difference is rounding.
      if (deviation <= 1e-12 * Math.abs(means[g])) off = 0;
      divisor = deviation;
    }
    divisor += epsilon;
    out[i] = scale === "none" || divisor === 0 ? off : off / divisor;
  }
  return out;
}

function normalised(logits: Ragged, m: Float64Array | null, epsilon: number): Ragged {
  const out = raggedLike(logits);
  const { values } = logits;
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let t = 0; t < values.length; t++) {
    if (m !== null && m[t] === 0) continue;
    if (values[t] < low) low = values[t];
    if (values[t] > high) high = values[t];
  }
  const flat = high - low <= 1e-8 + 1e-5 * Math.abs(low);
  const range = high - low + epsilon;
  for (let t = 0; t < values.length; t++) {
    if (m !== null && m[t] === 0) continue;
    out.values[t] = flat ? 0.5 : (values[t] - low) / range;
  }
  return out;
}

/**
 * Boosts correct rollouts that the policy finds unlikely (novelty-guided sharpening, XRPO, arXiv 2510.06672, §3.3).
 *
 * s = mean log-probability over unmasked tokens, η = e^(s − s̄) with s̄ the mean over the group. For correct rollouts
 * with A > 0: A⁺ = A + min(max(λ(1 − η), 0), κA); others keep A. `advantages`, `groups`, `correct` N, `logprobs`, `mask`
 * N×T. `novelty` (η), `scores` (s) and `bonus` N; η and s are null for a rollout without unmasked tokens.
 */
export const noveltySharpened = definePart({
  id: "credit/novelty-sharpened",
  papers: ["xrpo"],
  params: z.object({
    lambdaNovelty: z.number().nonnegative().default(2.5).describe("λ, pay for novelty"),
    kappaClip: z.number().nonnegative().default(0.5).describe("κ, cap relative to the advantage"),
  }),
  inputs: z.object({
    advantages: fields.advantages,
    logprobs: fields.logprobs,
    groups: fields.groups,
    correct: fields.correct,
    mask: fields.mask.optional(),
  }),
  outputs: z.object({
    advantages: fields.advantages,
    novelty: nullableVector("N", "η; below 1: less likely than the group"),
    bonus: vector("N", "what was added"),
    scores: nullableVector("N", "mean token log-probability, nats"),
  }),
  compute({ lambdaNovelty, kappaClip }, { advantages: given, groups, correct, ...inputs }) {
    const logprobs = toRagged(inputs.logprobs);
    const masked = inputs.mask === undefined ? null : toRagged(inputs.mask);
    if (masked) checkSameRows(masked, logprobs, "mask");
    const m = masked ? masked.values : null;
    const { values, offsets } = logprobs;
    const { of, counts } = indexGroups(groups);
    const n = given.length;
    const scores = new Float64Array(n);
    const means = new Float64Array(counts.length);
    const sizes = new Int32Array(counts.length);
    for (let i = 0; i < n; i++) {
      let count = 0;
      for (let t = offsets[i]; t < offsets[i + 1]; t++) {
        if (m !== null && m[t] === 0) continue;
        scores[i] += values[t];
        count++;
      }
      scores[i] /= count;
      if (count === 0) continue;
      means[of[i]] += scores[i];
      sizes[of[i]]++;
    }
    const advantages = Float64Array.from(given);
    const novelty = new Float64Array(n);
    const bonus = new Float64Array(n);
    let undefinedScores = false;
    for (let i = 0; i < n; i++) {
      // 0/0 above: no token, no score.
      if (Number.isNaN(scores[i])) {
        novelty[i] = Number.NaN;
        undefinedScores = true;
        continue;
      }
      novelty[i] = Math.exp(scores[i] - means[of[i]] / sizes[of[i]]);
      if (!correct[i] || !(given[i] > 0)) continue;
      bonus[i] = Math.min(Math.max(lambdaNovelty * (1 - novelty[i]), 0), kappaClip * given[i]);
      advantages[i] += bonus[i];
    }
    const shown = (column: Float64Array) =>
      undefinedScores ? Array.from(column, (value) => (Number.isNaN(value) ? null : value)) : column;
    return { advantages, novelty: shown(novelty), bonus, scores: shown(scores) };
  },
});

/** Rewards read off the log-probabilities of given text: the response, a reference answer, a follow-up. */
import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields, nullableVector, ragged, shaped } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { checkSameRows, type Ragged, type RaggedLike, raggedLike, rowCount, toRagged } from "../core/ragged.ts";
import { expectGiven, expectLength } from "../core/shapes.ts";

/** The mask as a ragged array of the same rows; null: every token counts. */
function readMask(mask: RaggedLike | undefined, like: Ragged): Ragged | null {
  if (mask === undefined) return null;
  const read = toRagged(mask);
  checkSameRows(read, like, "mask");
  return read;
}

/** Sum and number of the unmasked entries of each row. */
function rowTotals({ values, offsets }: Ragged, mask: Ragged | null): { sums: Float64Array; counts: Float64Array } {
  const rows = offsets.length - 1;
  const sums = new Float64Array(rows);
  const counts = new Float64Array(rows);
  for (let i = 0; i < rows; i++) {
    for (let t = offsets[i]; t < offsets[i + 1]; t++) {
      if (mask && mask.values[t] === 0) continue;
      sums[i] += values[t];
      counts[i]++;
    }
  }
  return { sums, counts };
}

/** Mean negative log-probability (nats) of each row; null for a row without a token that counts. */
function crossEntropies(logprobs: Ragged, mask: Ragged | null): (number | null)[] {
  const { sums, counts } = rowTotals(logprobs, mask);
  return Array.from(sums, (sum, i) => (counts[i] === 0 ? null : -sum / counts[i]));
}

/** exp of a mean negative log-probability; null where there is none, or where it has no double. */
function finiteExp(value: number | null): number | null {
  if (value === null) return null;
  const result = Math.exp(value);
  return Number.isFinite(result) ? result : null;
}

/**
 * Log-likelihood of a given text, per token or in all (the ℓ of FLR, arXiv 2409.13948, sec. 3).
 *
 * ℓ(f | h, r) = (1/m) Σ_j log P(f_j | h, r, f_<j) with `reduction` mean; without 1/m with sum. Nats; m counts
 * the tokens whose `mask` is not 0. A row without tokens sums to 0 and has no mean (null).
 */
export const sequenceLogLikelihood = definePart({
  id: "signal/sequence-log-likelihood",
  papers: ["flr"],
  params: z.object({ reduction: z.enum(["mean", "sum"]).default("mean").describe("over the tokens of a row") }),
  inputs: z.object({ logprobs: fields.logprobs, mask: fields.mask.optional() }),
  outputs: z.object({ scores: nullableVector("N", "log-likelihood, nats; null where undefined") }),
  compute({ reduction }, { logprobs, mask }) {
    const rows = toRagged(logprobs);
    const { sums, counts } = rowTotals(rows, readMask(mask, rows));
    if (reduction === "sum") return { scores: sums };
    return { scores: Array.from(sums, (sum, i) => (counts[i] === 0 ? null : sum / counts[i])) };
  },
});

/**
 * Perplexity of each response (SAR, arXiv 2509.05489, sec. 3): ppl = exp(−(1/n) Σ_j log P(a_j | …)).
 *
 * n counts the tokens whose `mask` is not 0, the end of sequence included. Null for a row without such a
 * token, and where the perplexity exceeds the largest double.
 */
export const perplexity = definePart({
  id: "signal/perplexity",
  papers: ["self-aligned-reward"],
  params: z.object({}),
  inputs: z.object({ logprobs: fields.logprobs, mask: fields.mask.optional() }),
  outputs: z.object({ perplexities: nullableVector("N", "perplexity; null where undefined") }),
  compute(_params, { logprobs, mask }) {
    const rows = toRagged(logprobs);
    return { perplexities: crossEntropies(rows, readMask(mask, rows)).map(finiteExp) };
  },
});

/**
 * Self-aligned reward: how much the question lowers the perplexity of the answer (SAR, arXiv 2509.05489, eq. 3).
 *
 * With Q = ppl(a|q) from `logprobs` and A = ppl(a) from `unconditionalLogprobs` (same template, empty user turn):
 * `relative` (A − Q)/(A + ε), clipped to [`min`, `max`] = [−1, 1]; `difference` A − Q; `negative` −Q, the
 * confidence baseline. The latter two are clipped only where `min` or `max` is given. `useLog` puts the
 * cross-entropies log A, log Q in the place of the perplexities. `clipValue` caps A and Q inside of the reward (the
 * perplexities that are returned are not capped). A row without a counting token gives null.
 */
export const selfAligned = definePart({
  id: "signal/self-aligned",
  papers: ["self-aligned-reward"],
  params: z.object({
    mode: z.enum(["relative", "difference", "negative"]).default("relative"),
    useLog: z.boolean().default(false).describe("cross-entropies instead of perplexities"),
    epsilon: z.number().nonnegative().default(1e-9).describe("added to the denominator"),
    min: z.number().optional().describe("lower bound of the reward; −1 in relative mode unless given"),
    max: z.number().optional().describe("upper bound of the reward; 1 in relative mode unless given"),
    clipValue: z.number().positive().nullable().default(null).describe("cap on each perplexity; null: none"),
  }),
  inputs: z.object({
    logprobs: fields.logprobs,
    unconditionalLogprobs: ragged("N×T", "log-probabilities (nats) of the same tokens without the question"),
    mask: fields.mask.optional(),
  }),
  outputs: z.object({
    perplexities: nullableVector("N", "ppl(a|q)"),
    unconditionalPerplexities: nullableVector("N", "ppl(a)"),
    rewards: nullableVector("N", "self-aligned reward; null where undefined"),
  }),
  compute({ mode, useLog, epsilon, min, max, clipValue }, { logprobs, unconditionalLogprobs, mask }) {
    const rows = toRagged(logprobs);
    const unconditional = toRagged(unconditionalLogprobs);
    checkSameRows(unconditional, rows, "unconditionalLogprobs");
    const counted = readMask(mask, rows);
    const given = crossEntropies(rows, counted);
    const alone = crossEntropies(unconditional, counted);
    const low = min ?? (mode === "relative" ? -1 : Number.NEGATIVE_INFINITY);
    const high = max ?? (mode === "relative" ? 1 : Number.POSITIVE_INFINITY);
    const rewards = given.map((logQ, i) => {
      const logA = alone[i];
      if (logQ === null || logA === null) return null;
      const cap = clipValue ?? Number.POSITIVE_INFINITY;
      const q = Math.min(useLog ? logQ : Math.exp(logQ), cap);
      const a = Math.min(useLog ? logA : Math.exp(logA), cap);
      const reward = mode === "negative" ? -q : mode === "difference" ? a - q : relativeDrop(a, q, logA, logQ, epsilon);
      const clipped = Math.min(Math.max(reward, low), high);
      return Number.isFinite(clipped) ? clipped : null;
    });
    return { perplexities: given.map(finiteExp), unconditionalPerplexities: alone.map(finiteExp), rewards };
  },
});

function relativeDrop(a: number, q: number, logA: number, logQ: number, epsilon: number): number {
  // Perplexities beyond the largest double: their ratio may still be an ordinary number.
  if (!Number.isFinite(a)) return 1 - Math.exp(logQ - logA);
  const denominator = a + epsilon;
  return denominator === 0 && a === q ? 0 : (a - q) / denominator;
}

/**
 * Rewards from the likelihood of a reference answer after a sampled chain of thought, with the weight that each
 * answer token gets in the gradient (arXiv 2602.03979, eqs. 7–10; AvgProb as in RLPR, Probability as in VeriFree).
 *
 * With ℓ_t the log-probability of answer token t of n: `log-prob` R = Σ ℓ_t, weights 1; `avg-log-prob` R = Σ ℓ_t / n,
 * weights 1/n; `prob` R = exp Σ ℓ_t, weights R; `avg-prob` R = Σ e^{ℓ_t} / n, weights e^{ℓ_t}/n; `geo-prob`
 * R = exp(Σ ℓ_t / n), weights R/n; `nover-perplexity` R = −exp(−(Σ ℓ_t / n) / max(1, 1 + log₁₀ |z|)), |z| =
 * `reasoningLengths` in tokens, without weights. Weights are ∂R/∂ℓ_t. An empty answer has log-prob 0 and prob 1; its
 * averages are null.
 */
export const referenceLikelihood = definePart({
  id: "signal/reference-likelihood",
  papers: ["likelihood-rewards"],
  params: z.object({
    variant: z
      .enum(["log-prob", "avg-log-prob", "prob", "avg-prob", "geo-prob", "nover-perplexity"])
      .default("log-prob"),
  }),
  inputs: z.object({
    answerLogprobs: fields.answerLogprobs,
    reasoningLengths: shaped(
      z.array(z.number().nonnegative()),
      "N",
      "tokens of the thought (nover-perplexity)",
    ).optional(),
  }),
  outputs: z.object({
    rewards: nullableVector("N", "reward per rollout; null where undefined"),
    answerWeights: ragged("N×T", "∂reward/∂answerLogprobs; absent for nover-perplexity").optional(),
  }),
  compute({ variant }, { answerLogprobs, reasoningLengths }) {
    const rows = toRagged(answerLogprobs);
    const { sums, counts } = rowTotals(rows, null);
    if (variant === "nover-perplexity") {
      const thoughts = expectGiven(reasoningLengths, "inputs.reasoningLengths", "nover-perplexity divides by it");
      expectLength(thoughts, sums.length, "reasoningLengths");
      const rewards = Array.from(sums, (sum, i) => {
        if (counts[i] === 0) return null;
        const value = finiteExp(-sum / counts[i] / Math.max(1, 1 + Math.log10(thoughts[i])));
        return value === null ? null : -value;
      });
      return { rewards };
    }
    const answerWeights = raggedLike(rows);
    const rewards: (number | null)[] = [];
    for (let i = 0; i < sums.length; i++) {
      const start = rows.offsets[i];
      const end = rows.offsets[i + 1];
      const n = end - start;
      const weights = answerWeights.values;
      if (variant === "avg-prob") {
        let total = 0;
        for (let t = start; t < end; t++) {
          weights[t] = Math.exp(rows.values[t]) / n;
          total += weights[t];
        }
        rewards.push(n === 0 ? null : total);
        continue;
      }
      const perToken = variant === "avg-log-prob" || variant === "geo-prob";
      const exponent = perToken ? sums[i] / n : sums[i];
      const isLog = variant === "log-prob" || variant === "avg-log-prob";
      const reward = isLog ? exponent : Math.exp(exponent);
      weights.fill((isLog ? 1 : reward) / (perToken ? n : 1), start, end);
      rewards.push(perToken && n === 0 ? null : reward);
    }
    return { rewards, answerWeights };
  },
});

/**
 * Information gain of a thought: how much it raises the log-likelihood of the text that follows (RLP,
 * arXiv 2510.01265, eq. 2): r = Σ_k γ^k (log p(x_k | x, c) − log p̄(x_k | x)), nats, k from 0.
 *
 * The paper scores one token (K = 1), against a slowly moving copy that saw no thought. The teacher's part is common
 * to all thoughts at one position and cancels in group-relative advantages there.
 */
export const informationGain = definePart({
  id: "signal/information-gain",
  papers: ["rlp"],
  params: z.object({ gamma: z.number().min(0).max(1).default(1).describe("discount per following token") }),
  inputs: z.object({
    logprobs: ragged("N×K", "log-probabilities (nats) of the K scored tokens after the thought"),
    baselineLogprobs: ragged("N×K", "the same tokens without a thought"),
  }),
  outputs: z.object({ rewards: fields.rewards }),
  compute({ gamma }, { logprobs, baselineLogprobs }) {
    const scored = toRagged(logprobs);
    const baseline = toRagged(baselineLogprobs);
    checkSameRows(baseline, scored, "baselineLogprobs");
    const rewards = new Float64Array(rowCount(scored));
    for (let i = 0; i < rewards.length; i++) {
      let weight = 1;
      for (let k = scored.offsets[i]; k < scored.offsets[i + 1]; k++) {
        rewards[i] += weight * (scored.values[k] - baseline.values[k]);
        weight *= gamma;
      }
    }
    return { rewards };
  },
});

const followUps = (description: string) => shaped(z.array(z.array(z.array(z.number()))), "N×C", description);

/**
 * Follow-up likelihood reward: satisfied reactions should be likelier than dissatisfied ones (FLR,
 * arXiv 2409.13948, sec. 3).
 *
 * FLR_c = mean of ℓ over the positive follow-ups of category c − mean over its negative ones, ℓ from
 * `signal/sequence-log-likelihood`; the reward is the mean over categories, or Σ w_c FLR_c / Σ w_c with
 * `categoryWeights`. N × C × U log-likelihoods, ragged in U. A category with an empty side is null and takes no part
 * in the mean; with no category left the reward is null.
 */
export const followUpLikelihood = definePart({
  id: "signal/follow-up-likelihood",
  papers: ["flr"],
  params: z.object({
    aggregate: z.enum(["mean"]).default("mean").describe("over categories"),
    categoryWeights: z.array(z.number().nonnegative()).optional().describe("one per category; absent: equal"),
  }),
  inputs: z.object({
    positive: followUps("log-likelihoods of the satisfied follow-ups per category"),
    negative: followUps("log-likelihoods of the dissatisfied follow-ups per category"),
  }),
  outputs: z.object({
    categoryScores: shaped(z.array(z.array(z.number().nullable())), "N×C", "FLR per category"),
    rewards: nullableVector("N", "weighted mean over categories; null where undefined"),
  }),
  compute({ categoryWeights }, { positive, negative }) {
    expectLength(negative, positive.length, "negative");
    const categoryScores = positive.map((categories, i) => {
      expectLength(negative[i], categories.length, `negative[${i}]`);
      if (categoryWeights && categoryWeights.length !== categories.length) {
        throw new ContractError(
          "params.categoryWeights",
          `expected ${categories.length} entries (categories of inputs.positive[${i}]), got ${categoryWeights.length}`,
        );
      }
      return categories.map((liked, c) => difference(average(liked), average(negative[i][c])));
    });
    const rewards = categoryScores.map((scores) => {
      let sum = 0;
      let total = 0;
      scores.forEach((score, c) => {
        if (score === null) return;
        const weight = categoryWeights ? categoryWeights[c] : 1;
        sum += weight * score;
        total += weight;
      });
      return total === 0 ? null : sum / total;
    });
    return { categoryScores, rewards };
  },
});

function average(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}

function difference(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : a - b;
}

import { z } from "zod";
import { logSumExp, softmax } from "../core/distributions.ts";
import { ContractError } from "../core/error.ts";
import { fields, integers, ragged, vector } from "../core/fields.ts";
import { groupMembers, indexGroups } from "../core/groups.ts";
import { definePart } from "../core/part.ts";
import { checkSameRows, rowCount, rowOf, toRagged } from "../core/ragged.ts";
import { mean, meanOrNull } from "../core/statistics.ts";

/**
 * Likelihood of the reference answer after sampled thoughts (arXiv 2602.03979, eqs. 13–17).
 *
 * Rows are thoughts, groups prompts; ℓ = Σ_t log π(a*_t), nats, |a*| answer tokens (the same in a group, else
 * `ContractError`). Per prompt: success = mean e^ℓ, MC1 = mean ℓ, MCN = log mean e^ℓ (maximum subtracted; too low for
 * finite N). `perToken…` = Σ_prompts/Σ|a*|; `perAnswer…` = mean over prompts of value/|a*|; `perplexity` =
 * exp(−perAnswerMc1). Prompts whose answer has no token are left out of all but `successRate`; null without prompts.
 */
export const answerLikelihood = definePart({
  id: "evaluation/answer-likelihood",
  papers: ["likelihood-rewards"],
  params: z.object({}),
  inputs: z.object({ answerLogprobs: fields.answerLogprobs, groups: fields.groups }),
  outputs: z.object({
    successRate: z.number().nullable(),
    perTokenMc1: z.number().nullable(),
    perTokenMcN: z.number().nullable(),
    perAnswerMc1: z.number().nullable(),
    perAnswerMcN: z.number().nullable(),
    perplexity: z.number().nullable(),
  }),
  compute(_, inputs) {
    const rows = toRagged(inputs.answerLogprobs);
    const index = indexGroups(inputs.groups);
    const { order, starts } = groupMembers(index);
    const successes: number[] = [];
    const single: number[] = [];
    const pooled: number[] = [];
    const lengths: number[] = [];
    for (let g = 0; g < index.ids.length; g++) {
      const members = order.subarray(starts[g], starts[g + 1]);
      const length = rowOf(rows, members[0]).length;
      const likelihoods = Float64Array.from(members, (i) => {
        const row = rowOf(rows, i);
        if (row.length !== length)
          throw new ContractError(
            `inputs.answerLogprobs[${i}]`,
            `expected ${length} tokens, as in the group's first row, got ${row.length}`,
          );
        return row.reduce((sum, value) => sum + value, 0);
      });
      const logMean = logSumExp(likelihoods) - Math.log(members.length);
      successes.push(Math.exp(logMean));
      if (length === 0) continue;
      single.push(mean(likelihoods));
      pooled.push(logMean);
      lengths.push(length);
    }
    const tokens = lengths.reduce((a, b) => a + b, 0);
    const perToken = (values: number[]) => (tokens > 0 ? values.reduce((a, b) => a + b, 0) / tokens : null);
    const perAnswer = (values: number[]) => meanOrNull(values.map((value, k) => value / lengths[k]));
    const perAnswerMc1 = perAnswer(single);
    return {
      successRate: meanOrNull(successes),
      perTokenMc1: perToken(single),
      perTokenMcN: perToken(pooled),
      perAnswerMc1,
      perAnswerMcN: perAnswer(pooled),
      perplexity: perAnswerMc1 === null ? null : Math.exp(-perAnswerMc1),
    };
  },
});

/**
 * How much log-probability good rejected responses lost in preference training (arXiv 2410.08067).
 *
 * `changes` = Σ_t (log π − log π_ref), nats; `meanChange` over the `count` responses with score ≥ `minScore`, null if
 * none; `meanChangeAll` over all. Plain DPO pushes down a rejected 8 as hard as a rejected 2.
 */
export const rejectedUnlearning = definePart({
  id: "evaluation/rejected-unlearning",
  papers: ["reward-augmented-data"],
  params: z.object({ minScore: z.number().default(5).describe("least score of a response worth keeping") }),
  inputs: z.object({
    rejectedLogprobs: ragged("N×T", "token log-probabilities of the rejected responses under the policy, nats"),
    refRejectedLogprobs: ragged("N×T", "the same under the reference"),
    rejectedScores: vector("N", "judge score of the rejected responses"),
  }),
  outputs: z.object({
    changes: vector("N", "change of log-probability, nats"),
    count: z.int(),
    meanChange: z.number().nullable(),
    meanChangeAll: z.number().nullable(),
  }),
  compute({ minScore }, { rejectedLogprobs, refRejectedLogprobs, rejectedScores }) {
    const logprobs = toRagged(rejectedLogprobs);
    const reference = toRagged(refRejectedLogprobs);
    checkSameRows(reference, logprobs, "refRejectedLogprobs");
    const changes = new Float64Array(rowCount(logprobs));
    for (let i = 0; i < changes.length; i++)
      for (let k = logprobs.offsets[i]; k < logprobs.offsets[i + 1]; k++)
        changes[i] += logprobs.values[k] - reference.values[k];
    const good = changes.filter((_, i) => rejectedScores[i] >= minScore);
    return { changes, count: good.length, meanChange: meanOrNull(good), meanChangeAll: meanOrNull(changes) };
  },
});

/**
 * Logit lens: probability and rank of a token read off each layer's hidden state (survey arXiv 2509.02350).
 *
 * softmax(U·norm(h_l)); rank = 1 + number of strictly larger logits, so an all-zero state has rank 1: read the
 * probability too. `norm` layer: population deviation, ε 1e-5; rms: by √(mean h² + 1e-5); no learnt gain. `firstTop1` =
 * first layer with rank 1, null if none. Sizes that do not fit, or a target outside: `ContractError`.
 */
export const logitLens = definePart({
  id: "evaluation/logit-lens",
  papers: ["implicit-reasoning-survey"],
  params: z.object({ norm: z.enum(["none", "layer", "rms"]).default("none").describe("normalisation before U") }),
  inputs: z.object({
    hiddenStates: ragged("L×D", "hidden state of each layer"),
    unembedding: ragged("V×D", "U, one row per token"),
    target: z.int().min(0).describe("token looked for"),
  }),
  outputs: z.object({
    probabilities: vector("L", "probability of the target at each layer"),
    ranks: integers("L", "rank of the target at each layer"),
    firstTop1: z.int().nullable(),
  }),
  compute({ norm }, { hiddenStates, unembedding, target }) {
    const states = toRagged(hiddenStates);
    const tokens = toRagged(unembedding);
    if (!(target >= 0 && target < rowCount(tokens)))
      throw new ContractError("inputs.target", `expected a token below ${rowCount(tokens)}, got ${target}`);
    const layers = rowCount(states);
    const probabilities = new Float64Array(layers);
    const ranks = new Int32Array(layers);
    for (let l = 0; l < layers; l++) {
      const state = normalized(rowOf(states, l), norm);
      const logits = Float64Array.from({ length: rowCount(tokens) }, (_, v) => {
        const row = rowOf(tokens, v);
        if (row.length !== state.length)
          throw new ContractError(`inputs.unembedding[${v}]`, `expected ${state.length} entries, got ${row.length}`);
        return row.reduce((sum, value, d) => sum + value * state[d], 0);
      });
      probabilities[l] = softmax(logits)[target];
      ranks[l] = 1 + logits.filter((logit) => logit > logits[target]).length;
    }
    const first = ranks.indexOf(1);
    return { probabilities, ranks, firstTop1: first < 0 ? null : first };
  },
});

function normalized(state: Float64Array, norm: "none" | "layer" | "rms"): Float64Array {
  if (norm === "none" || state.length === 0) return state;
  const centre = norm === "layer" ? mean(state) : 0;
  const square = state.reduce((sum, value) => sum + (value - centre) ** 2, 0) / state.length;
  return state.map((value) => (value - centre) / Math.sqrt(square + 1e-5));
}

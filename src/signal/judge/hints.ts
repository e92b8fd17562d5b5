import { z } from "zod";
import { fields, flags, nullableVector, ragged, shaped, vector } from "../../core/fields.ts";
import { indexGroups } from "../../core/groups.ts";
import { definePart } from "../../core/part.ts";
import { checkSameRows, rowCount, toRagged } from "../../core/ragged.ts";
import { expectLength } from "../../core/shapes.ts";
import { codePointLength } from "../../core/text.ts";

/**
 * Does a hint give the answer away? (HiLL, arXiv 2604.00698.) With the answer a trimmed (blank: no): yes where \boxed{a} occurs; an
 * answer of at most two characters only behind one of "= ", "equals ", "is ", "answer is ", "answer: ", "result is ", "value is ",
 * "equal to " (any case); a longer one anywhere, any case.
 */
export const answerLeakage = definePart({
  id: "signal/answer-leakage",
  papers: ["hill"],
  params: z.object({}),
  inputs: z.object({ text: z.string().describe("the hint"), answer: z.string().describe("the reference answer") }),
  outputs: z.object({ leaked: z.boolean().describe("the answer is given away") }),
  compute(_params, { text, answer }) {
    const wanted = answer.trim();
    if (wanted === "") return { leaked: false };
    if (text.includes(`\\boxed{${wanted}}`)) return { leaked: true };
    const [hint, folded] = [text.toLowerCase(), wanted.toLowerCase()];
    if (codePointLength(wanted) > 2) return { leaked: hint.includes(folded) };
    return { leaked: revealing.some((phrase) => hint.includes(phrase + folded)) };
  },
});

const revealing = ["= ", "equals ", "is ", "answer is ", "answer: ", "result is ", "value is ", "equal to "];

/**
 * How much a rollout relies on its hint: ρ = (1/T) Σ_t [log π(τ_t | x, h, τ_<t) − log π(τ_t | x, τ_<t)] over the T tokens of the mask
 * (at least 1), in nats per token (HiLL, arXiv 2604.00698). `groupReliance` is the mean over the correct rollouts of each group (hint), null
 * without any.
 */
export const hintReliance = definePart({
  id: "signal/hint-reliance",
  papers: ["hill"],
  params: z.object({}),
  inputs: z.object({
    logprobs: fields.logprobs,
    noHintLogprobs: ragged("N×T", "the same tokens' log-probabilities (nats) without the hint"),
    mask: fields.mask.optional(),
    correct: fields.correct,
    groups: fields.groups,
  }),
  outputs: z.object({
    reliance: vector("N", "reliance per rollout, nats per token"),
    groups: shaped(z.array(z.union([z.string(), z.number()])), "P", "ids in order of first appearance"),
    groupReliance: nullableVector("P", "mean over correct rollouts"),
  }),
  compute(_params, inputs) {
    const hinted = toRagged(inputs.logprobs);
    const plain = toRagged(inputs.noHintLogprobs);
    checkSameRows(plain, hinted, "noHintLogprobs");
    const mask = inputs.mask ? toRagged(inputs.mask) : null;
    if (mask) checkSameRows(mask, hinted, "mask");
    expectLength(inputs.groups, rowCount(hinted), "groups");
    expectLength(inputs.correct, rowCount(hinted), "correct");
    const index = indexGroups(inputs.groups);
    const reliance = new Float64Array(rowCount(hinted));
    const sums = new Float64Array(index.ids.length);
    const counts = new Int32Array(index.ids.length);
    for (let i = 0; i < reliance.length; i++) {
      let sum = 0;
      let tokens = 0;
      for (let t = hinted.offsets[i]; t < hinted.offsets[i + 1]; t++) {
        const weight = mask ? mask.values[t] : 1;
        if (weight === 0) continue;
        sum += weight * (hinted.values[t] - plain.values[t]);
        tokens += weight;
      }
      reliance[i] = sum / Math.max(1, tokens);
      if (!inputs.correct[i]) continue;
      sums[index.of[i]] += reliance[i];
      counts[index.of[i]]++;
    }
    const groupReliance = Array.from(sums, (sum, g) => (counts[g] === 0 ? null : sum / counts[g]));
    return { reliance, groups: [...index.ids], groupReliance };
  },
});

/**
 * Reward of a hint: how mixed the hinted group is, times how little its successes rely on the hint (HiLL, arXiv 2604.00698).
 *
 * With p̂ the share of correct rollouts of the N under a hint, the base term b is 1 − p̂^N − (1 − p̂)^N (`nondegenerate`) or p̂(1 − p̂)
 * (`variance`), 0 for p̂ ∈ {0, 1}. reward = b · exp(−max(ρ, 0)/temperature), weight 1 for a null reliance or without
 * `transferWeighted`. Where b does not exceed `originalTerm` (the unhinted question's own b) a positive reward becomes 0. An invalid
 * hint gets `gatePenalty`, and null pass rate and weight; a degenerate group null weight.
 */
export const hintReward = definePart({
  id: "signal/hint-reward",
  papers: ["hill"],
  params: z.object({
    base: z.enum(["nondegenerate", "variance"]).default("nondegenerate").describe("base term"),
    transferWeighted: z.boolean().default(true).describe("weigh by the reliance"),
    temperature: z.number().positive().default(0.3).describe("reliance (nats per token) that costs a factor e"),
    gatePenalty: z.number().default(-0.2).describe("reward of an invalid hint"),
  }),
  inputs: z.object({
    correct: shaped(z.array(z.array(z.boolean())), "M×N", "outcomes of the rollouts under each hint"),
    reliance: nullableVector("M", "mean reliance of the correct ones"),
    valid: flags("M", "the hint passed the gates"),
    originalTerm: z.number().default(0).describe("base term of the unhinted question"),
  }),
  outputs: z.object({
    rewards: vector("M", "reward per hint"),
    baseTerms: vector("M", "b"),
    passRates: nullableVector("M", "p̂"),
    weights: nullableVector("M", "transfer weight"),
  }),
  compute({ base, transferWeighted, temperature, gatePenalty }, { correct, reliance, valid, originalTerm = 0 }) {
    const hints = correct.map((outcomes, m) => {
      if (!valid[m] || outcomes.length === 0)
        return { reward: valid[m] ? 0 : gatePenalty, term: 0, rate: null, weight: null };
      const n = outcomes.length;
      const rate = outcomes.filter(Boolean).length / n;
      if (rate === 0 || rate === 1) return { reward: 0, term: 0, rate, weight: null };
      const term = base === "variance" ? rate * (1 - rate) : 1 - rate ** n - (1 - rate) ** n;
      const rho = reliance[m];
      const weight = transferWeighted && rho !== null ? Math.exp(-Math.max(rho, 0) / temperature) : 1;
      return { reward: term > originalTerm ? term * weight : 0, term, rate, weight };
    });
    return {
      rewards: hints.map(({ reward }) => reward),
      baseTerms: hints.map(({ term }) => term),
      passRates: hints.map(({ rate }) => rate),
      weights: hints.map(({ weight }) => weight),
    };
  },
});

/**
 * Intrinsic reward of a proposed problem, from the student's success rate p on it (baselines in SOAR, arXiv 2601.18778):
 * `one-minus-mean` is 1 − p, but 0 at p = 0 (never solved: perhaps unsolvable); `uncertainty` 1 − 2|p − ½|; `variance` p(1 − p).
 */
export const learnability = definePart({
  id: "signal/learnability",
  papers: ["soar"],
  params: z.object({
    kind: z.enum(["one-minus-mean", "uncertainty", "variance"]).default("one-minus-mean").describe("form"),
  }),
  inputs: z.object({ successRates: vector("N", "the student's success rate per problem") }),
  outputs: z.object({ rewards: fields.rewards }),
  compute({ kind }, { successRates }) {
    return {
      rewards: Float64Array.from(successRates, (p) =>
        kind === "uncertainty" ? 1 - 2 * Math.abs(p - 0.5) : kind === "variance" ? p * (1 - p) : p <= 0 ? 0 : 1 - p,
      ),
    };
  },
});

/**
 * Grounded reward of a teacher's dataset: how much students trained on it gained on real hard problems, R_j = mean over students of the
 * accuracy after training, minus the accuracy before (SOAR, arXiv 2601.18778). null for a dataset without students.
 */
export const studentImprovement = definePart({
  id: "signal/student-improvement",
  papers: ["soar"],
  params: z.object({}),
  inputs: z.object({
    before: z.number().describe("accuracy of the baseline student"),
    after: ragged("N×R", "accuracy of each student trained on each dataset"),
  }),
  outputs: z.object({ rewards: nullableVector("N", "mean gain per dataset") }),
  compute(_params, { before, after }) {
    const accuracies = toRagged(after);
    return {
      rewards: Array.from({ length: rowCount(accuracies) }, (_, j) => {
        const [start, end] = [accuracies.offsets[j], accuracies.offsets[j + 1]];
        let gain = 0;
        for (let i = start; i < end; i++) gain += accuracies.values[i] - before;
        return end === start ? null : gain / (end - start);
      }),
    };
  },
});

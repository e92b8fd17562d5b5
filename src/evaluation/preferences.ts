import { z } from "zod";
import { klDivergence, softmax } from "../core/distributions.ts";
import { ContractError } from "../core/error.ts";
import { ragged, shaped, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { rowCount, rowOf, toRagged, type Vector } from "../core/ragged.ts";

/**
 * Exploitability of a mixed policy under a general preference function (for DNO, arXiv 2404.03715).
 *
 * `winRates` = Pπ, the win rate of each response against the policy; `exploitability` = max − ½, 0 exactly at a Nash
 * equilibrium of a preference with P + Pᵀ = 1; `bestResponse` the first that reaches it; `selfValue` = πᵀPπ (½ for such a
 * preference). null without responses.
 */
export const exploitability = definePart({
  id: "evaluation/exploitability",
  papers: ["dno"],
  params: z.object({}),
  inputs: z.object({
    preferences: ragged("N×N", "probability that the row's response beats the column's, ½ on the diagonal"),
    probabilities: vector("N", "the policy"),
  }),
  outputs: z.object({
    winRates: vector("N", "win rate of each response against the policy"),
    exploitability: z.number().nullable(),
    bestResponse: z.int().nullable(),
    selfValue: z.number().nullable(),
  }),
  compute(_, { preferences, probabilities }) {
    const rows = toRagged(preferences);
    const n = probabilities.length;
    const winRates = new Float64Array(rowCount(rows));
    let selfValue = 0;
    let bestResponse = 0;
    for (let i = 0; i < winRates.length; i++) {
      const row = rowOf(rows, i);
      if (row.length !== n)
        throw new ContractError(`inputs.preferences[${i}]`, `expected ${n} entries, got ${row.length}`);
      for (let j = 0; j < n; j++) winRates[i] += row[j] * probabilities[j];
      selfValue += probabilities[i] * winRates[i];
      if (winRates[i] > winRates[bestResponse]) bestResponse = i;
    }
    if (n === 0) return { winRates, exploitability: null, bestResponse: null, selfValue: null };
    return { winRates, exploitability: winRates[bestResponse] - 0.5, bestResponse, selfValue };
  },
});

/**
 * Elo ratings from pairwise matches, averaged over orders of play (as used in arXiv 2509.13081).
 *
 * E_i = 1/(1 + 10^((R_j − R_i)/scale)), R ← R + kFactor·(S − E), both players from the ratings before the match. A match
 * is [i, j, score of i] with score 1, ½ or 0. Sequential Elo depends on the order: pass several `orders` (lists of match
 * indices) and their mean is returned; default one, as given. Unknown players or matches: `ContractError`.
 */
export const elo = definePart({
  id: "evaluation/elo",
  papers: ["semantic-reward"],
  params: z.object({
    kFactor: z.number().default(32).describe("rating points a match can move"),
    initial: z.number().default(1500).describe("rating before any match"),
    scale: z.number().positive().default(400).describe("rating difference of tenfold odds"),
  }),
  inputs: z.object({
    matches: shaped(z.array(z.tuple([z.int(), z.int(), z.number()])), "M", "[i, j, score of i]"),
    players: z.int().min(0).describe("number of players"),
    orders: z.array(z.array(z.int())).describe("orders of play, each a list of match indices").optional(),
  }),
  outputs: z.object({ ratings: vector("P", "rating of each player") }),
  compute({ kFactor, initial, scale }, { matches, players, orders }) {
    for (const [m, [i, j]] of matches.entries())
      if (!(i >= 0 && i < players && j >= 0 && j < players && i !== j))
        throw new ContractError(`inputs.matches[${m}]`, `expected two different players below ${players}`);
    const ratings = new Float64Array(players);
    const plays = orders ?? [Array.from(matches.keys())];
    if (plays.length === 0) return { ratings: ratings.fill(initial) };
    for (const [o, order] of plays.entries()) {
      const current = new Float64Array(players).fill(initial);
      for (const m of order) {
        if (!(m >= 0 && m < matches.length))
          throw new ContractError(`inputs.orders[${o}]`, `expected matches below ${matches.length}, got ${m}`);
        const [i, j, score] = matches[m];
        const change = kFactor * (score - 1 / (1 + 10 ** ((current[j] - current[i]) / scale)));
        current[i] += change;
        current[j] -= change;
      }
      for (let p = 0; p < players; p++) ratings[p] += current[p] / plays.length;
    }
    return { ratings };
  },
});

/**
 * Distance of the distribution a reward model induces from the one human reward induces (arXiv 2402.10184):
 * p_H ∝ exp(β r_H), p_LM ∝ exp(β r_RM).
 *
 * `klHumanModel` = KL(p_H‖p_LM), nats; `totalVariation` = ½Σ|Δ|. A constant offset of either reward changes nothing. null
 * without responses.
 */
export const distributionalConsistency = definePart({
  id: "evaluation/distributional-consistency",
  papers: ["tree-rm"],
  params: z.object({ beta: z.number().default(1).describe("inverse temperature β") }),
  inputs: z.object({
    rewards: vector("N", "human reward of each response"),
    scores: vector("N", "reward-model score of each response"),
  }),
  outputs: z.object({
    humanDistribution: vector("N", "p_H"),
    modelDistribution: vector("N", "p_LM"),
    klHumanModel: z.number().nullable(),
    totalVariation: z.number().nullable(),
  }),
  compute({ beta }, { rewards, scores }) {
    const humanDistribution = softmax(rewards, beta);
    const modelDistribution = softmax(scores, beta);
    if (rewards.length === 0) return { humanDistribution, modelDistribution, klHumanModel: null, totalVariation: null };
    let totalVariation = 0;
    for (let i = 0; i < humanDistribution.length; i++)
      totalVariation += Math.abs(humanDistribution[i] - modelDistribution[i]) / 2;
    const kl = klDivergence(humanDistribution, modelDistribution);
    return { humanDistribution, modelDistribution, klHumanModel: kl === null ? null : Math.max(0, kl), totalVariation };
  },
});

/**
 * Both sides of the theorems on self-consuming models with curated data (arXiv 2407.09499), on a finite set of outcomes.
 *
 * b = e^r, K = `choices` (null: infinitely many, p' = p·b/E[b]), r* = largest reward on the support of p (`maxReward`). One curation step keeps one of K draws
 * with Luce probabilities: p' = p·H, H(x) = K·b(x)·E[1/(b(x) + Σ of K−1 others)], integrated numerically to about 1e-12
 * (invariant to a shift of r). `gainBound` = ((K−1)/K)·Var_p[b]/e^{r*} ≤ `curatedMeanExpReward` − `meanExpReward`.
 * `nextMeanExpReward` is of the next model: p' itself, or with `syntheticRatio` λ the mixture (p_ref + λp')/(1 + λ). Then
 * also `klToReference` = KL(p‖p_ref), nats (null if infinite), `klBound` = −log(1 − λ(K−1)) (null unless λ < 1/(K−1)),
 * and `referenceLowerBound` = E_ref[b] + λ/(1+λ)³·((K−1)/K)·Var_ref[b]/e^{r*} with r* on the support of p_ref.
 * λ without `reference`, or no mass: `ContractError`.
 */
export const curationBounds = definePart({
  id: "evaluation/curation-bounds",
  papers: ["curated-self-consuming"],
  params: z.object({
    choices: z.int().min(1).nullable().default(null).describe("K, samples a user chooses from; null: infinitely many"),
    syntheticRatio: z.number().min(0).nullable().default(null).describe("λ synthetic to 1 real; null: only synthetic"),
  }),
  inputs: z.object({
    probabilities: vector("N", "p, the current model"),
    rewards: vector("N", "r of each outcome"),
    reference: vector("N", "p_ref, the real data").optional(),
  }),
  outputs: z.object({
    meanReward: z.number(),
    meanExpReward: z.number(),
    varianceExpReward: z.number(),
    maxReward: z.number(),
    gainBound: z.number(),
    curatedMeanExpReward: z.number(),
    nextMeanExpReward: z.number(),
    klToReference: z.number().nullable().optional(),
    klBound: z.number().nullable().optional(),
    referenceLowerBound: z.number().optional(),
  }),
  compute({ choices, syntheticRatio }, { probabilities, rewards, reference }) {
    const now = expMoments(probabilities, rewards, "probabilities");
    const share = choices === null ? 1 : (choices - 1) / choices;
    let meanReward = 0;
    for (let i = 0; i < rewards.length; i++) if (probabilities[i] > 0) meanReward += probabilities[i] * rewards[i];
    const curated = curate(probabilities, rewards, choices, now.largest);
    let curatedMeanExpReward = 0;
    for (let i = 0; i < rewards.length; i++)
      if (curated[i] > 0) curatedMeanExpReward += curated[i] * Math.exp(rewards[i]);
    if (syntheticRatio !== null && !reference)
      throw new ContractError("inputs.reference", "expected p_ref: params.syntheticRatio is given");
    const mix =
      syntheticRatio !== null && reference
        ? { ratio: syntheticRatio, reference, real: expMoments(reference, rewards, "reference") }
        : null;
    return {
      meanReward,
      meanExpReward: now.mean,
      varianceExpReward: now.variance,
      maxReward: now.largest,
      gainBound: (share * now.variance) / Math.exp(now.largest),
      curatedMeanExpReward,
      nextMeanExpReward: mix
        ? (mix.real.mean + mix.ratio * curatedMeanExpReward) / (1 + mix.ratio)
        : curatedMeanExpReward,
      klToReference: mix ? klDivergence(probabilities, mix.reference) : undefined,
      klBound: mix ? klBoundOf(mix.ratio, choices) : undefined,
      referenceLowerBound: mix
        ? mix.real.mean + ((mix.ratio / (1 + mix.ratio) ** 3) * share * mix.real.variance) / Math.exp(mix.real.largest)
        : undefined,
    };
  },
});

/** −log(1 − λ(K − 1)); null unless λ(K − 1) < 1. */
function klBoundOf(ratio: number, choices: number | null): number | null {
  const growth = ratio === 0 ? 0 : ratio * (choices === null ? Number.POSITIVE_INFINITY : choices - 1);
  return growth < 1 ? 0 - Math.log1p(-growth) : null;
}

/** Mean and variance of e^r, and the largest r on the support. */
function expMoments(probabilities: Vector, rewards: Vector, field: string) {
  let largest = Number.NEGATIVE_INFINITY;
  let mean = 0;
  for (let i = 0; i < rewards.length; i++) {
    if (!(probabilities[i] >= 0))
      throw new ContractError(`inputs.${field}[${i}]`, `expected a probability, got ${probabilities[i]}`);
    if (probabilities[i] === 0) continue;
    largest = Math.max(largest, rewards[i]);
    mean += probabilities[i] * Math.exp(rewards[i]);
  }
  if (largest === Number.NEGATIVE_INFINITY) throw new ContractError(`inputs.${field}`, "expected some mass");
  let variance = 0;
  for (let i = 0; i < rewards.length; i++)
    if (probabilities[i] > 0) variance += probabilities[i] * (Math.exp(rewards[i]) - mean) ** 2;
  return { mean, variance, largest };
}

/**
 * p·H by H(x) = K·b(x)·∫ e^{−s·b(x)} φ(s)^{K−1} ds, φ(s) = Σ p e^{−s·b}, in u = log s: the integrand falls off doubly
 * exponentially on the right and as e^u on the left, so the trapezoid rule converges geometrically.
 */
function curate(probabilities: Vector, rewards: Vector, choices: number | null, largest: number): Float64Array {
  if (choices === 1) return Float64Array.from(probabilities);
  if (choices === null) {
    const shares = Float64Array.from(probabilities, (p, i) => (p > 0 ? p * Math.exp(rewards[i] - largest) : 0));
    const total = shares.reduce((sum, value) => sum + value, 0);
    return shares.map((value) => value / total);
  }
  const support = Array.from({ length: rewards.length }, (_, i) => i).filter((i) => probabilities[i] > 0);
  const weights = Float64Array.from(support, (i) => Math.exp(rewards[i] - largest));
  let smallest = 0;
  for (const i of support) smallest = Math.min(smallest, rewards[i] - largest);
  const step = 0.05;
  const end = Math.log(750) - Math.max(smallest, -700);
  const integrals = new Float64Array(support.length);
  for (let u = -40; u <= end; u += step) {
    const s = Math.exp(u);
    let phi = 0;
    for (let k = 0; k < support.length; k++) phi += probabilities[support[k]] * Math.exp(-s * weights[k]);
    const common = s * phi ** (choices - 1) * step;
    for (let k = 0; k < support.length; k++) integrals[k] += common * Math.exp(-s * weights[k]);
  }
  const curated = new Float64Array(rewards.length);
  for (let k = 0; k < support.length; k++)
    curated[support[k]] = probabilities[support[k]] * choices * weights[k] * integrals[k];
  return curated;
}

import { z } from "zod";
import { fields, ragged, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { checkSameRows, raggedLike, toRagged, type Vector } from "../core/ragged.ts";
import { fractionalRanks as averageRanks, isConstant, mean, pearson, spearman } from "../core/statistics.ts";

const correlation = z.number().min(-1).max(1).nullable();

/**
 * Pearson, Spearman and Kendall correlation of two score lists (as in arXiv 2410.01729, 2310.12931, 2506.01937).
 *
 * Spearman ranks ties by their mean rank; Kendall is τ-b, (concordant − discordant)/√((n₀ − n₁)(n₀ − n₂)) with n₀
 * pairs, n₁ and n₂ of them tied on one side, in O(n log n). All three are null when a side is constant or there
 * are fewer than two points.
 */
export const rankCorrelation = definePart({
  id: "evaluation/rank-correlation",
  papers: ["eureka", "flr", "mrm-bench", "reward-bench-2", "rewardmath", "ttsnap"],
  params: z.object({}),
  inputs: z.object({
    scores: vector("N", "e.g. benchmark scores"),
    targets: vector("N", "e.g. downstream results, in the same order"),
  }),
  outputs: z.object({ pearson: correlation, spearman: correlation, kendall: correlation }),
  compute(_, { scores, targets }) {
    return {
      pearson: pearson(scores, targets),
      spearman: spearman(scores, targets),
      kendall: kendall(scores, targets),
    };
  },
});

/** Kendall's τ-b by Knight's merge sort; null when a side is constant. */
function kendall(x: Vector, y: Vector): number | null {
  const n = x.length;
  const order = Array.from({ length: n }, (_, i) => i).sort((a, b) => x[a] - x[b] || y[a] - y[b]);
  const sorted = Float64Array.from(order, (i) => y[i]);
  let tiedX = 0;
  let tiedBoth = 0;
  for (let i = 1, runX = 0, runBoth = 0; i < n; i++) {
    const sameX = x[order[i]] === x[order[i - 1]];
    runX = sameX ? runX + 1 : 0;
    runBoth = sameX && sorted[i] === sorted[i - 1] ? runBoth + 1 : 0;
    tiedX += runX;
    tiedBoth += runBoth;
  }
  const discordant = sortCountingSwaps(sorted);
  let tiedY = 0;
  for (let i = 1, run = 0; i < n; i++) {
    run = sorted[i] === sorted[i - 1] ? run + 1 : 0;
    tiedY += run;
  }
  const pairs = (n * (n - 1)) / 2;
  if (pairs === tiedX || pairs === tiedY) return null;
  const difference = pairs - tiedX - tiedY + tiedBoth - 2 * discordant;
  return Math.max(-1, Math.min(1, difference / Math.sqrt(pairs - tiedX) / Math.sqrt(pairs - tiedY)));
}

/** Sorts ascending in place and returns the number of inversions. */
function sortCountingSwaps(values: Float64Array): number {
  let from = values;
  let to: Float64Array = new Float64Array(values.length);
  let swaps = 0;
  for (let width = 1; width < values.length; width *= 2) {
    for (let start = 0; start < values.length; start += 2 * width) {
      const middle = Math.min(start + width, values.length);
      const end = Math.min(start + 2 * width, values.length);
      let left = start;
      let right = middle;
      for (let k = start; k < end; k++) {
        if (left < middle && (right >= end || from[left] <= from[right])) to[k] = from[left++];
        else {
          to[k] = from[right++];
          swaps += middle - left;
        }
      }
    }
    [from, to] = [to, from];
  }
  if (from !== values) values.set(from);
  return swaps;
}

/**
 * Least-squares line of reward on response length: how much of a reward is length (arXiv 2406.02900).
 *
 * `slope` in reward per token, `intercept`, `r2` = 1 − residual/total variance, `pearson`. Constant lengths (or
 * fewer than two responses): all null. Constant rewards: slope 0, `r2` and `pearson` null.
 */
export const lengthCorrelation = definePart({
  id: "evaluation/length-correlation",
  papers: ["daa-overoptimization"],
  params: z.object({}),
  inputs: z.object({ rewards: fields.rewards, lengths: vector("N", "response length, in tokens") }),
  outputs: z.object({
    slope: z.number().nullable(),
    intercept: z.number().nullable(),
    r2: z.number().nullable(),
    pearson: correlation,
  }),
  compute(_, { rewards, lengths }) {
    const n = rewards.length;
    const x = n > 0 ? mean(lengths) : 0;
    const y = n > 0 ? mean(rewards) : 0;
    let xx = 0;
    let xy = 0;
    for (let i = 0; i < n; i++) {
      xx += (lengths[i] - x) ** 2;
      xy += (lengths[i] - x) * (rewards[i] - y);
    }
    if (n < 2 || isConstant(lengths)) return { slope: null, intercept: null, r2: null, pearson: null };
    if (isConstant(rewards)) return { slope: 0, intercept: rewards[0], r2: null, pearson: null };
    const slope = xy / xx;
    const rho = pearson(lengths, rewards);
    return { slope, intercept: y - slope * x, r2: rho === null ? null : rho * rho, pearson: rho };
  },
});

/**
 * Value-order correlation: Spearman correlation of predicted progress with time (Robo-Dopamine, arXiv 2512.23703).
 *
 * 1 for a rising, −1 for a falling curve, also where progress really regresses. Ties share their mean rank.
 * Constant values or fewer than two: `undefined` (null; the official code has 0).
 */
export const valueOrderCorrelation = definePart({
  id: "evaluation/value-order-correlation",
  papers: ["robo-dopamine"],
  params: z.object({
    undefined: z.number().nullable().default(null).describe("result where the correlation is undefined"),
  }),
  inputs: z.object({ values: vector("S", "predicted progress at each time step") }),
  outputs: z.object({ voc: correlation }),
  compute(params, { values }) {
    const time = Float64Array.from(values, (_, t) => t);
    return { voc: spearman(values, time) ?? params.undefined };
  },
});

/**
 * EPIC distance on a fixed set of states, where shaping cancels and only Pearson's ρ remains: D = √((1 − ρ)/2)
 * (as used in arXiv 2310.12921).
 *
 * D is in [0, 1]: 0 for rewards equal up to a positive affine map, 1 for negated ones. null when a side is
 * constant or there are fewer than two states.
 */
export const epicDistance = definePart({
  id: "evaluation/epic-distance",
  papers: ["vlm-rm"],
  params: z.object({}),
  inputs: z.object({
    rewards: fields.rewards,
    targets: vector("N", "reference reward of the same states, e.g. binary goal labels"),
  }),
  outputs: z.object({ pearson: correlation, distance: z.number().nullable() }),
  compute(_, { rewards, targets }) {
    const rho = pearson(rewards, targets);
    return { pearson: rho, distance: rho === null ? null : Math.sqrt((1 - rho) / 2) };
  },
});

/**
 * Ranks from 1, near-equal values sharing their mean rank (arXiv 2406.17055: values closer than 5e-4 to their
 * neighbour in sorted order tie, and chains of such neighbours merge).
 *
 * `tolerance` 0 is the ordinary average rank.
 */
export const fractionalRanks = definePart({
  id: "evaluation/fractional-ranks",
  papers: ["llm-rationality"],
  params: z.object({
    tolerance: z.number().min(0).default(0).describe("neighbours closer than this share a rank, as equal ones do"),
  }),
  inputs: z.object({ values: vector("N", "what is ranked, ascending") }),
  outputs: z.object({ ranks: vector("N", "rank from 1") }),
  compute({ tolerance }, { values }) {
    const order = Array.from({ length: values.length }, (_, i) => i).sort((a, b) => values[a] - values[b]);
    const ranks = new Float64Array(values.length);
    for (let start = 0; start < order.length; ) {
      let end = start + 1;
      while (end < order.length) {
        const step = values[order[end]] - values[order[end - 1]];
        if (step !== 0 && step >= tolerance) break;
        end++;
      }
      for (let k = start; k < end; k++) ranks[order[k]] = (start + end + 1) / 2;
      start = end;
    }
    return { ranks };
  },
});

/**
 * Ranks of a round robin: wins per item, then average ranks (arXiv 2406.17055; the most wins get the highest rank).
 *
 * `wins[i][j]` = share of comparisons of i with j that i won.
 */
export const tournamentRanks = definePart({
  id: "evaluation/tournament-ranks",
  papers: ["llm-rationality"],
  params: z.object({}),
  inputs: z.object({ wins: ragged("N×N", "wins of the row's item over the column's") }),
  outputs: z.object({ winCounts: vector("N", "row sums"), ranks: vector("N", "rank from 1, ties share the mean") }),
  compute(_, inputs) {
    const { values, offsets } = toRagged(inputs.wins);
    const winCounts = new Float64Array(offsets.length - 1);
    for (let i = 0; i < winCounts.length; i++)
      for (let k = offsets[i]; k < offsets[i + 1]; k++) winCounts[i] += values[k];
    return { winCounts, ranks: averageRanks(winCounts) };
  },
});

/**
 * Agreement of two choice models on the same problems: Pearson, Spearman, MSE, accuracy (arXiv 2406.17055).
 *
 * Inputs are probabilities of choosing B. With `binarize` both become 1 where ≥ ½ first (one person's choice);
 * without, probabilities are compared. `accuracy` is always agreement after binarising. A constant side has no
 * correlation (null); without problems everything is null.
 */
export const choiceAgreement = definePart({
  id: "evaluation/choice-agreement",
  papers: ["llm-rationality"],
  params: z.object({ binarize: z.boolean().default(true).describe("compare choices instead of probabilities") }),
  inputs: z.object({
    first: vector("N", "probability of B, one model"),
    second: vector("N", "probability of B, the other"),
  }),
  outputs: z.object({
    pearson: correlation,
    spearman: correlation,
    mse: z.number().nullable(),
    accuracy: z.number().nullable(),
  }),
  compute({ binarize }, { first, second }) {
    const n = first.length;
    if (n === 0) return { pearson: null, spearman: null, mse: null, accuracy: null };
    const x = Float64Array.from(first);
    const y = Float64Array.from(second);
    let same = 0;
    let squares = 0;
    for (let i = 0; i < n; i++) {
      if (x[i] >= 0.5 === y[i] >= 0.5) same++;
      if (binarize) {
        x[i] = x[i] >= 0.5 ? 1 : 0;
        y[i] = y[i] >= 0.5 ? 1 : 0;
      }
      squares += (x[i] - y[i]) ** 2;
    }
    return { pearson: pearson(x, y), spearman: spearman(x, y), mse: squares / n, accuracy: same / n };
  },
});

/**
 * Correlation of DPO's implicit token rewards with the tokens' true quality (an audit for token-level credit as in
 * T-REG, arXiv 2412.02685).
 *
 * Token reward r = β(log π − log π_ref), nats times β; `correlation` is Pearson's over all tokens of all
 * responses, null where a side is constant.
 */
export const tokenCreditCorrelation = definePart({
  id: "evaluation/token-credit-correlation",
  papers: ["t-reg"],
  params: z.object({ beta: z.number().default(0.1).describe("β of the implicit reward") }),
  inputs: z.object({
    logprobs: fields.logprobs,
    refLogprobs: fields.refLogprobs,
    tokenQuality: ragged("N×T", "true quality of each token, e.g. −1, 0, 1"),
  }),
  outputs: z.object({ tokenRewards: fields.tokenRewards, correlation }),
  compute({ beta }, inputs) {
    const logprobs = toRagged(inputs.logprobs);
    const refLogprobs = toRagged(inputs.refLogprobs);
    const tokenQuality = toRagged(inputs.tokenQuality);
    checkSameRows(refLogprobs, logprobs, "refLogprobs");
    checkSameRows(tokenQuality, logprobs, "tokenQuality");
    const tokenRewards = raggedLike(logprobs);
    for (let k = 0; k < logprobs.values.length; k++)
      tokenRewards.values[k] = beta * (logprobs.values[k] - refLogprobs.values[k]);
    return { tokenRewards, correlation: pearson(tokenRewards.values, tokenQuality.values) };
  },
});

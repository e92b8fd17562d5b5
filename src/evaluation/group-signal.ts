import { z } from "zod";
import { fields, flags, nullableVector, shaped, vector } from "../core/fields.ts";
import { groupMembers, indexGroups } from "../core/groups.ts";
import { definePart } from "../core/part.ts";
import { meanOrNull, share, standardDeviation, variance } from "../core/statistics.ts";

const groupIds = shaped(z.array(z.union([z.string(), z.number()])), "P", "group ids in order of first appearance");

/**
 * Energy of group-relative advantages: does a group move the policy at all (SAGE, arXiv 2602.03143, eqs. 2 and 6)?
 *
 * E = (1/G) Σ A², A = (r − mean)/(s + ε), s with `ddof` degrees of freedom lost. A group of equal rewards, or of one, is
 * `degenerate` and has exactly 0.
 */
export const advantageEnergy = definePart({
  id: "evaluation/advantage-energy",
  papers: ["sage-hint"],
  params: z.object({
    ddof: z
      .union([z.literal(0), z.literal(1)])
      .default(0)
      .describe("0 population, 1 sample deviation"),
    epsilon: z.number().min(0).default(1e-6).describe("added to the deviation"),
  }),
  inputs: z.object({ rewards: fields.rewards, groups: fields.groups }),
  outputs: z.object({
    groups: groupIds,
    energies: vector("P", "mean squared advantage per group"),
    degenerate: flags("P", "the group gives no gradient"),
  }),
  compute({ ddof, epsilon }, { rewards, groups }) {
    const index = indexGroups(groups);
    const { order, starts } = groupMembers(index);
    const degenerate: boolean[] = [];
    const energies = Float64Array.from(index.ids, (_, g) => {
      const members = Float64Array.from(order.subarray(starts[g], starts[g + 1]), (i) => rewards[i]);
      const flat = members.every((reward) => reward === members[0]);
      degenerate.push(flat);
      return flat ? 0 : variance(members, 0) / (standardDeviation(members, ddof) + epsilon) ** 2;
    });
    return { groups: index.ids, energies, degenerate };
  },
});

/**
 * Probability that a group of G rollouts is mixed, u(p) = 1 − (1 − p)^G − p^G, and its mean over hints (SAGE, arXiv
 * 2602.03143, eqs. 7, 8, 11).
 *
 * `probabilities` u(p_m); `expected` = Σ w u(p) and `jensenBound` = u(Σ w p) with `weights` normalised to 1 (default
 * uniform): u is concave, so expected ≤ jensenBound. Both null without weight.
 */
export const nondegenerateGroupProbability = definePart({
  id: "evaluation/nondegenerate-group-probability",
  papers: ["sage-hint", "hill"],
  params: z.object({ groupSize: z.int().min(1).describe("G") }),
  inputs: z.object({
    successRates: vector("M", "success probability under each prompt or hint"),
    weights: vector("M", "weight of each hint").optional(),
  }),
  outputs: z.object({
    probabilities: vector("M", "probability of a mixed group"),
    expected: z.number().nullable(),
    jensenBound: z.number().nullable(),
  }),
  compute({ groupSize }, { successRates, weights }) {
    const mixed = (p: number) =>
      p <= 0 || p >= 1 ? 0 : Math.max(0, -Math.expm1(groupSize * Math.log1p(-p)) - p ** groupSize);
    const probabilities = Float64Array.from(successRates, mixed);
    let total = 0;
    let expected = 0;
    let mean = 0;
    for (let m = 0; m < probabilities.length; m++) {
      const weight = weights ? weights[m] : 1;
      total += weight;
      expected += weight * probabilities[m];
      mean += weight * successRates[m];
    }
    if (!(total > 0)) return { probabilities, expected: null, jensenBound: null };
    return { probabilities, expected: expected / total, jensenBound: mixed(mean / total) };
  },
});

/**
 * How a training history used its prompts (SAGE, arXiv 2602.03143): share never solved, and shares by mean reward.
 *
 * `neverSolved` = share of prompts that never earned a positive reward. `shares` of prompts with mean reward in 0,
 * (0, .2], (.2, .4], (.4, .6], (.6, .8], (.8, 1), 1; rewards outside [0, 1] fall into the end buckets. null, and no
 * shares, without prompts.
 */
export const promptUsage = definePart({
  id: "evaluation/prompt-usage",
  papers: ["sage-hint"],
  params: z.object({}),
  inputs: z.object({
    prompts: shaped(z.array(z.union([z.string(), z.number()])), "N", "prompt of each rollout"),
    rewards: fields.rewards,
  }),
  outputs: z.object({
    total: z.int().describe("distinct prompts"),
    neverSolved: z.number().nullable(),
    shares: vector("B", "share of prompts per bucket of mean reward"),
  }),
  compute(_, { prompts, rewards }) {
    const index = indexGroups(prompts);
    const total = index.ids.length;
    if (total === 0) return { total, neverSolved: null, shares: [] };
    const sums = new Float64Array(total);
    const solved = Array.from({ length: total }, () => false);
    for (let i = 0; i < rewards.length; i++) {
      sums[index.of[i]] += rewards[i];
      if (rewards[i] > 0) solved[index.of[i]] = true;
    }
    const shares = new Float64Array(7);
    for (let p = 0; p < total; p++) {
      const mean = sums[p] / index.counts[p];
      const bucket = mean <= 0 ? 0 : mean >= 1 ? 6 : 1 + upperEdges.findIndex((edge) => mean <= edge);
      shares[bucket] += 1 / total;
    }
    return { total, neverSolved: share(solved.map((ever) => !ever)), shares };
  },
});

const upperEdges = [0.2, 0.4, 0.6, 0.8, 1];

/**
 * What hinted rollouts say about success without the hint (HiLL, arXiv 2604.00698).
 *
 * ρ = Σ_t log π(τ_t|x, h) − log π(τ_t|x), nats, of the whole sequence. `hintedRate` = share correct; `noHintEstimate` =
 * mean of 1[correct]·e^{−ρ} (importance sampling, unbiased); `lowerBound` = hintedRate·exp(−mean of ρ over the correct)
 * (Jensen), 0 without a success. null without rollouts.
 */
export const hintTransfer = definePart({
  id: "evaluation/hint-transfer",
  papers: ["hill"],
  params: z.object({}),
  inputs: z.object({
    correct: fields.correct,
    logRatios: vector("N", "log-ratio of the sequence with and without the hint, nats"),
  }),
  outputs: z.object({
    hintedRate: z.number().nullable(),
    noHintEstimate: z.number().nullable(),
    lowerBound: z.number().nullable(),
  }),
  compute(_, { correct, logRatios }) {
    const n = correct.length;
    const ratios = Array.from(logRatios).filter((_, i) => correct[i]);
    const reliance = meanOrNull(ratios);
    if (n === 0) return { hintedRate: null, noHintEstimate: null, lowerBound: null };
    const hintedRate = ratios.length / n;
    return {
      hintedRate,
      noHintEstimate: ratios.reduce((sum, ratio) => sum + Math.exp(-ratio), 0) / n,
      lowerBound: reliance === null ? 0 : hintedRate * Math.exp(-reliance),
    };
  },
});

/**
 * pass@k counted on the first k samples in order, without subsampling (arXiv 2512.07783; the unbiased estimator is
 * `pass-at-k`).
 *
 * `passAtK` = share of groups with a success among their first k samples (all of them if there are fewer). Depends on
 * sample order. null without groups.
 */
export const empiricalPassAtK = definePart({
  id: "evaluation/empirical-pass-at-k",
  papers: ["rl-interplay"],
  params: z.object({ k: z.array(z.int().min(1)).describe("numbers of samples") }),
  inputs: z.object({ correct: fields.correct, groups: fields.groups }),
  outputs: z.object({ groups: groupIds, passAtK: nullableVector("L", "share of groups solved, per k") }),
  compute({ k }, { correct, groups }) {
    const index = indexGroups(groups);
    const seen = new Int32Array(index.ids.length);
    const firstSuccess = new Float64Array(index.ids.length).fill(Number.POSITIVE_INFINITY);
    for (let i = 0; i < correct.length; i++) {
      const g = index.of[i];
      seen[g]++;
      if (correct[i]) firstSuccess[g] = Math.min(firstSuccess[g], seen[g]);
    }
    return {
      groups: index.ids,
      passAtK: k.map((limit) => share(Array.from(firstSuccess, (position) => position <= limit))),
    };
  },
});

import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields, integers, nullableVector, ragged, vector } from "../core/fields.ts";
import { groupMembers, indexGroups } from "../core/groups.ts";
import { definePart } from "../core/part.ts";
import { checkSameRows, rowCount, rowOf, toRagged, toRows, type Vector } from "../core/ragged.ts";
import { mean, meanDefined, meanOrNull, pearson, spearman } from "../core/statistics.ts";

/**
 * Reading of an over-optimisation curve: gold quality against an optimised proxy over checkpoints (as plotted in
 * PAR, arXiv 2502.18770; definitions ours).
 *
 * peak = first maximum of gold; `drop` = peak − final gold; `retention` = (final − gold₀)/(peak − gold₀), null when
 * the peak is the first point; `onsetIndex` = first checkpoint after the peak with gold < peak − tolerance·(peak −
 * gold₀) while the proxy is at least what it was at the peak, null if none; `proxyGoldCorrelation` Pearson's, null
 * when a series is constant. `kl` is the divergence from the start, nats. Everything is null without checkpoints.
 */
export const overoptimizationCurve = definePart({
  id: "evaluation/overoptimization-curve",
  papers: ["par", "artifact-reward", "daa-overoptimization", "reward-bench-2", "rm-ensembles"],
  params: z.object({
    tolerance: z.number().min(0).default(0.1).describe("share of the gain that must be lost to call it onset"),
  }),
  inputs: z.object({
    proxy: vector("C", "optimised reward per checkpoint"),
    gold: vector("C", "true quality per checkpoint"),
    kl: vector("C", "KL from the initial policy per checkpoint, nats").optional(),
  }),
  outputs: z.object({
    peakIndex: z.int().nullable(),
    peakGold: z.number().nullable(),
    peakKl: z.number().nullable(),
    finalGold: z.number().nullable(),
    drop: z.number().nullable(),
    retention: z.number().nullable(),
    onsetIndex: z.int().nullable(),
    proxyGoldCorrelation: z.number().nullable(),
  }),
  compute({ tolerance }, { proxy, gold, kl }) {
    const n = gold.length;
    let peakIndex = 0;
    for (let i = 1; i < n; i++) if (gold[i] > gold[peakIndex]) peakIndex = i;
    if (n === 0)
      return {
        peakIndex: null,
        peakGold: null,
        peakKl: null,
        finalGold: null,
        drop: null,
        retention: null,
        onsetIndex: null,
        proxyGoldCorrelation: null,
      };
    const peakGold = gold[peakIndex];
    const finalGold = gold[n - 1];
    const gain = peakGold - gold[0];
    let onsetIndex: number | null = null;
    for (let i = peakIndex + 1; i < n && onsetIndex === null; i++)
      if (gold[i] < peakGold - tolerance * gain && proxy[i] >= proxy[peakIndex]) onsetIndex = i;
    return {
      peakIndex,
      peakGold,
      peakKl: kl ? kl[peakIndex] : null,
      finalGold,
      drop: peakGold - finalGold,
      retention: peakIndex > 0 ? (finalGold - gold[0]) / gain : null,
      onsetIndex,
      proxyGoldCorrelation: pearson(proxy, gold),
    };
  },
});

/**
 * Fit of the over-optimisation law to quality against KL (form of Gao et al., as fitted in arXiv 2406.02900).
 *
 * With d = √KL (KL in nats) and g = gold − baseline: g = d(α − β log d) (`form` log, for RL and direct alignment)
 * or d(α − β d) (linear, for best-of-n), least squares in α and β. `fitted` has the baseline added back; `rmse` is
 * of the fit. The peak lies at exp(α/β − 1) with value β·d (log; needs β > 0), or at α/(2β) with value α²/(4β)
 * (linear; needs α, β > 0), plus the baseline; null otherwise. The law vanishes at d = 0: subtract the quality of
 * the initial policy (`baseline`, ½ for a win rate). Without two distinct positive distances (log; d = 1 alone
 * does not separate α from β) everything but `distances` is null. Negative KL: `ContractError`.
 */
export const overoptimizationFit = definePart({
  id: "evaluation/overoptimization-fit",
  papers: ["daa-overoptimization"],
  params: z.object({
    form: z.enum(["log", "linear"]).default("log").describe("law of RL and direct alignment, or of best-of-n"),
    baseline: z.number().default(0).describe("quality of the initial policy"),
  }),
  inputs: z.object({ kl: vector("M", "KL from the initial policy, nats"), gold: vector("M", "true quality") }),
  outputs: z.object({
    alpha: z.number().nullable(),
    beta: z.number().nullable(),
    distances: vector("M", "√KL"),
    fitted: nullableVector("M", "quality by the fitted law"),
    rmse: z.number().nullable(),
    peakDistance: z.number().nullable(),
    peakValue: z.number().nullable(),
  }),
  compute({ form, baseline }, { kl, gold }) {
    const n = kl.length;
    const distances = new Float64Array(n);
    const bends = new Float64Array(n);
    for (let i = 0; i < n; i++) {
      if (!(kl[i] >= 0)) throw new ContractError(`inputs.kl[${i}]`, `expected a KL of at least 0, got ${kl[i]}`);
      const d = Math.sqrt(kl[i]);
      distances[i] = d;
      bends[i] = d === 0 ? 0 : form === "log" ? -d * Math.log(d) : -d * d;
    }
    const law = leastSquares2(distances, bends, gold, baseline);
    if (!law) {
      const fitted = Array.from(distances, () => null);
      return { alpha: null, beta: null, distances, fitted, rmse: null, peakDistance: null, peakValue: null };
    }
    const [alpha, beta] = law;
    const fitted = new Float64Array(n);
    let squares = 0;
    for (let i = 0; i < n; i++) {
      fitted[i] = baseline + alpha * distances[i] + beta * bends[i];
      squares += (gold[i] - fitted[i]) ** 2;
    }
    const peaks = beta > 0 && (form === "log" || alpha > 0);
    const peakDistance = form === "log" ? Math.exp(alpha / beta - 1) : alpha / (2 * beta);
    const peakValue = baseline + beta * (form === "log" ? peakDistance : peakDistance ** 2);
    const finite = peaks && Number.isFinite(peakDistance) && Number.isFinite(peakValue);
    return {
      alpha,
      beta,
      distances,
      fitted,
      rmse: Math.sqrt(squares / n),
      peakDistance: finite ? peakDistance : null,
      peakValue: finite ? peakValue : null,
    };
  },
});

/** (a, b) minimising Σ(y − offset − a·u − b·v)², by Gram-Schmidt; null when u and v are collinear. */
function leastSquares2(u: Float64Array, v: Float64Array, y: Vector, offset: number): [number, number] | null {
  let uu = 0;
  let uv = 0;
  let vv = 0;
  let uy = 0;
  for (let i = 0; i < u.length; i++) {
    uu += u[i] * u[i];
    uv += u[i] * v[i];
    vv += v[i] * v[i];
    uy += u[i] * (y[i] - offset);
  }
  if (uu === 0) return null;
  const along = uv / uu;
  let ww = 0;
  let wy = 0;
  for (let i = 0; i < u.length; i++) {
    const w = v[i] - along * u[i];
    ww += w * w;
    wy += w * (y[i] - offset);
  }
  if (ww <= 1e-24 * vv || vv === 0) return null;
  const b = wy / ww;
  return [uy / uu - b * along, b];
}

/**
 * Unbiased best-of-n curves from N scored samples per prompt (arXiv 2312.09244, companion code): expected proxy and
 * gold of the sample with the best proxy among n.
 *
 * Sorted by proxy ascending (stable): E_n = Σ_{i=n..N} C(i−1, n−1)/C(N, n)·value₍ᵢ₎, averaged over prompts. `kl` =
 * log n − (n−1)/n, nats, the usual figure for best-of-n (an upper bound with ties). Entries are null where a prompt
 * has fewer than n samples, or without prompts.
 */
export const bestOfNCurve = definePart({
  id: "evaluation/best-of-n-curve",
  papers: ["rm-ensembles"],
  params: z.object({ n: z.array(z.int().min(1)).describe("numbers of samples to choose from") }),
  inputs: z.object({
    proxy: ragged("P×N", "score that selects, per prompt and sample"),
    gold: ragged("P×N", "true quality, per prompt and sample"),
  }),
  outputs: z.object({
    proxy: nullableVector("L", "expected proxy per n"),
    gold: nullableVector("L", "expected gold per n"),
    kl: vector("L", "log n − (n−1)/n"),
  }),
  compute(params, inputs) {
    const proxy = toRagged(inputs.proxy);
    const gold = toRagged(inputs.gold);
    checkSameRows(gold, proxy, "gold");
    const sorted = Array.from({ length: rowCount(proxy) }, (_, p) => {
      const scores = rowOf(proxy, p);
      const values = rowOf(gold, p);
      const order = Array.from(scores.keys()).sort((a, b) => scores[a] - scores[b]);
      return { proxy: order.map((i) => scores[i]), gold: order.map((i) => values[i]) };
    });
    const curve = (pick: "proxy" | "gold") =>
      params.n.map((n) =>
        sorted.some((row) => row[pick].length < n) ? null : meanOrNull(sorted.map((row) => expectedBest(row[pick], n))),
      );
    return {
      proxy: curve("proxy"),
      gold: curve("gold"),
      kl: params.n.map((n) => Math.log(n) - (n - 1) / n),
    };
  },
});

/** Σ_{i=n..N} C(i−1, n−1)/C(N, n)·values₍ᵢ₎, from the largest weight n/N downwards. */
function expectedBest(values: readonly number[], n: number): number {
  let weight = n / values.length;
  let sum = 0;
  for (let i = values.length; i >= n; i--) {
    sum += weight * values[i - 1];
    if (i > 1) weight *= (i - n) / (i - 1);
  }
  return sum;
}

/**
 * Agreement of ensemble members on which response is best (arXiv 2312.09244): falls as selection gets harder.
 *
 * `scores` K×N, member by response; groups are prompts. `rankCorrelation` = mean over member pairs of the mean
 * within-prompt Spearman correlation; prompts where a member's scores are constant are left out, null if nothing
 * is left. `topAgreement` = share of (pair of members, prompt) with the same winner (first of equals);
 * `ownTopReward` = mean of a member's own score at its winner; `otherTopReward` = mean of the other members'
 * scores there (the gap is what selection exploits). null without prompts, or with one member where two are needed.
 */
export const ensembleAgreement = definePart({
  id: "evaluation/ensemble-agreement",
  papers: ["rm-ensembles"],
  params: z.object({ ties: z.enum(["average-rank"]).default("average-rank").describe("ranks of equal scores") }),
  inputs: z.object({ scores: ragged("K×N", "score of each response under each member"), groups: fields.groups }),
  outputs: z.object({
    rankCorrelation: z.number().nullable(),
    topAgreement: z.number().nullable(),
    ownTopReward: z.number().nullable(),
    otherTopReward: z.number().nullable(),
  }),
  compute(_, inputs) {
    const members = toRows(toRagged(inputs.scores));
    for (const [k, row] of members.entries())
      if (row.length !== inputs.groups.length)
        throw new ContractError(`inputs.scores[${k}]`, `expected ${inputs.groups.length} scores, got ${row.length}`);
    const index = indexGroups(inputs.groups);
    const { order, starts } = groupMembers(index);
    const prompts = index.ids.map((_, g) => order.subarray(starts[g], starts[g + 1]));
    const winners = members.map((scores) =>
      prompts.map((items) => items.reduce((best, i) => (scores[i] > scores[best] ? i : best))),
    );
    const pairs: (number | null)[] = [];
    let same = 0;
    let own = 0;
    let other = 0;
    for (const [k, scores] of members.entries()) {
      for (const [l, others] of members.entries()) {
        if (l <= k) continue;
        pairs.push(
          meanDefined(
            prompts.map((items) =>
              spearman(
                Array.from(items, (i) => scores[i]),
                Array.from(items, (i) => others[i]),
              ),
            ),
          ),
        );
        for (const p of prompts.keys()) if (winners[k][p] === winners[l][p]) same++;
      }
      for (const winner of winners[k]) {
        own += scores[winner];
        for (const [l, others] of members.entries()) if (l !== k) other += others[winner];
      }
    }
    const selections = members.length * prompts.length;
    const rivals = members.length - 1;
    return {
      rankCorrelation: meanDefined(pairs),
      topAgreement: selections > 0 && rivals > 0 ? same / (pairs.length * prompts.length) : null,
      ownTopReward: selections > 0 ? own / selections : null,
      otherTopReward: selections > 0 && rivals > 0 ? other / selections / rivals : null,
    };
  },
});

/**
 * Monte-Carlo KL of a policy from its reference, on sequences sampled from the policy (arXiv 2406.02900).
 *
 * `perSequence` = Σ_t mask·(log π − log π_ref), nats; `kl` = their mean; `klK3` = mean of Σ_t mask·(e^{−d} + d − 1),
 * d = log π − log π_ref, never negative; `sqrtKl` = √kl, 0 where the estimate is negative. null without sequences.
 */
export const sequenceKl = definePart({
  id: "evaluation/sequence-kl",
  papers: ["daa-overoptimization"],
  params: z.object({}),
  inputs: z.object({ logprobs: fields.logprobs, refLogprobs: fields.refLogprobs, mask: fields.mask.optional() }),
  outputs: z.object({
    perSequence: vector("N", "log-ratio of each sequence, nats"),
    kl: z.number().nullable(),
    klK3: z.number().nullable(),
    sqrtKl: z.number().nullable(),
  }),
  compute(_, inputs) {
    const logprobs = toRagged(inputs.logprobs);
    const refLogprobs = toRagged(inputs.refLogprobs);
    const mask = inputs.mask ? toRagged(inputs.mask) : null;
    checkSameRows(refLogprobs, logprobs, "refLogprobs");
    if (mask) checkSameRows(mask, logprobs, "mask");
    const n = rowCount(logprobs);
    const perSequence = new Float64Array(n);
    let k3 = 0;
    for (let i = 0; i < n; i++) {
      for (let k = logprobs.offsets[i]; k < logprobs.offsets[i + 1]; k++) {
        if (mask && mask.values[k] === 0) continue;
        const ratio = logprobs.values[k] - refLogprobs.values[k];
        perSequence[i] += ratio;
        k3 += Math.expm1(-ratio) + ratio;
      }
    }
    if (n === 0) return { perSequence, kl: null, klK3: null, sqrtKl: null };
    const kl = mean(perSequence);
    return { perSequence, kl, klK3: k3 / n, sqrtKl: Math.sqrt(Math.max(0, kl)) };
  },
});

/**
 * Probability mass on and off the preference data (tree experiment of arXiv 2406.02900).
 *
 * `inDistribution` indexes the sequences that occur in the data; repeats count once. Index out of range:
 * `ContractError`.
 */
export const outOfDistributionMass = definePart({
  id: "evaluation/out-of-distribution-mass",
  papers: ["daa-overoptimization"],
  params: z.object({}),
  inputs: z.object({
    probabilities: vector("N", "probability of each sequence"),
    inDistribution: integers("M", "indices of sequences in the data"),
  }),
  outputs: z.object({ inMass: z.number(), outMass: z.number() }),
  compute(_, { probabilities, inDistribution }) {
    const inside = new Uint8Array(probabilities.length);
    for (let m = 0; m < inDistribution.length; m++) {
      const i = inDistribution[m];
      if (!(i >= 0 && i < probabilities.length))
        throw new ContractError(
          `inputs.inDistribution[${m}]`,
          `expected an index below ${probabilities.length}, got ${i}`,
        );
      inside[i] = 1;
    }
    let inMass = 0;
    let outMass = 0;
    for (let i = 0; i < probabilities.length; i++) {
      if (inside[i]) inMass += probabilities[i];
      else outMass += probabilities[i];
    }
    return { inMass, outMass };
  },
});

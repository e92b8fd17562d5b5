import { z } from "zod";
import { fields, nullableVector, ragged, vector } from "../core/fields.ts";
import { indexGroups } from "../core/groups.ts";
import { definePart } from "../core/part.ts";
import { rowCount, rowOf, toRagged } from "../core/ragged.ts";
import { variance } from "../core/statistics.ts";

/**
 * Adds a judged reward for the thinking, trusted less where wrong answers score higher (Trust-GRPO, SophiaVL-R1, arXiv
 * 2505.17018, eqs. 1–5).
 *
 * Within a group μ_c and μ_w are the mean thinking rewards of replies with outcome ≥ `threshold` and below it.
 * Trust γ = 1 if μ_c ≥ μ_w or a side is missing, else e^(μ_c − μ_w). R = outcome + γ · α · decay · thinking, decay
 * at step s of T: `exponential` e^(−s/T), `linear` from 1 to 1/e (held there after T), `none` 1.
 *
 * `variant: "code"` is the release: a group whose outcomes are all ≥ 0.9 or all ≤ 0.1 gets no thinking reward, and
 * replies with outcome below 0.2 count as thinking 0, inside the means too. A null thinking reward (the judge failed)
 * enters no mean and pays nothing.
 *
 * `rewards`, `trust` (1 for skipped groups) and `weights` (α · decay · γ, 0 for skipped groups) N; `decay` one number.
 */
export const trustWeightedThinking = definePart({
  id: "shaping/trust-weighted-thinking",
  papers: ["sophia-vl-r1"],
  params: z.object({
    alpha: z.number().default(0.3).describe("α, weight of the thinking reward at the start"),
    totalSteps: z.number().positive().default(1500).describe("T, steps (release: 500)"),
    threshold: z.number().default(0.5).describe("outcome from which a reply counts as right"),
    schedule: z.enum(["exponential", "linear", "none"]).default("exponential").describe("decay over training"),
    variant: z.enum(["paper", "code"]).default("paper").describe("the paper's rule, or the release's"),
  }),
  inputs: z.object({
    outcomeRewards: vector("N", "rule reward, 0 to 1"),
    thinkingRewards: nullableVector("N", "judged reward of the thinking, 0 to 1; null: not judged"),
    groups: fields.groups,
    step: z.number().nonnegative().describe("training step"),
  }),
  outputs: z.object({
    rewards: fields.rewards,
    trust: vector("N", "γ of the rollout's group"),
    weights: vector("N", "weight of the thinking reward"),
    decay: z.number().describe("decay at this step"),
  }),
  compute({ alpha, totalSteps, threshold, schedule, variant }, { outcomeRewards, thinkingRewards, groups, step }) {
    const { of, counts } = indexGroups(groups);
    const p = counts.length;
    const code = variant === "code";
    const rightSum = new Float64Array(p);
    const rightCount = new Int32Array(p);
    const wrongSum = new Float64Array(p);
    const wrongCount = new Int32Array(p);
    const lowest = new Float64Array(p).fill(Number.POSITIVE_INFINITY);
    const highest = new Float64Array(p).fill(Number.NEGATIVE_INFINITY);
    const thinking = (i: number) => (code && outcomeRewards[i] < 0.2 ? 0 : thinkingRewards[i]);
    for (let i = 0; i < of.length; i++) {
      const g = of[i];
      lowest[g] = Math.min(lowest[g], outcomeRewards[i]);
      highest[g] = Math.max(highest[g], outcomeRewards[i]);
      const judged = thinking(i);
      if (judged === null) continue;
      if (outcomeRewards[i] >= threshold) {
        rightSum[g] += judged;
        rightCount[g]++;
      } else {
        wrongSum[g] += judged;
        wrongCount[g]++;
      }
    }
    let decay = 1;
    if (schedule === "exponential") decay = Math.exp(-step / totalSteps);
    if (schedule === "linear") decay = 1 + Math.expm1(-1) * Math.min(1, step / totalSteps);
    const trust = new Float64Array(of.length);
    const weights = new Float64Array(of.length);
    const rewards = new Float64Array(of.length);
    for (let i = 0; i < of.length; i++) {
      const g = of[i];
      const skipped = code && (lowest[g] >= 0.9 || highest[g] <= 0.1);
      const both = rightCount[g] > 0 && wrongCount[g] > 0;
      const gap = both ? rightSum[g] / rightCount[g] - wrongSum[g] / wrongCount[g] : 0;
      trust[i] = skipped || gap >= 0 ? 1 : Math.exp(gap);
      weights[i] = skipped ? 0 : alpha * decay * trust[i];
      rewards[i] = outcomeRewards[i] + weights[i] * (thinking(i) ?? 0);
    }
    return { rewards, trust, weights, decay };
  },
});

/**
 * Trust in a judge from how much its repeated scores disagree (SophiaVL-R1, arXiv 2505.17018, appendix E.1).
 *
 * trust = e^(−population variance) of the K scores of a reply. `samples` N×K; `variances` and `trust` N, null for a row
 * without scores.
 */
export const varianceTrust = definePart({
  id: "shaping/variance-trust",
  papers: ["sophia-vl-r1"],
  params: z.object({}),
  inputs: z.object({ samples: ragged("N×K", "repeated judgements of each reply") }),
  outputs: z.object({
    variances: nullableVector("N", "population variance of the judgements"),
    trust: nullableVector("N", "e^(−variance)"),
  }),
  compute(_, inputs) {
    const samples = toRagged(inputs.samples);
    const variances = Array.from({ length: rowCount(samples) }, (_, i) => {
      const row = rowOf(samples, i);
      return row.length === 0 ? null : variance(row, 0);
    });
    return { variances, trust: variances.map((value) => (value === null ? null : Math.exp(-value))) };
  },
});

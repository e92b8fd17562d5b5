/** Labels: simulated annotators, and what becomes of several human or machine annotations. */
import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { flags, integers, shaped, uniforms, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import type { Vector } from "../core/ragged.ts";

/**
 * Simulated annotator: Bernoulli labels of Bradley-Terry probabilities (arXiv 2407.12164; annotation quality as in 2411.04991).
 *
 * probabilities σ(β·(first − second)), labels 1 (the first is preferred) iff the given uniform is below, strictly. β is the annotator's
 * rationality. Shapes N.
 */
export const preferenceLabel = definePart({
  id: "model/preference-label",
  papers: ["irl-llm-survey", "lambda-harmonic"],
  params: z.object({ rationality: z.number().default(1).describe("β") }),
  inputs: z.object({
    first: vector("N", "score of the first item"),
    second: vector("N", "score of the second item"),
    uniforms: uniforms("N", "one draw per pair"),
  }),
  outputs: z.object({
    probabilities: vector("N", "that the first is preferred"),
    labels: integers("N", "1: the first, 0: the second"),
  }),
  compute({ rationality }, { first, second, uniforms: draws }) {
    const probabilities = Float64Array.from(first, (score, i) => sigmoid(rationality * (score - second[i])));
    return { probabilities, labels: Array.from(probabilities, (p, i) => (draws[i] < p ? 1 : 0)) };
  },
});

function sigmoid(x: number): number {
  const small = Math.exp(-Math.abs(x));
  return (x >= 0 ? 1 : small) / (1 + small);
}

/**
 * Simulated annotator that states a strength: true difference plus logistic noise (arXiv 2402.10184).
 *
 * strengths = first − second + logit(u)/β, labels 1 iff above 0, so that P(label 1) = σ(β·(first − second)). A draw of 0 or 1 is moved
 * to the nearest double inside. Shapes N.
 */
export const logisticPreferenceStrength = definePart({
  id: "model/logistic-preference-strength",
  papers: ["tree-rm"],
  params: z.object({ beta: z.number().positive().default(1).describe("β, inverse scale of the noise") }),
  inputs: z.object({
    first: vector("N", "true reward of the first response"),
    second: vector("N", "true reward of the second response"),
    uniforms: uniforms("N", "one draw per pair"),
  }),
  outputs: z.object({
    strengths: vector("N", "stated difference"),
    labels: integers("N", "1: the first is preferred, 0: the second"),
  }),
  compute({ beta }, { first, second, uniforms: draws }) {
    const strengths = Float64Array.from(first, (reward, i) => {
      const u = Math.min(1 - 2 ** -53, Math.max(2 ** -54, draws[i]));
      return reward - second[i] + (Math.log(u) - Math.log1p(-u)) / beta;
    });
    return { strengths, labels: Array.from(strengths, (strength) => (strength > 0 ? 1 : 0)) };
  },
});

/**
 * Pairs with signed preference strengths turned into chosen and rejected (HelpSteer2-Preference, arXiv 2410.01257).
 *
 * Strength below 0: the first is chosen; above 0: the second. 0 is dropped, or (`second`, the released code) counts as a win of the second
 * with margin 0, which still takes part in means. margins = |strength|, indices into the given pairs. Shapes N → M.
 */
export const preferenceOrientation = definePart({
  id: "model/preference-orientation",
  papers: ["helpsteer2-preference"],
  params: z.object({ tiePolicy: z.enum(["second", "drop"]).default("second").describe("what strength 0 means") }),
  inputs: z.object({
    first: vector("N", "score of the first response"),
    second: vector("N", "score of the second response"),
    strengths: vector("N", "signed preference strength"),
  }),
  outputs: z.object({
    chosen: vector("M", "score of the preferred response"),
    rejected: vector("M", "score of the other"),
    margins: vector("M", "unsigned strength"),
    indices: integers("M", "pair it comes from"),
  }),
  compute({ tiePolicy }, { first, second, strengths }) {
    const chosen: number[] = [];
    const rejected: number[] = [];
    const margins: number[] = [];
    const indices: number[] = [];
    for (let i = 0; i < strengths.length; i++) {
      if (strengths[i] === 0 && tiePolicy === "drop") continue;
      const firstWins = strengths[i] < 0;
      chosen.push(firstWins ? first[i] : second[i]);
      rejected.push(firstWins ? second[i] : first[i]);
      margins.push(Math.abs(strengths[i]));
      indices.push(i);
    }
    return { chosen, rejected, margins, indices };
  },
});

/** Spread (max − min) and summed pairwise distance of the chosen annotations. */
function disagreement(values: readonly number[]): [number, number] {
  let distance = 0;
  for (let i = 0; i < values.length; i++) for (let j = 0; j < i; j++) distance += Math.abs(values[i] - values[j]);
  return [Math.max(...values) - Math.min(...values), distance];
}

/** The subset of `count` annotations of least spread, then least pairwise distance, then first in order. */
function closest(annotations: Vector, count: number): { mean: number; spread: number } | null {
  if (annotations.length < count) return null;
  const at = Array.from({ length: count }, (_, k) => k);
  let best: { mean: number; spread: number; distance: number } | null = null;
  for (;;) {
    const values = at.map((i) => annotations[i]);
    const [spread, distance] = disagreement(values);
    if (best === null || spread < best.spread || (spread === best.spread && distance < best.distance))
      best = { mean: values.reduce((sum, value) => sum + value, 0) / count, spread, distance };
    let k = count - 1;
    while (k >= 0 && at[k] === annotations.length - count + k) k--;
    if (k < 0) return best;
    at[k]++;
    for (let next = k + 1; next < count; next++) at[next] = at[next - 1] + 1;
  }
}

/**
 * Several signed strengths per pair reduced to one (annotation procedure of HelpSteer2-Preference, arXiv 2410.01257).
 *
 * Of each row the `agreeing` annotations of least max − min are taken (ties: least summed pairwise distance, then the earliest); a row whose
 * best subset spreads by more than `maxSpread`, or with fewer annotations, is dropped. strengths = their mean, rounded half away from 0;
 * indices of the rows that are left. Shapes N×A (ragged, at most 16 annotations each: all subsets are compared).
 */
export const annotationAggregation = definePart({
  id: "model/annotation-aggregation",
  papers: ["helpsteer2-preference"],
  params: z.object({
    agreeing: z.int().positive().default(3).describe("annotations that count"),
    maxSpread: z.number().nonnegative().default(2).describe("largest max − min among them"),
  }),
  inputs: z.object({
    annotations: shaped(z.array(z.array(z.number()).max(16)), "N×A", "signed strengths of the annotators"),
  }),
  outputs: z.object({
    strengths: vector("M", "aggregated strength"),
    indices: integers("M", "rows that are left"),
  }),
  compute({ agreeing, maxSpread }, { annotations }) {
    const strengths: number[] = [];
    const indices: number[] = [];
    for (const [i, row] of annotations.entries()) {
      const best = closest(row, agreeing);
      if (best === null || best.spread > maxSpread) continue;
      // + 0 turns −0 into 0
      strengths.push(Math.sign(best.mean) * Math.floor(Math.abs(best.mean) + 0.5) + 0);
      indices.push(i);
    }
    return { strengths, indices };
  },
});

/**
 * Hybrid annotation: keep a sample where a rule and a judge agree (Cooper, arXiv 2508.05613).
 *
 * kept: indices where both gave the same verdict, labels that verdict, agreement = kept/N (null of nothing). A null verdict never agrees.
 * Shapes N → M.
 */
export const hybridAnnotation = definePart({
  id: "model/hybrid-annotation",
  papers: ["cooper"],
  params: z.object({}),
  inputs: z.object({
    rule: shaped(z.array(z.boolean().nullable()), "N", "verdict of the rule-based verifier"),
    judge: shaped(z.array(z.boolean().nullable()), "N", "verdict of the judge"),
  }),
  outputs: z.object({
    kept: integers("M", "samples on which they agree"),
    labels: flags("M", "the common verdict"),
    agreement: z.number().nullable().describe("share kept"),
  }),
  compute(_, { rule, judge }) {
    const kept: number[] = [];
    const labels: boolean[] = [];
    for (const [i, verdict] of rule.entries()) {
      if (verdict === null || verdict !== judge[i]) continue;
      kept.push(i);
      labels.push(verdict);
    }
    return { kept, labels, agreement: rule.length === 0 ? null : kept.length / rule.length };
  },
});

/**
 * Raw labels merged into the classes of a probe (MRMBench, arXiv 2511.12464): label = table[raw].
 *
 * `counts` per class, from 0 to the largest class of the table. Shapes N. Error: a raw label that the table lacks.
 */
export const probeLabels = definePart({
  id: "model/probe-labels",
  papers: ["mrm-bench"],
  params: z.object({ table: z.array(z.int().nonnegative()).min(1).describe("class of each raw label") }),
  inputs: z.object({ raw: integers("N", "raw label, an index into the table") }),
  outputs: z.object({ labels: integers("N", "class"), counts: integers("C", "samples per class") }),
  compute({ table }, { raw }) {
    const counts = new Array<number>(Math.max(...table) + 1).fill(0);
    const labels = Array.from(raw, (value, i) => {
      const label = table[value];
      if (label === undefined)
        throw new ContractError(`inputs.raw[${i}]`, `expected a label in [0, ${table.length}), got ${value}`);
      counts[label]++;
      return label;
    });
    return { labels, counts };
  },
});

/**
 * How far the model's own rubric and the labels agree, as a filter (OpenRubrics, arXiv 2510.07743).
 *
 * accuracy per group: share of its pairs whose prediction equals the label; keep: the pair's own prediction is right and its group's
 * accuracy reaches the threshold (≥). A null prediction is not right. Shapes N (one entry per induced pair).
 */
export const rubricConsistencyFilter = definePart({
  id: "model/rubric-consistency-filter",
  papers: ["open-rubrics"],
  params: z.object({ threshold: z.number().default(0.5).describe("τ") }),
  inputs: z.object({
    groups: shaped(z.array(z.union([z.string(), z.number()])), "N", "prompt of each pair"),
    predictions: shaped(z.array(z.union([z.string(), z.number(), z.boolean()]).nullable()), "N", "judged preference"),
    labels: shaped(z.array(z.union([z.string(), z.number(), z.boolean()])), "N", "given preference"),
  }),
  outputs: z.object({
    accuracy: z.record(z.string(), z.number()).describe("share predicted right per group"),
    keep: flags("N", "what is left"),
  }),
  compute({ threshold }, { groups, predictions, labels }) {
    const tally = new Map<string, { right: number; count: number }>();
    for (let i = 0; i < labels.length; i++) {
      const group = tally.get(String(groups[i])) ?? { right: 0, count: 0 };
      group.count++;
      if (predictions[i] === labels[i]) group.right++;
      tally.set(String(groups[i]), group);
    }
    const accuracy = Object.fromEntries(Array.from(tally, ([group, { right, count }]) => [group, right / count]));
    const keep = labels.map((label, i) => predictions[i] === label && accuracy[String(groups[i])] >= threshold);
    return { accuracy, keep };
  },
});

/**
 * Outcome-level consistency: verifications that agree with the majority verdict (SPARK, arXiv 2512.03244).
 *
 * verdict = the more frequent of +1 and −1; equal counts: `ties`. Verdicts of 0 or null (none given) do not vote and are never kept; without a vote
 * the verdict is null. kept: indices in order.
 */
export const outcomeConsistencyFilter = definePart({
  id: "model/outcome-consistency-filter",
  papers: ["spark"],
  params: z.object({
    ties: z
      .union([z.literal(1), z.literal(-1)])
      .default(-1)
      .describe("verdict when the votes are equal"),
  }),
  inputs: z.object({
    verifications: shaped(
      z.array(z.object({ verdict: z.number().nullable(), stepLabels: z.array(z.number().nullable()).optional() })),
      "N",
      "verifications of one solution; their step labels are not looked at",
    ),
  }),
  outputs: z.object({
    verdict: z.int().nullable().describe("majority verdict"),
    kept: integers("M", "verifications that agree with it"),
  }),
  compute({ ties }, { verifications }) {
    let sum = 0;
    let votes = 0;
    for (const { verdict } of verifications) {
      if (verdict === null || verdict === 0) continue;
      sum += Math.sign(verdict);
      votes++;
    }
    if (votes === 0) return { verdict: null, kept: [] };
    const majority = sum === 0 ? ties : Math.sign(sum);
    const kept = verifications.flatMap(({ verdict }, i) =>
      verdict !== null && Math.sign(verdict) === majority ? [i] : [],
    );
    return { verdict: majority, kept };
  },
});

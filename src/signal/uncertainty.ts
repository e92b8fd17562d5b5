/** How sure the policy (or a belief) is: rewards and signals without any label. */
import { z } from "zod";
import { logSumExp } from "../core/distributions.ts";
import { ContractError } from "../core/error.ts";
import { fields, nullableVector, ragged, shaped } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { rowCount, rowOf, toRagged } from "../core/ragged.ts";
import { expectLength } from "../core/shapes.ts";

const tokenLogits = shaped(z.array(z.array(z.array(z.number()).min(1))), "N×T×V", "logits, before softmax");

/**
 * Self-certainty of each token: KL of the uniform distribution to the policy (the self-certainty baseline of Co-Reward,
 * arXiv 2508.00410; without the constant in UCAS, arXiv 2510.10649).
 *
 * c_t = logsumexp(z_t) − mean_v z_{t,v} − log V, nats: 0 for a uniform policy, unbounded for a peaked one. With
 * `uniformBaseline` false the constant log V stays in. N × T × V logits → N × T. Average over the response for a reward.
 */
export const selfCertainty = definePart({
  id: "signal/self-certainty",
  papers: ["co-reward", "ucas"],
  params: z.object({ uniformBaseline: z.boolean().default(true).describe("subtract log V") }),
  inputs: z.object({ logits: tokenLogits }),
  outputs: z.object({ certainties: ragged("N×T", "self-certainty, nats") }),
  compute({ uniformBaseline }, { logits }) {
    const certainties = logits.map((tokens) =>
      Float64Array.from(tokens, (scores) => {
        // Summed as differences, so that a large common offset costs no digits.
        const normaliser = logSumExp(scores);
        let sum = 0;
        for (const score of scores) sum += normaliser - score;
        return sum / scores.length - (uniformBaseline ? Math.log(scores.length) : 0);
      }),
    );
    return { certainties };
  },
});

/**
 * Entropy of the policy at each token: H_t = −Σ_v p_v log p_v, p = softmax(logits), nats (the entropy baseline of
 * Co-Reward, arXiv 2508.00410). N × T × V logits → N × T, between 0 and log V.
 */
export const tokenEntropy = definePart({
  id: "signal/token-entropy",
  papers: ["co-reward"],
  params: z.object({}),
  inputs: z.object({ logits: tokenLogits }),
  outputs: z.object({ entropies: fields.entropies }),
  compute(_params, { logits }) {
    const entropies = logits.map((tokens) =>
      Float64Array.from(tokens, (scores) => {
        const normaliser = logSumExp(scores);
        let sum = 0;
        for (const score of scores) {
          const p = Math.exp(score - normaliser);
          if (p > 0) sum += p * (normaliser - score);
        }
        return sum;
      }),
    );
    return { entropies };
  },
});

/**
 * Mean token entropy of each agent turn (EMPG, arXiv 2509.09265, sec. 3.1).
 *
 * `stepSpans` are [start, end) in tokens, end exclusive; tokens between spans (observations) do not count, empty spans
 * are dropped. N × T nats → N × S. Throws when a span leaves its row.
 */
export const stepEntropy = definePart({
  id: "signal/step-entropy",
  papers: ["empg"],
  params: z.object({}),
  inputs: z.object({ entropies: fields.entropies, stepSpans: fields.stepSpans }),
  outputs: z.object({ entropies: ragged("N×S", "mean token entropy per step, nats") }),
  compute(_params, { entropies, stepSpans }) {
    const tokens = toRagged(entropies);
    expectLength(stepSpans, rowCount(tokens), "stepSpans");
    const means = stepSpans.map((spans, i) => {
      const row = rowOf(tokens, i);
      const steps: number[] = [];
      spans.forEach(([start, end], s) => {
        if (start < 0 || end > row.length || start > end) {
          throw new ContractError(
            `inputs.stepSpans[${i}][${s}]`,
            `expected [start, end) within ${row.length} tokens, got [${start}, ${end}]`,
          );
        }
        if (start === end) return;
        let sum = 0;
        for (let t = start; t < end; t++) sum += row[t];
        steps.push(sum / (end - start));
      });
      return steps;
    });
    return { entropies: means };
  },
});

const beliefs = (description: string) =>
  shaped(z.array(z.array(z.array(z.number().nonnegative()))), "N×attributes", description);

/**
 * Entropy reduction: the information that an answer brought about a specification (Nous, arXiv 2510.27410).
 *
 * r = H(before) − H(after), H(b) = −Σ_i Σ_v b_i(v) log b_i(v) over independent attributes i; weights are normalised
 * inside of each attribute, 0 log 0 = 0. N × attributes × values; unit: bits with `base` 2. `normalize` divides by
 * H(before), 0 where that is 0. An attribute without any mass is undefined: null. The return over a dialogue
 * telescopes to H(b_0) − H(b_T). It measures certainty, not correctness.
 */
export const entropyReduction = definePart({
  id: "signal/entropy-reduction",
  papers: ["nous"],
  params: z.object({
    base: z
      .number()
      .positive()
      .refine((base) => base !== 1, "expected a base other than 1")
      .default(2)
      .describe("of the logarithm"),
    normalize: z.boolean().default(false).describe("share of the remaining uncertainty"),
  }),
  inputs: z.object({
    before: beliefs("weights of the values of each attribute before the turn"),
    after: beliefs("the same after the turn"),
  }),
  outputs: z.object({
    entropyBefore: nullableVector("N", "H(before); null where undefined"),
    entropyAfter: nullableVector("N", "H(after); null where undefined"),
    rewards: nullableVector("N", "entropy removed; null where undefined"),
  }),
  compute({ base, normalize }, { before, after }) {
    expectLength(after, before.length, "after");
    const unit = Math.log(base);
    const entropyBefore = before.map((attributes) => beliefEntropy(attributes, unit));
    const entropyAfter = after.map((attributes) => beliefEntropy(attributes, unit));
    const rewards = entropyBefore.map((start, i) => {
      const end = entropyAfter[i];
      if (start === null || end === null) return null;
      return normalize ? (start === 0 ? 0 : (start - end) / start) : start - end;
    });
    return { entropyBefore, entropyAfter, rewards };
  },
});

function beliefEntropy(attributes: readonly (readonly number[])[], unit: number): number | null {
  let total = 0;
  for (const weights of attributes) {
    let mass = 0;
    for (const weight of weights) mass += weight;
    if (!(mass > 0)) return null;
    for (const weight of weights) {
      const p = weight / mass;
      if (p > 0) total -= p * Math.log(p);
    }
  }
  return total / unit;
}

/** Models of noisy choice, forwards and backwards, and beliefs that evidence updates. */
import { z } from "zod";
import { entropy, softmax } from "../core/distributions.ts";
import { ContractError } from "../core/error.ts";
import { nullableVector, ragged, shaped, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { raggedLike, rowCount, rowOf, toRagged, type Vector } from "../core/ragged.ts";
import { expectLength } from "../core/shapes.ts";

const rationalityParam = z
  .number()
  .nullable()
  .default(1)
  .describe("β, inverse temperature; null: perfectly rational, ties shared");

/** Index of each largest entry shares the probability. */
function sharedMaximum(utilities: Vector): Float64Array {
  let best = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < utilities.length; k++) best = Math.max(best, utilities[k]);
  const chosen = Float64Array.from(utilities, (utility) => (utility === best ? 1 : 0));
  const ties = chosen.reduce((sum, one) => sum + one, 0);
  return chosen.map((one) => one / ties);
}

/**
 * Boltzmann-rational choice (Luce; as a model of people in arXiv 2406.17055).
 *
 * P(k) ∝ exp(β·u_k) per row; β null: the best option, ties sharing. β = 0 is uniform. Shapes N×K (rows may differ in length).
 */
export const boltzmannChoice = definePart({
  id: "model/boltzmann-choice",
  papers: ["llm-rationality"],
  params: z.object({ rationality: rationalityParam }),
  inputs: z.object({ utilities: ragged("N×K", "utility of each option") }),
  outputs: z.object({ probabilities: ragged("N×K", "probability of each option") }),
  compute({ rationality }, { utilities }) {
    const rows = toRagged(utilities);
    const probabilities = raggedLike(rows);
    for (let i = 0; i < rowCount(rows); i++) {
      const row = rowOf(rows, i);
      probabilities.values.set(rationality === null ? sharedMaximum(row) : softmax(row, rationality), rows.offsets[i]);
    }
    return { probabilities };
  },
});

/** Utility of each option: the sum of its items'. */
function optionUtilities(items: Float64Array, options: readonly Vector[]): Float64Array {
  return Float64Array.from(options, (option) => {
    let sum = 0;
    for (let e = 0; e < items.length; e++) sum += option[e] * items[e];
    return sum;
  });
}

/**
 * What a choice says about the chooser's preferences, by importance sampling (Jern, Lucas & Kemp 2017; arXiv 2406.17055).
 *
 * Given M samples of item utilities u with prior weights w (default uniform), an option's utility is the sum of its items'; the likelihood
 * ℓ_m of the observed choice is its Boltzmann probability (β null: 1 if no option is better, else 0). z_m = 1 if the target's utility is
 * the largest of sample m (ties count).
 * marginalLikelihood Σwℓ/Σw; surprise its inverse; absoluteUtility Σwℓu_target/Σwℓ; relativeUtility Σwℓz/Σwℓ = P(target best | choice);
 * likelihood Σwzℓ/Σwz = P(choice | target best); posterior wℓ/Σwℓ. Shapes M×E, M, K×E of 0/1.
 * Null: surprise, utilities and posterior of a choice that no sample allows; likelihood where the target is never best; everything
 * without weight. Errors: `target` or `chosen` out of range.
 */
export const inverseChoice = definePart({
  id: "model/inverse-choice",
  papers: ["llm-rationality"],
  params: z.object({
    rationality: rationalityParam,
    target: z.int().nonnegative().describe("item asked about"),
  }),
  inputs: z.object({
    utilities: ragged("M×E", "sampled utility of each item"),
    weights: vector("M", "prior weight of each sample; absent = uniform").optional(),
    options: ragged("K×E", "1 where the option has the item"),
    chosen: z.int().nonnegative().describe("option that was chosen"),
  }),
  outputs: z.object({
    marginalLikelihood: z.number().nullable(),
    surprise: z.number().nullable(),
    absoluteUtility: z.number().nullable(),
    relativeUtility: z.number().nullable(),
    likelihood: z.number().nullable(),
    posterior: nullableVector("M", "posterior weight of each sample"),
  }),
  compute({ rationality, target }, { utilities, weights, options, chosen }) {
    const samples = toRagged(utilities);
    const packed = toRagged(options);
    const m = rowCount(samples);
    const bundles = Array.from({ length: rowCount(packed) }, (_, k) => rowOf(packed, k));
    if (chosen >= bundles.length)
      throw new ContractError("inputs.chosen", `expected an option in [0, ${bundles.length}), got ${chosen}`);
    const joint = new Float64Array(m);
    let total = 0;
    let evidence = 0;
    let utility = 0;
    let best = 0;
    let bestAndChosen = 0;
    for (let i = 0; i < m; i++) {
      const items = rowOf(samples, i);
      if (target >= items.length)
        throw new ContractError("params.target", `expected an item in [0, ${items.length}), got ${target}`);
      for (const [k, bundle] of bundles.entries()) expectLength(bundle, items.length, `options[${k}]`);
      const sums = optionUtilities(items, bundles);
      const likelihood =
        rationality === null ? (sums.every((sum) => sum <= sums[chosen]) ? 1 : 0) : softmax(sums, rationality)[chosen];
      const weight = weights === undefined ? 1 : weights[i];
      joint[i] = weight * likelihood;
      total += weight;
      evidence += joint[i];
      utility += joint[i] * items[target];
      if (items.every((item) => item <= items[target])) {
        best += weight;
        bestAndChosen += joint[i];
      }
    }
    const ratio = (numerator: number, denominator: number) => (denominator > 0 ? numerator / denominator : null);
    return {
      marginalLikelihood: ratio(evidence, total),
      surprise: ratio(total, evidence),
      absoluteUtility: ratio(utility, evidence),
      relativeUtility: ratio(bestAndChosen, evidence),
      likelihood: ratio(bestAndChosen, best),
      posterior: Array.from(joint, (weight) => ratio(weight, evidence)),
    };
  },
});

/**
 * Bayesian update of a factored belief by answers (after Nous, arXiv 2510.27410): b_i ← b_i·ℓ_i, renormalised, evidence in the order given.
 *
 * Each row of `belief` is a distribution over one attribute's values (normalised first); a likelihood has an entry per value, 0/1 or
 * graded. Evidence without any mass under the belief leaves it as it is and sets `contradiction`. entropy = Σ_i H(b_i) in bits.
 * Shapes A×V (ragged). Errors: evidence on an attribute that is not there, or with another number of values; negative weights.
 */
export const beliefUpdate = definePart({
  id: "model/belief-update",
  papers: ["nous"],
  params: z.object({}),
  inputs: z.object({
    belief: ragged("A×V", "probability of each value of each attribute"),
    evidence: shaped(
      z.array(z.object({ attribute: z.int().nonnegative(), likelihood: z.array(z.number().nonnegative()) })),
      "M",
      "likelihood of each value of one attribute, applied in order",
    ),
  }),
  outputs: z.object({
    belief: ragged("A×V", "after the evidence"),
    entropy: z.number().describe("bits, summed over attributes"),
    contradiction: z.boolean().describe("some evidence excluded every value that was left"),
  }),
  compute(_, { belief, evidence }) {
    const prior = toRagged(belief);
    const after = raggedLike(prior);
    after.values.set(prior.values);
    for (let a = 0; a < rowCount(after); a++) {
      if (rowOf(after, a).some((weight) => !(weight >= 0)))
        throw new ContractError(`inputs.belief[${a}]`, "expected probabilities, got a negative number");
      normalize(rowOf(after, a));
    }
    let contradiction = false;
    for (const [k, { attribute, likelihood }] of evidence.entries()) {
      const path = `inputs.evidence[${k}]`;
      if (attribute >= rowCount(after))
        throw new ContractError(`${path}.attribute`, `expected one in [0, ${rowCount(after)}), got ${attribute}`);
      const row = rowOf(after, attribute);
      expectLength(likelihood, row.length, `evidence[${k}].likelihood`);
      const updated = row.map((weight, v) => weight * likelihood[v]);
      if (normalize(updated)) row.set(updated);
      else contradiction = true;
    }
    let bits = 0;
    for (let a = 0; a < rowCount(after); a++) bits += entropy(rowOf(after, a)) / Math.LN2;
    return { belief: after, entropy: bits, contradiction };
  },
});

/** Divides by the sum, in place; false (and unchanged) when there is none. */
function normalize(weights: Float64Array): boolean {
  const mass = weights.reduce((sum, weight) => sum + weight, 0);
  if (!(mass > 0)) return false;
  for (let v = 0; v < weights.length; v++) weights[v] /= mass;
  return true;
}

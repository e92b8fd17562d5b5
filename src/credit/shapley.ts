import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { shaped, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import type { Vector } from "../core/ragged.ts";

const coalitionValues = vector("C", "v of each of the 2^n coalitions; bit i of the index: unit i takes part");
const total = z.number().describe("v(all) − v(none), which the values sum to");

/**
 * Shapley values of the units of a response, from the reward of every coalition (SCAR, arXiv 2505.20417; in arXiv
 * 2512.04302).
 *
 * `exact`: φ_i = Σ_{C∌i} |C|!(n−|C|−1)!/n! · (v(C∪i) − v(C)). `permutation`: mean of the marginals over the given
 * `permutations` of 0 … n − 1, an unbiased estimate when they are drawn uniformly. Either way Σφ = v(all) − v(none).
 * `values` has 2^n entries (a `ContractError` otherwise). Unit i's value depends on units after it.
 */
export const shapley = definePart({
  id: "credit/shapley",
  papers: ["dense-rewards-proposal"],
  params: z.object({
    method: z.enum(["exact", "permutation"]).default("exact").describe("all coalitions, or sampled orders"),
  }),
  inputs: z.object({
    values: coalitionValues,
    permutations: z.array(z.array(z.int())).optional().describe("orders of the units (permutation)"),
  }),
  outputs: z.object({ shapley: vector("U", "value of each unit"), total }),
  compute({ method }, { values, permutations }) {
    const units = unitCount(values);
    const result = method === "exact" ? exact(values, units) : sampled(values, units, permutations);
    return { shapley: result, total: values[values.length - 1] - values[0] };
  },
});

/**
 * Owen values: Shapley values of units grouped into spans, averaging over orders of spans, then of units within a span
 * (arXiv 2505.20417; Owen 1977).
 *
 * φ_i = Σ_{R⊆spans∖k} Σ_{T⊆B_k∖i} |R|!(m−|R|−1)!/m! · |T|!(b−|T|−1)!/b! · (v(∪R∪T∪i) − v(∪R∪T)), k the span of i, b its
 * size, m the number of spans. `values` as in shapley; `partition`: the units of each span, every unit exactly once
 * (else a `ContractError`).
 */
export const owen = definePart({
  id: "credit/owen",
  papers: ["dense-rewards-proposal"],
  params: z.object({}),
  inputs: z.object({
    values: coalitionValues,
    partition: shaped(z.array(z.array(z.int().nonnegative())), "M", "units of each span"),
  }),
  outputs: z.object({ owen: vector("U", "value of each unit"), total }),
  compute(_, { values, partition }) {
    const units = unitCount(values);
    const masks = partition.map((span) => span.reduce((mask, unit) => mask | (1 << unit), 0));
    const flat = partition.flat();
    if (flat.length !== units || new Set(flat).size !== units || flat.some((unit) => unit >= units))
      throw new ContractError("inputs.partition", `expected each of the ${units} units in exactly one span`);
    const out = new Float64Array(units);
    partition.forEach((span, k) => {
      const others = masks.filter((_, j) => j !== k);
      const spanWeights = orderWeights(partition.length);
      const unitWeights = orderWeights(span.length);
      for (let r = 0; r < 1 << others.length; r++) {
        let outside = 0;
        for (let j = 0; j < others.length; j++) if (r & (1 << j)) outside |= others[j];
        for (let t = 0; t < 1 << span.length; t++) {
          let coalition = outside;
          for (let j = 0; j < span.length; j++) if (t & (1 << j)) coalition |= 1 << span[j];
          const weight = spanWeights[bits(r)] * unitWeights[bits(t)];
          for (let j = 0; j < span.length; j++)
            if (!(t & (1 << j))) out[span[j]] += weight * (values[coalition | (1 << span[j])] - values[coalition]);
        }
      }
    });
    return { owen: out, total: values[values.length - 1] - values[0] };
  },
});

function unitCount(values: Vector): number {
  const units = Math.round(Math.log2(values.length));
  if (values.length === 0 || values.length !== 2 ** units || units > 24)
    throw new ContractError("inputs.values", `expected 2^n entries with n ≤ 24, got ${values.length}`);
  return units;
}

/** weight[k] = k!(n−k−1)!/n!: how often exactly k given units come before one of n. */
function orderWeights(n: number): Float64Array {
  const weights = new Float64Array(n + 1);
  let weight = 1 / n;
  for (let k = 0; k < n; k++) {
    weights[k] = weight;
    weight *= (k + 1) / (n - k - 1);
  }
  return weights;
}

function bits(mask: number): number {
  let count = 0;
  for (let rest = mask; rest !== 0; rest &= rest - 1) count++;
  return count;
}

function exact(values: Vector, units: number): Float64Array {
  const out = new Float64Array(units);
  const weights = orderWeights(units);
  for (let coalition = 0; coalition < values.length; coalition++) {
    const weight = weights[bits(coalition)];
    for (let i = 0; i < units; i++)
      if (!(coalition & (1 << i))) out[i] += weight * (values[coalition | (1 << i)] - values[coalition]);
  }
  return out;
}

function sampled(values: Vector, units: number, orders: readonly (readonly number[])[] | undefined): Float64Array {
  if (!orders?.length) throw new ContractError("inputs.permutations", "at least one is required by method permutation");
  const out = new Float64Array(units);
  orders.forEach((order, p) => {
    let coalition = 0;
    for (const unit of order) {
      const joined = coalition | (1 << unit);
      if (unit < 0 || unit >= units || joined === coalition) break;
      out[unit] += (values[joined] - values[coalition]) / orders.length;
      coalition = joined;
    }
    if (coalition !== values.length - 1 || order.length !== units)
      throw new ContractError(`inputs.permutations[${p}]`, `expected each of 0 … ${units - 1} exactly once`);
  });
  return out;
}

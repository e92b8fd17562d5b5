import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { integers, ragged, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { toRagged } from "../core/ragged.ts";

/**
 * Pairs worth asking about: those on which an ensemble disagrees most (Christiano et al. 2017, arXiv 1706.03741, §2.2.4).
 *
 * `probabilities` (K×P): p that the first of pair p is preferred, by each of K models. `variances` (P) are
 * taken over the models with `ddof` degrees of freedom lost; `selected` are the `count` pairs of largest
 * variance, largest first, ties by the lower index; all pairs when there are fewer. Fewer than
 * ddof + 1 models have no variance: `ContractError`.
 */
export const preferenceQuery = definePart({
  id: "sampling/preference-query",
  papers: ["potential-based-shaping"],
  params: z.object({
    count: z.int().min(0).describe("pairs to select"),
    ddof: z
      .union([z.literal(0), z.literal(1)])
      .default(1)
      .describe("1: sample variance, 0: population variance"),
  }),
  inputs: z.object({ probabilities: ragged("K×P", "probability that the first is preferred, per model and pair") }),
  outputs: z.object({
    variances: vector("P", "disagreement of the ensemble"),
    selected: integers("M", "indices of the most disputed pairs"),
  }),
  compute({ count, ddof }, { probabilities }) {
    const { values, offsets } = toRagged(probabilities);
    const models = offsets.length - 1;
    if (models <= ddof)
      throw new ContractError("inputs.probabilities", `expected at least ${ddof + 1} models, got ${models}`);
    const pairs = offsets[1];
    for (let k = 1; k < models; k++) {
      if (offsets[k + 1] - offsets[k] !== pairs)
        throw new ContractError(
          `inputs.probabilities[${k}]`,
          `expected ${pairs} pairs, as for model 0, got ${offsets[k + 1] - offsets[k]}`,
        );
    }
    const variances = new Float64Array(pairs);
    for (let p = 0; p < pairs; p++) {
      const first = values[p];
      let mean = 0;
      for (let k = 0; k < models; k++) mean += values[k * pairs + p] - first;
      mean = first + mean / models;
      let squares = 0;
      for (let k = 0; k < models; k++) squares += (values[k * pairs + p] - mean) ** 2;
      variances[p] = squares / (models - ddof);
    }
    const order = Array.from(variances.keys()).sort((a, b) => variances[b] - variances[a] || a - b);
    return { variances, selected: order.slice(0, count) };
  },
});

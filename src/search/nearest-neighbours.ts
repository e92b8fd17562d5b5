import { z } from "zod";
import { flags, ragged, shaped } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { rowCount, rowOf, toRagged } from "../core/ragged.ts";
import { expectLength } from "../core/shapes.ts";

function norm(row: Float64Array): number {
  let sum = 0;
  for (let d = 0; d < row.length; d++) sum += row[d] * row[d];
  return Math.sqrt(sum);
}

/**
 * Nearest neighbours by cosine similarity (solved examples: XRPO, arXiv 2510.06672; new attack keys: arXiv 2507.08794).
 *
 * For each query at most `topK` rows of `embeddings` with x·y/(‖x‖‖y‖ + `epsilon`) ≥ `minSimilarity`, most similar first, lower index on
 * ties. A zero vector has similarity 0. Queries that are not `include`d get empty lists. Rows of another length than
 * the first query's: `ContractError`.
 */
export const nearestNeighbours = definePart({
  id: "search/nearest-neighbours",
  papers: ["master-rm", "xrpo"],
  params: z.object({
    topK: z.int().positive().default(1).describe("most neighbours per query"),
    minSimilarity: z.number().default(-1).describe("least similarity, inclusive"),
    epsilon: z.number().nonnegative().default(0).describe("added to the product of norms"),
  }),
  inputs: z.object({
    queries: ragged("Q×D", "what to look for"),
    embeddings: ragged("M×D", "where to look"),
    include: flags("Q", "false: no neighbours for this query").optional(),
  }),
  outputs: z.object({
    indices: shaped(z.array(z.array(z.int())), "Q×K", "rows of embeddings, most similar first"),
    similarities: shaped(z.array(z.array(z.number())), "Q×K", "their cosine"),
  }),
  compute({ topK, minSimilarity, epsilon }, { queries, embeddings, include }) {
    const asked = toRagged(queries);
    const known = toRagged(embeddings);
    const count = rowCount(asked);
    const size = count > 0 ? asked.offsets[1] : 0;
    if (include) expectLength(include, count, "include");
    if (count > 0) for (let m = 0; m < rowCount(known); m++) expectLength(rowOf(known, m), size, `embeddings[${m}]`);
    const norms = Float64Array.from({ length: rowCount(known) }, (_, m) => norm(rowOf(known, m)));
    const indices: number[][] = [];
    const similarities: number[][] = [];
    for (let q = 0; q < count; q++) {
      const query = rowOf(asked, q);
      expectLength(query, size, `queries[${q}]`);
      const found: number[] = [];
      const cosines: number[] = [];
      indices.push(found);
      similarities.push(cosines);
      if (include && !include[q]) continue;
      const length = norm(query);
      for (let m = 0; m < norms.length; m++) {
        let dot = 0;
        for (let d = 0; d < size; d++) dot += query[d] * known.values[m * size + d];
        // Rounding may leave the range of a cosine: opposite vectors must still reach the default minimum of −1.
        const cosine =
          length === 0 || norms[m] === 0 ? 0 : Math.max(-1, Math.min(1, dot / (length * norms[m] + epsilon)));
        if (cosine < minSimilarity || (found.length === topK && cosine <= cosines[topK - 1])) continue;
        // Insert behind everything at least as similar.
        let at = found.length;
        while (at > 0 && cosines[at - 1] < cosine) at--;
        found.splice(at, 0, m);
        cosines.splice(at, 0, cosine);
        if (found.length > topK) {
          found.pop();
          cosines.pop();
        }
      }
    }
    return { indices, similarities };
  },
});

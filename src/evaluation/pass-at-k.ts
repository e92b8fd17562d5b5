import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { integers, nullableVector, shaped } from "../core/fields.ts";
import { definePart } from "../core/part.ts";

/**
 * Unbiased pass@k: the chance that k of n samples contain a correct one (Chen et al. 2021, arXiv 2107.03374, eq. 1).
 *
 * Per prompt with n = `counts` samples, c = `correctCounts` of them correct:
 * 1 − C(n−c, k) / C(n, k), as the product 1 − Π_{i=n−c+1}^{n} (1 − k/i). `perPrompt` is P × |k|;
 * `passAtK` is its mean over prompts for each k. With fewer than k samples the estimate is undefined: null
 * for that prompt, and null in the mean, which would otherwise be over other prompts than its neighbours.
 */
export const passAtK = definePart({
  id: "evaluation/pass-at-k",
  papers: ["grpo"],
  params: z.object({ k: z.array(z.int().positive()).min(1).default([1]).describe("sample budgets") }),
  inputs: z.object({
    counts: integers("P", "samples per prompt"),
    correctCounts: integers("P", "correct ones among them"),
  }),
  outputs: z.object({
    perPrompt: shaped(z.array(z.array(z.number().nullable())), "P×L", "estimate per prompt and k"),
    passAtK: nullableVector("L", "mean over prompts, for each k"),
  }),
  compute({ k }, { counts, correctCounts }) {
    if (correctCounts.length !== counts.length)
      throw new ContractError("inputs.correctCounts", `expected ${counts.length} entries, got ${correctCounts.length}`);
    const sums: (number | null)[] = k.map(() => (counts.length > 0 ? 0 : null));
    const perPrompt: (number | null)[][] = [];
    for (let p = 0; p < counts.length; p++) {
      const n = counts[p];
      const correct = correctCounts[p];
      if (n < 0) throw new ContractError(`inputs.counts[${p}]`, `expected a count, got ${n}`);
      if (correct < 0 || correct > n)
        throw new ContractError(`inputs.correctCounts[${p}]`, `expected 0 to ${n}, got ${correct}`);
      const row = k.map((size) => estimate(n, correct, size));
      row.forEach((value, j) => {
        const sum = sums[j];
        sums[j] = sum === null || value === null ? null : sum + value;
      });
      perPrompt.push(row);
    }
    return { perPrompt, passAtK: sums.map((sum) => (sum === null ? null : sum / counts.length)) };
  },
});

function estimate(n: number, correct: number, k: number): number | null {
  if (n < k) return null;
  if (n - correct < k) return 1;
  let allWrong = 1;
  for (let i = n - correct + 1; i <= n; i++) allWrong *= 1 - k / i;
  return 1 - allWrong;
}

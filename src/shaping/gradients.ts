import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields, ragged, shaped, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { mean, variance } from "../core/statistics.ts";

/**
 * Weighted mean of normalised reward gradients, so that no reward's scale decides (R0, arXiv 2503.13070, fig. 8).
 *
 * d_n = Σ_k w_k g_kn/(‖g_k‖ + ε) / Σ_k w_k. `scope: "sample"` normalises each sample's gradient (`norms` K×N), `batch`
 * each reward's gradient over the whole batch (`norms` K). `gradients` K×N×D, `weights` K (default 1 each),
 * `directions` N×D. A zero gradient stays zero. Weights that sum to 0 are a `ContractError`.
 */
export const gradientNormalization = definePart({
  id: "shaping/gradient-normalization",
  papers: ["r0"],
  params: z.object({
    scope: z.enum(["sample", "batch"]).default("sample").describe("what has unit norm"),
    epsilon: z.number().positive().default(1e-8).describe("added to the norm"),
  }),
  inputs: z.object({
    gradients: shaped(z.array(z.array(z.array(z.number()))), "K×N×D", "gradient of each reward at each sample"),
    weights: vector("K", "weight of each reward").optional(),
  }),
  outputs: z.object({
    norms: shaped(z.union([vector("K", "norms"), ragged("K×N", "norms")]), "K×N or K", "Euclidean norms"),
    directions: ragged("N×D", "joined direction per sample"),
  }),
  compute({ scope, epsilon }, { gradients, weights }) {
    const n = gradients.length === 0 ? 0 : gradients[0].length;
    const width = n === 0 ? 0 : gradients[0][0].length;
    const directions = Array.from({ length: n }, () => new Float64Array(width));
    const perSample: number[][] = [];
    const perBatch: number[] = [];
    let total = 0;
    gradients.forEach((samples, k) => {
      if (samples.length !== n)
        throw new ContractError(`inputs.gradients[${k}]`, `expected ${n} samples, got ${samples.length}`);
      const squares = samples.map((gradient, i) => {
        if (gradient.length !== width)
          throw new ContractError(`inputs.gradients[${k}][${i}]`, `expected ${width} entries, got ${gradient.length}`);
        return gradient.reduce((sum, value) => sum + value * value, 0);
      });
      const norms = squares.map(Math.sqrt);
      const batch = Math.sqrt(squares.reduce((sum, value) => sum + value, 0));
      perSample.push(norms);
      perBatch.push(batch);
      const weight = weights?.[k] ?? 1;
      total += weight;
      for (let i = 0; i < n; i++) {
        const factor = weight / ((scope === "sample" ? norms[i] : batch) + epsilon);
        for (let d = 0; d < width; d++) directions[i][d] += factor * samples[i][d];
      }
    });
    if (gradients.length > 0 && total === 0) throw new ContractError("inputs.weights", "expected a sum other than 0");
    for (const direction of directions) for (let d = 0; d < width; d++) direction[d] /= total;
    return { norms: scope === "sample" ? perSample : perBatch, directions };
  },
});

const window = z.array(z.number()).default([]).describe("latest batch penalties, oldest first");

/**
 * Shrinks an adversarial reward where its gradient is large (arXiv 2006.16785, §6, and the released `gail_mod_f`).
 *
 * With penalty p = max(0, ‖∇‖ − target)²: `sample` w = e^(−p) for each sample; `batch` one factor from the batch mean
 * p̄, which joins a window of the latest means; running moments take in the whole window (population variance, floored
 * at 0.01) and w = e^(−p̄/sd). w is not below `minimum`. r′ = w · r: pessimistic for positive rewards, optimistic for
 * negative ones. `rewards`, `gradientNorms`, `weights` N. Only `batch` uses the state, which begins as {window: [],
 * mean: 0, std: 1, n: 1e-4}.
 */
export const pessimisticPreconditioning = definePart({
  id: "shaping/pessimistic-preconditioning",
  papers: ["lipschitz-gail"],
  params: z.object({
    scope: z.enum(["sample", "batch"]).default("sample").describe("one factor per sample, or per batch"),
    target: z.number().nonnegative().describe("k, gradient norm that costs nothing (theory 1, release 9)"),
    window: z.int().positive().default(10).describe("batches the window holds (batch)"),
    minimum: z
      .number()
      .min(0)
      .max(1)
      .nullable()
      .optional()
      .describe("least factor; null: none (default: none per sample, 0.7 per batch)"),
  }),
  inputs: z.object({
    rewards: fields.rewards,
    gradientNorms: vector("N", "norm of the input gradient at each sample"),
    state: z
      .object({
        window,
        mean: z.number().default(0),
        std: z.number().positive().default(1),
        n: z.number().positive().default(1e-4),
      })
      .optional()
      .describe("running statistics (batch)"),
  }),
  outputs: z.object({
    weights: vector("N", "w"),
    rewards: fields.rewards,
    state: z.object({ window, mean: z.number(), std: z.number(), n: z.number() }).optional(),
  }),
  compute(params, { rewards, gradientNorms, state }) {
    const { scope, target } = params;
    const minimum = (params.minimum === undefined && scope === "batch" ? 0.7 : params.minimum) ?? 0;
    const penalties = Float64Array.from(gradientNorms, (norm) => Math.max(0, norm - target) ** 2);
    if (scope === "sample") {
      const weights = penalties.map((penalty) => Math.max(minimum, Math.exp(-penalty)));
      return { weights, rewards: weights.map((weight, i) => weight * rewards[i]), state };
    }
    const before = {
      window: state?.window ?? [],
      mean: state?.mean ?? 0,
      std: state?.std ?? 1,
      n: state?.n ?? 1e-4,
    };
    if (penalties.length === 0) return { weights: penalties, rewards: new Float64Array(0), state: before };
    const penalty = mean(penalties);
    const latest = [...before.window, penalty].slice(-params.window);
    const n = before.n + latest.length;
    const offset = mean(latest) - before.mean;
    const squares =
      before.std ** 2 * before.n +
      variance(latest, 0) * latest.length +
      (offset * offset * before.n * latest.length) / n;
    const std = Math.sqrt(Math.max(0.01, squares / n));
    const after = { window: latest, mean: before.mean + (offset * latest.length) / n, std, n };
    const weight = Math.max(minimum, Math.exp(-penalty / std));
    return {
      weights: penalties.fill(weight),
      rewards: Float64Array.from(rewards, (reward) => weight * reward),
      state: after,
    };
  },
});

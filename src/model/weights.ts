/** Arithmetic on model parameters and on members of ensembles. */
import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { nullableVector, ragged, shaped, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { rowCount, rowOf, toRagged } from "../core/ragged.ts";
import { expectLength } from "../core/shapes.ts";

/**
 * Exponential moving average of parameters (Polyak target, arXiv 2205.12548; teacher of RLP, 2510.01265).
 *
 * teacher ← decay·teacher + (1 − decay)·student. Shapes D. k steps with decay τ towards a fixed student are one with τᵏ.
 */
export const emaUpdate = definePart({
  id: "model/ema-update",
  papers: ["pisces", "rl-prompt", "rlp"],
  params: z.object({ decay: z.number().min(0).max(1).default(0.999).describe("τ, share of the teacher that stays") }),
  inputs: z.object({
    teacher: vector("D", "averaged parameters"),
    student: vector("D", "current parameters"),
  }),
  outputs: z.object({ teacher: vector("D", "averaged parameters") }),
  compute({ decay }, { teacher, student }) {
    return { teacher: Float64Array.from(teacher, (value, d) => decay * value + (1 - decay) * student[d]) };
  },
});

/**
 * Weight averaging of models with a common start (WARM, arXiv 2401.12187; baseline of PAR, 2502.18770).
 *
 * parameters = Σ_k w_k θ_k / Σ_k w_k; without weights the plain mean. Shapes K×P → P. Errors: no model, models of different size, weights
 * that are not K or sum to 0.
 */
export const weightAverage = definePart({
  id: "model/weight-average",
  papers: ["par"],
  params: z.object({
    weights: z.array(z.number()).nullable().default(null).describe("weight per model, normalised; null: equal"),
  }),
  inputs: z.object({ parameters: ragged("K×P", "flat parameters of each model") }),
  outputs: z.object({ parameters: vector("P", "their average") }),
  compute({ weights }, { parameters }) {
    const models = toRagged(parameters);
    const count = rowCount(models);
    if (count === 0) throw new ContractError("inputs.parameters", "expected at least one model");
    if (weights !== null && weights.length !== count)
      throw new ContractError("params.weights", `expected ${count} weights, got ${weights.length}`);
    const total = weights === null ? count : weights.reduce((sum, weight) => sum + weight, 0);
    if (total === 0) throw new ContractError("params.weights", "expected weights that do not sum to 0");
    const size = models.offsets[1];
    const average = new Float64Array(size);
    for (let k = 0; k < count; k++) {
      const row = rowOf(models, k);
      expectLength(row, size, `parameters[${k}]`);
      const weight = weights === null ? 1 : weights[k];
      for (let p = 0; p < size; p++) average[p] += weight * row[p];
    }
    return { parameters: average.map((sum) => sum / total) };
  },
});

/**
 * Extrapolation from a weaker to a stronger model (ExPO, arXiv 2404.16792; as in HelpSteer2-Preference, 2410.01257).
 *
 * weights = weak + factor·(strong − weak): factor 1 is the strong model, above 1 beyond it. Shapes P.
 */
export const weightExtrapolation = definePart({
  id: "model/weight-extrapolation",
  papers: ["helpsteer2-preference"],
  params: z.object({ factor: z.number().default(1.52).describe("f") }),
  inputs: z.object({
    weak: vector("P", "parameters of the earlier model"),
    strong: vector("P", "parameters of the later model"),
  }),
  outputs: z.object({ weights: vector("P", "extrapolated parameters") }),
  compute({ factor }, { weak, strong }) {
    return { weights: Float64Array.from(weak, (value, p) => value + factor * (strong[p] - value)) };
  },
});

/**
 * Weights of reward-model ensemble members from a validation set (BaseReward, arXiv 2509.16127).
 *
 * raw: `accuracy` the share of pairs with chosen > rejected, strictly; `confidence` the mean of chosen − rejected, which depends on a model's
 * score scale (normalise first). weights = raw/Σ raw, null where the sum is 0. Shapes K×M → K; raw null without a pair.
 */
export const ensembleWeights = definePart({
  id: "model/ensemble-weights",
  papers: ["base-reward"],
  params: z.object({
    method: z.enum(["accuracy", "confidence"]).default("accuracy").describe("what a member is rated by"),
  }),
  inputs: z.object({
    chosen: ragged("K×M", "scores of the chosen responses per member"),
    rejected: ragged("K×M", "scores of the rejected responses per member"),
  }),
  outputs: z.object({
    raw: nullableVector("K", "rating"),
    weights: nullableVector("K", "ratings over their sum"),
  }),
  compute({ method }, { chosen, rejected }) {
    const winners = toRagged(chosen);
    const losers = toRagged(rejected);
    const raw = Array.from({ length: rowCount(winners) }, (_, k) => {
      const row = rowOf(winners, k);
      const other = rowOf(losers, k);
      if (row.length === 0) return null;
      let sum = 0;
      for (let m = 0; m < row.length; m++) sum += method === "accuracy" ? Number(row[m] > other[m]) : row[m] - other[m];
      return sum / row.length;
    });
    let total = 0;
    for (const rating of raw) total += rating ?? 0;
    return { raw, weights: raw.map((rating) => (rating === null || total === 0 ? null : rating / total)) };
  },
});

/**
 * Terminal values of a plan under every critic, each on the other policies' actions (ensemble value of MoDem-V2, arXiv 2309.14236).
 *
 * For critic i and each of its two heads: the maximum over policies j (j ≠ i with `excludeOwn`, which a single policy ignores) of Q_i at
 * π_j's action. Shapes critics×policies×heads×N → (critics·heads)×N, heads of a critic side by side.
 * Error: policies or heads that differ in shape; no policy.
 */
export const ensembleTerminalValue = definePart({
  id: "model/ensemble-terminal-value",
  papers: ["modem-v2"],
  params: z.object({ excludeOwn: z.boolean().default(true).describe("leave out the critic's own policy") }),
  inputs: z.object({
    qValues: shaped(
      z.array(z.array(z.array(z.array(z.number()))).min(1)),
      "K×J",
      "value per critic, policy, head and plan (critics × policies × 2 × N)",
    ),
  }),
  outputs: z.object({ terminalValues: ragged("E×N", "value of each plan per critic head") }),
  compute({ excludeOwn }, { qValues }) {
    const terminalValues = qValues.flatMap((policies, critic) => {
      const others = excludeOwn && policies.length > 1 ? policies.filter((_, j) => j !== critic) : policies;
      return others[0].map((plans, head) =>
        plans.map((_, n) =>
          others.reduce((best, heads, j) => {
            const value = heads[head]?.[n];
            if (value === undefined)
              throw new ContractError(`inputs.qValues[${critic}]`, `policy ${j} lacks head ${head} of plan ${n}`);
            return Math.max(best, value);
          }, Number.NEGATIVE_INFINITY),
        ),
      );
    });
    return { terminalValues };
  },
});

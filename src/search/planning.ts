import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { integers, nullableVector, ragged, shaped, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { rowCount, rowOf, toRagged } from "../core/ragged.ts";
import { expectLength } from "../core/shapes.ts";

const actionTensor = (description: string) => shaped(z.array(z.array(z.array(z.number()))), "H×N×A", description);

/**
 * Scores of candidate plans under an ensemble of critics, disagreement punished (MoDem-V2, arXiv 2309.14236).
 *
 * Return of plan n under critic e: Σ_{t<H} γ^t R_t[n] + γ^H·q_e[n]; over the critics its minimum, mean and sample deviation;
 * score = w_min·min + w_mean·mean + w_std·std. A plan with a value that is not a number (null) has no statistics, and under
 * a single critic there is no deviation: such plans score −`episodeLength`, whatever the weights. Defaults are the released weights (0, 1, −10); the
 * minimum alone is (1, 0, 0).
 */
export const ensemblePlanValue = definePart({
  id: "search/ensemble-plan-value",
  papers: ["modem-v2"],
  params: z.object({
    gamma: z.number().min(0).max(1).describe("discount"),
    minWeight: z.number().default(0).describe("w_min"),
    meanWeight: z.number().default(1).describe("w_mean"),
    stdWeight: z.number().default(-10).describe("w_std; negative punishes disagreement"),
    episodeLength: z.number().nonnegative().describe("−this is the score of a plan without a value"),
  }),
  inputs: z.object({
    predictedRewards: ragged("H×N", "model's reward per step and plan"),
    terminalValues: shaped(
      z.array(z.array(z.number().nullable())),
      "E×N",
      "value per critic and plan; null = not a number",
    ),
  }),
  outputs: z.object({
    minimum: nullableVector("N", "least return over the critics"),
    mean: nullableVector("N", "mean return"),
    std: nullableVector("N", "sample deviation of the returns"),
    scores: vector("N", "what plans are ranked by"),
  }),
  compute({ gamma, minWeight, meanWeight, stdWeight, episodeLength }, { predictedRewards, terminalValues }) {
    const rewards = toRagged(predictedRewards);
    const horizon = rowCount(rewards);
    const critics = terminalValues.length;
    const plans = terminalValues[0]?.length ?? (horizon > 0 ? rewards.offsets[1] : 0);
    const along = new Float64Array(plans);
    for (let t = 0; t < horizon; t++) {
      const row = rowOf(rewards, t);
      expectLength(row, plans, `predictedRewards[${t}]`);
      for (let n = 0; n < plans; n++) along[n] += gamma ** t * row[n];
    }
    terminalValues.forEach((row, e) => {
      expectLength(row, plans, `terminalValues[${e}]`);
    });
    const minimum: (number | null)[] = [];
    const means: (number | null)[] = [];
    const std: (number | null)[] = [];
    const scores = new Float64Array(plans).fill(-episodeLength);
    for (let n = 0; n < plans; n++) {
      let lowest = Number.POSITIVE_INFINITY;
      let mean = 0;
      let squares = 0;
      let defined = critics > 0;
      for (const [e, row] of terminalValues.entries()) {
        const terminal = row[n];
        if (terminal === null) {
          defined = false;
          break;
        }
        const value = along[n] + gamma ** horizon * terminal;
        lowest = Math.min(lowest, value);
        // Welford's update.
        const delta = value - mean;
        mean += delta / (e + 1);
        squares += delta * (value - mean);
      }
      const deviation = defined && critics > 1 ? Math.sqrt(squares / (critics - 1)) : null;
      minimum.push(defined ? lowest : null);
      means.push(defined ? mean : null);
      std.push(deviation);
      if (deviation !== null) scores[n] = minWeight * lowest + meanWeight * mean + stdWeight * deviation;
    }
    return { minimum, mean: means, std, scores };
  },
});

/**
 * Refits the sampling distribution to the best plans (MPPI / CEM step of TD-MPC; MoDem-V2, arXiv 2309.14236).
 *
 * The `elites` best values (lower index on ties, best first) get weights ∝ exp(temperature·(v − v_max)), which sum to 1; mean and
 * deviation of their actions are weighted sums over Σw + 1e-9. The deviation, about the new mean, is clamped to [`stdMin`,
 * `stdMax`] (null: not clamped); given `previousMean`, mean ← momentum·previous + (1 − momentum)·new. Fewer candidates than
 * `elites`: all of them; none: `ContractError`.
 */
export const eliteDistribution = definePart({
  id: "search/elite-distribution",
  papers: ["modem-v2"],
  params: z.object({
    elites: z.int().positive().default(64).describe("candidates that count"),
    temperature: z.number().nonnegative().default(0.5).describe("factor of the value in the exponent"),
    momentum: z.number().min(0).max(1).default(0.1).describe("share of the previous mean"),
    stdMin: z.number().nonnegative().nullable().default(0.1).describe("least deviation"),
    stdMax: z.number().nonnegative().nullable().default(2).describe("largest deviation"),
  }),
  inputs: z.object({
    values: vector("N", "value per candidate"),
    actions: ragged("N×A", "its action"),
    previousMean: vector("A", "mean of the previous iteration").optional(),
  }),
  outputs: z.object({
    elites: integers("K", "best candidates, best first"),
    weights: vector("K", "their weights"),
    mean: vector("A", "new mean"),
    std: vector("A", "new deviation"),
  }),
  compute({ elites: count, temperature, momentum, stdMin, stdMax }, { values, actions, previousMean }) {
    const rows = toRagged(actions);
    if (rowCount(rows) !== values.length)
      throw new ContractError("inputs.actions", `expected ${values.length} rows, got ${rowCount(rows)}`);
    if (values.length === 0) throw new ContractError("inputs.values", "expected at least one candidate");
    const size = rows.offsets[1];
    for (let i = 0; i < values.length; i++) expectLength(rowOf(rows, i), size, `actions[${i}]`);
    if (previousMean) expectLength(previousMean, size, "previousMean");
    const elites = Array.from({ length: values.length }, (_, i) => i)
      .sort((a, b) => values[b] - values[a] || a - b)
      .slice(0, count);
    const weights = Float64Array.from(elites, (i) => Math.exp(temperature * (values[i] - values[elites[0]])));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    let shares = 0;
    for (let k = 0; k < weights.length; k++) {
      weights[k] /= total;
      shares += weights[k];
    }
    const mean = new Float64Array(size);
    const std = new Float64Array(size);
    for (let d = 0; d < size; d++) {
      elites.forEach((i, k) => {
        mean[d] += (weights[k] * rowOf(rows, i)[d]) / (shares + 1e-9);
      });
      elites.forEach((i, k) => {
        std[d] += (weights[k] * (rowOf(rows, i)[d] - mean[d]) ** 2) / (shares + 1e-9);
      });
      std[d] = Math.min(stdMax ?? Number.POSITIVE_INFINITY, Math.max(stdMin ?? 0, Math.sqrt(std[d])));
      if (previousMean) mean[d] = momentum * previousMean[d] + (1 - momentum) * mean[d];
    }
    return { elites, weights, mean, std };
  },
});

const clamp = (value: number, bound: number) => Math.min(bound, Math.max(-bound, value));

/**
 * Candidate plans around learnt policies, or wide noise (exploration centering; MoDem-V2, arXiv 2309.14236).
 *
 * A policy candidate is clip(a + clip(minStd·ξ, ±0.3), ±(1 − 1e-6)), a its action in the model, ξ from `normals` (N(0, 1)).
 * `policy`: all candidates. `zero-mean` (the vanilla planner): the first ⌊zeroShare·N⌋ candidates of every step are
 * clip(m + explorationStd·ξ, ±1) instead, m the previous plan's mean moved one step on (`previousMean` H×A, 0 for the last
 * step; 0 throughout without it).
 */
export const planCandidates = definePart({
  id: "search/plan-candidates",
  papers: ["modem-v2"],
  params: z.object({
    mode: z.enum(["policy", "zero-mean"]).default("policy").describe("where candidates are centred"),
    minStd: z.number().nonnegative().default(0.1).describe("noise around the policy"),
    zeroShare: z.number().min(0).max(1).default(0.95).describe("share of candidates that ignore the policy"),
    explorationStd: z.number().nonnegative().default(2).describe("their noise"),
  }),
  inputs: z.object({
    policyActions: actionTensor("the policies' actions per step and candidate"),
    normals: actionTensor("draws from N(0, 1)"),
    previousMean: ragged("H×A", "mean plan of the last time step").optional(),
  }),
  outputs: z.object({ actions: actionTensor("candidate actions") }),
  compute({ mode, minStd, zeroShare, explorationStd }, { policyActions, normals, previousMean }) {
    const horizon = policyActions.length;
    expectLength(normals, horizon, "normals");
    const previous = previousMean && toRagged(previousMean);
    if (previous && rowCount(previous) !== horizon)
      throw new ContractError("inputs.previousMean", `expected ${horizon} rows, got ${rowCount(previous)}`);
    const actions = policyActions.map((candidates, t) => {
      expectLength(normals[t], candidates.length, `normals[${t}]`);
      const free = mode === "zero-mean" ? Math.trunc(zeroShare * candidates.length) : 0;
      const centre = previous && t + 1 < horizon ? rowOf(previous, t + 1) : null;
      return candidates.map((action, n) => {
        const noise = normals[t][n];
        expectLength(noise, action.length, `normals[${t}][${n}]`);
        if (centre) expectLength(centre, action.length, `previousMean[${t + 1}]`);
        return action.map((value, d) =>
          n < free
            ? clamp((centre?.[d] ?? 0) + explorationStd * noise[d], 1)
            : clamp(value + clamp(minStd * noise[d], 0.3), 1 - 1e-6),
        );
      });
    });
    return { actions };
  },
});

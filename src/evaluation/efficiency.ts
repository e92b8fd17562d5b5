import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields, flags, integers, nullableVector, ragged, shaped, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { rowCount, rowOf, toRagged, type Vector } from "../core/ragged.ts";
import { mean, pearson, share } from "../core/statistics.ts";

/**
 * Scaling law of a score with compute (o1 roadmap, arXiv 2412.14135): score = a + b·log₁₀ C (`form` log-linear) or
 * log₁₀ score = a + b·log₁₀ C (power), least squares.
 *
 * `r2` is on the fitted scale, null if the scores are equal; `predictions` on the score's own scale. Fewer than two
 * distinct budgets: all null. Compute, and scores of a power law, must be positive (`ContractError`). Two points are
 * fitted exactly whatever the truth: use at least four.
 */
export const scalingFit = definePart({
  id: "evaluation/scaling-fit",
  papers: ["o1-roadmap"],
  params: z.object({
    form: z.enum(["log-linear", "power"]).default("log-linear").describe("what is linear in log₁₀ C"),
  }),
  inputs: z.object({ compute: vector("M", "budget, any unit"), scores: vector("M", "score at that budget") }),
  outputs: z.object({
    intercept: z.number().nullable(),
    slope: z.number().nullable(),
    r2: z.number().nullable(),
    predictions: nullableVector("M", "fitted scores"),
  }),
  compute({ form }, inputs) {
    const x = log10(inputs.compute, "compute");
    const y = form === "power" ? log10(inputs.scores, "scores") : Float64Array.from(inputs.scores);
    const mx = mean(x);
    const my = mean(y);
    let xx = 0;
    let xy = 0;
    for (let i = 0; i < x.length; i++) {
      xx += (x[i] - mx) ** 2;
      xy += (x[i] - mx) * (y[i] - my);
    }
    if (x.length < 2 || x.every((value) => value === x[0]))
      return { intercept: null, slope: null, r2: null, predictions: Array.from(x, () => null) };
    const slope = xy / xx;
    const intercept = my - slope * mx;
    const rho = y.every((value) => value === y[0]) ? null : pearson(x, y);
    const predictions = x.map((value) => {
      const fitted = intercept + slope * value;
      return form === "power" ? 10 ** fitted : fitted;
    });
    return { intercept, slope, r2: rho === null ? null : rho * rho, predictions };
  },
});

function log10(values: Vector, field: string): Float64Array {
  return Float64Array.from(values, (value, i) => {
    if (!(value > 0)) throw new ContractError(`inputs.${field}[${i}]`, `expected a positive number, got ${value}`);
    return Math.log10(value);
  });
}

/**
 * Accuracy per unit of compute, accuracy/(parameters × generated tokens), and relative to the first entry (survey
 * arXiv 2509.02350).
 *
 * The unit is whatever `parameters` and `tokens` are counted in. Latent passes are not counted: report them beside
 * it. null where nothing was spent, and relative to an entry that is 0 or null.
 */
export const accuracyPerCompute = definePart({
  id: "evaluation/accuracy-per-compute",
  papers: ["implicit-reasoning-survey"],
  params: z.object({}),
  inputs: z.object({
    accuracies: vector("M", "accuracy of each system"),
    parameters: vector("M", "its parameters, any unit"),
    tokens: vector("M", "tokens it generates per question"),
  }),
  outputs: z.object({
    accuracyPerCompute: nullableVector("M", "accuracy per parameter and token"),
    relative: nullableVector("M", "divided by the first entry"),
  }),
  compute(_, { accuracies, parameters, tokens }) {
    const perCompute = Array.from({ length: accuracies.length }, (_, i) => {
      const spent = parameters[i] * tokens[i];
      return spent > 0 ? accuracies[i] / spent : null;
    });
    const first = perCompute[0];
    const relative = perCompute.map((value) => (value === null || !first ? null : value / first));
    return { accuracyPerCompute: perCompute, relative };
  },
});

/**
 * Relative gain of a score-against-budget curve over a baseline, by area (TTSnap, arXiv 2511.22242).
 *
 * With b₀ the baseline's score at the smallest budget: `area` = ∫(scores − b₀), `baselineArea` = ∫(baseline − b₀),
 * `gainPercent` = 100·(area − baselineArea)/baselineArea, null when the baseline gains nothing. `rule` simpson
 * needs an odd number (≥ 3) of ascending, equally spaced budgets: `ContractError` otherwise.
 */
export const budgetGain = definePart({
  id: "evaluation/budget-gain",
  papers: ["ttsnap"],
  params: z.object({ rule: z.enum(["simpson"]).default("simpson").describe("how the curves are integrated") }),
  inputs: z.object({
    budgets: vector("M", "ascending, equally spaced"),
    scores: vector("M", "score of the method at each budget"),
    baselineScores: vector("M", "score of the baseline"),
  }),
  outputs: z.object({ area: z.number(), baselineArea: z.number(), gainPercent: z.number().nullable() }),
  compute(_, { budgets, scores, baselineScores }) {
    const n = budgets.length;
    if (n < 3 || n % 2 === 0)
      throw new ContractError("inputs.budgets", `expected an odd number of budgets, at least 3, got ${n}`);
    const step = (budgets[n - 1] - budgets[0]) / (n - 1);
    for (let i = 1; i < n; i++) {
      const gap = budgets[i] - budgets[i - 1];
      if (!(step > 0 && Math.abs(gap - step) <= 1e-6 * step))
        throw new ContractError(`inputs.budgets[${i}]`, "expected ascending, equally spaced budgets");
    }
    const above = (values: Vector) => {
      let sum = 0;
      for (let i = 0; i < n; i++)
        sum += (i === 0 || i === n - 1 ? 1 : i % 2 === 1 ? 4 : 2) * (values[i] - baselineScores[0]);
      return (sum * step) / 3;
    };
    const area = above(scores);
    const baselineArea = above(baselineScores);
    return {
      area,
      baselineArea,
      gainPercent: baselineArea === 0 ? null : (100 * (area - baselineArea)) / baselineArea,
    };
  },
});

/**
 * Pareto frontier of cost (less is better) against score (more is better), as in the token-accuracy plots of LASER
 * (arXiv 2505.15612).
 *
 * `frontier`: indices, ascending, of the points that no other point beats on one axis while being at least as good
 * on the other. Identical points are all kept.
 */
export const paretoFrontier = definePart({
  id: "evaluation/pareto-frontier",
  papers: ["laser"],
  params: z.object({}),
  inputs: z.object({ costs: vector("M", "e.g. tokens"), scores: vector("M", "e.g. accuracy") }),
  outputs: z.object({ frontier: integers("F", "indices of undominated points, ascending") }),
  compute(_, { costs, scores }) {
    const order = Array.from({ length: costs.length }, (_, i) => i).sort(
      (a, b) => costs[a] - costs[b] || scores[b] - scores[a],
    );
    const frontier: number[] = [];
    let last = -1;
    for (const i of order) {
      const same = last >= 0 && costs[i] === costs[last] && scores[i] === scores[last];
      if (last >= 0 && !same && scores[i] <= scores[last]) continue;
      frontier.push(i);
      last = i;
    }
    return { frontier: frontier.sort((a, b) => a - b) };
  },
});

const bucketNames = ["easy", "medium", "hard"] as const;

/**
 * Length coverage P(l, d): share of a difficulty bucket's rollouts, right or wrong, of at most l tokens (LASER-D,
 * arXiv 2505.15612). An empty bucket has coverage 0.
 */
export const lengthCoverage = definePart({
  id: "evaluation/length-coverage",
  papers: ["laser"],
  params: z.object({ thresholds: z.array(z.number()).describe("lengths l, tokens") }),
  inputs: z.object({
    lengths: fields.lengths,
    buckets: shaped(z.array(z.enum(bucketNames)), "N", "difficulty of the rollout's prompt"),
  }),
  outputs: z.object({
    coverage: z.object({ easy: z.array(z.number()), medium: z.array(z.number()), hard: z.array(z.number()) }),
  }),
  compute({ thresholds }, { lengths, buckets }) {
    const coverage = { easy: thresholds.map(() => 0), medium: thresholds.map(() => 0), hard: thresholds.map(() => 0) };
    const counts = { easy: 0, medium: 0, hard: 0 };
    for (const [i, bucket] of buckets.entries()) {
      counts[bucket]++;
      for (const [k, threshold] of thresholds.entries()) if (lengths[i] <= threshold) coverage[bucket][k]++;
    }
    for (const bucket of bucketNames)
      for (const k of thresholds.keys()) coverage[bucket][k] /= Math.max(1, counts[bucket]);
    return { coverage };
  },
});

/**
 * Score gained per training solution, (score − baseline)/solutions·scale (TP-GRPO, arXiv 2507.23317).
 *
 * In score points per `scale` solutions; null without solutions.
 */
export const trainingEfficiency = definePart({
  id: "evaluation/training-efficiency",
  papers: ["tp-grpo-thought"],
  params: z.object({ scale: z.number().positive().default(1e5).describe("solutions the gain is expressed for") }),
  inputs: z.object({
    baseline: z.number().describe("score before training"),
    score: z.number().describe("score after training"),
    trainingSolutions: z.number().min(0).describe("solutions trained on"),
  }),
  outputs: z.object({ efficiency: z.number().nullable() }),
  compute({ scale }, { baseline, score, trainingSolutions }) {
    return { efficiency: trainingSolutions > 0 ? ((score - baseline) / trainingSolutions) * scale : null };
  },
});

/**
 * How fast questions resolve an uncertain specification (information-gain dialogues as in arXiv 2510.27410;
 * definitions ours).
 *
 * Row i of `entropies` is H₀ … H_T (bits) before the first and after every turn. `turnsToResolve` = first t with H_t ≤
 * `resolvedBelow`, null if never; `residual` = H_T; `gainPerTurn` = (H₀ − H_T)/T, null for T = 0; `area` = trapezoid
 * integral over turns; `resolvedShare` = share of dialogues that resolve. An empty row has null throughout.
 */
export const dialogueEfficiency = definePart({
  id: "evaluation/dialogue-efficiency",
  papers: ["nous"],
  params: z.object({
    resolvedBelow: z.number().default(0.5).describe("entropy, bits, at which the user is understood"),
  }),
  inputs: z.object({ entropies: ragged("N×T", "entropy before the first and after every turn, bits") }),
  outputs: z.object({
    turnsToResolve: nullableVector("N", "turns until resolved"),
    residual: nullableVector("N", "entropy at the end, bits"),
    gainPerTurn: nullableVector("N", "bits per turn"),
    area: nullableVector("N", "bits × turns"),
    resolvedShare: z.number().nullable(),
  }),
  compute({ resolvedBelow }, inputs) {
    const entropies = toRagged(inputs.entropies);
    const rows = Array.from({ length: rowCount(entropies) }, (_, i) => rowOf(entropies, i));
    const turnsToResolve = rows.map((row) => {
      const turn = row.findIndex((value) => value <= resolvedBelow);
      return turn < 0 ? null : turn;
    });
    return {
      turnsToResolve,
      residual: rows.map((row) => row.at(-1) ?? null),
      gainPerTurn: rows.map((row) => (row.length < 2 ? null : (row[0] - row[row.length - 1]) / (row.length - 1))),
      area: rows.map((row) => {
        if (row.length === 0) return null;
        let area = 0;
        for (let t = 1; t < row.length; t++) area += (row[t - 1] + row[t]) / 2;
        return area;
      }),
      resolvedShare: share(turnsToResolve.map((turn) => turn !== null)),
    };
  },
});

/**
 * Best checkpoint of a score history (RPO, arXiv 2407.12164: keep a checkpoint whenever it strictly exceeds the best so
 * far).
 *
 * `improved[i]`: score i is above all before it (the first always is). `bestIndex`, `bestScore`: over the whole
 * history given, the earliest of equals; null when it is empty. With `patience`, `stopIndex` = first index that ends
 * that many evaluations in a row without improvement, null if none does.
 */
export const earlyStopping = definePart({
  id: "evaluation/early-stopping",
  papers: ["lambda-harmonic"],
  params: z.object({
    patience: z.int().min(1).nullable().default(null).describe("evaluations without improvement before stopping"),
  }),
  inputs: z.object({ scores: vector("C", "score per checkpoint") }),
  outputs: z.object({
    improved: flags("C", "a new best"),
    bestIndex: z.int().nullable(),
    bestScore: z.number().nullable(),
    stopIndex: z.int().nullable().optional(),
  }),
  compute({ patience }, { scores }) {
    const improved: boolean[] = [];
    let bestIndex: number | null = null;
    let stopIndex: number | null = null;
    for (let i = 0; i < scores.length; i++) {
      const better: boolean = bestIndex === null || scores[i] > scores[bestIndex];
      if (better) bestIndex = i;
      improved.push(better);
      if (patience !== null && stopIndex === null && bestIndex !== null && i - bestIndex >= patience) stopIndex = i;
    }
    return {
      improved,
      bestIndex,
      bestScore: bestIndex === null ? null : scores[bestIndex],
      stopIndex: patience === null ? undefined : stopIndex,
    };
  },
});

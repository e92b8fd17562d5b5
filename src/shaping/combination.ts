import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields, flags, integers, nullableVector, ragged, shaped, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { toRagged } from "../core/ragged.ts";

const linearSchedule = z.object({
  type: z.literal("linear").default("linear").describe("a ramp up to the peak and down from it"),
  peak: z.number().min(0).max(1).describe("progress at which the factor is 1"),
  bottom: z.number().describe("factor at the far ends"),
  increase: z.boolean().describe("ramp up before the peak; false: factor 1 there"),
  decrease: z.boolean().describe("ramp down after it; false: factor 1 there"),
  components: z.array(z.string()).describe("names of the components it applies to"),
});

/**
 * Weighted sum of named reward terms, optionally on a schedule (schedule: SAR, arXiv 2509.05489).
 *
 * r = Σ_k w_k c_k over `components` {name: N}; a component without a weight has weight 1. With a schedule the weights
 * of the listed components are multiplied by a factor of the training progress x ∈ [0, 1]: before the peak p
 * b + (1 − b)x/p if `increase`, after it 1 − (1 − b)(x − p)/(1 − p) if `decrease`, else 1. `normalize` divides by the
 * sum of all weights, also of those whose component is absent. `weights` are the ones used, before that division.
 */
export const weightedSum = definePart({
  id: "shaping/weighted-sum",
  papers: ["self-aligned-reward", "slide-rl", "toolrl"],
  params: z.object({
    weights: z.record(z.string(), z.number()).default({}).describe("weight by name; 1 where absent"),
    normalize: z.boolean().default(false).describe("divide by the sum of all weights"),
    schedule: linearSchedule.nullable().default(null).describe("weights that change over training; null: none do"),
  }),
  inputs: z.object({
    components: fields.components,
    progress: z.number().min(0).max(1).optional().describe("share of training that is done"),
  }),
  outputs: z.object({ rewards: fields.rewards, weights: fields.weights }),
  compute({ weights, normalize, schedule }, { components, progress }) {
    const factor = schedule === null ? 1 : scheduleFactor(schedule, progress);
    const used = new Map(Object.entries(weights));
    for (const name of Object.keys(components)) if (!used.has(name)) used.set(name, 1);
    for (const name of schedule?.components ?? []) {
      const weight = used.get(name);
      if (weight !== undefined) used.set(name, weight * factor);
    }
    let rewards: Float64Array | null = null;
    for (const [name, values] of Object.entries(components)) {
      rewards ??= new Float64Array(values.length);
      if (values.length !== rewards.length)
        throw new ContractError(
          `inputs.components.${name}`,
          `expected ${rewards.length} entries, as in the first component, got ${values.length}`,
        );
      const weight = used.get(name) ?? 1;
      for (let i = 0; i < values.length; i++) rewards[i] += weight * values[i];
    }
    rewards ??= new Float64Array(0);
    if (normalize) {
      let total = 0;
      for (const weight of used.values()) total += weight;
      if (total === 0) throw new ContractError("params.weights", "expected a sum other than 0 to normalise by");
      for (let i = 0; i < rewards.length; i++) rewards[i] /= total;
    }
    return { rewards, weights: Object.fromEntries(used) };
  },
});

function scheduleFactor(schedule: z.output<typeof linearSchedule>, progress: number | undefined): number {
  if (progress === undefined) throw new ContractError("inputs.progress", "required with a schedule");
  const { peak, bottom, increase, decrease } = schedule;
  if (progress < peak) return increase ? bottom + ((1 - bottom) * progress) / peak : 1;
  if (progress > peak) return decrease ? 1 - ((1 - bottom) * (progress - peak)) / (1 - peak) : 1;
  return 1;
}

/**
 * Rule reward and model reward in one: fallback (BaseReward, arXiv 2509.16127) or routed by prompt (HARMO, arXiv
 * 2510.05283, eq. 1).
 *
 * `fallback`: 1 where the rule says correct, else the model score. `route`: the rule (1 or 0) for `verifiable` prompts,
 * the model score for the others. `transform: "sigmoid"` squashes the model score first; a raw one would swamp the rule.
 * N each; a null score stays null where it is used. `verifiable` is required by `route`.
 */
export const hybridReward = definePart({
  id: "shaping/hybrid-reward",
  papers: ["base-reward", "hybrid-multi-aspect"],
  params: z.object({
    mode: z.enum(["fallback", "route"]).default("fallback").describe("when the model score is used"),
    transform: z.enum(["none", "sigmoid"]).default("none").describe("what is done to the model score"),
  }),
  inputs: z.object({
    correct: fields.correct,
    scores: nullableVector("N", "reward-model score; null: unscored"),
    verifiable: flags("N", "the prompt has an answer that a rule can check").optional(),
  }),
  outputs: z.object({ rewards: nullableVector("N", "reward; null: the score it rests on is missing") }),
  compute({ mode, transform }, { correct, scores, verifiable }) {
    if (mode === "route" && !verifiable) throw new ContractError("inputs.verifiable", "required by mode route");
    const rewards = Array.from(scores, (score, i) => {
      if (mode === "route" && verifiable?.[i]) return correct[i] ? 1 : 0;
      if (mode === "fallback" && correct[i]) return 1;
      return score !== null && transform === "sigmoid" ? 1 / (1 + Math.exp(-score)) : score;
    });
    return { rewards };
  },
});

/**
 * Blends outcome and process reward, with an optional gate (arXiv 2512.07783, and its release).
 *
 * r = α·outcome + (1 − α)·process, clipped to [0, 1]. Gate `outcome`: 0 unless the outcome is 1. Gate `strict`: 1 if
 * both are 1, else 0. N each.
 */
export const outcomeProcessBlend = definePart({
  id: "shaping/outcome-process-blend",
  papers: ["rl-interplay"],
  params: z.object({
    outcomeWeight: z.number().min(0).max(1).default(0.2).describe("α"),
    gate: z.enum(["none", "outcome", "strict"]).default("none").describe("what must hold to be paid at all"),
  }),
  inputs: z.object({ outcome: vector("N", "outcome reward, 0 to 1"), process: vector("N", "process reward, 0 to 1") }),
  outputs: z.object({ rewards: fields.rewards }),
  compute({ outcomeWeight, gate }, { outcome, process }) {
    const rewards = Float64Array.from(outcome, (value, i) => {
      if (gate !== "none" && value < 1) return 0;
      if (gate === "strict") return process[i] < 1 ? 0 : 1;
      return Math.min(1, Math.max(0, outcomeWeight * value + (1 - outcomeWeight) * process[i]));
    });
    return { rewards };
  },
});

/**
 * The blended reward that BARFI learns: φ₁(s,a) + φ₂(s)·r_p + φ₃(s)·r_aux (arXiv 2310.19007, eq. 3).
 *
 * All T, one entry per step: `primary` r_p (what counts), `auxiliary` r_aux (a heuristic), `bias` φ₁, and the weights
 * at the step's state. φ = (0, 1, 1) is the naive sum.
 */
export const behaviorAlignment = definePart({
  id: "shaping/behavior-alignment",
  papers: ["barfi"],
  params: z.object({}),
  inputs: z.object({
    primary: vector("T", "r_p, the reward that counts"),
    auxiliary: vector("T", "r_aux, the heuristic"),
    bias: vector("T", "φ₁ at (s, a)"),
    primaryWeights: vector("T", "φ₂ at s"),
    auxiliaryWeights: vector("T", "φ₃ at s"),
  }),
  outputs: z.object({ rewards: vector("T", "blended reward") }),
  compute(_, { primary, auxiliary, bias, primaryWeights, auxiliaryWeights }) {
    const rewards = new Float64Array(primary.length);
    for (let t = 0; t < rewards.length; t++)
      rewards[t] = bias[t] + primaryWeights[t] * primary[t] + auxiliaryWeights[t] * auxiliary[t];
    return { rewards };
  },
});

/**
 * Task reward plus signed multipliers times constraint indicators (direct behaviour specification, arXiv 2412.07177).
 *
 * r′_t = w₀ r_t + Σ_k w_k c_tk, with w_k > 0 for what shall happen often and < 0 for what shall not. `stepRewards` T,
 * `costs` T×K (0 or 1; null, "does not apply", counts as 0), `costWeights` K. Use the weights from before the
 * multiplier step.
 */
export const lagrangianReward = definePart({
  id: "shaping/lagrangian-reward",
  papers: ["reward-specification-thesis"],
  params: z.object({}),
  inputs: z.object({
    stepRewards: vector("T", "task reward per step"),
    costs: shaped(z.array(z.array(z.number().nullable())), "T×K", "indicator per step; null: does not apply"),
    rewardWeight: z.number().describe("w₀"),
    costWeights: vector("K", "signed multiplier of each indicator"),
  }),
  outputs: z.object({ rewards: vector("T", "penalised reward") }),
  compute(_, { stepRewards, costs, rewardWeight, costWeights }) {
    const rewards = Float64Array.from(stepRewards, (reward, t) => {
      if (costs[t].length !== costWeights.length)
        throw new ContractError(`inputs.costs[${t}]`, `expected ${costWeights.length} entries, got ${costs[t].length}`);
      let sum = rewardWeight * reward;
      for (let k = 0; k < costWeights.length; k++) sum += costWeights[k] * (costs[t][k] ?? 0);
      return sum;
    });
    return { rewards };
  },
});

/**
 * Episodic and global exploration bonus in one (arXiv 2306.03236, §5; ONI, arXiv 2410.23022).
 *
 * `multiply`: e^a · g^b; `add`: e^a + c · g^b; `episodic`, `global`: one alone (e^a, g^b). a, b are the exponents, c
 * the coefficient. The product is the robust choice; both small, it needs the running scale of intrinsic-reward. A
 * bonus whose power is no real number is a `ContractError`.
 */
export const bonusCombination = definePart({
  id: "shaping/bonus-combination",
  papers: ["global-episodic-bonuses", "oni"],
  params: z.object({
    mode: z.enum(["multiply", "add", "episodic", "global"]).default("multiply").describe("how they are joined"),
    globalCoefficient: z.number().default(1).describe("c (add)"),
    episodicExponent: z.number().default(1).describe("a"),
    globalExponent: z.number().default(1).describe("b"),
  }),
  inputs: z.object({
    episodic: vector("T", "bonus against the current episode"),
    global: vector("T", "bonus against all experience"),
  }),
  outputs: z.object({ bonuses: vector("T", "combined bonus") }),
  compute({ mode, globalCoefficient, episodicExponent, globalExponent }, { episodic, global }) {
    const bonuses = Float64Array.from(episodic, (value, t) => {
      const e = power(value, episodicExponent, `inputs.episodic[${t}]`);
      const g = power(global[t], globalExponent, `inputs.global[${t}]`);
      if (mode === "multiply") return e * g;
      if (mode === "add") return e + globalCoefficient * g;
      return mode === "episodic" ? e : g;
    });
    return { bonuses };
  },
});

function power(base: number, exponent: number, path: string): number {
  const value = exponent === 1 ? base : base ** exponent;
  if (!Number.isFinite(value)) throw new ContractError(path, `${base} has no power ${exponent}`);
  return value;
}

/**
 * Weights that fall geometrically with a factor's rank (HERON, arXiv 2309.02632, baselines).
 *
 * weight_i = α^i for i = 1 … `count`, most important first; `normalize` makes them sum to 1.
 */
export const rankWeights = definePart({
  id: "shaping/rank-weights",
  papers: ["heron"],
  params: z.object({
    alpha: z.number().positive().describe("α, ratio of one rank to the one above"),
    count: z.int().nonnegative().describe("how many factors"),
    normalize: z.boolean().default(false).describe("divide by their sum"),
  }),
  inputs: z.object({}),
  outputs: z.object({ weights: vector("K", "weight per rank") }),
  compute({ alpha, count, normalize }) {
    const weights = Float64Array.from({ length: count }, (_, i) => alpha ** (i + 1));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return { weights: normalize ? weights.map((weight) => weight / total) : weights };
  },
});

/**
 * Ranked reward factors as a weighted sum, the reward-engineering baseline of HERON (arXiv 2309.02632).
 *
 * r_i = Σ_d α^d ς_d (f − mean)/(sd + ε), d = 1, 2, … over the factors in `order` (most important first), standardised
 * by mean and population deviation over the batch; a constant factor contributes 0. `factors` N×K; `signs` run
 * parallel to `order` (+1: more is better). Defaults: all factors in their own order, signs +1.
 */
export const rankedLinear = definePart({
  id: "shaping/ranked-linear",
  papers: ["heron"],
  params: z.object({
    order: z.array(z.int().nonnegative()).optional().describe("factor at each rank"),
    signs: z.array(z.number()).optional().describe("+1 or −1 at each rank"),
    alpha: z.number().describe("α"),
    epsilon: z.number().nonnegative().default(1e-3).describe("added to the deviation"),
  }),
  inputs: z.object({ factors: ragged("N×K", "reward factors per rollout") }),
  outputs: z.object({ rewards: fields.rewards }),
  compute({ order, signs, alpha, epsilon }, { factors }) {
    const { values, offsets } = toRagged(factors);
    const n = offsets.length - 1;
    const width = n === 0 ? 0 : offsets[1];
    for (let i = 0; i < n; i++)
      if (offsets[i + 1] - offsets[i] !== width)
        throw new ContractError(
          `inputs.factors[${i}]`,
          `expected ${width} entries, as in row 0, got ${offsets[i + 1] - offsets[i]}`,
        );
    const ranks = order ?? Array.from({ length: width }, (_, k) => k);
    if (signs && signs.length !== ranks.length)
      throw new ContractError("params.signs", `expected ${ranks.length} entries, got ${signs.length}`);
    const rewards = new Float64Array(n);
    for (let d = 0; n > 0 && d < ranks.length; d++) {
      const k = ranks[d];
      if (k >= width) throw new ContractError(`params.order[${d}]`, `there is no factor ${k}, only ${width}`);
      let mean = 0;
      for (let i = 0; i < n; i++) mean += values[i * width + k] / n;
      let squares = 0;
      for (let i = 0; i < n; i++) squares += (values[i * width + k] - mean) ** 2;
      const divisor = Math.sqrt(squares / n) + epsilon;
      if (squares === 0) continue;
      const weight = (alpha ** (d + 1) * (signs?.[d] ?? 1)) / divisor;
      for (let i = 0; i < n; i++) rewards[i] += weight * (values[i * width + k] - mean);
    }
    return { rewards };
  },
});

/**
 * Staged reward: later stages count only once every earlier one is met (progressive reward shaping, arXiv 2512.07478;
 * weights and thresholds are the project's reconstruction).
 *
 * `stageScores` N×K in [0, 1]: r = Σ w_k x_k, stages taken in order, stopping after the first with x_k < τ_k (whose own
 * partial score still counts). `stages` N: how many were counted. Defaults: share of tool calls that parse (0.1),
 * well-formed output (0.2), answer quality (0.7).
 */
export const progressiveStages = definePart({
  id: "shaping/progressive-stages",
  papers: ["prs-vspo"],
  params: z.object({
    thresholds: z.array(z.number()).default([1, 1, 0]).describe("τ, score at which a stage is met"),
    weights: z.array(z.number()).default([0.1, 0.2, 0.7]).describe("w, pay of each stage"),
  }),
  inputs: z.object({ stageScores: ragged("N×K", "score of each stage, in order") }),
  outputs: z.object({ rewards: fields.rewards, stages: integers("N", "stages counted") }),
  compute({ thresholds, weights }, { stageScores }) {
    if (weights.length !== thresholds.length)
      throw new ContractError("params.weights", `expected ${thresholds.length} entries, got ${weights.length}`);
    const { values, offsets } = toRagged(stageScores);
    const n = offsets.length - 1;
    const rewards = new Float64Array(n);
    const stages = new Int32Array(n);
    for (let i = 0; i < n; i++) {
      const count = offsets[i + 1] - offsets[i];
      if (count !== thresholds.length)
        throw new ContractError(`inputs.stageScores[${i}]`, `expected ${thresholds.length} entries, got ${count}`);
      for (let k = 0; k < count; k++) {
        const score = values[offsets[i] + k];
        rewards[i] += weights[k] * score;
        stages[i] = k + 1;
        if (score < thresholds[k]) break;
      }
    }
    return { rewards, stages };
  },
});

/** Intrinsic rewards: novelty of states, looked-up judgements of messages. */
import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { flags, integers, nullableVector, ragged, shaped, strings, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { rowCount, rowOf, toRagged } from "../core/ragged.ts";
import { expectGiven, expectLength } from "../core/shapes.ts";

const keys = z.array(z.union([z.string(), z.number()]));
const countState = z.object({ counts: z.record(z.string(), z.number().nonnegative()) });

/**
 * Count-based exploration bonus along a path of states (arXiv 2306.03236; ONI's 1/N^β, arXiv 2410.23022; ExploB,
 * arXiv 2503.21949).
 *
 * With n earlier visits: `inverse-sqrt` scale/√(n + 1), or with `max` scale/√(n + (scale/max)²) · `first-visit`
 * scale·1[n = 0] · `inverse-power` scale·(n + 1)^−exponent; the latter two are capped at `max`. `read` current looks at
 * state t before it is counted; next looks at state t + 1 before state t is counted and pays 0 where that state is
 * terminal (T + 1 states for T bonuses). `episodic` clears the counts after a `dones` step. The state that comes back
 * holds the counts; absent means none yet.
 */
export const countBonus = definePart({
  id: "signal/count-bonus",
  papers: ["global-episodic-bonuses", "oni", "reward-design-thesis"],
  params: z.object({
    form: z.enum(["inverse-sqrt", "first-visit", "inverse-power"]).default("inverse-sqrt"),
    read: z.enum(["current", "next"]).default("current"),
    scale: z.number().nonnegative().default(1).describe("λ"),
    episodic: z.boolean().default(false).describe("counts restart after a done step"),
    exponent: z.number().nonnegative().default(3).describe("of inverse-power"),
    max: z.number().positive().nullable().default(null).describe("largest bonus; null: no limit of its own"),
  }),
  inputs: z.object({
    states: shaped(keys, "T or T+1", "key of each state (T + 1 with read next)"),
    dones: flags("T", "the episode ends with this step").optional(),
    terminalStates: shaped(keys, "terminal states", "states that earn nothing (read next)").optional(),
    state: countState.optional().describe("visits so far, by key"),
  }),
  outputs: z.object({ bonuses: vector("T", "bonus per step"), state: countState }),
  compute({ form, read, scale, episodic, exponent, max }, { states, dones, terminalStates, state }) {
    const next = read === "next";
    const steps = Math.max(0, states.length - (next ? 1 : 0));
    if (dones) expectLength(dones, steps, "dones");
    const counts = new Map(Object.entries(state?.counts ?? {}));
    const terminal = new Set(terminalStates?.map(String));
    const limit = max ?? Number.POSITIVE_INFINITY;
    const bonusOf = (visits: number): number => {
      if (form === "first-visit") return Math.min(limit, visits === 0 ? scale : 0);
      if (form === "inverse-power") return Math.min(limit, scale * (visits + 1) ** -exponent);
      if (scale === 0) return 0;
      return scale / Math.sqrt(visits + (max === null ? 1 : (scale / max) ** 2));
    };
    const bonuses = new Float64Array(steps);
    for (let t = 0; t < steps; t++) {
      const key = String(states[t]);
      const looked = next ? String(states[t + 1]) : key;
      bonuses[t] = next && terminal.has(looked) ? 0 : bonusOf(counts.get(looked) ?? 0);
      counts.set(key, (counts.get(key) ?? 0) + 1);
      if (episodic && dones?.[t]) counts.clear();
    }
    return { bonuses, state: { counts: Object.fromEntries(counts) } };
  },
});

const ellipticalState = z.object({
  inverse: z.array(z.array(z.number())).nullable().describe("C⁻¹, D × D; null: start of an episode"),
  step: z.int().nonnegative().describe("steps since the episode began"),
});

/**
 * Elliptical episodic bonus: count bonus for feature vectors (E3B, arXiv 2210.05805; arXiv 2306.03236).
 *
 * C⁻¹ starts as I/ridge; b_t = φᵀC⁻¹φ, u = C⁻¹φ, C⁻¹ ← C⁻¹ − u uᵀ/(1 + b_t). `order` before reads the bonus before the
 * feature is added; after reads it with the new inverse, b/(1 + b) < 1. `zeroFirst` pays nothing for the first step of an
 * episode. `episodic` starts over after a `dones` step. T × D features. The inverse is kept symmetric.
 */
export const ellipticalBonus = definePart({
  id: "signal/elliptical-bonus",
  papers: ["global-episodic-bonuses"],
  params: z.object({
    ridge: z.number().positive().default(0.1).describe("λ of the initial covariance"),
    order: z.enum(["before", "after"]).default("before").describe("bonus read before or after the update"),
    zeroFirst: z.boolean().default(true).describe("no bonus for the first step of an episode"),
    episodic: z.boolean().default(true).describe("start over after a done step"),
  }),
  inputs: z.object({
    features: ragged("T×D", "feature vector of each step"),
    dones: flags("T", "the episode ends with this step").optional(),
    state: ellipticalState.optional(),
  }),
  outputs: z.object({ bonuses: vector("T", "bonus per step"), state: ellipticalState }),
  compute({ ridge, order, zeroFirst, episodic }, { features, dones, state }) {
    const rows = toRagged(features);
    const bonuses = new Float64Array(rowCount(rows));
    if (dones) expectLength(dones, bonuses.length, "dones");
    const given = state?.inverse ?? null;
    const size = given?.length ?? (bonuses.length === 0 ? 0 : rows.offsets[1]);
    let inverse = new Float64Array(size * size);
    if (given) {
      given.forEach((row, i) => {
        expectLength(row, size, `state.inverse[${i}]`);
        inverse.set(row, i * size);
      });
    } else inverse = scaledIdentity(size, 1 / ridge);
    let step = state?.step ?? 0;
    const u = new Float64Array(size);
    for (let t = 0; t < bonuses.length; t++) {
      const feature = rowOf(rows, t);
      expectLength(feature, size, `features[${t}]`);
      let bonus = 0;
      for (let i = 0; i < size; i++) {
        u[i] = 0;
        for (let j = 0; j < size; j++) u[i] += inverse[i * size + j] * feature[j];
        bonus += feature[i] * u[i];
      }
      for (let i = 0; i < size; i++) {
        for (let j = 0; j < size; j++) inverse[i * size + j] -= (u[i] * u[j]) / (1 + bonus);
      }
      bonuses[t] = zeroFirst && step === 0 ? 0 : order === "before" ? bonus : bonus / (1 + bonus);
      step++;
      if (episodic && dones?.[t]) {
        inverse = scaledIdentity(size, 1 / ridge);
        step = 0;
      }
    }
    if (bonuses.length === 0 && given === null) return { bonuses, state: { inverse: null, step } };
    const matrix = Array.from({ length: size }, (_, i) => Array.from(inverse.subarray(i * size, (i + 1) * size)));
    return { bonuses, state: { inverse: matrix, step } };
  },
});

function scaledIdentity(size: number, value: number): Float64Array<ArrayBuffer> {
  const matrix = new Float64Array(size * size);
  for (let i = 0; i < size; i++) matrix[i * size + i] = value;
  return matrix;
}

/**
 * Random network distillation: error of a predictor of a fixed random network (arXiv 1810.12894, as in arXiv 2306.03236).
 *
 * n(s) = ‖f̂(s) − f(s)‖₂, not squared; loss = mean n, null without states. N × D each.
 */
export const randomNetworkDistillation = definePart({
  id: "signal/random-network-distillation",
  papers: ["global-episodic-bonuses"],
  params: z.object({}),
  inputs: z.object({
    predictions: ragged("N×D", "outputs of the predictor"),
    targets: ragged("N×D", "outputs of the random network"),
  }),
  outputs: z.object({ novelty: vector("N", "prediction error"), loss: z.number().nullable().describe("mean error") }),
  compute(_params, { predictions, targets }) {
    const predicted = toRagged(predictions);
    const wanted = toRagged(targets);
    expectLength({ length: rowCount(wanted) }, rowCount(predicted), "targets");
    let total = 0;
    const novelty = Float64Array.from({ length: rowCount(predicted) }, (_, i) => {
      const row = rowOf(predicted, i);
      const target = rowOf(wanted, i);
      expectLength(target, row.length, `targets[${i}]`);
      let squared = 0;
      for (let d = 0; d < row.length; d++) squared += (row[d] - target[d]) ** 2;
      total += Math.sqrt(squared);
      return Math.sqrt(squared);
    });
    return { novelty, loss: novelty.length === 0 ? null : total / novelty.length };
  },
});

/**
 * Novelty difference: pays the boundary of what is known (NovelD; arXiv 2306.03236): max(0, n(s′) − α n(s)).
 *
 * `novelty` has T + 1 entries, one per state. `gate` multiplies by 1[first visit of s′ in the episode] or by 1/√N_e(s′),
 * with `episodicCounts` (this visit included). α = 0 without a gate is plain RND.
 */
export const noveltyDifference = definePart({
  id: "signal/novelty-difference",
  papers: ["global-episodic-bonuses"],
  params: z.object({
    alpha: z.number().default(0.1).describe("α"),
    gate: z.enum(["none", "first-visit", "inverse-sqrt"]).default("none"),
  }),
  inputs: z.object({
    novelty: vector("T+1", "novelty of each state"),
    episodicCounts: integers("T", "visits of the next state in this episode, from 1").optional(),
  }),
  outputs: z.object({ bonuses: vector("T", "bonus per step") }),
  compute({ alpha, gate }, { novelty, episodicCounts }) {
    const steps = Math.max(0, novelty.length - 1);
    const counts = gate === "none" ? null : expectGiven(episodicCounts, "inputs.episodicCounts", `gate is ${gate}`);
    if (counts) expectLength(counts, steps, "episodicCounts");
    const bonuses = Float64Array.from({ length: steps }, (_, t) => {
      const bonus = Math.max(0, novelty[t + 1] - alpha * novelty[t]);
      if (!counts) return bonus;
      if (counts[t] < 1)
        throw new ContractError(`inputs.episodicCounts[${t}]`, `expected at least 1, got ${counts[t]}`);
      return gate === "first-visit" ? (counts[t] === 1 ? bonus : 0) : bonus / Math.sqrt(counts[t]);
    });
    return { bonuses };
  },
});

/**
 * Reward of a message looked up in a table of annotated messages (ONI-retrieval, arXiv 2410.23022, sec. 4.1).
 *
 * Exact string match; `missing` is the reward of a message that is not there (null: unscored). `unseen` lists those once
 * each, in order of first appearance: what to annotate next.
 */
export const retrievalReward = definePart({
  id: "signal/retrieval-reward",
  papers: ["oni"],
  params: z.object({ missing: z.number().nullable().default(null).describe("reward of an unseen message") }),
  inputs: z.object({
    gameMessages: strings("N", "messages"),
    table: z.record(z.string(), z.number()).describe("annotated messages → reward"),
  }),
  outputs: z.object({
    rewards: nullableVector("N", "reward per message"),
    unseen: strings("unseen", "messages that the table lacks"),
  }),
  compute({ missing }, { gameMessages, table }) {
    const unseen = new Set<string>();
    const rewards = gameMessages.map((message) => {
      if (Object.hasOwn(table, message)) return table[message];
      unseen.add(message);
      return missing;
    });
    return { rewards, unseen: [...unseen] };
  },
});

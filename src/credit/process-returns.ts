import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields, integers, ragged } from "../core/fields.ts";
import { indexGroups } from "../core/groups.ts";
import { definePart } from "../core/part.ts";
import { checkSameRows, type Ragged, raggedLike, rowCount, toRagged } from "../core/ragged.ts";

const stepReturns = ragged("N×S", "return from each step on");

/**
 * Makes the return of a step the minimum of the process rewards to come (PURE, arXiv 2504.15275, eqs. 6–8).
 *
 * `softmin`: r*_t = w_t r_t with w = softmax(−r/temperature) over the steps of the response. `strict`: w is 1 at the
 * first smallest step and 0 elsewhere, the limit of temperature → 0. `sum`: w = 1. `returns` are suffix sums of r*
 * (γ = 1). `stepRewards` in [−1, 1] (p(+) − p(−)), N×S; outputs `weights`, `stepRewards` (r*), `returns`, N×S.
 */
export const minForm = definePart({
  id: "credit/min-form",
  papers: ["pure"],
  params: z.object({
    form: z.enum(["softmin", "strict", "sum"]).default("softmin").describe("how steps are weighted"),
    temperature: z.number().positive().default(0.1).describe("T, in units of reward (softmin)"),
  }),
  inputs: z.object({ stepRewards: fields.stepRewards }),
  outputs: z.object({
    weights: ragged("N×S", "weight of each step"),
    stepRewards: fields.stepRewards,
    returns: stepReturns,
  }),
  compute({ form, temperature }, inputs) {
    const given = toRagged(inputs.stepRewards);
    const weights = raggedLike(given);
    const returns = raggedLike(given);
    const { values: r, offsets } = given;
    const w = weights.values;
    if (form === "sum") w.fill(1);
    const sharpness = -1 / temperature;
    for (let i = 0; i + 1 < offsets.length; i++) {
      const start = offsets[i];
      const end = offsets[i + 1];
      let running = 0;
      if (form === "sum") {
        for (let s = end - 1; s >= start; s--) {
          running += r[s];
          returns.values[s] = running;
        }
        continue;
      }
      let worst = start;
      for (let s = start + 1; s < end; s++) if (r[s] < r[worst]) worst = s;
      if (form === "strict") {
        if (start < end) w[worst] = 1;
        for (let s = worst; start < end && s >= start; s--) returns.values[s] = r[worst];
        continue;
      }
      const least = r[worst];
      let total = 0;
      for (let s = start; s < end; s++) {
        const weight = Math.exp((r[s] - least) * sharpness);
        w[s] = weight;
        total += weight;
      }
      const share = 1 / total;
      for (let s = end - 1; s >= start; s--) {
        w[s] *= share;
        running += w[s] * r[s];
        returns.values[s] = running;
      }
    }
    return {
      weights,
      // Most callers read the returns only.
      get stepRewards(): Ragged {
        return { values: w.map((weight, s) => weight * r[s]), offsets };
      },
      returns,
    };
  },
});

/**
 * Returns-to-go minus a leave-one-out baseline normalised by the maximum length (PURE, arXiv 2504.15275, eq. 9; `verl`
 * branch of its release).
 *
 * G_t = Σ_{u≥t} r_u; b_i = Σ_{j≠i} Σ_t G_{j,t} / ((n − 1) L) over the other members of the group, 0 in a group of one,
 * subtracted at every token. `returns` are G − b; `advantages` the same, whitened over all tokens of the batch where
 * `normalize` is set: (x − mean)/√(var + ε), var with Bessel's correction, 0 for a single token. `tokenRewards` N×T
 * (zero off the steps' last tokens) and both outputs N×T.
 */
export const rlooProcess = definePart({
  id: "credit/rloo-process",
  papers: ["pure"],
  params: z.object({
    maxLength: z.number().positive().describe("L, maximum response length in tokens"),
    normalize: z.boolean().default(true).describe("whiten over the batch's tokens"),
    epsilon: z.number().nonnegative().default(1e-8).describe("added to the variance"),
  }),
  inputs: z.object({ tokenRewards: fields.tokenRewards, groups: fields.groups }),
  outputs: z.object({ returns: fields.returns, advantages: fields.tokenAdvantages }),
  compute({ maxLength, normalize, epsilon }, { tokenRewards, groups }) {
    const given = toRagged(tokenRewards);
    const returns = raggedLike(given);
    const { values: r, offsets } = given;
    const g = returns.values;
    const { of, counts } = indexed(groups, given);
    const rowTotals = new Float64Array(of.length);
    const groupTotals = new Float64Array(counts.length);
    for (let i = 0; i < of.length; i++) {
      let running = 0;
      let total = 0;
      for (let t = offsets[i + 1] - 1; t >= offsets[i]; t--) {
        running += r[t];
        g[t] = running;
        total += running;
      }
      rowTotals[i] = total;
      groupTotals[of[i]] += total;
    }
    for (let i = 0; i < of.length; i++) {
      const others = counts[of[i]] - 1;
      if (others === 0) continue;
      const baseline = (groupTotals[of[i]] - rowTotals[i]) / (others * maxLength);
      for (let t = offsets[i]; t < offsets[i + 1]; t++) g[t] -= baseline;
    }
    return { returns, advantages: normalize ? { values: whitened(g, epsilon), offsets } : returns };
  },
});

function whitened(values: Float64Array, epsilon: number): Float64Array {
  const n = values.length;
  const out = new Float64Array(n);
  if (n < 2) return out;
  let mean = 0;
  for (let t = 0; t < n; t++) mean += values[t];
  mean /= n;
  let squares = 0;
  for (let t = 0; t < n; t++) squares += (values[t] - mean) ** 2;
  const divisor = Math.sqrt(squares / (n - 1) + epsilon);
  if (divisor === 0) return out;
  for (let t = 0; t < n; t++) out[t] = (values[t] - mean) / divisor;
  return out;
}

/**
 * Centres step rewards on the rest of the group, then sums them (PURE, arXiv 2504.15275, first release).
 *
 * `step`: r_t − mean over the other responses of (Σ r / steps), under which few steps win. `token`: r_t −
 * (Σ others' rewards / Σ others' lengths) · tokens of the step. With outcome `rewards` v ∈ {0, 1}, verifiableWeight ·
 * ((v − 1) − mean of the others' (v − 1)) joins the last step. A group of one has baseline 0; a response without steps
 * counts as mean 0 and has no place for its outcome. `returns` are suffix sums. `stepRewards` and `stepTokens` (without
 * the separator) N×S, `lengths` N (all response tokens).
 */
export const processBaseline = definePart({
  id: "credit/process-baseline",
  papers: ["pure"],
  params: z.object({
    unit: z.enum(["step", "token"]).default("step").describe("what the baseline is per"),
    verifiableWeight: z.number().default(1).describe("weight of the outcome"),
  }),
  inputs: z.object({
    stepRewards: fields.stepRewards,
    stepTokens: fields.stepTokens,
    lengths: fields.lengths,
    groups: fields.groups,
    rewards: fields.rewards.optional(),
  }),
  outputs: z.object({ stepRewards: fields.stepRewards, returns: stepReturns }),
  compute({ unit, verifiableWeight }, { lengths, groups, rewards, ...inputs }) {
    const given = toRagged(inputs.stepRewards);
    const tokens = toRagged(inputs.stepTokens);
    checkSameRows(tokens, given, "stepTokens");
    const stepRewards = raggedLike(given);
    const returns = raggedLike(given);
    const { values: r, offsets } = given;
    const { of, counts } = indexed(groups, given);
    const sums = new Float64Array(of.length);
    const groupSums = new Float64Array(counts.length);
    const groupLengths = new Float64Array(counts.length);
    const groupOutcomes = new Float64Array(counts.length);
    for (let i = 0; i < of.length; i++) {
      for (let s = offsets[i]; s < offsets[i + 1]; s++) sums[i] += r[s];
      const steps = offsets[i + 1] - offsets[i];
      if (unit === "step" && steps > 0) sums[i] /= steps;
      groupSums[of[i]] += sums[i];
      groupLengths[of[i]] += lengths[i];
      if (rewards) groupOutcomes[of[i]] += rewards[i] - 1;
    }
    for (let i = 0; i < of.length; i++) {
      const others = counts[of[i]] - 1;
      const rest = groupSums[of[i]] - sums[i];
      const restLength = groupLengths[of[i]] - lengths[i];
      let perUnit = 0;
      if (others > 0 && unit === "step") perUnit = rest / others;
      if (others > 0 && unit === "token" && restLength > 0) perUnit = rest / restLength;
      let running = 0;
      if (rewards) {
        const own = rewards[i] - 1;
        running = verifiableWeight * (own - (others > 0 ? (groupOutcomes[of[i]] - own) / others : 0));
      }
      let outcome = running;
      running = 0;
      for (let s = offsets[i + 1] - 1; s >= offsets[i]; s--) {
        const reward = r[s] - perUnit * (unit === "step" ? 1 : tokens.values[s]) + outcome;
        outcome = 0;
        running += reward;
        stepRewards.values[s] = reward;
        returns.values[s] = running;
      }
    }
    return { stepRewards, returns };
  },
});

function indexed(groups: ArrayLike<string | number>, rows: Ragged) {
  if (groups.length !== rowCount(rows))
    throw new ContractError("inputs.groups", `expected ${rowCount(rows)} entries, got ${groups.length}`);
  return indexGroups(groups);
}

/**
 * Value of a simulated path from its step verdicts and the final answer (GroundedPRM, arXiv 2510.14942, §3.3; release).
 *
 * With N intermediate verdicts v ∈ {+1, −1, 0} and outcome F ∈ {+1, −1}: V = Σ_i v_i (N − i)/N² + F/N, i from 0, so that
 * early steps weigh more; F alone where N = 0.
 */
export const treeRolloutReward = definePart({
  id: "credit/tree-rollout-reward",
  papers: ["grounded-prm"],
  params: z.object({}),
  inputs: z.object({
    stepVerdicts: integers("S", "verdict of each intermediate step: +1, −1, 0 unknown"),
    outcome: z.number().describe("+1: right answer, −1: wrong"),
  }),
  outputs: z.object({ value: z.number().describe("V") }),
  compute(_, { stepVerdicts, outcome }) {
    const n = stepVerdicts.length;
    if (n === 0) return { value: outcome };
    let sum = 0;
    for (let i = 0; i < n; i++) sum += stepVerdicts[i] * (n - i);
    return { value: sum / (n * n) + outcome / n };
  },
});

import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields, ragged, shaped, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { checkSameRows, raggedLike, raggedOf, toRagged } from "../core/ragged.ts";

/**
 * Step reward of an editing agent: change of quality plus a small pay for the call (arXiv 2603.16839, release).
 *
 * r_s = q_{s+1} − q_s + bonus, the bonus being `finalize` for a successful finalising call, `success` for another
 * successful one and `failure` for a failed one. `qualities` N×(S+1) (before the first call, after each), `success` and
 * `finalized` N×S. `stepRewards` N×S, `returns` N (row sums). Calls that change nothing still earn `success`.
 */
export const qualityDelta = definePart({
  id: "shaping/quality-delta",
  papers: ["slide-rl"],
  params: z.object({
    success: z.number().default(0.01).describe("bonus of a call that worked"),
    finalize: z.number().default(0.1).describe("bonus of a finalising call that worked"),
    failure: z.number().default(-0.02).describe("bonus of a call that failed"),
  }),
  inputs: z.object({
    qualities: ragged("N×(S+1)", "quality before the first call and after each"),
    success: shaped(z.array(z.array(z.boolean())), "N×S", "the call worked"),
    finalized: shaped(z.array(z.array(z.boolean())), "N×S", "the call finalised the work"),
  }),
  outputs: z.object({ stepRewards: fields.stepRewards, returns: vector("N", "sum over the steps") }),
  compute(params, { success, finalized, ...inputs }) {
    const qualities = toRagged(inputs.qualities);
    if (qualities.offsets.length - 1 !== success.length)
      throw new ContractError(
        "inputs.qualities",
        `expected ${success.length} rows, got ${qualities.offsets.length - 1}`,
      );
    const stepRewards = raggedOf(success.map((row) => row.length));
    const returns = new Float64Array(success.length);
    for (let i = 0; i < success.length; i++) {
      const start = qualities.offsets[i];
      const count = qualities.offsets[i + 1] - start;
      if (count !== success[i].length + 1)
        throw new ContractError(
          `inputs.qualities[${i}]`,
          `expected ${success[i].length + 1} entries (calls + 1), got ${count}`,
        );
      for (let s = 0; s < success[i].length; s++) {
        let bonus = params.failure;
        if (success[i][s]) bonus = finalized[i][s] ? params.finalize : params.success;
        const reward = qualities.values[start + s + 1] - qualities.values[start + s] + bonus;
        stepRewards.values[stepRewards.offsets[i] + s] = reward;
        returns[i] += reward;
      }
    }
    return { stepRewards, returns };
  },
});

/**
 * Bonus for subgoals judged as achieved in a transition (CALM, arXiv 2409.12798, §3).
 *
 * r⁺ = r + bonus · (subgoals paid in the step). `once`: each subgoal pays the first time in an episode; `every`: each
 * time (a memoryless verifier pays again and again); `ordered`: each pays once and only after the one before it
 * (several may fire in one step). Not potential-based: the optimum may move.
 *
 * `stepRewards` N×S, `achieved` N×S×K. Outputs `stepRewards` and `bonuses` N×S, and `firstSteps` N×K: step in which
 * each subgoal first paid, −1 if never.
 */
export const subgoalBonus = definePart({
  id: "shaping/subgoal-bonus",
  papers: ["calm"],
  params: z.object({
    bonus: z.number().default(1).describe("λ, pay of a subgoal"),
    mode: z.enum(["once", "every", "ordered"]).default("once").describe("when a subgoal pays"),
  }),
  inputs: z.object({
    stepRewards: fields.stepRewards,
    achieved: shaped(z.array(z.array(z.array(z.boolean()))), "N×S", "per step, which subgoals were just reached"),
  }),
  outputs: z.object({
    stepRewards: fields.stepRewards,
    bonuses: ragged("N×S", "bonus per step"),
    firstSteps: shaped(z.array(z.array(z.int())), "N×K", "step in which each subgoal first paid, −1: never"),
  }),
  compute({ bonus, mode }, { achieved, ...inputs }) {
    const given = toRagged(inputs.stepRewards);
    const lengths = raggedOf(achieved.map((row) => row.length));
    checkSameRows(lengths, given, "achieved");
    const stepRewards = raggedLike(given);
    const bonuses = raggedLike(given);
    let subgoals = 0;
    for (const row of achieved) for (const step of row) subgoals = Math.max(subgoals, step.length);
    const firstSteps = achieved.map((row, i) => {
      const first: number[] = new Array(subgoals).fill(-1);
      for (let s = 0; s < row.length; s++) {
        let paid = 0;
        for (let k = 0; k < row[s].length; k++) {
          if (!row[s][k]) continue;
          const fresh = first[k] < 0;
          if (mode === "ordered" && fresh && k > 0 && first[k - 1] < 0) continue;
          if (fresh) first[k] = s;
          if (fresh || mode === "every") paid++;
        }
        bonuses.values[given.offsets[i] + s] = bonus * paid;
      }
      return first;
    });
    for (let v = 0; v < given.values.length; v++) stepRewards.values[v] = given.values[v] + bonuses.values[v];
    return { stepRewards, bonuses, firstSteps };
  },
});

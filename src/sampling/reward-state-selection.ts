import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { integers, nullableVector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { designInputs, designParams, designRewards, prepareDesign } from "../core/reward-design.ts";

/**
 * Which states should carry reward: greedy choice for the explicable design EXPRD (in arXiv 2503.21949).
 *
 * Z starts from `initialStates` (goals); then the candidate whose addition gives the best optimum of
 * I(R) − C₂·Σ|R| joins, the first on ties (within 1e-9), until |Z| is `budget` or no candidate is left. I(R) is the
 * h-step informativeness, maximised subject to: the target policy keeps its gaps δ, |R| ≤ R_max, no reward outside Z.
 * `activeStates` in order of selection, `informativeness` after each from the initial set on; null where no table over
 * that set keeps the target optimal (such sets lose to every feasible one). Leave absorbing states out of the
 * candidates: the optimum would put ±R_max there. One linear programme per candidate and size.
 */
export const rewardStateSelection = definePart({
  id: "sampling/reward-state-selection",
  papers: ["reward-design-thesis"],
  params: z.object({ ...designParams, budget: z.int().nonnegative().describe("most states with reward") }),
  inputs: z.object({
    ...designInputs,
    initialStates: integers("G", "states that carry reward in any case"),
    candidates: integers("C", "states that may be added"),
  }),
  outputs: z.object({
    activeStates: integers("Z", "states with reward, in order of selection"),
    informativeness: nullableVector("L", "I(R) of the best table, from the initial set on"),
  }),
  compute({ budget, ...options }, { initialStates, candidates, ...problem }) {
    const prepared = prepareDesign(problem, options);
    const inside = (states: ArrayLike<number>, field: string) =>
      Array.from(states, (s, k) => {
        if (!(s >= 0 && s < prepared.states))
          throw new ContractError(`inputs.${field}[${k}]`, `expected a state below ${prepared.states}, got ${s}`);
        return s;
      });
    const active = [...new Set(inside(initialStates, "initialStates"))];
    const left = new Set(inside(candidates, "candidates"));
    for (const s of active) left.delete(s);
    const informativeness = [designRewards(prepared, active)?.informativeness ?? null];
    while (active.length < budget && left.size > 0) {
      let chosen = -1;
      let best: { objective: number; informativeness: number } | null = null;
      for (const candidate of left) {
        if (chosen < 0) chosen = candidate;
        const design = designRewards(prepared, [...active, candidate]);
        if (design === null || (best !== null && design.objective <= best.objective + 1e-9)) continue;
        best = design;
        chosen = candidate;
      }
      active.push(chosen);
      left.delete(chosen);
      informativeness.push(best?.informativeness ?? null);
    }
    return { activeStates: active, informativeness };
  },
});

import { z } from "zod";
import { nullableVector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";

const evolutionState = z.object({
  iteration: z.int().nonnegative().describe("iterations done"),
  bestScore: z.number().nullable().describe("best score of all iterations"),
  bestIteration: z.int().nullable().describe("iteration it came from"),
  bestIndex: z.int().nullable().describe("candidate it came from"),
});

const nothingYet = { iteration: 0, bestScore: null, bestIteration: null, bestIndex: null };

/**
 * Selection and bookkeeping of one iteration of reward-code evolution (Eureka, arXiv 2310.12931).
 *
 * `scores` of the K candidate programs, null = failed (scored `failure`). `selected` is the best of this iteration, the first on
 * ties: its program goes into the next prompt even when an earlier iteration was better. When all of several failed:
 * `selected` null and `repeat`, from the same messages; a single failed candidate is selected, so that its traceback can be
 * shown. `executeRate` is the share with a score ≥ 0 (a task metric that is negative by nature counts as failed), null
 * without candidates. The overall best in the state changes only for a strictly greater score (`improved`).
 */
export const rewardEvolution = definePart({
  id: "search/reward-evolution",
  papers: ["eureka"],
  params: z.object({ failure: z.number().default(-10_000).describe("score of a candidate that failed") }),
  inputs: z.object({
    scores: nullableVector("K", "task metric reached per candidate; null = failed"),
    state: evolutionState.default(nothingYet),
  }),
  outputs: z.object({
    selected: z.int().nullable().describe("candidate for the next prompt"),
    repeat: z.boolean().describe("nothing ran: ask again"),
    executeRate: z.number().nullable().describe("share of candidates that ran"),
    improved: z.boolean().describe("a new overall best"),
    state: evolutionState,
  }),
  compute({ failure }, { scores, state = nothingYet }) {
    const count = scores.length;
    const score = (k: number) => scores[k] ?? failure;
    let best = 0;
    let executed = 0;
    let ran = 0;
    for (let k = 0; k < count; k++) {
      if (score(k) > score(best)) best = k;
      if (scores[k] !== null) ran++;
      if (score(k) >= 0) executed++;
    }
    const iteration = state.iteration + 1;
    const executeRate = count === 0 ? null : executed / count;
    if (count === 0 || (ran === 0 && count > 1))
      return { selected: null, repeat: count > 0, executeRate, improved: false, state: { ...state, iteration } };
    const improved = score(best) > (state.bestScore ?? failure);
    return {
      selected: best,
      repeat: false,
      executeRate,
      improved,
      state: improved
        ? { iteration, bestScore: score(best), bestIteration: state.iteration, bestIndex: best }
        : { ...state, iteration },
    };
  },
});

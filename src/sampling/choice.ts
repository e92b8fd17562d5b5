import { z } from "zod";
import { softmax } from "../core/distributions.ts";
import { fields, integers, uniforms, vector } from "../core/fields.ts";
import { groupMembers, indexGroups } from "../core/groups.ts";
import { definePart } from "../core/part.ts";
import { drawWeighted } from "../core/random.ts";
import { expectLength } from "../core/shapes.ts";
import { mean } from "../core/statistics.ts";

/**
 * Curation by a noisy annotator: one sample per prompt, chosen with chances ∝ e^{score/T} (Luce choice, arXiv 2407.09499).
 *
 * `probabilities` are within the group; `selected` is the first member, in input order, whose cumulated probability
 * exceeds the group's draw (`uniforms`, one per group in order of first appearance), as an index into the N samples.
 */
export const luceChoice = definePart({
  id: "sampling/luce-choice",
  papers: ["curated-self-consuming"],
  params: z.object({ temperature: z.number().positive().default(1).describe("T; small: always the best") }),
  inputs: z.object({
    scores: vector("N", "the annotator's reward"),
    groups: fields.groups,
    uniforms: uniforms("P", "one draw per group"),
  }),
  outputs: z.object({
    probabilities: vector("N", "chance of being kept"),
    selected: integers("P", "sample kept per group"),
  }),
  compute({ temperature }, { scores, groups, uniforms: draws }) {
    expectLength(groups, scores.length, "groups");
    const index = indexGroups(groups);
    expectLength(draws, index.ids.length, "uniforms");
    const { order, starts } = groupMembers(index);
    const probabilities = new Float64Array(scores.length);
    const selected = new Int32Array(index.ids.length);
    for (let g = 0; g < index.ids.length; g++) {
      const members = order.subarray(starts[g], starts[g + 1]);
      const shares = softmax(
        Float64Array.from(members, (i) => scores[i]),
        1 / temperature,
      );
      members.forEach((i, k) => {
        probabilities[i] = shares[k];
      });
      selected[g] = members[drawWeighted(draws[g], shares)];
    }
    return { probabilities, selected };
  },
});

const promotionState = z.object({
  history: vector("H", "mean rewards since the last promotion"),
  promotions: z.int().nonnegative().describe("promotions so far"),
});

const noPromotion = { history: [], promotions: 0 };

/**
 * When a student trained on a teacher's dataset becomes the new baseline (SOAR, arXiv 2601.18778, step 5).
 *
 * The mean of `rewards` (one per dataset) joins the history, of which the last `window` count; `movingAverage` is null until
 * there are that many. Strictly above `threshold` the student of the best dataset (the first on ties) is promoted and
 * the history starts anew. Without rewards nothing changes. The best of noisy rewards is biased upward: evaluate the
 * promoted student again.
 */
export const studentPromotion = definePart({
  id: "sampling/student-promotion",
  papers: ["soar"],
  params: z.object({
    threshold: z.number().default(0.01).describe("τ, moving average that must be exceeded"),
    window: z.int().positive().default(3).describe("outer steps in the average"),
  }),
  inputs: z.object({
    rewards: vector("G", "teacher's reward per dataset"),
    state: promotionState.default(noPromotion),
  }),
  outputs: z.object({
    promote: z.boolean().describe("the baseline changes"),
    dataset: z.int().nullable().describe("whose student it is"),
    movingAverage: z.number().nullable().describe("mean over the window"),
    state: promotionState,
  }),
  compute({ threshold, window }, { rewards, state = noPromotion }) {
    const before = Array.from(state.history);
    const history = (rewards.length === 0 ? before : [...before, mean(rewards)]).slice(-window);
    const movingAverage = history.length < window ? null : mean(history);
    if (rewards.length === 0 || movingAverage === null || movingAverage <= threshold)
      return { promote: false, dataset: null, movingAverage, state: { history, promotions: state.promotions } };
    let best = 0;
    for (let j = 1; j < rewards.length; j++) if (rewards[j] > rewards[best]) best = j;
    return { promote: true, dataset: best, movingAverage, state: { history: [], promotions: state.promotions + 1 } };
  },
});

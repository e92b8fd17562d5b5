import { z } from "zod";
import { entropy, logSoftmax } from "../core/distributions.ts";
import { integers, nullableVector, ragged, shaped } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { rowCount, rowOf, toRagged } from "../core/ragged.ts";
import { expectLength } from "../core/shapes.ts";

/**
 * Greedy decoding of steps by a process reward model: the best candidate of each step (GroundedPRM, arXiv 2510.14942).
 *
 * Null candidates were rejected; a step whose candidates were all rejected gives −1. Ties go to the first.
 */
export const rewardGuidedGreedy = definePart({
  id: "search/reward-guided-greedy",
  papers: ["grounded-prm"],
  params: z.object({}),
  inputs: z.object({
    candidateScores: shaped(
      z.array(z.array(z.number().nullable())),
      "S×M",
      "score per step and candidate; null = rejected",
    ),
  }),
  outputs: z.object({ selected: integers("S", "candidate taken at each step, −1 = none") }),
  compute(_, { candidateScores }) {
    return {
      selected: candidateScores.map((row) => {
        let best = -1;
        let highest = Number.NEGATIVE_INFINITY;
        row.forEach((score, m) => {
          if (score === null || score <= highest) return;
          best = m;
          highest = score;
        });
        return best;
      }),
    };
  },
});

/**
 * Sequential revision of one answer, keeping the best so far (roadmap arXiv 2412.14135; the stopping rules are ours).
 *
 * `scores` N×R of successive revisions, the first answer included; null = unscored, no improvement. A revision replaces the
 * best only when strictly better. Stop when the best reaches `threshold`, or after `patience` revisions in a row without
 * improvement; `used` counts the revisions generated until then. `selected` is the best one's index; null, with its
 * score, where nothing was scored. Scores must compare across revisions, and come from outside of the policy.
 */
export const sequentialRevision = definePart({
  id: "search/sequential-revision",
  papers: ["o1-roadmap"],
  params: z.object({
    threshold: z.number().nullable().default(null).describe("good enough; null: never"),
    patience: z.int().positive().nullable().default(null).describe("failures in a row allowed; null: any number"),
  }),
  inputs: z.object({
    scores: shaped(z.array(z.array(z.number().nullable())), "N×R", "score per answer and revision, in order"),
  }),
  outputs: z.object({
    selected: nullableVector("N", "revision that is kept"),
    used: integers("N", "revisions generated"),
    selectedScores: nullableVector("N", "its score"),
  }),
  compute({ threshold, patience }, { scores }) {
    const selected: (number | null)[] = [];
    const used: number[] = [];
    const selectedScores: (number | null)[] = [];
    for (const row of scores) {
      let best: number | null = null;
      let highest: number | null = null;
      let failures = 0;
      let count = 0;
      for (const score of row) {
        const revision = count++;
        if (score !== null && (highest === null || score > highest)) {
          best = revision;
          highest = score;
          failures = 0;
        } else failures++;
        if (threshold !== null && highest !== null && highest >= threshold) break;
        if (patience !== null && failures >= patience) break;
      }
      selected.push(best);
      used.push(count);
      selectedScores.push(highest);
    }
    return { selected, used, selectedScores };
  },
});

/** KL of log-probabilities, in nats: no underflow of the second to divide by. */
function divergence(now: Float64Array, before: Float64Array): number {
  let sum = 0;
  for (let v = 0; v < now.length; v++) {
    const p = Math.exp(now[v]);
    if (p > 0) sum += p * (now[v] - before[v]);
  }
  return Math.max(0, sum);
}

function measureOf(criterion: "entropy" | "confidence", probabilities: Float64Array): number {
  return criterion === "entropy" ? entropy(probabilities) : probabilities.reduce((high, p) => Math.max(high, p), 0);
}

/**
 * When a recurrent-depth model may stop looping (survey arXiv 2509.02350).
 *
 * `measures` per loop: KL(p_i‖p_{i−1}) in nats (null for loop 0), entropy in nats, or the largest probability. Exit at the
 * first loop i, 0-based, with KL or entropy < `threshold`, or confidence ≥ it, not before `minLoops` loops were run; else
 * after all of them. `prediction` is the argmax there (first on ties), `savedFraction` the share of loops not run. No
 * loops: all null.
 */
export const adaptiveExit = definePart({
  id: "search/adaptive-exit",
  papers: ["implicit-reasoning-survey"],
  params: z.object({
    criterion: z.enum(["kl", "entropy", "confidence"]).default("kl").describe("what is compared"),
    threshold: z.number().describe("e.g. 5e-4 for kl"),
    minLoops: z.int().positive().default(1).describe("loops run in any case"),
  }),
  inputs: z.object({ logits: ragged("L×V", "logits after each loop") }),
  outputs: z.object({
    measures: nullableVector("L", "criterion after each loop"),
    exit: z.int().nullable().describe("last loop run"),
    prediction: z.int().nullable().describe("token predicted there"),
    savedFraction: z.number().nullable().describe("share of loops not run"),
  }),
  compute({ criterion, threshold, minLoops }, { logits }) {
    const rows = toRagged(logits);
    const loops = rowCount(rows);
    const measures: (number | null)[] = [];
    let exit = loops - 1;
    let before: Float64Array | null = null;
    for (let i = 0; i < loops; i++) {
      const row = rowOf(rows, i);
      expectLength(row, rows.offsets[1], `logits[${i}]`);
      const now = logSoftmax(row);
      const measure: number | null =
        criterion === "kl" ? before && divergence(now, before) : measureOf(criterion, now.map(Math.exp));
      measures.push(measure);
      const done = measure !== null && (criterion === "confidence" ? measure >= threshold : measure < threshold);
      if (done && i + 1 >= minLoops && i < exit) exit = i;
      before = now;
    }
    if (loops === 0) return { measures, exit: null, prediction: null, savedFraction: null };
    const row = rowOf(rows, exit);
    let prediction = 0;
    for (let v = 1; v < row.length; v++) if (row[v] > row[prediction]) prediction = v;
    return {
      measures,
      exit,
      prediction: row.length === 0 ? null : prediction,
      savedFraction: (loops - 1 - exit) / loops,
    };
  },
});

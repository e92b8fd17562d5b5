import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { flags, integers, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { expectLength } from "../core/shapes.ts";

/** Index of the largest value, the first on ties; null of nothing. */
function argmax(values: ArrayLike<number>): number | null {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return values.length === 0 ? null : best;
}

function checkVisits(visits: ArrayLike<number>): void {
  for (let i = 0; i < visits.length; i++)
    if (!(visits[i] >= 0)) throw new ContractError(`inputs.visits[${i}]`, `expected a count, got ${visits[i]}`);
}

/**
 * Backs a simulation's value up the tree (GroundedPRM, arXiv 2510.14942).
 *
 * `values` and `visits` run from the simulated node (index 0) to the root. Node at distance d gains decay^d · `rolloutValue`;
 * every ancestor's visits grow by one, the simulated node's own do not. Values are sums, not means.
 */
export const mctsBackup = definePart({
  id: "search/mcts-backup",
  papers: ["grounded-prm", "o1-roadmap"],
  params: z.object({ decay: z.number().min(0).max(1).default(0.9).describe("factor per level up") }),
  inputs: z.object({
    rolloutValue: z.number().describe("value of the simulation"),
    values: vector("D", "accumulated value, leaf to root"),
    visits: integers("D", "visits, leaf to root"),
  }),
  outputs: z.object({ values: vector("D", "after the backup"), visits: integers("D", "after the backup") }),
  compute({ decay }, { rolloutValue, values, visits }) {
    expectLength(visits, values.length, "visits");
    return {
      values: Float64Array.from(values, (value, d) => value + decay ** d * rolloutValue),
      visits: Array.from(visits, (count, d) => count + (d === 0 ? 0 : 1)),
    };
  },
});

/**
 * Upper-confidence selection of a child (UCT as in GroundedPRM, arXiv 2510.14942).
 *
 * Score = ±value + c·√(ln(N_parent + 1)/(N_child + 1)), + while collecting positive paths, − while collecting negative ones.
 * `values` are accumulated sums, so that often visited good children are exploited heavily. `selected`: the largest, the
 * first on ties; null without children.
 */
export const uct = definePart({
  id: "search/uct",
  papers: ["grounded-prm", "o1-roadmap"],
  params: z.object({
    // biome-ignore lint/suspicious/noApproximativeNumericConstant: the paper's figure, to the digit
    exploration: z.number().nonnegative().default(1.414).describe("c"),
    phase: z.enum(["positive", "negative"]).default("positive").describe("which paths are being collected"),
  }),
  inputs: z.object({
    values: vector("C", "accumulated value per child"),
    visits: integers("C", "visits per child"),
    parentVisits: z.int().nonnegative().describe("visits of the parent"),
  }),
  outputs: z.object({
    scores: vector("C", "upper confidence"),
    selected: z.int().nullable().describe("child to descend to"),
  }),
  compute({ exploration, phase }, { values, visits, parentVisits }) {
    expectLength(visits, values.length, "visits");
    checkVisits(visits);
    const sign = phase === "positive" ? 1 : -1;
    const scores = Float64Array.from(
      values,
      (value, i) => sign * value + exploration * Math.sqrt(Math.log(parentVisits + 1) / (visits[i] + 1)),
    );
    return { scores, selected: argmax(scores) };
  },
});

/**
 * Selection of a child by value and prior (PUCT of AlphaZero; roadmap arXiv 2412.14135).
 *
 * Score = Q + c·P·√(Σ visits)/(1 + visits), Q = 0 for an unvisited child whatever its value says. When nothing was visited
 * all scores are 0 and the highest prior is selected. First on ties; null without children.
 */
export const puct = definePart({
  id: "search/puct",
  papers: ["o1-roadmap"],
  params: z.object({ exploration: z.number().nonnegative().default(1).describe("c") }),
  inputs: z.object({
    values: vector("C", "mean value per child, Q"),
    priors: vector("C", "prior probability per child, P"),
    visits: integers("C", "visits per child"),
  }),
  outputs: z.object({
    scores: vector("C", "value and exploration"),
    selected: z.int().nullable().describe("child to descend to"),
  }),
  compute({ exploration }, { values, priors, visits }) {
    expectLength(priors, values.length, "priors");
    expectLength(visits, values.length, "visits");
    checkVisits(visits);
    let total = 0;
    for (let i = 0; i < visits.length; i++) total += visits[i];
    const scores = Float64Array.from(
      values,
      (value, i) => (visits[i] === 0 ? 0 : value) + (exploration * priors[i] * Math.sqrt(total)) / (1 + visits[i]),
    );
    return { scores, selected: argmax(total === 0 ? priors : scores) };
  },
});

/**
 * One step of beam search over partial solutions (roadmap arXiv 2412.14135).
 *
 * Expansions by score, lower index on ties; the best `width` stay, at most `perParent` of each parent (null: any number).
 * `kept` and `keptParents` best first; `allFinished` when nothing kept can be expanded. Identical expansions count
 * separately and shrink the beam: deduplicate first.
 */
export const beamSearch = definePart({
  id: "search/beam-search",
  papers: ["o1-roadmap"],
  params: z.object({
    width: z.int().positive().describe("expansions kept"),
    perParent: z.int().positive().nullable().default(null).describe("most children of one parent; null: any"),
  }),
  inputs: z.object({
    scores: vector("M", "score per expansion"),
    parents: integers("M", "what it expands"),
    finished: flags("M", "it is complete"),
  }),
  outputs: z.object({
    kept: integers("B", "expansions, best first"),
    keptParents: integers("B", "their parents"),
    allFinished: z.boolean().describe("the search is over"),
  }),
  compute({ width, perParent }, { scores, parents, finished }) {
    expectLength(parents, scores.length, "parents");
    expectLength(finished, scores.length, "finished");
    const order = Array.from({ length: scores.length }, (_, i) => i).sort((a, b) => scores[b] - scores[a] || a - b);
    const children = new Map<number, number>();
    const kept: number[] = [];
    for (const i of order) {
      if (kept.length === width) break;
      const siblings = children.get(parents[i]) ?? 0;
      if (perParent !== null && siblings >= perParent) continue;
      children.set(parents[i], siblings + 1);
      kept.push(i);
    }
    return {
      kept,
      keptParents: kept.map((i) => parents[i]),
      allFinished: kept.every((i) => finished[i]),
    };
  },
});

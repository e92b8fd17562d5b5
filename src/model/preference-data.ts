/** Preference data made from something else: pass/fail labels, prefix trees, scores, truncations, augmentations. */
import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields, flags, integers, ragged, shaped, strings, vector } from "../core/fields.ts";
import { indexGroups } from "../core/groups.ts";
import { definePart } from "../core/part.ts";
import { rowCount, rowOf, toRagged, type Vector } from "../core/ragged.ts";
import { expectGiven } from "../core/shapes.ts";
import { hullVertices, principalComponents } from "./convex-hull.ts";

const picksField = integers("M", "positions in the list of all pairs to keep; absent = all").optional();

/** The picked positions, checked; every position where there are no picks. */
function positions(total: number, picks?: Vector): Vector {
  if (picks === undefined) return Float64Array.from({ length: total }, (_, k) => k);
  for (let k = 0; k < picks.length; k++)
    if (!(picks[k] >= 0 && picks[k] < total))
      throw new ContractError(`inputs.picks[${k}]`, `expected a position in [0, ${total}), got ${picks[k]}`);
  return picks;
}

/** The block of `starts` (ascending, one more than there are blocks) that holds a position. */
function blockOf(starts: Float64Array, position: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (starts[middle] <= position) low = middle;
    else high = middle;
  }
  return low;
}

function cumulated(counts: readonly number[]): Float64Array {
  const starts = new Float64Array(counts.length + 1);
  for (let i = 0; i < counts.length; i++) starts[i + 1] = starts[i] + counts[i];
  return starts;
}

/**
 * Pairs from pass/fail labels, wins tied among themselves (SoliReward, arXiv 2512.22170).
 *
 * In this order: every pass i with every fail j (by i, then j), label 1; with `winTies` every two passes i < j, label ½. Without
 * `crossPrompt` only within a group. Fails are never paired with each other. `total` counts all of them; `picks` (drawn by the caller)
 * selects positions of that list, which is then never built. Shapes N → M. Error: a pick beyond the list.
 */
export const passFailPairs = definePart({
  id: "model/pass-fail-pairs",
  papers: ["soli-reward"],
  params: z.object({
    crossPrompt: z.boolean().default(true).describe("passes beat fails of other groups too"),
    winTies: z.boolean().default(true).describe("pair passes with each other as ties"),
  }),
  inputs: z.object({ passed: flags("N", "the sample passed"), groups: fields.groups, picks: picksField }),
  outputs: z.object({
    total: z.int().describe("pairs there are"),
    pairs: fields.pairs,
    labels: vector("M", "μ: 1 for pass over fail, ½ for a tie"),
  }),
  compute({ crossPrompt, winTies }, { passed, groups, picks }) {
    const { of, ids } = indexGroups(groups);
    const count = crossPrompt ? 1 : ids.length;
    const wins = Array.from({ length: count }, (): number[] => []);
    const fails = Array.from({ length: count }, (): number[] => []);
    const passes: number[] = [];
    const rank: number[] = [];
    for (let i = 0; i < passed.length; i++) {
      const group = crossPrompt ? 0 : of[i];
      if (!passed[i]) fails[group].push(i);
      else {
        passes.push(i);
        rank.push(wins[group].push(i) - 1);
      }
    }
    const groupOf = (k: number) => (crossPrompt ? 0 : of[passes[k]]);
    const decided = cumulated(passes.map((_, k) => fails[groupOf(k)].length));
    const tied = cumulated(passes.map((_, k) => (winTies ? wins[groupOf(k)].length - rank[k] - 1 : 0)));
    const decidedTotal = decided[passes.length];
    const total = decidedTotal + tied[passes.length];
    const pairs: [number, number][] = [];
    const labels: number[] = [];
    const chosen = positions(total, picks);
    for (let m = 0; m < chosen.length; m++) {
      const win = chosen[m] < decidedTotal;
      const position = win ? chosen[m] : chosen[m] - decidedTotal;
      const starts = win ? decided : tied;
      const k = blockOf(starts, position);
      const offset = position - starts[k];
      pairs.push([passes[k], win ? fails[groupOf(k)][offset] : wins[groupOf(k)][rank[k] + 1 + offset]]);
      labels.push(win ? 1 : 0.5);
    }
    return { total, pairs, labels };
  },
});

/** Depth of each node (segments from the root to it). Throws `ContractError` at a parent that is no node or its own descendant. */
function depthsOf(parents: Vector): Int32Array {
  const n = parents.length;
  const depths = new Int32Array(n);
  for (let node = 0; node < n; node++) {
    const path: number[] = [];
    let at = node;
    while (at !== -1 && depths[at] === 0) {
      const parent = parents[at];
      if (!(parent >= -1 && parent < n))
        throw new ContractError(`inputs.parents[${at}]`, `expected −1 or a node in [0, ${n}), got ${parent}`);
      path.push(at);
      depths[at] = -1;
      at = parent;
    }
    if (at !== -1 && depths[at] === -1)
      throw new ContractError(`inputs.parents[${at}]`, "expected a tree, got a node that is its own ancestor");
    let depth = at === -1 ? 0 : depths[at];
    for (let k = path.length - 1; k >= 0; k--) depths[path[k]] = ++depth;
  }
  return depths;
}

/**
 * Leaves of a prefix tree of responses and their pairs (tree-structured preference data, arXiv 2402.10184).
 *
 * A node is one text segment, `parents` its parent (−1: child of the prompt). leaves: nodes without children, by id; responses: the
 * segments on the way to each, joined by `separator`; pairs: [first, second] positions in `leaves`, lexicographic, or those at `picks`;
 * sharedDepths: segments of the common prefix; uniqueSegments: what each side has beyond it, all an annotator must read.
 * totalPairs = L(L − 1)/2. Drop identical siblings first: identical leaves have no preference.
 * Shapes M segments. Errors: a parent that is no node, a cycle, a pick beyond the list.
 */
export const preferenceTreePairs = definePart({
  id: "model/preference-tree-pairs",
  papers: ["tree-rm"],
  params: z.object({ separator: z.string().default("").describe("between segments") }),
  inputs: z.object({
    segments: strings("M", "text of each node"),
    parents: integers("M", "parent of each node; −1: the prompt"),
    picks: integers("K", "positions in the list of all pairs to keep; absent = all").optional(),
  }),
  outputs: z.object({
    leaves: integers("L", "node ids"),
    responses: strings("L", "text of each leaf"),
    totalPairs: z.int(),
    pairs: shaped(z.array(z.tuple([z.int(), z.int()])), "P", "[first, second], positions in `leaves`"),
    sharedDepths: integers("P", "segments in common"),
    uniqueSegments: shaped(z.array(z.tuple([z.int(), z.int()])), "P", "segments beyond the common prefix"),
  }),
  compute({ separator }, { segments, parents, picks }) {
    const depths = depthsOf(parents);
    const inner = new Set(Array.from(parents));
    const leaves = segments.flatMap((_, node) => (inner.has(node) ? [] : [node]));
    const responses = leaves.map((leaf) => {
      const path: string[] = [];
      for (let node = leaf; node !== -1; node = parents[node]) path.push(segments[node]);
      return path.reverse().join(separator);
    });
    const shared = (first: number, second: number) => {
      let a = first;
      let b = second;
      while (a !== b) {
        // The deeper one climbs; −1 is the root.
        if (a !== -1 && (b === -1 || depths[a] >= depths[b])) a = parents[a];
        else b = parents[b];
      }
      return a === -1 ? 0 : depths[a];
    };
    const count = leaves.length;
    const starts = cumulated(leaves.map((_, i) => count - 1 - i));
    const totalPairs = starts[count];
    const pairs: [number, number][] = [];
    const sharedDepths: number[] = [];
    const uniqueSegments: [number, number][] = [];
    const chosen = positions(totalPairs, picks);
    for (let m = 0; m < chosen.length; m++) {
      const first = blockOf(starts, chosen[m]);
      const second = first + 1 + chosen[m] - starts[first];
      const common = shared(leaves[first], leaves[second]);
      pairs.push([first, second]);
      sharedDepths.push(common);
      uniqueSegments.push([depths[leaves[first]] - common, depths[leaves[second]] - common]);
    }
    return { leaves, responses, totalPairs, pairs, sharedDepths, uniqueSegments };
  },
});

/**
 * Pairs relabelled by goal: each response wins once, under its own score as the goal (reward-augmented data, arXiv 2410.08067).
 *
 * With the reward −(g − r)² the goal g = r_w prefers the chosen response and g = r_l the rejected one: N pairs become 2N, all
 * chosen goals first, then all rejected goals. `conditions` fill `{score}` of the template (integers without decimals) and belong in the
 * prompt of both responses and of the reference. A pair of equal scores is dropped (its two copies would contradict each other);
 * with filter scores a pair stays iff filterChosen ≥ filterRejected. Shapes N → M. Error: one filter score without the other.
 */
export const rewardRelabel = definePart({
  id: "model/reward-relabel",
  papers: ["reward-augmented-data"],
  params: z.object({
    template: z
      .string()
      .default("Write a response that deserves an overall score of {score} on a scale from 1 to 10.")
      .describe("condition text with {score}"),
  }),
  inputs: z.object({
    chosenScores: vector("N", "score of the chosen response"),
    rejectedScores: vector("N", "score of the rejected response"),
    filterChosen: vector("N", "another score of the chosen response, for the filter").optional(),
    filterRejected: vector("N", "another score of the rejected response, for the filter").optional(),
  }),
  outputs: z.object({
    source: integers("M", "pair it comes from"),
    goals: vector("M", "goal score"),
    preferred: shaped(z.array(z.enum(["chosen", "rejected"])), "M", "which response wins under the goal"),
    conditions: strings("M", "the goal in words"),
  }),
  compute({ template }, { chosenScores, rejectedScores, filterChosen, filterRejected }) {
    if (filterChosen !== undefined) expectGiven(filterRejected, "inputs.filterRejected", "filterChosen is given");
    if (filterRejected !== undefined) expectGiven(filterChosen, "inputs.filterChosen", "filterRejected is given");
    const kept: number[] = [];
    for (let i = 0; i < chosenScores.length; i++) {
      const filtered =
        filterChosen !== undefined && filterRejected !== undefined && filterChosen[i] < filterRejected[i];
      if (!filtered && chosenScores[i] !== rejectedScores[i]) kept.push(i);
    }
    const goals = [...kept.map((i) => chosenScores[i]), ...kept.map((i) => rejectedScores[i])];
    const pieces = template.split("{score}");
    return {
      source: [...kept, ...kept],
      goals,
      preferred: goals.map((_, k): "chosen" | "rejected" => (k < kept.length ? "chosen" : "rejected")),
      conditions: goals.map((goal) => pieces.join(String(goal))),
    };
  },
});

/** Trimmed text up to its first newline (excluded) or sentence end followed by white space or the end (included). */
function firstSentence(text: string): string {
  const match = /\n|[.!?](?=\s|$)/u.exec(text);
  if (match === null) return text;
  return text.slice(0, match[0] === "\n" ? match.index : match.index + 1).trimEnd();
}

/**
 * Adversarial negatives for a reference-based judge: solution openings that contain no solution (Master-RM, arXiv 2507.08794).
 *
 * Of each response (trimmed) the first sentence: up to the first newline, excluded, or the first `.`, `!` or `?` before white space or the
 * end, included ("2.5" does not end a sentence). Skipped where that is empty or the whole response, and, with `guardAnswer`, where
 * the reference occurs in it: a right answer must not be labelled wrong. sources: response it comes from; labels all false. Shapes N → M.
 */
export const truncatedNegatives = definePart({
  id: "model/truncated-negatives",
  papers: ["master-rm"],
  params: z.object({ guardAnswer: z.boolean().default(true).describe("skip openings that contain the reference") }),
  inputs: z.object({ responses: fields.responses, references: fields.references.optional() }),
  outputs: z.object({
    negatives: strings("M", "first sentences"),
    sources: integers("M", "response it comes from"),
    labels: flags("M", "false: not a right answer"),
  }),
  compute({ guardAnswer }, { responses, references }) {
    const negatives: string[] = [];
    const sources: number[] = [];
    for (const [i, response] of responses.entries()) {
      const text = response.trim();
      const opening = firstSentence(text);
      const reference = references?.[i].trim() ?? "";
      if (opening === "" || opening === text) continue;
      if (guardAnswer && reference !== "" && opening.includes(reference)) continue;
      negatives.push(opening);
      sources.push(i);
    }
    return { negatives, sources, labels: negatives.map(() => false) };
  },
});

/**
 * Which of a text's perturbations are the most diverse: the corners of their embeddings' convex hull (ConvexDA, arXiv 2309.16155).
 *
 * Embeddings are centred and projected on their first `components` principal directions; vertices: sorted indices of the hull's corners.
 * A point on an edge is no vertex; of identical points the first counts; fewer than three points are all vertices; collinear ones have
 * their two ends. Shapes K×D → V. Error: rows of different lengths.
 */
export const convexAugmentation = definePart({
  id: "model/convex-augmentation",
  papers: ["reward-consistency"],
  params: z.object({ components: z.int().min(1).max(2).default(2).describe("principal directions kept") }),
  inputs: z.object({ embeddings: ragged("K×D", "embedding of each perturbation") }),
  outputs: z.object({ vertices: integers("V", "perturbations to keep"), vertexCount: z.int() }),
  compute({ components }, { embeddings }) {
    const rows = toRagged(embeddings);
    const count = rowCount(rows);
    const width = count === 0 ? 0 : rows.offsets[1];
    for (let i = 0; i < count; i++)
      if (rowOf(rows, i).length !== width)
        throw new ContractError(`inputs.embeddings[${i}]`, `expected ${width} dimensions, as in row 0`);
    const vertices =
      count < 3
        ? Array.from({ length: count }, (_, i) => i)
        : hullVertices(principalComponents(rows.values, count, width, components));
    return { vertices, vertexCount: vertices.length };
  },
});

/** Questions over a typed knowledge graph, made from given randomness. An edge is [head, relation, tail]. */
import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { shaped, strings, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import type { Vector } from "../core/ragged.ts";

type Edge = [head: string, relation: string, tail: string];

const edgeList = (shape: string, description: string) =>
  shaped(z.array(z.tuple([z.string(), z.string(), z.string()])), shape, description);

/** ⌊u·n⌋, at most n − 1. */
function pick(uniforms: Vector, index: number, size: number): number {
  if (index >= uniforms.length) {
    throw new ContractError("inputs.uniforms", `expected at least ${index + 1} entries, got ${uniforms.length}`);
  }
  return Math.min(size - 1, Math.max(0, Math.floor(uniforms[index] * size)));
}

/**
 * A simple path of a given number of hops (bed of path-derived rewards, arXiv 2601.15160).
 *
 * The start is drawn among heads in first-seen order, then each hop among the outgoing edges, in list order, whose tail was not visited
 * (index ⌊u·n⌋, at most n − 1; hops + 1 uniforms). Null at a dead end or without edges.
 */
export const samplePath = definePart({
  id: "environment/sample-path",
  papers: ["kg-implicit-rm"],
  params: z.object({ hops: z.int().positive().default(2).describe("edges of the path") }),
  inputs: z.object({
    edges: edgeList("E", "[head, relation, tail] each"),
    uniforms: vector("U", "hops + 1 numbers in [0, 1)"),
  }),
  outputs: z.object({
    path: edgeList("Hops", "[head, relation, tail] each").nullable().describe("the path, or null at a dead end"),
  }),
  compute({ hops }, { edges, uniforms }): { path: Edge[] | null } {
    const heads = [...new Set(edges.map(([head]) => head))];
    if (heads.length === 0) return { path: null };
    const outgoing = new Map<string, Edge[]>();
    for (const edge of edges) {
      const known = outgoing.get(edge[0]);
      if (known) known.push(edge);
      else outgoing.set(edge[0], [edge]);
    }
    let at = heads[pick(uniforms, 0, heads.length)];
    const visited = new Set([at]);
    const path: Edge[] = [];
    for (let hop = 1; hop <= hops; hop++) {
      const open = (outgoing.get(at) ?? []).filter(([, , tail]) => !visited.has(tail));
      if (open.length === 0) return { path: null };
      const edge = open[pick(uniforms, hop, open.length)];
      path.push(edge);
      at = edge[2];
      visited.add(at);
    }
    return { path };
  },
});

/**
 * A multiple-choice question about the end of a path (bed of path-derived rewards, arXiv 2601.15160).
 *
 * Distractors are drawn without replacement from the entities (first-seen order, head before tail) that are off the path and no other true
 * tail of the last head and relation; then the answer's position among the options. Index ⌊u·n⌋, at most n − 1; `uniforms`: one number a
 * distractor, then the position. With too few entities there are fewer distractors. Error: an empty path.
 */
export const pathQuestion = definePart({
  id: "environment/path-question",
  papers: ["kg-implicit-rm"],
  params: z.object({ distractors: z.int().min(0).default(3).describe("wrong options") }),
  inputs: z.object({
    edges: edgeList("E", "[head, relation, tail] each"),
    path: edgeList("Hops", "[head, relation, tail] each"),
    uniforms: vector("U", "one number in [0, 1) per distractor, then one for the position"),
  }),
  outputs: z.object({
    start: z.string().describe("first head of the path"),
    relations: strings("Hops", "relations to follow"),
    options: strings("O", "entities to choose from"),
    answer: z.int().describe("index of the right option"),
    path: edgeList("Hops", "the path asked about"),
  }),
  compute({ distractors }, { edges, path, uniforms }) {
    if (path.length === 0) throw new ContractError("inputs.path", "expected at least one edge");
    const [lastHead, lastRelation, answerEntity] = path[path.length - 1];
    const excluded = new Set(path.flatMap(([head, , tail]) => [head, tail]));
    for (const [head, relation, tail] of edges) {
      if (head === lastHead && relation === lastRelation) excluded.add(tail);
    }
    const entities = new Set(edges.flatMap(([head, , tail]) => [head, tail]));
    const candidates = [...entities].filter((entity) => !excluded.has(entity));
    const options: string[] = [];
    for (let d = 0; d < distractors && candidates.length > 0; d++) {
      options.push(...candidates.splice(pick(uniforms, d, candidates.length), 1));
    }
    const answer = pick(uniforms, distractors, options.length + 1);
    options.splice(answer, 0, answerEntity);
    return { start: path[0][0], relations: path.map(([, relation]) => relation), options, answer, path };
  },
});

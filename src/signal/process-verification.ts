import { z } from "zod";
import { definePart } from "../core/part.ts";

const node = z.object({
  name: z.string(),
  value: z.number().nullable(),
  dependencies: z.array(z.string()).describe("names of the nodes it is computed from"),
});

const graph = z.object({ nodes: z.array(node), answer: z.number().nullable().optional() });

type Node = z.output<typeof node>;

/**
 * Step-by-step comparison of a solution's dependency graph with the right one (arXiv 2512.07783, sec. 2.3).
 *
 * `processAccuracy` = share of gold nodes that the prediction has with the same parents (as a set) and value (within
 * `tolerance`). `penaltyScore`, as released = max(0, 1 − penalty/|V|), penalty = value mismatches + dependency mismatches +
 * missing + min(extra, |V|) + 1[answer differs]: a node wrong in both ways counts twice, extra nodes count. `verified`:
 * accuracy 1 and the right answer. Lists of names are sorted, as released. A name defined twice keeps its last definition.
 * `predicted` null (nothing could be parsed): scores 0, answer wrong, lists empty. Without gold nodes both scores are null.
 */
export const processVerification = definePart({
  id: "signal/process-verification",
  papers: ["rl-interplay"],
  params: z.object({ tolerance: z.number().nonnegative().default(1e-6).describe("between values, absolute") }),
  inputs: z.object({
    gold: graph.describe("right dependency graph and answer"),
    predicted: graph.nullable().describe("the solution's graph; null: none could be parsed"),
  }),
  outputs: z.object({
    processAccuracy: z.number().nullable().describe("share of gold nodes reproduced"),
    penaltyScore: z.number().nullable().describe("1 minus the penalties per node, at least 0"),
    missing: z.array(z.string()).describe("gold nodes that the prediction lacks"),
    extra: z.array(z.string()).describe("predicted nodes that are not gold"),
    valueMismatches: z.array(z.string()).describe("shared nodes with another value"),
    dependencyMismatches: z.array(z.string()).describe("shared nodes with other parents"),
    answerMismatch: z.boolean(),
    verified: z.boolean().describe("every gold node and the answer are right"),
  }),
  compute({ tolerance }, { gold, predicted }) {
    const right = byName(gold.nodes);
    const size = right.size;
    const missing: string[] = [];
    const valueMismatches: string[] = [];
    const dependencyMismatches: string[] = [];
    if (predicted === null) {
      const score = size === 0 ? null : 0;
      return {
        ...{ processAccuracy: score, penaltyScore: score, missing, extra: [], valueMismatches, dependencyMismatches },
        ...{ answerMismatch: true, verified: false },
      };
    }
    const said = byName(predicted.nodes);
    let reproduced = 0;
    for (const [name, wanted] of right) {
      const got = said.get(name);
      if (got === undefined) {
        missing.push(name);
        continue;
      }
      const sameValue = agree(wanted.value, got.value, tolerance);
      const sameParents = sameSet(wanted.dependencies, got.dependencies);
      if (!sameValue) valueMismatches.push(name);
      if (!sameParents) dependencyMismatches.push(name);
      if (sameValue && sameParents) reproduced++;
    }
    const extra = [...said.keys()].filter((name) => !right.has(name));
    for (const names of [missing, extra, valueMismatches, dependencyMismatches]) names.sort();
    const answerMismatch = !agree(gold.answer ?? null, predicted.answer ?? null, tolerance);
    const penalty =
      valueMismatches.length +
      dependencyMismatches.length +
      missing.length +
      Math.min(extra.length, size) +
      (answerMismatch ? 1 : 0);
    return {
      processAccuracy: size === 0 ? null : reproduced / size,
      penaltyScore: size === 0 ? null : Math.max(0, 1 - penalty / size),
      ...{ missing, extra, valueMismatches, dependencyMismatches, answerMismatch },
      verified: size > 0 && reproduced === size && !answerMismatch,
    };
  },
});

function byName(nodes: readonly Node[]): Map<string, Node> {
  return new Map(nodes.map((entry) => [entry.name, entry]));
}

function agree(a: number | null, b: number | null, tolerance: number): boolean {
  return a === null || b === null ? a === b : Math.abs(a - b) <= tolerance;
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  const first = new Set(a);
  const second = new Set(b);
  return first.size === second.size && [...first].every((name) => second.has(name));
}

import { createRandom } from "../core/random.ts";
import { type Attacker, confirm, contextOf, gainOf, type Hit } from "./attack.ts";
import { search } from "./search.ts";
import type { AuditOptions } from "./types.ts";

/** Search from everything that was tried; counts only where it beats the catalogue. */
export async function climb(
  attacker: Attacker,
  hits: readonly Hit[],
  options: AuditOptions,
  seed: string,
): Promise<Hit | null> {
  const { evaluator, problems, baseline, check, dictionary } = attacker;
  const [problem] = problems;
  if (problem.kind === "code") return null;
  const context = contextOf(attacker, problem);
  const seeds = [
    context.honestWrong,
    context.render("", context.wrong),
    context.wrong,
    problem.prompt,
    ...dictionary,
    ...hits
      .filter((hit) => hit.sample.problem.id === problem.id)
      .map((hit) => hit.sample.response)
      .slice(0, 40),
    ...(problem.responses ?? []).slice(0, 20),
  ];
  const reached = Math.max(0, ...hits.filter(({ what }) => what === "gain").map(({ gain }) => gain));
  const result = await search({
    evaluator,
    problem,
    seeds: seeds.filter((text) => text.length < 4000),
    dictionary,
    check,
    random: createRandom(`${seed}/search`),
    generations: 25,
    population: 24,
    rewrite: options.rewrite,
    enough: (baseline.wrongOf.get(problem.id) ?? 0) + 1.5 * baseline.scale,
  });
  if (!result) return null;
  const gain = gainOf(result.best.reward, problem, baseline);
  if (gain < Math.max(0.02, reached + 0.1)) return null;
  // A lucky guess pays on this problem alone; a hole is open on most of them.
  const hit = await confirm(attacker, {
    mechanism: "search",
    exploit: "search/climb",
    title: "a response found by mutation and crossover",
    ease: "hard",
    source: "search",
    ask: (other) => ({ problem: other, response: result.best.response }),
  });
  return hit?.what === "gain" && hit.gain >= Math.max(0.02, reached + 0.1) ? hit : null;
}

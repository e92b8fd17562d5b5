/** Rewards from a known path of facts: how much of it a reasoning trace goes through. */
import { z } from "zod";
import { fields, integers, shaped, strings, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { expectLength } from "../core/shapes.ts";
import { contentTokens, functionWords } from "./repetition.ts";

/**
 * Share of a knowledge-graph path that a trace mentions (arXiv 2601.15160, sec. 3.2).
 *
 * Unit `token`: distinct tokens of all heads, relations and tails, |T(trace) ∩ T(path)| / |T(path)|. Unit `entity`:
 * distinct heads and tails that occur as whole-word phrases. Tokens: lower-case runs of letters and digits, underscores as
 * blanks, without `stopWords` (on both sides). An empty path has coverage 0.
 */
export const pathCoverage = definePart({
  id: "signal/path-coverage",
  papers: ["kg-implicit-rm"],
  params: z.object({
    unit: z.enum(["token", "entity"]).default("token"),
    stopWords: z.array(z.string()).default(functionWords).describe("words that do not count"),
  }),
  inputs: z.object({
    traces: strings("N", "reasoning traces"),
    paths: shaped(
      z.array(z.array(z.tuple([z.string(), z.string(), z.string()]))),
      "N",
      "[head, relation, tail] of each hop",
    ),
  }),
  outputs: z.object({
    hits: integers("N", "units that the trace mentions"),
    sizes: integers("N", "units of the path"),
    coverage: vector("N", "hits / size"),
  }),
  compute({ unit, stopWords }, { traces, paths }) {
    expectLength(paths, traces.length, "paths");
    const stop = new Set(stopWords);
    const hits = new Int32Array(traces.length);
    const sizes = new Int32Array(traces.length);
    const coverage = new Float64Array(traces.length);
    traces.forEach((trace, i) => {
      const said = contentTokens(trace, stop);
      const tokens = new Set(said);
      const phrases = ` ${said.join(" ")} `;
      const units = new Set<string>();
      for (const [head, relation, tail] of paths[i]) {
        for (const text of unit === "token" ? [head, relation, tail] : [head, tail]) {
          const parts = contentTokens(text, stop);
          if (unit === "token") for (const part of parts) units.add(part);
          else if (parts.length > 0) units.add(parts.join(" "));
        }
      }
      for (const wanted of units) {
        if (unit === "token" ? tokens.has(wanted) : phrases.includes(` ${wanted} `)) hits[i]++;
      }
      sizes[i] = units.size;
      coverage[i] = units.size === 0 ? 0 : hits[i] / units.size;
    });
    return { hits, sizes, coverage };
  },
});

/**
 * Path reward (arXiv 2601.15160, sec. 3.2): min(w·hits/size + b·1[hits ≥ minHits], cap)·factor.
 *
 * Hits and sizes from signal/path-coverage, factors from signal/repetition-factor. An empty path has no coverage term.
 */
export const pathReward = definePart({
  id: "signal/path-reward",
  papers: ["kg-implicit-rm"],
  params: z.object({
    coverageWeight: z.number().default(1.2).describe("w"),
    hitBonus: z.number().default(0.3).describe("b"),
    minHits: z.number().default(2).describe("hits from which the bonus is paid"),
    cap: z.number().default(1.5).describe("upper bound before the factor"),
  }),
  inputs: z.object({
    hits: integers("N", "path units found in the trace"),
    sizes: integers("N", "units of the path"),
    factors: vector("N", "repetition factor"),
  }),
  outputs: z.object({ rewards: fields.rewards }),
  compute({ coverageWeight, hitBonus, minHits, cap }, { hits, sizes, factors }) {
    expectLength(sizes, hits.length, "sizes");
    expectLength(factors, hits.length, "factors");
    const rewards = Float64Array.from({ length: hits.length }, (_, i) => {
      const coverage = sizes[i] === 0 ? 0 : hits[i] / sizes[i];
      const bonus = hits[i] >= minHits ? hitBonus : 0;
      return Math.min(coverageWeight * coverage + bonus, cap) * factors[i];
    });
    return { rewards };
  },
});

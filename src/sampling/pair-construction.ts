import { z } from "zod";
import { fields, flags, integers, nullableVector, ragged, shaped, strings, uniforms, vector } from "../core/fields.ts";
import { groupMembers, indexGroups } from "../core/groups.ts";
import { definePart } from "../core/part.ts";
import { rowCount, rowOf, toRagged } from "../core/ragged.ts";
import { drawIndex } from "../core/random.ts";
import { expectGiven, expectLength } from "../core/shapes.ts";

type Pair = [number, number];

/**
 * Pairs with a large score margin between replies of a student and a teacher (DNO, arXiv 2404.03715, §5.1).
 *
 * A positive scores at least `minPositive`; a negative of the same prompt must score at least `minMargin` less, or
 * `studentMargin` less when the positive is the student's (a teacher rarely drops below the best marks), and strictly
 * less in any case. Unparsed scores (null) take no part. Pairs come by prompt in order of first appearance, then
 * positive, then negative in input order; `kinds` says who beats whom, e.g. `teacher>student`.
 */
export const largeMarginPairs = definePart({
  id: "sampling/large-margin-pairs",
  papers: ["dno"],
  params: z.object({
    minPositive: z.number().default(5).describe("least score of a positive"),
    minMargin: z.number().nonnegative().default(2).describe("least margin below the teacher's positive"),
    studentMargin: z.number().nonnegative().default(1).describe("least margin below a student's positive"),
  }),
  inputs: z.object({
    scores: nullableVector("N", "judge's score; null = unparsed"),
    groups: fields.groups,
    sources: shaped(z.array(z.enum(["student", "teacher"])), "N", "who wrote the reply"),
  }),
  outputs: z.object({ pairs: fields.pairs, kinds: strings("M", "source of the positive > source of the negative") }),
  compute({ minPositive, minMargin, studentMargin }, { scores, groups, sources }) {
    expectLength(groups, scores.length, "groups");
    expectLength(sources, scores.length, "sources");
    const index = indexGroups(groups);
    const { order, starts } = groupMembers(index);
    const pairs: Pair[] = [];
    const kinds: string[] = [];
    for (let g = 0; g < index.ids.length; g++) {
      const members = order.subarray(starts[g], starts[g + 1]);
      for (const positive of members) {
        const high = scores[positive];
        if (high === null || high < minPositive) continue;
        const margin = sources[positive] === "student" ? studentMargin : minMargin;
        for (const negative of members) {
          const low = scores[negative];
          if (low === null || !(high - low >= margin && high > low)) continue;
          pairs.push([positive, negative]);
          kinds.push(`${sources[positive]}>${sources[negative]}`);
        }
      }
    }
    return { pairs, kinds };
  },
});

/**
 * Pairs of instructions that are similar but not the same (Contrast Instructions, arXiv 2309.16155).
 *
 * All i < j whose embeddings' cosine lies in [`minSimilarity`, `maxSimilarity`], lexicographically. Embeddings are
 * normalised here; a zero vector is similar to nothing (0). Items of the same group, where `groups` are given, are
 * no pair. Rows of different length: `ContractError`.
 */
export const contrastPairs = definePart({
  id: "sampling/contrast-pairs",
  papers: ["reward-consistency"],
  params: z.object({
    minSimilarity: z.number().default(0.75).describe("least cosine, inclusive"),
    maxSimilarity: z.number().default(0.9).describe("largest cosine, inclusive"),
  }),
  inputs: z.object({
    embeddings: ragged("N×D", "embedding per instruction"),
    groups: fields.groups.optional(),
  }),
  outputs: z.object({ pairs: fields.pairs, similarities: vector("M", "cosine of each pair") }),
  compute({ minSimilarity, maxSimilarity }, { embeddings, groups }) {
    const packed = toRagged(embeddings);
    const count = rowCount(packed);
    if (groups) expectLength(groups, count, "groups");
    const dimensions = count > 0 ? packed.offsets[1] : 0;
    const units = new Float64Array(packed.values);
    for (let i = 0; i < count; i++) {
      const row = rowOf(packed, i);
      expectLength(row, dimensions, `embeddings[${i}]`);
      let squares = 0;
      for (const coordinate of row) squares += coordinate * coordinate;
      const norm = Math.sqrt(squares);
      for (let d = 0; d < dimensions; d++) units[i * dimensions + d] = norm === 0 ? 0 : row[d] / norm;
    }
    const pairs: Pair[] = [];
    const similarities: number[] = [];
    for (let i = 0; i < count; i++) {
      for (let j = i + 1; j < count; j++) {
        if (groups && groups[i] === groups[j]) continue;
        let cosine = 0;
        for (let d = 0; d < dimensions; d++) cosine += units[i * dimensions + d] * units[j * dimensions + d];
        if (cosine < minSimilarity || cosine > maxSimilarity) continue;
        pairs.push([i, j]);
        similarities.push(cosine);
      }
    }
    return { pairs, similarities };
  },
});

/**
 * Pairs of responses to different prompts, for reward models whose scores compare across prompts (arXiv 2507.13158).
 *
 * For each draw (u, v): i = ⌊u·N⌋, and j the ⌊v·M⌋-th of the M items of other groups, in input order. Chosen is the
 * higher score, i on a tie; `margins` ≥ 0. Without another group a draw yields nothing.
 */
export const crossPromptPairs = definePart({
  id: "sampling/cross-prompt-pairs",
  papers: ["irl-llm-survey"],
  params: z.object({}),
  inputs: z.object({
    groups: fields.groups,
    scores: vector("N", "score per response"),
    uniforms: shaped(z.array(z.array(z.number().min(0).max(1)).length(2)), "Q×2", "draws from U[0, 1), two a pair"),
  }),
  outputs: z.object({ pairs: fields.pairs, margins: vector("M", "score of the chosen less the rejected one") }),
  compute(_, { groups, scores, uniforms: draws }) {
    const count = groups.length;
    expectLength(scores, count, "scores");
    const index = indexGroups(groups);
    const { order, starts } = groupMembers(index);
    const pairs: Pair[] = [];
    for (const [u, v] of draws) {
      if (count === 0) break;
      const i = drawIndex(u, count);
      const members = order.subarray(starts[index.of[i]], starts[index.of[i] + 1]);
      const others = count - members.length;
      if (others === 0) continue;
      const rank = drawIndex(v, others);
      // The rank-th item outside the group comes after as many members as lie before it.
      let low = 0;
      let high = members.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (members[middle] - middle > rank) high = middle;
        else low = middle + 1;
      }
      const j = rank + low;
      pairs.push(scores[j] > scores[i] ? [j, i] : [i, j]);
    }
    return { pairs, margins: Float64Array.from(pairs, ([chosen, rejected]) => scores[chosen] - scores[rejected]) };
  },
});

/**
 * Who is compared with whom when one rollout of the group is the reference (BRPO; Writing-Zero, arXiv 2506.00103).
 *
 * The reference of a group of G is its ⌊u·G⌋-th rollout, u from `uniforms` (one per group, in order of first
 * appearance). Every other rollout is paired with it: [candidate, reference] and, under `swap`, the other
 * presentation order right after. Indices are into the N rollouts.
 */
export const bootstrappedReference = definePart({
  id: "sampling/bootstrapped-reference",
  papers: ["writing-zero"],
  params: z.object({ swap: z.boolean().default(true).describe("both presentation orders") }),
  inputs: z.object({ groups: fields.groups, uniforms: uniforms("P", "one draw per group") }),
  outputs: z.object({
    references: integers("P", "reference rollout per group"),
    pairs: shaped(z.array(z.tuple([z.int(), z.int()])), "M", "[first, second] to be judged"),
  }),
  compute({ swap }, { groups, uniforms: draws }) {
    const index = indexGroups(groups);
    expectLength(draws, index.ids.length, "uniforms");
    const { order, starts } = groupMembers(index);
    const references = new Int32Array(index.ids.length);
    const pairs: Pair[] = [];
    for (let g = 0; g < index.ids.length; g++) {
      const members = order.subarray(starts[g], starts[g + 1]);
      const reference = members[drawIndex(draws[g], members.length)];
      references[g] = reference;
      for (const candidate of members) {
        if (candidate === reference) continue;
        pairs.push([candidate, reference]);
        if (swap) pairs.push([reference, candidate]);
      }
    }
    return { references, pairs };
  },
});

/**
 * Positive of each prompt for training a verifier along with the policy (Cooper, arXiv 2508.05613).
 *
 * Among the rollouts a rule accepts (`correct`) the first, or under `pick: "uniform"` the ⌊u·k⌋-th of k. `valid`: there
 * is one, and the rewritten negative was verified to be wrong (null: could not be verified). A group without an
 * accepted rollout names its first one with `valid` false: mask it, its loss would be the constant ln 2. Groups in
 * order of first appearance.
 */
export const verifiedPairs = definePart({
  id: "sampling/verified-pairs",
  papers: ["cooper"],
  params: z.object({ pick: z.enum(["first", "uniform"]).default("first").describe("which accepted rollout") }),
  inputs: z.object({
    groups: fields.groups,
    correct: fields.correct,
    negativeVerifiedWrong: shaped(
      z.array(z.boolean().nullable()),
      "P",
      "the group's negative is wrong for certain; null = unverified",
    ),
    uniforms: uniforms("P", "one draw per group, for pick uniform").optional(),
  }),
  outputs: z.object({ positives: integers("P", "rollout per group"), valid: flags("P", "the pair may be trained on") }),
  compute({ pick }, { groups, correct, negativeVerifiedWrong, uniforms: given }) {
    expectLength(correct, groups.length, "correct");
    const index = indexGroups(groups);
    const count = index.ids.length;
    expectLength(negativeVerifiedWrong, count, "negativeVerifiedWrong");
    const draws =
      pick === "uniform" ? expectGiven(given, "inputs.uniforms", "pick uniform draws once per group") : null;
    if (draws) expectLength(draws, count, "uniforms");
    const { order, starts } = groupMembers(index);
    const positives = new Int32Array(count);
    const valid: boolean[] = [];
    for (let g = 0; g < count; g++) {
      const members = order.subarray(starts[g], starts[g + 1]);
      const accepted = members.filter((i) => correct[i]);
      positives[g] = accepted.length === 0 ? members[0] : accepted[draws ? drawIndex(draws[g], accepted.length) : 0];
      valid.push(accepted.length > 0 && negativeVerifiedWrong[g] === true);
    }
    return { positives, valid };
  },
});

/**
 * Training pairs of a reward model that follow the policy (policy-guided reward training; RetouchIQ, arXiv 2602.17558).
 *
 * For each item the strong side is the user's result. Its weak sides are the current policy's outputs; before
 * `warmup` iterations, or where the policy gave none, the perturbed ones. `strong`, `weak` and `sources` run
 * parallel, item by item.
 */
export const policyGuidedPairs = definePart({
  id: "sampling/policy-guided-pairs",
  papers: ["retouchiq"],
  params: z.object({ warmup: z.int().nonnegative().default(1).describe("iterations on perturbations only") }),
  inputs: z.object({
    strong: strings("N", "the user's result"),
    perturbed: shaped(z.array(z.array(z.string())), "N×W", "the user's result, made worse"),
    policyOutputs: shaped(z.array(z.array(z.string())), "N×O", "what the policy gave"),
    iteration: z.int().nonnegative().describe("0-based"),
  }),
  outputs: z.object({
    strong: strings("M", "strong side of each pair"),
    weak: strings("M", "weak side"),
    sources: shaped(z.array(z.enum(["perturbation", "policy"])), "M", "where the weak side comes from"),
  }),
  compute({ warmup }, { strong, perturbed, policyOutputs, iteration }) {
    expectLength(perturbed, strong.length, "perturbed");
    expectLength(policyOutputs, strong.length, "policyOutputs");
    const pairs = { strong: [] as string[], weak: [] as string[], sources: [] as ("perturbation" | "policy")[] };
    strong.forEach((item, i) => {
      const guided = iteration >= warmup && policyOutputs[i].length > 0;
      for (const weak of guided ? policyOutputs[i] : perturbed[i]) {
        pairs.strong.push(item);
        pairs.weak.push(weak);
        pairs.sources.push(guided ? "policy" : "perturbation");
      }
    });
    return pairs;
  },
});

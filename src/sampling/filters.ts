import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields, flags, integers, nullableVector, shaped, vector } from "../core/fields.ts";
import { groupMembers, indexGroups } from "../core/groups.ts";
import { definePart } from "../core/part.ts";
import { expectLength } from "../core/shapes.ts";
import { quantile as quantileOf } from "../core/statistics.ts";

/**
 * Drops preference pairs whose chosen side is much longer than the rejected one (IXC-2.5-Reward, arXiv 2501.12368).
 *
 * Kept when ℓ_chosen / ℓ_rejected ≤ `maxRatio` and, under `symmetric`, ℓ_rejected / ℓ_chosen as well; 0/0 counts as 0
 * and x/0 as ∞. The paper gives no threshold: 2 is ours. `keptFraction` is null without pairs.
 */
export const lengthRatioFilter = definePart({
  id: "sampling/length-ratio-filter",
  papers: ["ixc-reward"],
  params: z.object({
    maxRatio: z.number().positive().default(2).describe("largest ratio kept"),
    symmetric: z.boolean().default(false).describe("the chosen side may not be much shorter either"),
  }),
  inputs: z.object({
    chosenLengths: integers("M", "length of the chosen side"),
    rejectedLengths: integers("M", "length of the rejected side"),
  }),
  outputs: z.object({
    keep: flags("M", "the pair stays"),
    keptFraction: z.number().nullable().describe("share of pairs that stay"),
  }),
  compute({ maxRatio, symmetric }, { chosenLengths, rejectedLengths }) {
    expectLength(rejectedLengths, chosenLengths.length, "rejectedLengths");
    // x / 0 is infinite and 0 / 0 must count as 0.
    const within = (long: number, short: number) => long === 0 || long / short <= maxRatio;
    const keep: boolean[] = [];
    let kept = 0;
    for (let m = 0; m < chosenLengths.length; m++) {
      const stays =
        within(chosenLengths[m], rejectedLengths[m]) && (!symmetric || within(rejectedLengths[m], chosenLengths[m]));
      keep.push(stays);
      if (stays) kept++;
    }
    return { keep, keptFraction: keep.length === 0 ? null : kept / keep.length };
  },
});

/** Longest run without space or newline, and the length, both in code points. */
function measure(text: string): { length: number; longest: number } {
  let length = 0;
  let run = 0;
  let longest = 0;
  for (const character of text) {
    length++;
    run = character === " " || character === "\n" ? 0 : run + 1;
    if (run > longest) longest = run;
  }
  return { length, longest };
}

/**
 * Drops broken replies before they become preference data (IXC-2.5-Reward, arXiv 2501.12368, released data filter).
 *
 * A reply is dropped when it contains one of the `forbidden` strings, has nothing but spaces and newlines, or is longer
 * than `maxLength` code points while holding an unbroken run of more than `maxChunk` (only space and newline break a
 * run). One pass over each text.
 */
export const responseSanityFilter = definePart({
  id: "sampling/response-sanity-filter",
  papers: ["ixc-reward"],
  params: z.object({
    maxLength: z.int().nonnegative().default(500).describe("code points up to which long runs are forgiven"),
    maxChunk: z.int().nonnegative().default(100).describe("longest unbroken run in a longer text"),
    forbidden: z
      .array(z.string().min(1))
      .default(["<|im_start|>", "<|im_end|>"])
      .describe("strings that no reply may contain"),
  }),
  inputs: z.object({ responses: fields.responses }),
  outputs: z.object({ keep: flags("N", "the reply is usable") }),
  compute({ maxLength, maxChunk, forbidden }, { responses }) {
    return {
      keep: responses.map((text) => {
        if (forbidden.some((mark) => text.includes(mark))) return false;
        const { length, longest } = measure(text);
        return longest > 0 && !(length > maxLength && longest > maxChunk);
      }),
    };
  },
});

/**
 * Drops samples with low reward-model scores (data cleaning with IXC-2.5-Reward, arXiv 2501.12368).
 *
 * `cutoff` is the `quantile` of the scores (linear interpolation) or the given `threshold`, exactly one of which is
 * set (`ContractError`); a sample stays when its score is at least the cutoff. Unscored samples (null) have no part in
 * the quantile and do not stay. The quantile of nothing is null.
 */
export const rewardFilter = definePart({
  id: "sampling/reward-filter",
  papers: ["ixc-reward"],
  params: z.object({
    quantile: z.number().min(0).max(1).nullable().default(null).describe("share of the scores below the cutoff"),
    threshold: z.number().nullable().default(null).describe("the cutoff itself"),
  }),
  inputs: z.object({ scores: nullableVector("N", "score per sample; null = unscored") }),
  outputs: z.object({
    cutoff: z.number().nullable().describe("least score that stays"),
    keep: flags("N", "the sample stays"),
  }),
  compute({ quantile, threshold }, { scores }) {
    if ((quantile === null) === (threshold === null))
      throw new ContractError("params", "expected either quantile or threshold");
    const scored = Array.from(scores).filter((score) => score !== null);
    const cutoff = threshold ?? (scored.length === 0 ? null : quantileOf(scored, quantile ?? 0));
    return {
      cutoff,
      keep: Array.from(scores, (score) => score !== null && cutoff !== null && score >= cutoff),
    };
  },
});

/**
 * A label set spread evenly over the score range (SophiaVL-R1, arXiv 2505.17018, §3.2).
 *
 * Scores in [0, 1] fall into bin min(`bins` − 1, ⌊score·bins + 1e-9⌋), the last one closed, scores outside into the
 * outer ones; the first `perBin` items of each bin are kept. `indices` ascend; `counts` are per bin. The cap that
 * keeps input order is ours.
 */
export const uniformScoreBins = definePart({
  id: "sampling/uniform-score-bins",
  papers: ["sophia-vl-r1"],
  params: z.object({
    bins: z.int().positive().default(10).describe("bins on [0, 1]"),
    perBin: z.int().nonnegative().describe("items kept per bin"),
  }),
  inputs: z.object({ scores: vector("N", "score in [0, 1]") }),
  outputs: z.object({ indices: integers("M", "items kept"), counts: integers("B", "items kept per bin") }),
  compute({ bins, perBin }, { scores }) {
    const counts = new Int32Array(bins);
    const indices: number[] = [];
    for (let i = 0; i < scores.length; i++) {
      const bin = Math.max(0, Math.min(bins - 1, Math.floor(scores[i] * bins + 1e-9)));
      if (counts[bin] >= perBin) continue;
      counts[bin]++;
      indices.push(i);
    }
    return { indices, counts };
  },
});

/**
 * What to imitate: the best rollouts of each prompt (expert iteration; arXiv 2406.10162, arXiv 2412.14135).
 *
 * Per group the `top` highest rewards, ties to the earlier rollout, as far as they reach `threshold` (null: any).
 * `kept` holds rollout indices, group by group in order of first appearance, best first; `droppedGroups` gave nothing.
 */
export const expertIteration = definePart({
  id: "sampling/expert-iteration",
  papers: ["reward-tampering", "o1-roadmap"],
  params: z.object({
    top: z.int().positive().default(1).describe("most rollouts kept per group"),
    threshold: z.number().nullable().default(null).describe("least reward kept; null: any"),
  }),
  inputs: z.object({ rewards: fields.rewards, groups: fields.groups }),
  outputs: z.object({
    kept: integers("M", "rollouts to imitate"),
    droppedGroups: shaped(z.array(z.union([z.string(), z.number()])), "G", "groups without one"),
  }),
  compute({ top, threshold }, { rewards, groups }) {
    expectLength(groups, rewards.length, "groups");
    const index = indexGroups(groups);
    const { order, starts } = groupMembers(index);
    const kept: number[] = [];
    const droppedGroups: (string | number)[] = [];
    index.ids.forEach((id, g) => {
      const best = Array.from(order.subarray(starts[g], starts[g + 1]))
        .filter((i) => threshold === null || rewards[i] >= threshold)
        .sort((a, b) => rewards[b] - rewards[a] || a - b)
        .slice(0, top);
      if (best.length === 0) droppedGroups.push(id);
      for (const i of best) kept.push(i);
    });
    return { kept, droppedGroups };
  },
});

/**
 * Which rollouts made with a demonstration in the prompt may train the bare prompt (expert region; ICPO, arXiv 2510.26519).
 *
 * On-policy rollouts always stay; an off-policy one when its reward reaches `threshold` (`inclusive`: ≥, else >).
 * `accepted` marks the off-policy ones that stay. The group shrinks by those that go; `sampling/expert-substitution`
 * keeps its size.
 */
export const expertRegionFilter = definePart({
  id: "sampling/expert-region-filter",
  papers: ["icpo"],
  params: z.object({
    threshold: z.number().default(1).describe("δ, reward from which an off-policy rollout counts as expert"),
    inclusive: z.boolean().default(true).describe("the threshold itself is enough"),
  }),
  inputs: z.object({ rewards: fields.rewards, offPolicy: fields.offPolicy }),
  outputs: z.object({ keep: flags("N", "the rollout stays"), accepted: flags("N", "off-policy and stays") }),
  compute({ threshold, inclusive }, { rewards, offPolicy }) {
    expectLength(offPolicy, rewards.length, "offPolicy");
    const accepted = Array.from(
      offPolicy,
      (off, i) => off && (inclusive ? rewards[i] >= threshold : rewards[i] > threshold),
    );
    return { keep: accepted.map((yes, i) => yes || !offPolicy[i]), accepted };
  },
});

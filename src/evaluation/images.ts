import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields, flags, nullableVector, ragged, shaped, strings, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { checkSameRows, rowCount, rowOf, toRagged } from "../core/ragged.ts";
import { mean, meanDefined, meanOrNull, standardDeviation } from "../core/statistics.ts";

/**
 * Distance of an edited image to the one reference edit: mean absolute and mean square difference, PSNR (the
 * rule-based baseline of RetouchIQ, arXiv 2602.17558).
 *
 * Values in [0, 1]. `l1` = mean|Δ|, `l2` = mean Δ², `psnr` = min(100, −10 log₁₀ l2) dB. null without pixels.
 */
export const imageDifference = definePart({
  id: "evaluation/image-difference",
  papers: ["retouchiq"],
  params: z.object({}),
  inputs: z.object({
    pixels: ragged("N×C", "channels of each pixel, 0 to 1"),
    targets: ragged("N×C", "the same of the reference"),
  }),
  outputs: z.object({ l1: z.number().nullable(), l2: z.number().nullable(), psnr: z.number().nullable() }),
  compute(_, inputs) {
    const pixels = toRagged(inputs.pixels);
    const targets = toRagged(inputs.targets);
    checkSameRows(targets, pixels, "targets");
    const n = pixels.values.length;
    if (n === 0) return { l1: null, l2: null, psnr: null };
    let l1 = 0;
    let l2 = 0;
    for (let k = 0; k < n; k++) {
      const difference = pixels.values[k] - targets.values[k];
      l1 += Math.abs(difference);
      l2 += difference * difference;
    }
    return { l1: l1 / n, l2: l2 / n, psnr: l2 === 0 ? 100 : Math.min(100, -10 * Math.log10(l2 / n)) };
  },
});

/**
 * Alignment accuracy per key point, per category and overall (PromptEnhancer, arXiv 2509.04545).
 *
 * `scores` N×K, null where a prompt does not use the key point; a score ≥ `threshold` is right. `byKeypoint` = share
 * over the prompts that use it, unused ones left out; `byCategory` = mean of its key points; `macro` = mean of all key
 * points, null if nothing is used.
 */
export const keypointAccuracy = definePart({
  id: "evaluation/keypoint-accuracy",
  papers: ["prompt-enhancer"],
  params: z.object({ threshold: z.number().default(0.5).describe("least score that counts as right") }),
  inputs: z.object({
    scores: shaped(z.array(z.array(z.number().nullable())), "N×K", "score per prompt and key point, null: not used"),
    keypoints: strings("K", "names of the key points"),
    categories: strings("K", "category of each key point"),
  }),
  outputs: z.object({
    byKeypoint: z.record(z.string(), z.number()),
    byCategory: z.record(z.string(), z.number()),
    macro: z.number().nullable(),
  }),
  compute({ threshold }, { scores, keypoints, categories }) {
    for (const [i, row] of scores.entries())
      if (row.length !== keypoints.length)
        throw new ContractError(`inputs.scores[${i}]`, `expected ${keypoints.length} entries, got ${row.length}`);
    const byKeypoint: Record<string, number> = {};
    const members = new Map<string, number[]>();
    for (const [k, name] of keypoints.entries()) {
      const accuracy = meanDefined(scores.map((row) => (row[k] === null ? null : row[k] >= threshold ? 1 : 0)));
      if (accuracy === null) continue;
      byKeypoint[name] = accuracy;
      const category = members.get(categories[k]) ?? [];
      category.push(accuracy);
      members.set(categories[k], category);
    }
    const byCategory: Record<string, number> = {};
    for (const [category, accuracies] of members) byCategory[category] = mean(accuracies);
    return { byKeypoint, byCategory, macro: meanOrNull([...members.values()].flat()) };
  },
});

/**
 * Hacking-aware image score, r·(ū − center) + offset (GDRO, arXiv 2601.02036).
 *
 * ū = mean of the quality scores of an image (scale 1–5): at `center` the reward does not count, below it counts
 * against. A trend indicator; may be negative. An image without quality scores is null and left out of `mean`.
 */
export const correctedScore = definePart({
  id: "evaluation/corrected-score",
  papers: ["gdro"],
  params: z.object({
    center: z.number().default(3).describe("quality at which the reward does not count"),
    offset: z.number().default(0.2).describe("score at that quality"),
  }),
  inputs: z.object({ rewards: fields.rewards, qualityScores: ragged("N×M", "alignment, coherence, style, … 1 to 5") }),
  outputs: z.object({
    qualityMeans: nullableVector("N", "ū"),
    correctedScores: nullableVector("N", "r·(ū − center) + offset"),
    mean: z.number().nullable(),
  }),
  compute({ center, offset }, { rewards, qualityScores }) {
    const quality = toRagged(qualityScores);
    const qualityMeans = Array.from({ length: rewards.length }, (_, i) => meanOrNull(rowOf(quality, i)));
    const correctedScores = qualityMeans.map((value, i) =>
      value === null ? null : rewards[i] * (value - center) + offset,
    );
    return { qualityMeans, correctedScores, mean: meanDefined(correctedScores) };
  },
});

/**
 * Spread of the passing scores of a pass/fail reward model, alone and against its pass-fail gap (for the win-tie loss
 * of SoliReward, arXiv 2512.22170; definition ours).
 *
 * `positiveStd` sample deviation over passes (null with fewer than two), `gap` = mean pass − mean fail (null without
 * either), `ratio` = positiveStd/gap, null where the gap is not positive.
 */
export const positiveSpread = definePart({
  id: "evaluation/positive-spread",
  papers: ["soli-reward"],
  params: z.object({}),
  inputs: z.object({ scores: vector("N", "reward-model scores"), passed: flags("N", "human pass/fail label") }),
  outputs: z.object({
    positiveStd: z.number().nullable(),
    gap: z.number().nullable(),
    ratio: z.number().nullable(),
  }),
  compute(_, { scores, passed }) {
    const all = Array.from(scores);
    const passes = all.filter((_, i) => passed[i]);
    const fails = all.filter((_, i) => !passed[i]);
    const positiveStd = passes.length > 1 ? standardDeviation(passes) : null;
    const gap = passes.length > 0 && fails.length > 0 ? mean(passes) - mean(fails) : null;
    const ratio = positiveStd !== null && gap !== null && gap > 0 ? positiveStd / gap : null;
    return { positiveStd, gap, ratio };
  },
});

/**
 * Amount of motion in clips (for InstructVideo, arXiv 2312.12490; definition ours): a reward that pays for stills shows
 * here.
 *
 * `speed` = mean Euclidean distance of neighbouring frames; `jerk` = mean norm of the change of the frame-to-frame
 * displacement. In feature units per frame; null with fewer than two, or three, frames. Frames of different sizes
 * within a clip: `ContractError`.
 */
export const motion = definePart({
  id: "evaluation/motion",
  papers: ["instruct-video"],
  params: z.object({}),
  inputs: z.object({
    clips: shaped(z.array(z.array(z.array(z.number()))), "N×F×C", "features of each frame of each clip"),
  }),
  outputs: z.object({
    speed: nullableVector("N", "mean displacement"),
    jerk: nullableVector("N", "mean change of displacement"),
  }),
  compute(_, { clips }) {
    const moved = clips.map((frames, i) => {
      const packed = toRagged(frames);
      const width = frames.length > 0 ? frames[0].length : 0;
      const steps: Float64Array[] = [];
      for (let t = 1; t < rowCount(packed); t++) {
        const [before, after] = [rowOf(packed, t - 1), rowOf(packed, t)];
        if (after.length !== width)
          throw new ContractError(`inputs.clips[${i}][${t}]`, `expected ${width} entries, got ${after.length}`);
        steps.push(after.map((value, c) => value - before[c]));
      }
      return steps;
    });
    const norm = (vector: Float64Array) => Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
    return {
      speed: moved.map((steps) => meanOrNull(steps.map(norm))),
      jerk: moved.map((steps) =>
        meanOrNull(steps.slice(1).map((step, t) => norm(step.map((value, c) => value - steps[t][c])))),
      ),
    };
  },
});

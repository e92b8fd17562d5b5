/** Labels of steps and of progress: Monte-Carlo estimates, search trees, hops between states. */
import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { integers, shaped, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";

/**
 * Process rewards from completions of each prefix (Math-Shepherd, arXiv 2312.08935; the o1 roadmap, 2412.14135).
 *
 * Of the M completions sampled after a step (1: right), `soft` is the share that are right, `hard` 1 if any is, `gain` soft_t − soft_{t−1}
 * with `initial` (default 0) before the first step. Shapes N×S×M (M may vary) → N×S. A step without a completion has no estimate: null, as
 * has a gain next to it. Hard labels drift to 1 as M grows; soft ones belong to the policy that completed.
 */
export const monteCarloStepLabels = definePart({
  id: "model/monte-carlo-step-labels",
  papers: ["o1-roadmap"],
  params: z.object({ mode: z.enum(["soft", "hard", "gain"]).default("soft").describe("estimate") }),
  inputs: z.object({
    completions: shaped(z.array(z.array(z.array(z.number()))), "N×S×M", "1: the completion was right, 0: it was not"),
    initial: vector("N", "share right from the prompt alone; absent = 0").optional(),
  }),
  outputs: z.object({
    stepRewards: shaped(z.array(z.array(z.number().nullable())), "N×S", "reward per step"),
  }),
  compute({ mode }, { completions, initial }) {
    const stepRewards = completions.map((steps, i) => {
      const soft = steps.map((outcomes) =>
        outcomes.length === 0 ? null : outcomes.reduce((sum, outcome) => sum + outcome, 0) / outcomes.length,
      );
      if (mode === "soft") return soft;
      if (mode === "hard") return soft.map((share) => (share === null ? null : Number(share > 0)));
      return soft.map((share, t) => {
        const before = t === 0 ? (initial?.[i] ?? 0) : soft[t - 1];
        return share === null || before === null ? null : share - before;
      });
    });
    return { stepRewards };
  },
});

type TreeStep = { readonly value: number; readonly verdict: number | null };

/** Tree value and tool verdict do not contradict each other (a negative value with a True verdict passes, as released). */
function consistent({ value, verdict }: TreeStep): boolean {
  return value > 0 ? verdict === 1 : value < 0 && (verdict === 1 || verdict === -1);
}

/** Steps up to the first value ≥ 0 after the first value ≤ 0: what follows a mistake is not to be trusted. */
function cutAfterError(steps: readonly TreeStep[]): readonly TreeStep[] {
  const error = steps.findIndex(({ value }) => value <= 0);
  if (error < 0) return steps;
  const recovery = steps.findIndex(({ value }, t) => t > error && value >= 0);
  return recovery < 0 ? steps : steps.slice(0, recovery);
}

/**
 * Step labels from a search tree whose values a tool's verdicts confirm (GroundedPRM, arXiv 2510.14942).
 *
 * A sample is dropped when a step has value 0, a value above 0 without the verdict +1, or one below 0 without a verdict (±1). Negative
 * samples are cut before the first step with value ≥ 0 that follows the first with value ≤ 0. Labels: +1 where the value is above 0,
 * else −1. As released, a negative value with the verdict +1 survives. `kept` indices, `stepLabels` of those, in order.
 */
export const processLabelFilter = definePart({
  id: "model/process-label-filter",
  papers: ["grounded-prm"],
  params: z.object({}),
  inputs: z.object({
    samples: shaped(
      z.array(
        z.object({
          label: z.enum(["positive", "negative"]),
          steps: z.array(z.object({ value: z.number(), verdict: z.number().nullable() })),
        }),
      ),
      "N",
      "reasoning paths: tree value and tool verdict (+1, −1, 0 or null: none) of each step",
    ),
  }),
  outputs: z.object({
    kept: integers("M", "samples that are left"),
    stepLabels: shaped(z.array(z.array(z.int())), "M×S", "+1 or −1 per step"),
  }),
  compute(_, { samples }) {
    const kept: number[] = [];
    const stepLabels: number[][] = [];
    for (const [i, { label, steps }] of samples.entries()) {
      if (!steps.every(consistent)) continue;
      kept.push(i);
      const used = label === "negative" ? cutAfterError(steps) : steps;
      stepLabels.push(used.map(({ value }) => (value > 0 ? 1 : -1)));
    }
    return { kept, stepLabels };
  },
});

/**
 * Hop labels: progress between two states relative to what was left, or lost (Robo-Dopamine, arXiv 2512.23703).
 *
 * H = (Φ_q − Φ_p)/(goal − Φ_p) where Φ_q ≥ Φ_p, else (Φ_q − Φ_p)/(Φ_p − initial); 0 for no change or a zero denominator. In [−1, 1]
 * for progress between `initial` and `goal`. Shapes N.
 */
export const hopLabel = definePart({
  id: "model/hop-label",
  papers: ["robo-dopamine"],
  params: z.object({}),
  inputs: z.object({
    before: vector("N", "Φ_p, progress of the first state"),
    after: vector("N", "Φ_q, progress of the second state"),
    initial: z.number().default(0).describe("Φ of the first state of the trajectory"),
    goal: z.number().default(1).describe("Φ of its last state"),
  }),
  outputs: z.object({ hops: vector("N", "H") }),
  compute(_, { before, after, initial = 0, goal = 1 }) {
    const hops = Float64Array.from(before, (progress, i) => {
      const change = after[i] - progress;
      const room = change >= 0 ? goal - progress : progress - initial;
      return change === 0 || room === 0 ? 0 : change / room;
    });
    return { hops };
  },
});

/** Rounds halves to even, as Python and NumPy do. */
function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

/**
 * Frames of a demonstration with human key frames, and their progress labels (Robo-Dopamine, arXiv 2512.23703).
 *
 * With L frames from the first start to the last end and N segments, each segment gets m intervals: m = ⌊⌊L/chunk⌋/N⌋ (paper) or L/chunk/N
 * rounded, halves to even (release). Both ends and m − 1 equally spaced frames between (rounded, halves to even) are taken, frames outside
 * the video dropped, duplicates too; state i of 0 … M has progress i/M (0 where there is one state only).
 * `pointsPerSegment` = m; a segment keeps its two ends where m is below 2. Error: a segment that ends before it starts.
 */
export const progressLabels = definePart({
  id: "model/progress-labels",
  papers: ["robo-dopamine"],
  params: z.object({
    chunk: z.number().positive().default(30).describe("frames between states, 20 to 30 in use"),
    rounding: z.enum(["round", "floor"]).default("round").describe("of the number of intervals: release or paper"),
  }),
  inputs: z.object({
    segments: shaped(z.array(z.tuple([z.number(), z.number()])), "M", "[first frame, last frame] of each sub-task"),
    frames: z.int().nonnegative().describe("frames of the video"),
  }),
  outputs: z.object({
    pointsPerSegment: z.int().describe("m"),
    frames: integers("F", "sampled frames"),
    progress: vector("F", "Φ"),
  }),
  compute({ chunk, rounding }, { segments, frames: videoFrames }) {
    let first = Number.POSITIVE_INFINITY;
    let last = Number.NEGATIVE_INFINITY;
    for (const [i, [start, end]] of segments.entries()) {
      if (end < start)
        throw new ContractError(`inputs.segments[${i}]`, `expected start ≤ end, got ${start} and ${end}`);
      first = Math.min(first, start);
      last = Math.max(last, end);
    }
    if (segments.length === 0) return { pointsPerSegment: 0, frames: [], progress: [] };
    const span = Math.max(1, last - first);
    const points =
      rounding === "floor"
        ? Math.floor(Math.floor(span / chunk) / segments.length)
        : roundHalfEven(span / chunk / segments.length);
    const intervals = Math.max(1, points);
    const sampled = new Set<number>();
    for (const [start, end] of segments) {
      for (let k = 0; k <= intervals; k++) {
        const frame = roundHalfEven(k === intervals ? end : start + (k * (end - start)) / intervals);
        if (frame >= 0 && frame < videoFrames) sampled.add(frame);
      }
    }
    const frames = [...sampled].sort((a, b) => a - b);
    const progress = frames.map((_, i) => (frames.length === 1 ? 0 : i / (frames.length - 1)));
    return { pointsPerSegment: points, frames, progress };
  },
});

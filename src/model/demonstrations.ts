/** Steps of a demonstration found in its features, and the features that tell the steps apart. */
import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { integers, ragged, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { type RaggedLike, rowCount, rowOf, toRagged } from "../core/ragged.ts";

/** T×D features, row-major. */
interface Features {
  readonly values: Float64Array;
  readonly frames: number;
  readonly width: number;
}

function readFeatures(features: RaggedLike): Features {
  const rows = toRagged(features);
  const frames = rowCount(rows);
  const width = frames === 0 ? 0 : rows.offsets[1];
  for (let t = 0; t < frames; t++)
    if (rowOf(rows, t).length !== width)
      throw new ContractError(`inputs.features[${t}]`, `expected ${width} features, as in frame 0`);
  return { values: rows.values, frames, width };
}

/** A splitter must improve by more than this to win over an earlier one. */
const tie = 1e-12;

/** Cost of every segment [start, end) that begins at `start`: mean over features of the population std (entry end − start − 1). */
function segmentCosts({ values, frames, width }: Features, start: number, stop = frames): Float64Array {
  const costs = new Float64Array(stop - start);
  const means = new Float64Array(width);
  const squares = new Float64Array(width);
  for (let t = start; t < stop; t++) {
    const count = t - start + 1;
    let sum = 0;
    for (let d = 0; d < width; d++) {
      const value = values[t * width + d];
      const delta = value - means[d];
      means[d] += delta / count;
      squares[d] += delta * (value - means[d]);
      sum += Math.sqrt(squares[d] / count);
    }
    costs[count - 1] = width === 0 ? 0 : sum / width;
  }
  return costs;
}

function expectRoom(frames: number, steps: number, minSize: number): void {
  if (frames < steps * minSize)
    throw new ContractError(
      "inputs.features",
      `expected at least ${steps * minSize} frames for ${steps} steps of ${minSize}, got ${frames}`,
    );
}

/** Splits of least summed cost, by dynamic programming over suffixes. */
function splitByMean(features: Features, steps: number, minSize: number): number[] {
  const { frames } = features;
  const costs = Array.from({ length: frames }, (_, start) => segmentCosts(features, start));
  // best[start]: least summed cost of [start, frames) in the current number of segments.
  let best = Float64Array.from(costs, (row) => row[row.length - 1]);
  const choices: Int32Array[] = [];
  for (let segments = 2; segments <= steps; segments++) {
    const next = new Float64Array(frames).fill(Number.POSITIVE_INFINITY);
    const choice = new Int32Array(frames);
    for (let start = 0; start <= frames - segments * minSize; start++) {
      for (let split = start + minSize; split <= frames - (segments - 1) * minSize; split++) {
        const cost = costs[start][split - start - 1] + best[split];
        if (cost < next[start] - tie * steps) {
          next[start] = cost;
          choice[start] = split;
        }
      }
    }
    best = next;
    choices.push(choice);
  }
  const splits: number[] = [];
  let start = 0;
  for (let k = choices.length - 1; k >= 0; k--) {
    start = choices[k][start];
    splits.push(start);
  }
  return splits;
}

/** Ways to cut `frames` into `steps` segments of at least `minSize`. */
function segmentations(frames: number, steps: number, minSize: number): number {
  const spare = frames - steps * minSize;
  let count = 1;
  for (let k = 1; k < steps; k++) count = (count * (spare + k)) / k;
  return count;
}

/** Splits of least spread of the segment costs: not separable, so every segmentation is compared. */
function splitByStd(features: Features, steps: number, minSize: number): number[] {
  const { frames } = features;
  const count = segmentations(frames, steps, minSize);
  if (count > 5e6)
    throw new ContractError("params.aggregate", `expected at most 5e6 segmentations for std, got ${count}; use mean`);
  const costs = Array.from({ length: frames }, (_, start) => segmentCosts(features, start));
  const stds = new Float64Array(steps);
  const at = new Int32Array(steps);
  let best = Number.POSITIVE_INFINITY;
  let splits: number[] = [];
  const visit = (segment: number, start: number) => {
    at[segment] = start;
    if (segment === steps - 1) {
      stds[segment] = costs[start][frames - start - 1];
      const spread = populationStd(stds);
      if (spread < best - tie) {
        best = spread;
        splits = Array.from(at.subarray(1));
      }
      return;
    }
    for (let split = start + minSize; split <= frames - (steps - segment - 1) * minSize; split++) {
      stds[segment] = costs[start][split - start - 1];
      visit(segment + 1, split);
    }
  };
  visit(0, 0);
  return splits;
}

function populationStd(values: Float64Array): number {
  let mean = 0;
  for (let i = 0; i < values.length; i++) mean += values[i] / values.length;
  let squares = 0;
  for (let i = 0; i < values.length; i++) squares += (values[i] - mean) ** 2;
  return Math.sqrt(squares / values.length);
}

const splitParams = {
  steps: z.int().positive().describe("n, steps to find"),
  minSize: z.int().positive().default(1).describe("least frames of a step"),
};

/**
 * A demonstration cut into its steps by the spread of its features (perceptual rewards, arXiv 1612.06699, algorithm 1).
 *
 * A segment costs the mean over features of the population std over its frames; the n − 1 splits (first frame of the next step) minimise the
 * mean cost of the segments (`mean`: dynamic programming, O(n T²)) or the std of the list of costs (`std`: the literal reading of the
 * published pseudo-code, all segmentations compared, at most 5 million). A later split must be better by more than 10⁻¹².
 * `stds`: cost of each segment. Shapes T×D → n − 1, n. Few frames have a small std: set `minSize` near half the expected step.
 * Error: fewer than n·minSize frames.
 */
export const demonstrationSplit = definePart({
  id: "model/demonstration-split",
  papers: ["perceptual-rewards"],
  params: z.object({
    ...splitParams,
    aggregate: z.enum(["mean", "std"]).default("mean").describe("what is minimised over segment costs"),
  }),
  inputs: z.object({ features: ragged("T×D", "features of each frame") }),
  outputs: z.object({
    splits: integers("M", "first frame of each step but the first"),
    stds: vector("S", "cost of each step"),
  }),
  compute({ steps, minSize, aggregate }, { features }) {
    const read = readFeatures(features);
    expectRoom(read.frames, steps, minSize);
    const splits = aggregate === "mean" ? splitByMean(read, steps, minSize) : splitByStd(read, steps, minSize);
    const ends = [...splits, read.frames];
    const stds = [0, ...splits].map((start, k) => segmentCosts(read, start, ends[k])[ends[k] - start - 1]);
    return { splits, stds };
  },
});

/** The best cut of [start, end) in two, with room for the steps of either side. */
function bestCut(features: Features, start: number, end: number, left: number, right: number): number {
  const { values, width } = features;
  const forward = segmentCosts(features, start, end);
  const reversed = new Float64Array((end - start) * width);
  for (let t = start; t < end; t++) reversed.set(values.subarray(t * width, (t + 1) * width), (end - 1 - t) * width);
  const backward = segmentCosts({ values: reversed, frames: end - start, width }, 0);
  let best = Number.POSITIVE_INFINITY;
  let cut = start + left;
  for (let split = start + left; split <= end - right; split++) {
    const cost = (forward[split - start - 1] + backward[end - split - 1]) / 2;
    if (cost < best - tie) {
      best = cost;
      cut = split;
    }
  }
  return cut;
}

/**
 * A demonstration cut into its steps by repeated halving (perceptual rewards, arXiv 1612.06699, algorithm 2): fast, not optimal.
 *
 * The best two-way split (mean of both segment costs, see `model/demonstration-split`), then ⌈n/2⌉ steps in the left part and ⌊n/2⌋ in
 * the right one, which begins at the split; every split leaves minSize frames per step on either side. Shapes T×D → n − 1.
 * Error: fewer than n·minSize frames.
 */
export const demonstrationBinarySplit = definePart({
  id: "model/demonstration-binary-split",
  papers: ["perceptual-rewards"],
  params: z.object(splitParams),
  inputs: z.object({ features: ragged("T×D", "features of each frame") }),
  outputs: z.object({ splits: integers("M", "first frame of each step but the first") }),
  compute({ steps, minSize }, { features }) {
    const read = readFeatures(features);
    expectRoom(read.frames, steps, minSize);
    const halve = (start: number, end: number, count: number): number[] => {
      if (count === 1) return [];
      const left = Math.ceil(count / 2);
      const right = count - left;
      const cut = bestCut(read, start, end, left * minSize, right * minSize);
      return [...halve(start, cut, left), cut, ...halve(cut, end, right)];
    };
    return { splits: halve(0, read.frames, steps) };
  },
});

/** Mean and population std of each feature over the frames that belong. */
function moments({ values, frames, width }: Features, belongs: (t: number) => boolean) {
  const means = new Array<number>(width).fill(0);
  const squares = new Array<number>(width).fill(0);
  let count = 0;
  for (let t = 0; t < frames; t++) {
    if (!belongs(t)) continue;
    count++;
    for (let d = 0; d < width; d++) {
      const value = values[t * width + d];
      const delta = value - means[d];
      means[d] += delta / count;
      squares[d] += delta * (value - means[d]);
    }
  }
  return { count, means, stds: squares.map((sum) => Math.sqrt(sum / Math.max(1, count))) };
}

/**
 * Features that tell each step of a demonstration from all other frames (perceptual rewards, arXiv 1612.06699).
 *
 * Per step, positives its frames (of all demonstrations), negatives the rest: z_j = α|μ⁺_j − μ⁻_j| − (σ⁺_j + σ⁻_j), population std; without
 * negatives z_j = −σ⁺_j. `means`, `stds` of the positives and `scores` z, S×D; `selected`: the `top` largest, descending, ties (at 12
 * decimals) to the lower index, S×M. Shapes N×D, N (steps 0 … S − 1). Error: a step without a frame.
 */
export const discriminativeFeatures = definePart({
  id: "model/discriminative-features",
  papers: ["perceptual-rewards"],
  params: z.object({
    alpha: z.number().default(5).describe("α"),
    top: z.int().positive().default(32).describe("M, features kept per step"),
  }),
  inputs: z.object({
    features: ragged("N×D", "features of each frame"),
    labels: integers("N", "step of each frame"),
  }),
  outputs: z.object({
    means: ragged("S×D", "mean per step"),
    stds: ragged("S×D", "std per step"),
    scores: ragged("S×D", "z"),
    selected: ragged("S×M", "chosen features, best first"),
  }),
  compute({ alpha, top }, { features, labels }) {
    const read = readFeatures(features);
    let steps = 0;
    for (let t = 0; t < labels.length; t++) {
      if (!(labels[t] >= 0)) throw new ContractError(`inputs.labels[${t}]`, `expected a step, got ${labels[t]}`);
      steps = Math.max(steps, labels[t] + 1);
    }
    const means: number[][] = [];
    const stds: number[][] = [];
    const scores: number[][] = [];
    const selected: number[][] = [];
    for (let step = 0; step < steps; step++) {
      const inside = moments(read, (t) => labels[t] === step);
      if (inside.count === 0)
        throw new ContractError("inputs.labels", `expected a frame of every step, got none of ${step}`);
      const outside = moments(read, (t) => labels[t] !== step);
      const row = inside.means.map((mean, d) =>
        outside.count === 0
          ? -inside.stds[d]
          : alpha * Math.abs(mean - outside.means[d]) - (inside.stds[d] + outside.stds[d]),
      );
      const rounded = row.map((score) => Math.round(score * 1e12) / 1e12);
      means.push(inside.means);
      stds.push(inside.stds);
      scores.push(row);
      selected.push(
        row
          .map((_, d) => d)
          .sort((a, b) => rounded[b] - rounded[a] || a - b)
          .slice(0, top),
      );
    }
    return { means, stds, scores, selected };
  },
});

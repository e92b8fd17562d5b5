import { z } from "zod";
import { integers, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { roundHalfEven } from "../core/rounding.ts";
import { expectLength } from "../core/shapes.ts";

/** Floor of the exact quotient of two doubles: x // width of Python. */
function floorQuotient(x: number, width: number): number {
  const quotient = (x - (x % width)) / width;
  return Math.round(quotient);
}

/**
 * Bins of progress hops by size and by time gap, for balancing the labels (Robo-Dopamine, arXiv 2512.23703).
 *
 * A hop in [−1, 1] (clamped): scoreBin = min(⌊(100·hop + 100)/(200/scoreBins)⌋, scoreBins − 1). A gap of frames (clamped to
 * [1, maxGap]): gapBin = min(⌊(gap − 1)/(maxGap/gapBins)⌋, gapBins − 1).
 */
export const hopBins = definePart({
  id: "sampling/hop-bins",
  papers: ["robo-dopamine"],
  params: z.object({
    scoreBins: z.int().positive().default(25).describe("bins of the hop"),
    gapBins: z.int().positive().default(4).describe("bins of the gap"),
  }),
  inputs: z.object({
    hops: vector("N", "relative progress between two states"),
    gaps: vector("N", "frames between them"),
    maxGap: z.number().positive().describe("largest gap, states − 2"),
  }),
  outputs: z.object({ scoreBin: integers("N", "bin of the hop"), gapBin: integers("N", "bin of the gap") }),
  compute({ scoreBins, gapBins }, { hops, gaps, maxGap }) {
    expectLength(gaps, hops.length, "gaps");
    return {
      scoreBin: Int32Array.from(hops, (hop) => {
        const percent = Math.max(-100, Math.min(100, 100 * hop));
        return Math.min(floorQuotient(percent + 100, 200 / scoreBins), scoreBins - 1);
      }),
      gapBin: Int32Array.from(gaps, (gap) => {
        const clamped = Math.max(1, Math.min(maxGap, gap));
        return Math.min(floorQuotient(clamped - 1, maxGap / gapBins), gapBins - 1);
      }),
    };
  },
});

/**
 * How many samples each hop bin gets (Robo-Dopamine, arXiv 2512.23703).
 *
 * `zeroSamples` = samples·zeroRatio, rounded half to even, are pairs without progress; the rest is spread evenly, and what
 * is left over goes one each to the bins nearest the centre, the lower one first.
 */
export const hopQuota = definePart({
  id: "sampling/hop-quota",
  papers: ["robo-dopamine"],
  params: z.object({
    scoreBins: z.int().positive().default(25).describe("bins of the hop"),
    zeroRatio: z.number().min(0).max(1).default(0.05).describe("share of pairs without progress"),
  }),
  inputs: z.object({ samples: z.int().nonnegative().describe("samples in all") }),
  outputs: z.object({
    zeroSamples: z.int().describe("pairs without progress"),
    quota: integers("B", "samples per hop bin"),
  }),
  compute({ scoreBins, zeroRatio }, { samples }) {
    const zeroSamples = roundHalfEven(samples * zeroRatio);
    const rest = Math.max(0, samples - zeroSamples);
    const quota = new Int32Array(scoreBins).fill(Math.floor(rest / scoreBins));
    const centre = (scoreBins - 1) / 2;
    const order = Array.from(quota.keys()).sort((a, b) => Math.abs(a - centre) - Math.abs(b - centre) || a - b);
    for (const bin of order.slice(0, rest % scoreBins)) quota[bin]++;
    return { zeroSamples, quota };
  },
});

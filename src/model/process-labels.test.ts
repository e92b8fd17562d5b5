import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { callPart } from "../core/part.ts";
import { hopLabel, monteCarloStepLabels, processLabelFilter, progressLabels } from "./process-labels.ts";

describe("model/monte-carlo-step-labels", () => {
  const completions = [[[1, 0], [], [1, 1], [0, 0]], []];
  it("has no estimate of a step without completions, nor a gain next to it", () => {
    expect(monteCarloStepLabels()({ completions }).stepRewards).toEqual([[0.5, null, 1, 0], []]);
    expect(monteCarloStepLabels({ mode: "hard" })({ completions }).stepRewards).toEqual([[1, null, 1, 0], []]);
    expect(monteCarloStepLabels({ mode: "gain" })({ completions }).stepRewards).toEqual([[0.5, null, null, -1], []]);
  });

  it("gains telescope to the last estimate", () => {
    const rollout = fc.array(fc.array(fc.integer({ min: 0, max: 1 }), { minLength: 1, maxLength: 4 }), {
      minLength: 1,
    });
    fc.assert(
      fc.property(rollout, fc.double({ min: 0, max: 1, noNaN: true }), (steps, start) => {
        const soft = monteCarloStepLabels()({ completions: [steps] }).stepRewards[0];
        const gain = monteCarloStepLabels({ mode: "gain" })({ completions: [steps], initial: [start] }).stepRewards[0];
        const total = gain.reduce((sum: number, value) => sum + Number(value), 0);
        expect(total).toBeCloseTo(Number(soft[soft.length - 1]) - start, 10);
      }),
    );
  });
});

describe("model/process-label-filter", () => {
  const sample = (label: "positive" | "negative", ...steps: [number, number | null][]) => ({
    label,
    steps: steps.map(([value, verdict]) => ({ value, verdict })),
  });
  it("drops what is undecided or contradicted, cuts negatives only", () => {
    const samples = [
      sample("positive", [1, 1], [-1, -1], [1, 1]),
      sample("negative", [1, 1], [-1, -1], [1, 1]),
      sample("positive", [1, null]),
      sample("positive", [-1, 0]),
      sample("positive", [0, 1]),
      sample("positive"),
    ];
    expect(processLabelFilter()({ samples })).toEqual({ kept: [0, 1, 5], stepLabels: [[1, -1, 1], [1, -1], []] });
  });
});

describe("model/hop-label", () => {
  it("is the inverse of the step operator within [−1, 1]", () => {
    const progress = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(progress, progress, (before, after) => {
        const [hop] = hopLabel()({ before: [before], after: [after] }).hops;
        expect(Math.abs(hop)).toBeLessThanOrEqual(1);
        const reached = hop >= 0 ? before + (1 - before) * hop : before + before * hop;
        expect(reached).toBeCloseTo(after, 9);
      }),
    );
  });

  it("uses the trajectory's own ends, 0 where there is no room", async () => {
    const inputs = { before: [2, 5, 1], after: [3, 6, 0.5], initial: 1, goal: 5 };
    expect(await callPart(hopLabel, { inputs })).toEqual({ hops: [1 / 3, 0, 0] });
  });
});

describe("model/progress-labels", () => {
  it("rounds halves to even, drops frames outside the video and duplicates", () => {
    // 75/30 = 2.5 rounds to 2; interior frame 37.5 to 38; frame 75 is outside.
    expect(progressLabels()({ segments: [[0, 75]], frames: 75 })).toEqual({
      pointsPerSegment: 2,
      frames: [0, 38],
      progress: [0, 1],
    });
  });

  it("short segments keep their ends; no segment, no frame", () => {
    expect(
      progressLabels()({
        segments: [
          [0, 4],
          [4, 6],
        ],
        frames: 10,
      }),
    ).toEqual({
      pointsPerSegment: 0,
      frames: [0, 4, 6],
      progress: [0, 0.5, 1],
    });
    expect(progressLabels()({ segments: [[3, 3]], frames: 10 })).toMatchObject({ frames: [3], progress: [0] });
    expect(progressLabels()({ segments: [], frames: 10 })).toEqual({ pointsPerSegment: 0, frames: [], progress: [] });
    expect(() => progressLabels()({ segments: [[5, 3]], frames: 10 })).toThrow("inputs.segments[0]");
  });
});

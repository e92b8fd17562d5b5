import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { rowOf } from "../core/ragged.ts";
import { perceptualStepReward, segmentalVideoReward, velocityDeviation } from "./video.ts";

describe("signal/segmental-video-reward", () => {
  it("keeps S frames where S does not divide F, and weighs the middle most", () => {
    const out = segmentalVideoReward({ segments: 3, selection: "first" })({ frameScores: [[1, 1, 1, 1, 1, 1, 1]] });
    expect(Array.from(out.frames[0])).toEqual([0, 2, 4]);
    expect(Array.from(out.weights[0])).toEqual([-3, -1, -1].map(Math.exp));
    expect(out.rewards[0]).toBeCloseTo((Math.exp(-3) + 2 * Math.exp(-1)) / 3, 12);
    expect(segmentalVideoReward({ selection: "first" })({ frameScores: [] }).loss).toBeNull();
  });

  it("refuses too few frames and places outside of their segment", () => {
    expect(() => segmentalVideoReward({ selection: "first" })({ frameScores: [[1, 2, 3]] })).toThrow(
      "inputs.frameScores[0]",
    );
    expect(() => segmentalVideoReward({ segments: 1 })({ frameScores: [[1]], offsets: [[1]] })).toThrow(
      "inputs.offsets[0][0]",
    );
    expect(() => segmentalVideoReward()({ frameScores: [[1, 2, 3, 4]] })).toThrow("inputs.offsets");
  });
});

it("perceptual step reward: best at the mean, floored deviation, gaussian = exp(log / 2)", () => {
  const inputs = {
    features: [
      [1, 5],
      [2, 5],
    ],
    means: [[1, 0]],
    stds: [[0, 1]],
    selected: [[0]],
  };
  expect(perceptualStepReward({ minStd: 0.5 })(inputs).scores).toEqual([[-0, -4]]);
  expect(perceptualStepReward({ minStd: 0.5, transform: "gaussian" })(inputs).scores).toEqual([[1, Math.exp(-2)]]);
  expect(perceptualStepReward()({ ...inputs, selected: [[]] }).scores).toEqual([[null, null]]);
  expect(() => perceptualStepReward()({ ...inputs, selected: [[2]] })).toThrow("inputs.selected[0]");
});

describe("signal/velocity-deviation", () => {
  const rows = fc.array(
    fc.array(fc.tuple(fc.integer({ min: -3, max: 3 }), fc.integer({ min: -3, max: 3 })), { maxLength: 3 }),
    { maxLength: 3 },
  );
  it("is 0 for the true velocity, and w(s) times the deviation for one timestep", () => {
    fc.assert(
      fc.property(rows, (latents) => {
        const noises = latents.map((tokens) => tokens.map(([a, b]) => [b, a]));
        const exact = latents.map((tokens, i) => tokens.map((h, t) => h.map((x, d) => x - noises[i][t][d])));
        const right = velocityDeviation()({ latents, noises, velocities: [exact] });
        for (const row of right.scores) expect(row.every((score) => score === 0)).toBe(true);
        const out = velocityDeviation()({ latents, noises, velocities: [latents] });
        out.scores.forEach((row, i) => {
          row.forEach((score, t) => {
            expect(score).toBeCloseTo(4 * out.deviations[i][t], 9);
          });
        });
      }),
    );
  });

  it("names lengths that do not fit", () => {
    expect(() => velocityDeviation()({ latents: [[[1]]], noises: [[[1]]], velocities: [] })).toThrow(
      "inputs.velocities",
    );
    expect(() => velocityDeviation()({ latents: [[[1]]], noises: [[[1, 2]]], velocities: [[[[1]]]] })).toThrow(
      "noises[0][0]",
    );
    expect(() => velocityDeviation({ timesteps: [1] })).toThrow(/timesteps/);
  });
});

it("segments of packed rows read like nested ones", () => {
  const packed = { values: Float64Array.of(1, 2, 3, 4), offsets: Uint32Array.of(0, 4) };
  const out = segmentalVideoReward({ selection: "first", attenuation: null })({ frameScores: packed });
  expect(out.rewards[0]).toBe(rowOf(packed, 0).reduce((sum, value) => sum + value, 0) / 4);
});

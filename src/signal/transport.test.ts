import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { attentionFusion, partialTransport, transportCost } from "./transport.ts";

const cost = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 })).chain(([n, m]) =>
  fc.array(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: m, maxLength: m }), {
    minLength: n,
    maxLength: n,
  }),
);
const sum = (values: ArrayLike<number>) => Array.from(values).reduce((total, value) => total + value, 0);

describe("signal/partial-transport", () => {
  it("meets uniform column marginals when balanced, carries less when partial", () => {
    fc.assert(
      fc.property(cost, (rows) => {
        const balanced = partialTransport({ massFraction: 1, tau: 0.5, iterations: 500 })({ cost: rows });
        expect(balanced.mass).toBeCloseTo(1, 6);
        for (const row of balanced.plan) expect(sum(row)).toBeCloseTo(1 / rows.length, 5);
        const partial = partialTransport({ massFraction: 0.5, tau: 0.5 })({ cost: rows });
        expect(partial.mass).toBeCloseTo(sum(partial.plan.map(sum)), 12);
        for (const row of partial.plan) expect(Array.from(row).every((value) => value > 0)).toBe(true);
      }),
    );
  });

  it("prefers cheap pairs and handles nothing", () => {
    const { plan } = partialTransport()({
      cost: [
        [0, 1],
        [1, 0],
      ],
    });
    expect(plan[0][0]).toBeGreaterThan(100 * plan[0][1]);
    expect(partialTransport()({ cost: [] })).toEqual({ plan: [], mass: 0 });
    expect(partialTransport()({ cost: [[], []] }).mass).toBe(0);
    expect(() => partialTransport()({ cost: [[1], [1, 2]] })).toThrow("cost[1]");
  });
});

describe("signal/transport-cost", () => {
  const inputs = {
    textTokens: [
      [1, 0],
      [0, 1],
    ],
    videoTokens: [
      [1, 0],
      [0, 2],
    ],
    attention: [
      [1, 0],
      [0, 1],
    ],
    frames: [0, 1],
    positions: [
      [0, 0],
      [0, 0],
    ],
  };
  it("is 0 for the patch a word means and attends to, 1 for the other; a constant component counts 0", () => {
    const out = transportCost()(inputs);
    expect(out.cost.map((row) => Array.from(row))).toEqual([
      [0, 1],
      [1, 0],
    ]);
    expect(Array.from(out.expectedFrames)).toEqual([0, 1]);
  });

  it("is all 0 where everything is equal, and names what does not fit", () => {
    const flat = transportCost()({
      ...inputs,
      videoTokens: [
        [0, 0],
        [0, 0],
      ],
      attention: [
        [0.5, 0.5],
        [0.5, 0.5],
      ],
    });
    expect(flat.cost.map((row) => Array.from(row))).toEqual([
      [0, 0],
      [0, 0],
    ]);
    expect(() => transportCost()({ ...inputs, frames: [0] })).toThrow("inputs.frames");
    expect(() => transportCost()({ ...inputs, textTokens: [[1], [1]] })).toThrow("textTokens[0]");
    expect(transportCost()({ textTokens: [], videoTokens: [], attention: [], frames: [], positions: [] }).cost).toEqual(
      [],
    );
  });
});

it("attention fusion: rows sum to 1, pooled features lie among the patches", () => {
  fc.assert(
    fc.property(cost, (rows) => {
      const video = rows[0].map((_, j) => [j]);
      const out = attentionFusion()({ attention: rows, plan: rows, videoTokens: video });
      out.attention.forEach((row, i) => {
        expect(sum(row)).toBeCloseTo(1, 9);
        expect(out.pooled[i][0]).toBeGreaterThanOrEqual(-1e-9);
        expect(out.pooled[i][0]).toBeLessThanOrEqual(video.length - 1 + 1e-9);
      });
    }),
  );
  expect(() => attentionFusion()({ attention: [[]], plan: [[]], videoTokens: [] })).toThrow("inputs.videoTokens");
});

it("transport-cost: cosines that differ by rounding alone are constant, and cost nothing", () => {
  const { cost: moved } = transportCost({ temporalWeight: 0, spatialWeight: 0 })({
    textTokens: [[0.1, 0.3, 0.7]],
    videoTokens: [1, 3, 7, 0.1].map((scale) => [0.1 * scale, 0.3 * scale, 0.7 * scale]),
    attention: [[0.25, 0.25, 0.25, 0.25]],
    frames: [0, 0, 0, 0],
    positions: [
      [0, 0],
      [0, 0],
      [0, 0],
      [0, 0],
    ],
  });
  expect(Array.from(moved[0])).toEqual([0, 0, 0, 0]);
});

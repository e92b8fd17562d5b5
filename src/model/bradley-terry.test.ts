import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { callPart } from "../core/part.ts";
import { bradleyTerry, bradleyTerryTies, lengthDisentangledBradleyTerry } from "./bradley-terry.ts";

const softplus = (x: number) => Math.log1p(Math.exp(x));
const scores = fc.array(
  fc.tuple(fc.double({ min: -50, max: 50, noNaN: true }), fc.double({ min: -50, max: 50, noNaN: true })),
  {
    minLength: 1,
    maxLength: 6,
  },
);

describe("model/bradley-terry", () => {
  it("is finite, permutes with its pairs and ignores a common offset", async () => {
    await fc.assert(
      fc.asyncProperty(scores, fc.double({ min: -100, max: 100, noNaN: true }), async (pairs, offset) => {
        const run = (rows: [number, number][]) =>
          callPart(bradleyTerry, {
            inputs: { chosen: rows.map((row) => row[0]), rejected: rows.map((row) => row[1]) },
          });
        const out = await run(pairs);
        const losses = out.losses as number[];
        const reversed = await run(pairs.slice().reverse());
        expect((reversed.losses as number[]).slice().reverse()).toEqual(losses);
        const shifted = await run(pairs.map(([c, r]) => [c + offset, r + offset]));
        expect(Number(shifted.loss)).toBeCloseTo(Number(out.loss), 9);
        for (const [i, [c, r]] of pairs.entries()) expect(losses[i]).toBeCloseTo(softplus(r - c), 9);
      }),
      { numRuns: 20 },
    );
  });

  it("stays exact where σ saturates", async () => {
    const { losses } = await callPart(bradleyTerry, { inputs: { chosen: [0, 800, -800], rejected: [800, 0, 800] } });
    expect(losses).toEqual([800, 0, 1600]);
  });

  it("excluded pairs keep their loss but not their weight, and a batch without any has no mean", async () => {
    const inputs = { chosen: [1, 5], rejected: [0, 0], include: [true, false] };
    const out = await callPart(bradleyTerry, { params: { epsilon: 1 }, inputs });
    expect(Number(out.loss)).toBeCloseTo(softplus(-1) / 2, 12);
    expect(out.accuracy).toBe(0.5);
    expect(out.margin).toBe(1);
    expect((out.losses as number[])[1]).toBeCloseTo(softplus(-5), 12);
    const none = { ...inputs, include: [false, false] };
    expect(await callPart(bradleyTerry, { inputs: none })).toMatchObject({ loss: null, accuracy: null, margin: null });
    expect(await callPart(bradleyTerry, { params: { epsilon: 1e-5 }, inputs: none })).toMatchObject({
      loss: 0,
      accuracy: 0,
      margin: null,
    });
    expect(await callPart(bradleyTerry, { inputs: { chosen: [], rejected: [] } })).toEqual({
      losses: [],
      rankingLosses: [],
      loss: null,
      accuracy: null,
      margin: null,
    });
  });

  it("divides by ln(length + 1) before everything else and refuses empty responses that count", async () => {
    const params = { lengthNormalization: "log", centering: 1 } as const;
    const inputs = {
      chosen: [2],
      rejected: [1],
      chosenLengths: [Math.E ** 2 - 1].map(Math.round),
      rejectedLengths: [1],
    };
    const out = await callPart(bradleyTerry, { params, inputs });
    const [c, r] = [2 / Math.log(7), 1 / Math.log(2)];
    expect((out.losses as number[])[0]).toBeCloseTo(softplus(r - c) + (c + r) ** 2, 12);
    expect((out.rankingLosses as number[])[0]).toBeCloseTo(softplus(r - c), 12);
    expect(Number(out.margin)).toBeCloseTo(c - r, 12);
    expect(out.accuracy).toBe(0);
    const empty = { ...inputs, chosenLengths: [0] };
    await expect(callPart(bradleyTerry, { params, inputs: empty })).rejects.toThrow("inputs.chosenLengths[0]");
    const masked = await callPart(bradleyTerry, { params, inputs: { ...empty, include: [false] } });
    expect(masked.loss).toBeNull();
    await expect(callPart(bradleyTerry, { params, inputs: { chosen: [1], rejected: [0] } })).rejects.toThrow(
      "inputs.chosenLengths",
    );
    const noPair = { chosen: [], rejected: [], chosenLengths: [], rejectedLengths: [] };
    expect(await callPart(bradleyTerry, { params, inputs: noPair })).toMatchObject({ loss: null });
  });

  it("needs strengths for a strength mode; scaled is a repetition of pairs up to the mean", async () => {
    await expect(
      callPart(bradleyTerry, { params: { strength: "scaled" }, inputs: { chosen: [1], rejected: [0] } }),
    ).rejects.toThrow("inputs.strengths");
    const { losses } = await callPart(bradleyTerry, {
      params: { strength: "scaled" },
      inputs: { chosen: [1, 1], rejected: [0, 0], strengths: [3, 0] },
    });
    expect((losses as number[])[0]).toBeCloseTo(3 * softplus(-1), 12);
    expect((losses as number[])[1]).toBe(0);
  });
});

describe("model/bradley-terry-ties", () => {
  it("a tie is least where both scores are equal, whatever the form", async () => {
    const run = async (form: "paper" | "release", difference: number) => {
      const inputs = { chosen: [difference], rejected: [0], chosenQuality: [1], rejectedQuality: [1] };
      return Number((await callPart(bradleyTerryTies, { params: { form, margin: 1 }, inputs })).loss);
    };
    for (const form of ["paper", "release"] as const) {
      expect(await run(form, 0)).toBeCloseTo((form === "paper" ? 1 : 2) * softplus(1), 12);
      expect(await run(form, 0.5)).toBeGreaterThan(await run(form, 0));
      expect(await run(form, 0.5)).toBeCloseTo(await run(form, -0.5), 12);
    }
  });

  it("weighs decided pairs, ties and the point-wise term", async () => {
    const inputs = { chosen: [1, 1], rejected: [0, 0], chosenQuality: [1, 2], rejectedQuality: [0, 2] };
    const params = { form: "release", btCoefficient: 2, tieCoefficient: 3, bceCoefficient: 4 } as const;
    const out = await callPart(bradleyTerryTies, { params, inputs });
    expect((out.losses as number[])[0]).toBeCloseTo(2 * softplus(-1), 12);
    expect((out.losses as number[])[1]).toBeCloseTo(3 * (softplus(-1) + softplus(1)), 12);
    // Targets 1, 1 on the first sides; 0, 1 on the second ones, whose scores are 0.
    const bce = (2 * softplus(-1) + 2 * Math.LN2) / 4;
    const [a, b] = out.losses as number[];
    expect(Number(out.loss)).toBeCloseTo((a + b) / 2 + 4 * bce, 12);
    const none = { chosen: [], rejected: [], chosenQuality: [], rejectedQuality: [] };
    expect(await callPart(bradleyTerryTies, { inputs: none })).toEqual({ losses: [], loss: null });
  });
});

describe("model/length-disentangled-bradley-terry", () => {
  const inputs = {
    chosenQuality: [1, 0],
    rejectedQuality: [0, -1],
    chosenLengthScore: [0, 0.5],
    rejectedLengthScore: [0.2, 0.1],
    chosenLengths: [10, 10],
    rejectedLengths: [10, 10],
    qualityWeights: [0, 0],
    lengthWeights: [1, 1],
  };
  it("has no correlation with equal lengths, and no angle with zero weights", async () => {
    const out = await callPart(lengthDisentangledBradleyTerry, { inputs });
    expect(out).toMatchObject({ loss: null, lengthLoss: null, orthogonalLoss: 0 });
    expect(Number(out.preferenceLoss)).toBeCloseTo((softplus(-0.8) + softplus(-1.4)) / 2, 12);
  });

  it("rewards a length head that tracks length and punishes a quality head that does", async () => {
    const out = await callPart(lengthDisentangledBradleyTerry, {
      inputs: {
        ...inputs,
        chosenQuality: [1, 2],
        rejectedQuality: [3, 4],
        chosenLengthScore: [-1, -2],
        rejectedLengthScore: [-3, -4],
        chosenLengths: [10, 20],
        rejectedLengths: [30, 40],
      },
    });
    // |ρ(Q, length)| = 1, ρ(L, length) = −1
    expect(Number(out.lengthLoss)).toBeCloseTo(2, 12);
  });
});

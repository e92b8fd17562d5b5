import { describe, expect, it } from "vitest";
import { callPart } from "../core/part.ts";
import { airlLogits, densityRatioDiscriminator, gailDiscriminator } from "./discriminators.ts";

describe("model/airl-logits", () => {
  it("ignores the potential of a terminal state only", async () => {
    const inputs = {
      rewards: [1, 1],
      potentials: [2, 2],
      nextPotentials: [10, 10],
      terminated: [true, false],
      logprobs: [0, 1.5],
    };
    const out = await callPart(airlLogits, { params: { gamma: 0.5 }, inputs });
    expect(out.shapedRewards).toEqual([-1, 4]);
    expect(out.logits).toEqual([-1, 2.5]);
    const none = { rewards: [], potentials: [], nextPotentials: [], terminated: [], logprobs: [] };
    expect(await callPart(airlLogits, { inputs: none })).toEqual({ shapedRewards: [], logits: [], discriminator: [] });
  });
});

describe("model/gail-discriminator", () => {
  it("has the closed-form gradients of cross-entropy, sides of different size", async () => {
    const params = { entropyCoefficient: 0 };
    const inputs = { policyLogits: [0.3, -2], expertLogits: [1], policyLabels: [0.1, 0], expertLabels: [1.2] };
    const out = await callPart(gailDiscriminator, { params, inputs });
    const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
    const [first, second] = out.policyGradients as number[];
    expect(first).toBeCloseTo((sigmoid(0.3) - 0.1) / 2, 12);
    expect(second).toBeCloseTo(sigmoid(-2) / 2, 12);
    expect((out.expertGradients as number[])[0]).toBeCloseTo(sigmoid(1) - 1.2, 12);
  });

  it("stays finite at saturation", async () => {
    for (const loss of ["cross-entropy", "positive-unlabelled"] as const) {
      const out = await callPart(gailDiscriminator, {
        params: { loss },
        inputs: { policyLogits: [900, -900], expertLogits: [-900, 900] },
      });
      expect(out.loss).toSatisfy(Number.isFinite);
    }
  });

  it("pairs the sides of the positive-unlabelled loss, and has no loss with an empty side", async () => {
    await expect(
      callPart(gailDiscriminator, {
        params: { loss: "positive-unlabelled" },
        inputs: { policyLogits: [1], expertLogits: [1, 2] },
      }),
    ).rejects.toThrow("inputs.expertLogits");
    expect(await callPart(gailDiscriminator, { inputs: { policyLogits: [], expertLogits: [1] } })).toEqual({
      classificationLoss: null,
      entropy: null,
      loss: null,
      policyGradients: [],
      expertGradients: [0],
    });
  });
});

describe("model/density-ratio-discriminator", () => {
  it("costs 2 log 2 where it knows nothing, and has no loss with an empty side", async () => {
    const out = await callPart(densityRatioDiscriminator, { inputs: { policyScores: [0], referenceScores: [0, 0] } });
    expect(Number(out.loss)).toBeCloseTo(2 * Math.LN2, 12);
    expect(await callPart(densityRatioDiscriminator, { inputs: { policyScores: [], referenceScores: [2] } })).toEqual({
      loss: null,
      policyMean: null,
      referenceMean: 2,
    });
    const far = { policyScores: [1e4], referenceScores: [-1e4] };
    const tv = await callPart(densityRatioDiscriminator, { params: { loss: "tv" }, inputs: far });
    expect(Number(tv.loss)).toBeCloseTo(-2 + 0.02 * 1e8, 6);
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { callPart } from "../core/part.ts";
import {
  continualPreference,
  critiqueReward,
  preferenceCrossEntropy,
  trajectoryPreference,
} from "./preference-losses.ts";

const softplus = (x: number) => Math.log1p(Math.exp(x));

describe("model/preference-cross-entropy", () => {
  it("gradients of the two sides cancel, whatever the labels", async () => {
    const row = fc.tuple(
      fc.double({ min: -900, max: 900, noNaN: true }),
      fc.double({ min: -900, max: 900, noNaN: true }),
      fc.integer({ min: 0, max: 3 }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 5 }), async (rows) => {
        const [first, second, labels] = [0, 1, 2].map((k) => rows.map((entry) => entry[k]));
        const out = await callPart(preferenceCrossEntropy, { inputs: { first, second, labels } });
        (out.gradFirst as number[]).forEach((g, i) => {
          expect(g + (out.gradSecond as number[])[i]).toBeCloseTo(0, 12);
        });
        expect(out.loss === null).toBe(rows.length === 0);
        for (const loss of out.losses as number[]) expect(loss).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: 30 },
    );
  });

  it("equal scores count as a vote for the first", async () => {
    const inputs = { first: [1, 1], second: [1, 1], labels: [0, 1] };
    expect((await callPart(preferenceCrossEntropy, { inputs })).accuracy).toBe(0.5);
  });
});

describe("model/trajectory-preference", () => {
  it("discounts within each segment, allows different lengths, clips the difference", async () => {
    const inputs = { firstRewards: [[1, 2], []], secondRewards: [[4], [1000]], labels: [1, 1] };
    const out = await callPart(trajectoryPreference, { params: { gamma: 0.5 }, inputs });
    expect((out.losses as number[])[0]).toBeCloseTo(softplus(2), 12);
    expect((out.losses as number[])[1]).toBeCloseTo(50, 12);
    expect(out.accuracy).toBe(0);
    const bounded = await callPart(trajectoryPreference, { params: { threshold: 3, noise: 0.2 }, inputs });
    expect((bounded.probabilities as number[])[1]).toBeCloseTo(0.1 + 0.8 / (1 + Math.exp(3)), 12);
  });

  it("an exact tie votes for the second, and nothing has no mean", async () => {
    const tied = { firstRewards: [[1], [1]], secondRewards: [[1], [1]], labels: [1, 0] };
    expect((await callPart(trajectoryPreference, { inputs: tied })).accuracy).toBe(0.5);
    const none = { firstRewards: [], secondRewards: [], labels: [] };
    expect(await callPart(trajectoryPreference, { inputs: none })).toEqual({
      probabilities: [],
      losses: [],
      loss: null,
      accuracy: null,
    });
  });

  it("a wrong certain prediction costs a finite amount", async () => {
    const inputs = { firstRewards: [[1e6]], secondRewards: [[0]], labels: [0] };
    const out = await callPart(trajectoryPreference, { params: { threshold: 1e9 }, inputs });
    expect(out.loss).toBe(1e6);
  });
});

describe("model/critique-reward", () => {
  it("terms without a pair of their kind are 0; a pair with one critique adds nothing but counts", async () => {
    const ties = await callPart(critiqueReward, {
      params: { centering: 0, tieWeight: 2, rewardWeight: 3 },
      inputs: {
        chosen: [1],
        rejected: [3],
        ties: [true],
        chosenCritiqueLogprobs: [[-1, -2]],
        rejectedCritiqueLogprobs: [[]],
      },
    });
    expect(ties).toEqual({ loss: 24, preferenceLoss: 0, tieLoss: 4, critiqueLoss: 0 });
    const plain = await callPart(critiqueReward, { inputs: { chosen: [0], rejected: [0] } });
    expect(Number(plain.loss)).toBeCloseTo(Math.LN2, 12);
    expect(await callPart(critiqueReward, { inputs: { chosen: [], rejected: [] } })).toMatchObject({ loss: null });
  });
});

describe("model/continual-preference", () => {
  const triples = { llmScores: [1], mixedScores: [0], humanScores: [-1] };
  it("uses the released defaults", async () => {
    const inputs = { ...triples, replayScores: [2, 0], replayReferenceScores: [1, 1] };
    const out = await callPart(continualPreference, { inputs });
    const expected = [0.3 * (softplus(-1) + 0.005), softplus(-2) + 0.01, 0.3 * (softplus(-1) + 0.005)];
    for (const [k, value] of expected.entries()) expect((out.pairLosses as number[])[k]).toBeCloseTo(value, 12);
    expect(Number(out.preferenceLoss)).toBeCloseTo(expected.reduce((a, b) => a + b) / 3, 12);
    expect(Number(out.replayLoss)).toBeCloseTo(0.02, 12);
  });

  it("has no mean over no replay text, but a sum", async () => {
    const inputs = { ...triples, replayScores: [], replayReferenceScores: [] };
    expect((await callPart(continualPreference, { inputs })).replayLoss).toBe(0);
    const mean = await callPart(continualPreference, { params: { replayReduction: "mean" }, inputs });
    expect(mean).toMatchObject({ replayLoss: null, loss: null });
    const none = { ...inputs, llmScores: [], mixedScores: [], humanScores: [] };
    expect(await callPart(continualPreference, { inputs: none })).toMatchObject({ pairLosses: null, loss: null });
  });
});

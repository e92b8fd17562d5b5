import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { callPart } from "../core/part.ts";
import { evaluateWithGradient, maskTensor, rowsTensor } from "./engine.ts";
import { groupRanking, rankingTargets, topOneRegularizer } from "./group-ranking.ts";
import { classWeights, implicitActorCritic, implicitCrossEntropy } from "./implicit-reward.ts";
import { fDivergenceSft, likelihoodReward, sft, sftLoss } from "./likelihood.ts";
import { dpo, dpoLoss, ktoPair, ncaPair, pairTensors } from "./preference.ts";
import { dno, rewardDifference, trajectoryDpo } from "./preference-regression.ts";
import { dpoTokenRegularized, simpoTokenRegularized } from "./preference-token.ts";

const pair = {
  chosenLogprobs: [[-1, -0.5], [-2]],
  rejectedLogprobs: [[-1.5], [-0.4, -0.6]],
  refChosenLogprobs: [[-1.2, -0.9], [-1.8]],
  refRejectedLogprobs: [[-1.4], [-0.9, -0.7]],
};
const noPair = { chosenLogprobs: [], rejectedLogprobs: [], refChosenLogprobs: [], refRejectedLogprobs: [] };
const log = (x: number) => [[x]];

describe("DPO family", () => {
  it("starts at log 2 with half the β as the pull on each side", () => {
    const same = { ...pair, refChosenLogprobs: pair.chosenLogprobs, refRejectedLogprobs: pair.rejectedLogprobs };
    const { loss, gradients } = evaluateWithGradient(dpoLoss({ beta: 0.4 }), pairTensors(same), [
      "chosenLogprobs",
      "rejectedLogprobs",
    ]);
    expect(loss).toBeCloseTo(Math.LN2, 15);
    // N = 2: −β/2/N on chosen tokens, +β/2/N on rejected ones; nothing on padding
    expect(Array.from(gradients.chosenLogprobs)).toEqual(
      [-0.1, -0.1, -0.1, 0].map((value) => expect.closeTo(value, 12)),
    );
    expect(Array.from(gradients.rejectedLogprobs)).toEqual(
      [0.1, 0, 0.1, 0.1].map((value) => expect.closeTo(value, 12)),
    );
  });

  it("is blind to what policy and reference share, and swaps sides with the sign", async () => {
    const value = fc.double({ min: -30, max: 0, noNaN: true });
    const row = fc.tuple(value, value, value, value, value);
    await fc.assert(
      fc.asyncProperty(
        row,
        fc.constantFrom("sigmoid", "ipo", "ipo-unit", "hinge"),
        async ([a, b, c, d, shift], loss) => {
          const inputs = (x: number, y: number, rx: number, ry: number) => ({
            chosenLogprobs: log(x),
            rejectedLogprobs: log(y),
            refChosenLogprobs: log(rx),
            refRejectedLogprobs: log(ry),
          });
          const params = { loss, beta: 0.3 };
          const plain = await callPart(dpo, { params, inputs: inputs(a, b, c, d) });
          const shifted = await callPart(dpo, { params, inputs: inputs(a + shift, b, c + shift, d) });
          expect(Math.abs(Number(plain.loss) - Number(shifted.loss))).toBeLessThan(1e-9);
          const swapped = await callPart(dpo, { params, inputs: inputs(b, a, d, c) });
          const [difference] = plain.logRatioDifferences as number[];
          expect((swapped.logRatioDifferences as number[])[0]).toBeCloseTo(-difference, 10);
        },
      ),
      { numRuns: 10 },
    );
  });

  it("stays exact where the sigmoid saturates", async () => {
    const inputs = {
      chosenLogprobs: log(-5000),
      rejectedLogprobs: log(0),
      refChosenLogprobs: log(0),
      refRejectedLogprobs: log(-5000),
    };
    expect((await callPart(dpo, { params: { beta: 1 }, inputs })).loss).toBe(10_000);
    expect((await callPart(ncaPair, { params: { beta: 1 }, inputs })).loss).toBe(7500);
    const kto = await callPart(ktoPair, { params: { beta: 1 }, inputs });
    // K_w = 0 and K_l = 5000: both sides are as wrong as they can be
    expect(kto.loss).toBe(1);
  });

  it("adds lengths in tokens, strengths, β per pair and the SFT term", async () => {
    const plain = await callPart(dpo, { inputs: pair });
    const [z1, z2] = (plain.logRatioDifferences as number[]).map((difference) => 0.1 * difference);
    const softplus = (x: number) => Math.log1p(Math.exp(x));
    const long = await callPart(dpo, { params: { lengthCoefficient: 0.2 }, inputs: pair });
    expect((long.losses as number[])[0]).toBeCloseTo(softplus(-(z1 + 0.2)), 12);
    expect((long.losses as number[])[1]).toBeCloseTo(softplus(-(z2 - 0.2)), 12);
    const margin = await callPart(dpo, { params: { strength: "margin" }, inputs: { ...pair, strengths: [3, 1] } });
    expect((margin.losses as number[])[0]).toBeCloseTo(softplus(3 - z1), 12);
    const betas = await callPart(dpo, { inputs: { ...pair, betas: [0.1, 0.5] } });
    expect((betas.losses as number[])[1]).toBeCloseTo(softplus(-5 * z2), 12);
    const mixed = await callPart(dpo, { params: { sftWeight: 2 }, inputs: pair });
    expect(Number(mixed.loss)).toBeCloseTo(Number(plain.loss) + 2 * (3.5 / 3), 12);
    await expect(callPart(dpo, { params: { strength: "scaled" }, inputs: pair })).rejects.toThrow("inputs.strengths");
  });

  it("has no mean over no pair", async () => {
    expect(await callPart(dpo, { inputs: noPair })).toMatchObject({
      loss: null,
      losses: [],
      accuracy: null,
      sftLoss: null,
    });
    expect(await callPart(ktoPair, { inputs: noPair })).toEqual({ loss: null });
    expect(await callPart(ncaPair, { inputs: noPair })).toEqual({ loss: null });
    const rewards = { chosenTokenRewards: [], rejectedTokenRewards: [] };
    expect(await callPart(dpoTokenRegularized, { inputs: { ...noPair, ...rewards } })).toMatchObject({
      loss: null,
      chosenGradients: [],
    });
    const { refChosenLogprobs: _, refRejectedLogprobs: __, ...own } = noPair;
    expect(await callPart(simpoTokenRegularized, { inputs: { ...own, ...rewards } })).toMatchObject({
      loss: null,
      weights: [],
    });
  });

  it("rescales DPO's token gradients by ±α·r̂ and no more", async () => {
    const chosenTokenRewards = [[0.5, -0.5], [0.1]];
    const rejectedTokenRewards = [[-0.2], [0.4, 0]];
    const result = await callPart(dpoTokenRegularized, {
      params: { beta: 0.1, alpha: 0.25 },
      inputs: { ...pair, chosenTokenRewards, rejectedTokenRewards },
    });
    const weights = result.weights as number[];
    (result.chosenGradients as number[][]).forEach((row, i) => {
      row.forEach((value, t) => {
        expect(value).toBeCloseTo((-0.1 * weights[i] * (1 + 0.25 * chosenTokenRewards[i][t])) / 2, 12);
      });
    });
    (result.rejectedGradients as number[][]).forEach((row, i) => {
      row.forEach((value, t) => {
        expect(value).toBeCloseTo((0.1 * weights[i] * (1 - 0.25 * rejectedTokenRewards[i][t])) / 2, 12);
      });
    });
  });
});

describe("regression on implicit rewards", () => {
  it("vanishes at the solution it aims at", async () => {
    const exact = {
      firstLogprobs: log(-1),
      secondLogprobs: log(-2),
      refFirstLogprobs: log(-1.6),
      refSecondLogprobs: log(-2),
      firstRewards: [0.9],
      secondRewards: [0.6],
    };
    const result = await callPart(dno, { params: { eta: 0.5 }, inputs: exact });
    expect((result.excess as number[])[0]).toBeCloseTo(0, 15);
    const empty = {
      firstLogprobs: [],
      secondLogprobs: [],
      refFirstLogprobs: [],
      refSecondLogprobs: [],
      firstRewards: [],
      secondRewards: [],
    };
    expect(await callPart(dno, { inputs: empty })).toMatchObject({ loss: null, targets: [] });
  });

  it("pairs only within a group, and gives null where there is no pair", async () => {
    const inputs = {
      logprobs: [[-1], [-2]],
      refLogprobs: [[-1], [-1]],
      oldLogprobs: [[-1], [-2]],
      rewards: [1, 0],
      groups: ["a", "b"],
    };
    expect(await callPart(rewardDifference, { inputs })).toMatchObject({
      pairLosses: [],
      loss: null,
      clipActive: null,
    });
    const joined = await callPart(rewardDifference, { params: { beta: 2 }, inputs: { ...inputs, groups: ["a", "a"] } });
    // r̂ = [0, −1], difference 1 − 1/2
    expect(joined).toMatchObject({ predictedRewards: [0, -1], pairLosses: [0.25], loss: 0.25, clipActive: 0 });
  });

  it("names trajectories within their task, and pairs every success with every failure", async () => {
    const inputs = {
      logprobs: [[-1], [-1], [-3], [-1]],
      oldLogprobs: [[-2], [-2], [-2], [-2]],
      trajectories: [0, 0, 1, 0],
      groups: ["x", "x", "x", "y"],
      rewards: [1, 1, 0, 1],
    };
    const sum = await callPart(trajectoryDpo, { params: { beta: 1 }, inputs });
    expect(sum).toMatchObject({ trajectoryValues: [2, -1, 1], pairCount: 1 });
    expect(sum.loss).toBeCloseTo(Math.log1p(Math.exp(-3)), 12);
    const mean = await callPart(trajectoryDpo, { params: { beta: 1, aggregate: "mean" }, inputs });
    expect(mean.trajectoryValues).toEqual([1, -1, 1]);
    const all = await callPart(trajectoryDpo, { params: { successThreshold: -1 }, inputs });
    expect(all).toMatchObject({ pairCount: 0, loss: 0 });
    const empty = { logprobs: [], oldLogprobs: [], trajectories: [], groups: [], rewards: [] };
    expect(await callPart(trajectoryDpo, { inputs: empty })).toEqual({ trajectoryValues: [], pairCount: 0, loss: 0 });
  });
});

describe("implicit rewards", () => {
  it("push like RLOO while the policy has not moved", async () => {
    const logprobs = [[-1, -2], [-0.5], [-0.25], [-3]];
    const inputs = { logprobs, oldLogprobs: logprobs, rewards: [1, 0, 0, 1], groups: ["a", "b", "b", "a"] };
    const { gradLogprobs } = await callPart(implicitActorCritic, { params: { classWeight: "none", beta: 2 }, inputs });
    // advantages 0 within each group: all its labels are equal
    for (const row of gradLogprobs as number[][]) for (const value of row) expect(value).toBeCloseTo(0, 14);
    const mixed = await callPart(implicitActorCritic, {
      params: { classWeight: "none" },
      inputs: { ...inputs, groups: [1, 1, 2, 2] },
    });
    const gradients = mixed.gradLogprobs as number[][];
    expect(gradients[0][0]).toBeCloseTo(-1 / 4, 12);
    expect(gradients[1][0]).toBeCloseTo(1 / 4, 12);
  });

  it("survive equal scores and groups of one", async () => {
    const logprobs = [[-1], [-1], [-2]];
    const inputs = { logprobs, oldLogprobs: logprobs, rewards: [1, 0, 1], groups: ["a", "a", "b"] };
    for (const estimator of ["rloo", "grpo", "naive"]) {
      for (const epsilon of [0, 1e-6]) {
        const result = await callPart(implicitActorCritic, { params: { estimator, epsilon }, inputs });
        expect(result.scores).toEqual([0, 0, 0]);
      }
    }
    const moved = { ...inputs, oldLogprobs: [[-1], [-1], [-3]] };
    expect((await callPart(implicitActorCritic, { inputs: moved })).scores).toEqual([0, 0, 1]);
    const empty = { logprobs: [], oldLogprobs: [], rewards: [], groups: [] };
    expect(await callPart(implicitActorCritic, { inputs: empty })).toMatchObject({ loss: null, weights: [] });
  });

  it("balance classes within each group", () => {
    expect(Array.from(classWeights([1, 0, 0, 0, 1], ["a", "a", "a", "a", "b"], "balanced"))).toEqual([
      2,
      2 / 3,
      2 / 3,
      2 / 3,
      1,
    ]);
    expect(Array.from(classWeights([1, 0], ["a", "a"], "only-positive"))).toEqual([1, 0]);
    expect(Array.from(classWeights([1, 0], ["a", "a"], "only-negative"))).toEqual([0, 1]);
  });

  it("leave masked tokens out of the cross-entropy, which stays exact at saturation", async () => {
    const inputs = { logprobs: [[-1, -9000]], refLogprobs: [[-1, 0]], labels: [1], mask: [[1, 0]] };
    expect((await callPart(implicitCrossEntropy, { inputs })).loss).toBeCloseTo(Math.LN2, 12);
    const wrong = await callPart(implicitCrossEntropy, { params: { beta: 1 }, inputs: { ...inputs, mask: [[1, 1]] } });
    expect(wrong.loss).toBe(9000);
    expect(await callPart(implicitCrossEntropy, { inputs: { logprobs: [], refLogprobs: [], labels: [] } })).toEqual({
      implicitRewards: [],
      loss: null,
    });
  });
});

describe("likelihood losses", () => {
  it("pull alike in SFT and in the total-variation form", () => {
    const logprobs = [[-1, -2], [-0.3]];
    const { gradients } = evaluateWithGradient(
      sftLoss(),
      { logprobs: rowsTensor(logprobs), mask: maskTensor(logprobs) },
      ["logprobs"],
    );
    const { weights } = fDivergenceSft({ divergence: "total-variation" })({ logprobs, refLogprobs: [[-3, -1], [-1]] });
    expect(
      Array.from(gradients.logprobs)
        .filter((value) => value !== 0)
        .map((value) => -3 * value),
    ).toEqual(Array.from(weights.values, (value) => expect.closeTo(value, 12)));
  });

  it("continue linearly below the floor and refuse a floor outside the domain", async () => {
    const inputs = { logprobs: [[-5]], refLogprobs: [[0]] };
    const { weights } = await callPart(fDivergenceSft, { params: { divergence: "squared-hellinger" }, inputs });
    expect((weights as number[][])[0][0]).toBeCloseTo(4, 10);
    for (const divergence of ["squared-hellinger", "jensen-shannon"]) {
      await expect(callPart(fDivergenceSft, { params: { divergence, floor: -1 }, inputs })).rejects.toThrow(
        "params.floor",
      );
    }
    await callPart(fDivergenceSft, {
      params: { divergence: "kl" },
      inputs: { logprobs: [[-3000]], refLogprobs: [[0]] },
    });
  });

  it("weigh tokens by φ′ of their sequence at sequence level", async () => {
    const inputs = {
      logprobs: [
        [-1, -1],
        [-1, -7],
      ],
      refLogprobs: [
        [-1.5, -1.25],
        [-1, -1],
      ],
      mask: [
        [1, 1],
        [1, 0],
      ],
    };
    const result = await callPart(fDivergenceSft, { params: { divergence: "pearson", level: "sequence" }, inputs });
    const weight = 1 - 0.75 / 2;
    expect(result.weights).toEqual([
      [expect.closeTo(weight, 12), expect.closeTo(weight, 12)],
      [expect.closeTo(1, 12), 0],
    ]);
    expect(result.loss).toBeCloseTo(-(0.75 - 0.75 ** 2 / 4) / 2, 12);
  });

  it("give the answer weights of each likelihood reward", async () => {
    const inputs = { thoughtLogprobs: [[-1]], answerLogprobs: [[Math.log(0.5), Math.log(0.2)]], advantages: [0] };
    const weights = async (variant: string) =>
      (await callPart(likelihoodReward, { params: { variant }, inputs })).answerWeights as number[][];
    expect((await weights("log-prob"))[0]).toEqual([1, 1]);
    expect((await weights("avg-log-prob"))[0]).toEqual([0.5, 0.5]);
    for (const value of (await weights("prob"))[0]) expect(value).toBeCloseTo(0.1, 12);
    expect((await weights("avg-prob"))[0]).toEqual([expect.closeTo(0.25, 12), expect.closeTo(0.1, 12)]);
    for (const value of (await weights("geo-prob"))[0]) expect(value).toBeCloseTo(Math.sqrt(0.1) / 2, 12);
    expect(
      await callPart(likelihoodReward, { inputs: { thoughtLogprobs: [], answerLogprobs: [], advantages: [] } }),
    ).toEqual({
      loss: null,
      rewards: [],
      answerWeights: [],
    });
  });

  it("average over the tokens that count, 0 without any", async () => {
    expect(await callPart(sft, { inputs: { logprobs: [[-2, -9]], mask: [[1, 0]] } })).toEqual({ loss: 2 });
    expect(await callPart(sft, { inputs: { logprobs: [] } })).toEqual({ loss: 0 });
  });
});

describe("ranking within groups", () => {
  it("is DPO for two samples and a hard target, and nothing for one", async () => {
    const two = { implicitRewards: [0.7, -0.4], rewards: [0, 1], groups: ["p", "p"] };
    const { loss } = await callPart(groupRanking, { params: { tau: 0 }, inputs: two });
    expect(loss).toBeCloseTo(Math.log1p(Math.exp(1.1)), 12);
    const one = await callPart(groupRanking, { inputs: { implicitRewards: [3], rewards: [1], groups: [1] } });
    expect(one).toEqual({ groupLosses: [0], loss: 0 });
    expect(await callPart(groupRanking, { inputs: { implicitRewards: [], rewards: [], groups: [] } })).toEqual({
      groupLosses: [],
      loss: null,
    });
  });

  it("is blind to a constant added to a group's implicit rewards, however large", async () => {
    const inputs = { implicitRewards: [0.3, -0.2, 0.1], rewards: [3, 1, 2], groups: ["p", "p", "p"] };
    const plain = await callPart(groupRanking, { inputs });
    const shifted = await callPart(groupRanking, { inputs: { ...inputs, implicitRewards: [1000.3, 999.8, 1000.1] } });
    expect(shifted.loss).toBeCloseTo(Number(plain.loss), 9);
  });

  it("has targets that sum to one over what remains, ties in input order", () => {
    const { targets, remaining, counted } = rankingTargets([1, 1, 0], ["a", "a", "a"], { tau: 0 });
    expect(Array.from(targets)).toEqual([1, 0, 0, 0, 1, 0, 0, 0, 1]);
    expect(Array.from(remaining)).toEqual([1, 1, 1, 0, 1, 1, 0, 0, 1]);
    expect(Array.from(counted)).toEqual([1, 1, 0]);
  });

  it("takes the first of equal best samples", async () => {
    const inputs = { errors: [0.4, 0.2, 0.6], rewards: [1, 1, 0], groups: ["a", "a", "b"] };
    expect(await callPart(topOneRegularizer, { inputs })).toEqual({ best: [true, false, true], loss: 0.25 });
    expect(await callPart(topOneRegularizer, { inputs: { errors: [], rewards: [], groups: [] } })).toEqual({
      best: [],
      loss: null,
    });
  });
});

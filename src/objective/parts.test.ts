/** Hand-computed numbers and edge cases of the parts that are not token losses. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { callPart } from "../core/part.ts";
import { bilevelTerms, implicitGradient, metaGradient, sftRlMixture } from "./bilevel.ts";
import { actionDivergence, lagrangeMultipliers } from "./constraints.ts";
import { consistencyDistillation, directReward, hiddenStateDistillation } from "./distillation.ts";
import { diffusionDpo, flowKl, implicitFlowReward, rewardWeightedVelocity, rpo } from "./flow.ts";
import { adversarialSoftAdvantage, coachRegularizer, gradientPenalty, teamRegularizer } from "./imitation.ts";
import { noiseNorm, regularizedReward, rewardBackpropSchedule } from "./reward-gradient.ts";
import { softQ } from "./soft-q.ts";
import { pi2Weights, tdMpc, weightedLoss } from "./weighting.ts";

describe("flow losses", () => {
  it("have no mean over nothing", async () => {
    const none = { chosenErrors: [], rejectedErrors: [], refChosenErrors: [], refRejectedErrors: [] };
    expect(await callPart(diffusionDpo, { inputs: none })).toEqual({ margins: [], loss: null, accuracy: null });
    expect(await callPart(rpo, { inputs: { ...none, labels: [] } })).toMatchObject({ margins: [], loss: null });
    const velocities = { velocities: [], predictedVelocities: [], refVelocities: [] };
    expect(await callPart(implicitFlowReward, { inputs: velocities })).toEqual({
      errors: [],
      refErrors: [],
      implicitRewards: [],
    });
    expect(await callPart(flowKl, { inputs: { means: [], refMeans: [], diffusion: 1, timeStep: 1 } })).toEqual({
      perSample: [],
      loss: null,
    });
    const means = { means: [[1, 2]], refMeans: [[1, 0]], diffusion: 1 };
    expect(await callPart(flowKl, { inputs: means })).toEqual({ perSample: [1], loss: 1 });
    await expect(callPart(flowKl, { params: { includeTimeStep: true }, inputs: means })).rejects.toThrow("timeStep");
    const map = { velocities: [], targets: [], referenceTargets: [], weights: [] };
    expect(await callPart(rewardWeightedVelocity, { inputs: map })).toEqual({
      rewardLoss: null,
      referenceLoss: null,
      loss: null,
    });
  });

  it("count an undecided pair as not right, and hold at saturation", async () => {
    const inputs = {
      chosenErrors: [1, 0],
      rejectedErrors: [1, 5000],
      refChosenErrors: [1, 0],
      refRejectedErrors: [1, 0],
    };
    expect(await callPart(diffusionDpo, { params: { beta: 2 }, inputs })).toEqual({
      margins: [0, 5000],
      loss: Math.LN2 / 2,
      accuracy: 0.5,
    });
  });
});

describe("distillation", () => {
  it("leaves a layer unscaled whose teacher does not vary", async () => {
    const inputs = { studentStates: [[3, 1]], teacherStates: [[1, 1]] };
    // smooth L1 of 2 and 0
    expect(await callPart(hiddenStateDistillation, { inputs })).toEqual({ layerLosses: [0.75], loss: 0.75 });
    expect(await callPart(hiddenStateDistillation, { inputs: { studentStates: [], teacherStates: [] } })).toEqual({
      layerLosses: [],
      loss: null,
    });
    expect(await callPart(consistencyDistillation, { inputs: { predictions: [], targets: [] } })).toEqual({
      losses: [],
      loss: null,
    });
    expect(
      (await callPart(consistencyDistillation, { inputs: { predictions: [[2]], targets: [[2]] } })).loss,
    ).toBeCloseTo(0, 15);
  });

  it("subtracts rewards by weight, each standardised in its group when asked", async () => {
    const inputs = { distillationLoss: 1, components: { a: [1, 3, 5], b: [0, 0, 2] }, groups: ["p", "p", "q"] };
    const plain = await callPart(directReward, { params: { weights: { a: 1, b: 0.5 } }, inputs });
    expect(plain).toEqual({ rewards: [1, 3, 6], loss: expect.closeTo(1 - 10 / 3, 12) });
    const params = { weights: { a: 1, b: 1 }, baseline: "mean", scale: "group", epsilon: 0 };
    const { rewards } = await callPart(directReward, { params, inputs });
    expect(rewards).toEqual([expect.closeTo(-Math.SQRT1_2, 12), expect.closeTo(Math.SQRT1_2, 12), 0]);
    await expect(callPart(directReward, { params: { weights: { a: 1 } }, inputs })).rejects.toThrow("params.weights.b");
    await expect(callPart(directReward, { params: { weights: { a: 1, b: 1, c: 1 } }, inputs })).rejects.toThrow(
      "inputs.components.c",
    );
  });
});

describe("imitation", () => {
  it("has gradient D − 1[expert] over N, and saturates without overflow", async () => {
    const inputs = { logprobs: [[-900], [0]], oldLogprobs: [[0], [-900]], expert: [true, false] };
    const result = await callPart(adversarialSoftAdvantage, { inputs });
    expect(result).toEqual({ loss: 900, discriminator: [0, 1], gradLogprobs: [[-0.5], [0.5]] });
    expect(
      await callPart(adversarialSoftAdvantage, { inputs: { logprobs: [], oldLogprobs: [], expert: [] } }),
    ).toMatchObject({ loss: null });
  });

  it("penalises a gradient that vanishes only when two-sided", async () => {
    const inputs = {
      gradients: [
        [0, 0],
        [3, 4],
      ],
    };
    expect(await callPart(gradientPenalty, { params: { scale: 1 }, inputs })).toEqual({
      norms: [0, 5],
      penalties: [0, 16],
      loss: 8,
    });
    expect((await callPart(gradientPenalty, { params: { oneSided: false }, inputs })).penalties).toEqual([1, 16]);
    expect(await callPart(gradientPenalty, { inputs: { gradients: [] } })).toEqual({
      norms: [],
      penalties: [],
      loss: null,
    });
  });

  it("measures KL from the acting side, blind to constants in the logits", async () => {
    const inputs = { logits: [[1000, 0]], predictedLogits: [[0, 0]] };
    expect((await callPart(teamRegularizer, { inputs })).loss).toBeCloseTo(Math.LN2, 12);
    await expect(callPart(teamRegularizer, { params: { actions: "continuous" }, inputs })).rejects.toThrow(
      "inputs.actions",
    );
    const coach = { coachLogits: [[5, 5]], agentLogits: [[[-3, -3]], [[0, 1000]]] };
    const { perAgent } = (await callPart(coachRegularizer, { inputs: coach })) as { perAgent: number[] };
    expect(perAgent).toEqual([0, expect.closeTo(500 - Math.LN2, 10)]);
    expect(await callPart(coachRegularizer, { inputs: { coachLogits: [], agentLogits: [[]] } })).toEqual({
      perAgent: [null],
      loss: null,
    });
  });
});

describe("soft Q-learning", () => {
  const logits = [
    [
      [0, 0],
      [0, 0],
      [9, 9],
    ],
  ];
  const inputs = { logits, targetLogits: logits, actions: [[0, 1, 0]], rewards: [1], lengths: [2] };

  it("ends at the length", async () => {
    const { tokenLosses, gradLogits } = await callPart(softQ, { params: { variant: "v1" }, inputs });
    // Q = 0: against V̄ = log 2, then against the reward
    expect(tokenLosses).toEqual([[expect.closeTo(Math.LN2 ** 2, 12), 1]]);
    expect((gradLogits as number[][][])[0][2]).toEqual([0, 0]);
  });

  it("refuses what is outside its tables", async () => {
    await expect(callPart(softQ, { inputs: { ...inputs, lengths: [4] } })).rejects.toThrow("inputs.lengths[0]");
    await expect(callPart(softQ, { inputs: { ...inputs, actions: [[2, 0, 0]] } })).rejects.toThrow(
      "inputs.actions[0][0]",
    );
    await expect(callPart(softQ, { params: { variant: "v1", coefficient: 0.5 }, inputs })).rejects.toThrow(
      "params.coefficient",
    );
    await expect(callPart(softQ, { inputs: { ...inputs, targetLogits: [[[0], [0, 0], [0, 0]]] } })).rejects.toThrow(
      "inputs.logits[0][0]",
    );
    expect(
      await callPart(softQ, { inputs: { logits: [], targetLogits: [], actions: [], rewards: [], lengths: [] } }),
    ).toEqual({
      tokenLosses: [],
      loss: null,
      gradLogits: [],
    });
  });
});

describe("back-propagated rewards", () => {
  it("choose the steps with gradient", () => {
    const start = (params: object, steps: number, draws?: number[]) =>
      rewardBackpropSchedule(params)({ steps, draws }).start;
    expect(start({ strategy: "all" }, 5)).toBe(0);
    expect(start({ strategy: "last", k: 9 }, 5)).toBe(0);
    expect(start({ strategy: "fixed", value: 3 }, 5)).toBe(3);
    // 0 and steps are redrawn
    expect(start({ strategy: "uniform", min: 0, max: 10 }, 5, [0.05, 0.9, 0.35])).toBe(3);
    expect(start({ strategy: "gaussian", mean: 2, std: 1 }, 5, [-1.5, 0.9])).toBe(2);
    expect(() => start({ strategy: "uniform" }, 5, [0])).toThrow("inputs.draws");
    expect(() => start({ strategy: "uniform" }, 5)).toThrow("inputs.draws");
  });

  it("hold the noise on its shell", () => {
    const { norm, gradient } = noiseNorm()({ latent: [1, 1, 1, 1, 1].map((value) => value * Math.sqrt(4 / 5)) });
    expect(norm).toBeCloseTo(2, 12);
    for (const value of gradient) expect(value).toBeCloseTo(0, 14);
    expect(() => noiseNorm()({ latent: [0, 0] })).toThrow("inputs.latent");
  });

  it("need rewards and weights", async () => {
    const inputs = { weights: [1], parameters: [], refParameters: [] };
    await expect(callPart(regularizedReward, { inputs })).rejects.toThrow("inputs.rewards");
    await expect(callPart(regularizedReward, { inputs: { ...inputs, rewards: [[]] } })).rejects.toThrow(
      "inputs.rewards[0]",
    );
    await expect(callPart(regularizedReward, { inputs: { ...inputs, weights: [0], rewards: [[1]] } })).rejects.toThrow(
      "inputs.weights",
    );
  });
});

describe("weights", () => {
  it("of path integrals sum to one, prefer lower costs and ignore shifts and scales of the costs", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -1e3, max: 1e3, noNaN: true }), { minLength: 1 }), (costs) => {
        const { weights } = pi2Weights()({ costs });
        expect(weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 12);
        for (let i = 1; i < costs.length; i++) {
          if (costs[i] < costs[0]) expect(weights[i]).toBeGreaterThanOrEqual(weights[0]);
        }
      }),
    );
    expect(Array.from(pi2Weights()({ costs: [4, 4] }).weights)).toEqual([0.5, 0.5]);
    expect(pi2Weights()({ costs: [] }).weights.length).toBe(0);
  });

  it("of nothing give null", async () => {
    expect(await callPart(weightedLoss, { inputs: { losses: [], weights: [] } })).toEqual({ loss: null });
    const none = { consistencyErrors: [], rewardErrors: [], valueErrors: [], priorityErrors: [], weights: [] };
    expect(await callPart(tdMpc, { inputs: none })).toEqual({
      perSample: [],
      loss: null,
      gradientScale: null,
      priorities: [],
    });
  });

  it("cap each error sum of a world model at 10⁴", async () => {
    const inputs = {
      consistencyErrors: [[1e9]],
      rewardErrors: [[1]],
      valueErrors: [[[1]]],
      priorityErrors: [[[2]]],
      weights: [1],
    };
    expect(await callPart(tdMpc, { inputs })).toMatchObject({
      perSample: [expect.closeTo(20_000.6, 9)],
      priorities: [2],
    });
  });
});

describe("constraints", () => {
  const state = { logits: [0, 0], m: [0, 0], v: [0, 0], step: 0 };
  const params = { thresholds: [0.5], bounds: ["upper"] };

  it("leave a constraint without data alone", async () => {
    const result = await callPart(lagrangeMultipliers, { params, inputs: { state, costs: [[null]] } });
    expect(result).toMatchObject({
      averages: [null],
      loss: 0,
      gradient: [0, 0],
      rewardWeight: 0.5,
      costWeights: [-0.5],
      state: { ...state, step: 1 },
    });
  });

  it("raise the multiplier of a violated bound, and of no other", async () => {
    const violated = await callPart(lagrangeMultipliers, { params, inputs: { state, costs: [[1]] } });
    expect((violated.state as typeof state).logits[1]).toBeGreaterThan(0);
    const kept = await callPart(lagrangeMultipliers, { params, inputs: { state, costs: [[0]] } });
    expect((kept.state as typeof state).logits[1]).toBeLessThan(0);
    const lower = { thresholds: [0.5], bounds: ["lower"] };
    const short = await callPart(lagrangeMultipliers, { params: lower, inputs: { state, costs: [[0]] } });
    expect((short.state as typeof state).logits[1]).toBeGreaterThan(0);
    const asleep = { logits: [-1], m: [0], v: [0], step: 0 };
    const clamped = await callPart(lagrangeMultipliers, {
      params: { ...params, normalized: false },
      inputs: { state: asleep, costs: [[1]] },
    });
    expect(clamped).toMatchObject({ gradient: [0], rewardWeight: 1, costWeights: [-0] });
  });

  it("refuse sizes that do not fit", async () => {
    await expect(
      callPart(lagrangeMultipliers, { params, inputs: { state: { ...state, m: [0] }, costs: [] } }),
    ).rejects.toThrow("inputs.state.m");
    await expect(callPart(lagrangeMultipliers, { params, inputs: { state, costs: [[1, 2]] } })).rejects.toThrow(
      "inputs.costs[0]",
    );
    await expect(
      callPart(lagrangeMultipliers, { params: { ...params, bootstrap: 1 }, inputs: { state, costs: [] } }),
    ).rejects.toThrow("params.bootstrap");
    await expect(
      callPart(lagrangeMultipliers, { params: { ...params, bounds: [] }, inputs: { state, costs: [] } }),
    ).rejects.toThrow("params.bounds");
  });

  it("report a divergence without support as null, and an infinite Gaussian χ² by its KL", async () => {
    const inputs = {
      policy: [
        [0.5, 0.5],
        [1, 0],
      ],
      reference: [
        [1, 0],
        [0.5, 0.5],
      ],
    };
    const result = await callPart(actionDivergence, { inputs });
    expect(result).toMatchObject({
      kl: null,
      chi2: null,
      sqrtChi2: null,
      chi2Finite: false,
      perStateKl: [null, Math.LN2],
      perStateChi2: [null, 1],
    });
    const unvisited = await callPart(actionDivergence, { inputs: { ...inputs, stateWeights: [0, 3] } });
    expect(unvisited).toMatchObject({ kl: Math.LN2, chi2: 1, sqrtChi2: 1 });
    const wide = { mean: [0], std: [2], referenceMean: [0], referenceStd: [1] };
    const gaussian = await callPart(actionDivergence, { params: { distribution: "gaussian" }, inputs: wide });
    expect(gaussian).toMatchObject({ chi2Finite: false, kl: gaussian.chi2 });
    expect(gaussian.kl).toBeCloseTo(1.5 - Math.LN2, 12);
    await expect(callPart(actionDivergence, { params: { distribution: "gaussian" }, inputs })).rejects.toThrow(
      "inputs.mean",
    );
    const flat = { ...wide, std: [0] };
    await expect(callPart(actionDivergence, { params: { distribution: "gaussian" }, inputs: flat })).rejects.toThrow(
      "inputs.std[0]",
    );
  });
});

describe("bi-level gradients", () => {
  const problem = {
    logits: [
      [0.2, -0.1],
      [0.5, 0.3],
    ],
    states: [
      [0, 1, 1],
      [1, 0],
    ],
    actions: [
      [1, 0, 1],
      [0, 0],
    ],
    primary: [
      [0, 1, 0.5],
      [1, 0],
    ],
    auxiliary: [
      [0.2, 0.1, 0],
      [-0.1, 0.3],
    ],
    bias: [
      [0.1, -0.2],
      [0.3, 0],
    ],
    primaryWeights: [1.2, 0.8],
    auxiliaryWeights: [-0.4, 0.1],
    gammaLogit: 0.7,
  };

  it("have derivatives of the update that finite differences confirm", () => {
    const terms = bilevelTerms({ gamma: 0.9, entropy: 0.1 });
    const base = terms(problem);
    const step = 1e-6;
    const change = (field: "logits" | "bias", s: number, a: number) => ({
      ...problem,
      [field]: problem[field].map((row, i) => row.map((value, j) => (i === s && j === a ? value + step : value))),
    });
    for (let s = 0; s < 2; s++) {
      for (let a = 0; a < 2; a++) {
        const moved = terms(change("logits", s, a)).update;
        const biased = terms(change("bias", s, a)).update;
        for (let theta = 0; theta < 4; theta++) {
          expect(base.hessian[theta][2 * s + a]).toBeCloseTo((moved[theta] - base.update[theta]) / step, 4);
          expect(base.cross[theta][2 * s + a]).toBeCloseTo((biased[theta] - base.update[theta]) / step, 4);
        }
      }
    }
    const discounted = terms({ ...problem, gammaLogit: problem.gammaLogit + step }).update;
    for (let theta = 0; theta < 4; theta++) {
      expect(base.crossGamma[theta]).toBeCloseTo((discounted[theta] - base.update[theta]) / step, 4);
    }
  });

  it("refuse indices outside the table and a singular system", () => {
    expect(() =>
      bilevelTerms()({
        ...problem,
        states: [
          [0, 2, 1],
          [1, 0],
        ],
      }),
    ).toThrow("inputs.states");
    expect(() => bilevelTerms()({ ...problem, states: [], actions: [], primary: [], auxiliary: [] })).toThrow(
      "inputs.states",
    );
    const inputs = {
      outerGradient: [1, 1],
      hessian: [
        [1, 1],
        [1, 1],
      ],
      cross: [[1], [1]],
    };
    expect(() => implicitGradient()(inputs)).toThrow("inputs.hessian");
    expect(implicitGradient({ damping: 3 })(inputs).gradient[0]).toBeCloseTo(2, 12);
    expect(() => implicitGradient({ damping: 3, gammaCost: 1 })({ ...inputs, crossGamma: [0, 0] })).toThrow(
      "inputs.gammaLogit",
    );
  });

  it("agree between the identity and one Neumann term", () => {
    const inputs = {
      outerGradient: [1, 2],
      hessian: [
        [-1, 0],
        [0, -2],
      ],
      cross: [[1], [1]],
    };
    const identity = implicitGradient({ method: "identity", eta: 0.3 })(inputs);
    const neumann = implicitGradient({ method: "neumann", terms: 1, eta: 0.3 })(inputs);
    expect(Array.from(neumann.direction)).toEqual(Array.from(identity.direction));
  });

  it("mix losses and look one step ahead", async () => {
    const inputs = { mu: 0.25, sftLoss: 4, rlLoss: 0 };
    expect(await callPart(sftRlMixture, { inputs })).toEqual({ loss: 1 });
    await expect(callPart(sftRlMixture, { inputs: { ...inputs, sftGradient: [1] } })).rejects.toThrow(
      "inputs.rlGradient",
    );
    expect(metaGradient({ learningRate: 2 })({ utilityGradient: [1], sftGradient: [0], rlGradient: [3] })).toEqual({
      metaGradient: 6,
    });
  });
});

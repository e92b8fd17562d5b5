/** Every differentiable loss on small random inputs, for tests that hold for all of them. */
import { createRandom } from "../core/random.ts";
import { clippedSurrogateLoss } from "./clipped-surrogate.ts";
import { consistencyDistillationLoss, directRewardLoss, hiddenStateDistillationLoss } from "./distillation.ts";
import type { Tensor } from "./engine.ts";
import { diffusionDpoLoss, flowKlLoss, implicitFlowRewards, rewardWeightedVelocityLoss, rpoLoss } from "./flow.ts";
import { groupRankingLoss, rankingTargets, topOneLoss } from "./group-ranking.ts";
import {
  adversarialSoftAdvantageLoss,
  coachRegularizerLoss,
  gradientPenaltyLoss,
  teamRegularizerLoss,
} from "./imitation.ts";
import { implicitActorCriticLoss, implicitCrossEntropyLoss } from "./implicit-reward.ts";
import { chiSquaredPenaltyLoss, klLoss } from "./kl.ts";
import { fDivergenceSftLoss, likelihoodRewardLoss, sftLoss } from "./likelihood.ts";
import { cispoLoss, clippedValueLoss, mixedPolicyLoss, reinforceLoss } from "./policy-gradient.ts";
import { dpoLoss, ktoPairLoss, ncaPairLoss } from "./preference.ts";
import { dnoLoss, rewardDifferenceLoss, trajectoryDpoLoss } from "./preference-regression.ts";
import { dpoTokenRegularizedLoss, simpoTokenRegularizedLoss } from "./preference-token.ts";
import { noiseNormLoss, regularizedRewardLoss } from "./reward-gradient.ts";
import { softQLoss } from "./soft-q.ts";
import { tdMpcLoss } from "./weighting.ts";

/** Numbers and shape of one input. */
export interface Input {
  readonly data: Float64Array;
  readonly shape: number[];
}

export interface LossCase {
  readonly name: string;
  // biome-ignore lint/suspicious/noExplicitAny: each loss has its own record of tensors; the tests treat all alike
  readonly loss: (inputs: any) => { loss: Tensor };
  readonly inputs: Record<string, Input>;
  /** Inputs to differentiate. */
  readonly wrt: string[];
  /** Parts of the loss are constants for the gradient, so that finite differences of the loss are not its gradient. */
  readonly detached?: boolean;
}

const N = 4;
const T = 3;

/** Numbers drawn one after the other into a shape. */
export function input(shape: number[], draw: (index: number) => number): Input {
  const size = shape.reduce((product, length) => product * length, 1);
  return { data: Float64Array.from({ length: size }, (_, index) => draw(index)), shape };
}

/** One row of the mask is fully masked, others are partly. */
const mask = input([N, T], (k) => [1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 0, 1][k]);
const ones = input([N, T], () => 1);

export function lossCases(seed: string): LossCase[] {
  const random = createRandom(seed);
  const logprobs = (shape = [N, T]) => input(shape, () => -2 * random.uniform() - 0.05);
  const normals = (shape: number[], scale = 1) => input(shape, () => scale * random.normal());
  const positive = (shape: number[]) => input(shape, () => random.uniform() + 0.1);
  const near = (other: Input, scale: number) => input(other.shape, (k) => other.data[k] + scale * random.normal());
  const policy = (spread = 0.3) => {
    const old = logprobs();
    return { logprobs: near(old, spread), oldLogprobs: old, advantages: normals([N, 1]), mask };
  };
  const pairs = () => {
    const [refChosen, refRejected] = [logprobs(), logprobs()];
    return {
      chosenLogprobs: near(refChosen, 0.4),
      rejectedLogprobs: near(refRejected, 0.4),
      refChosenLogprobs: refChosen,
      refRejectedLogprobs: refRejected,
      chosenMask: mask,
      rejectedMask: ones,
    };
  };
  const errors = () => ({
    chosenErrors: positive([N]),
    rejectedErrors: positive([N]),
    refChosenErrors: positive([N]),
    refRejectedErrors: positive([N]),
  });
  const bits = (pattern: number[], shape = [pattern.length]) => input(shape, (k) => pattern[k]);
  const cases: LossCase[] = [];
  const add = (name: string, loss: LossCase["loss"], inputs: Record<string, Input>, wrt: string[], detached = false) =>
    cases.push({ name, loss, inputs, wrt, detached });
  const both = ["chosenLogprobs", "rejectedLogprobs"];

  for (const aggregation of [
    "token-mean",
    "seq-mean-token-mean",
    "seq-mean-token-sum",
    "seq-mean-token-sum-norm",
    "dr-grpo",
  ] as const) {
    add(`clipped surrogate, ${aggregation}`, clippedSurrogateLoss({ aggregation, lossScale: 5 }), policy(), [
      "logprobs",
    ]);
  }
  add("clipped surrogate, dual clip", clippedSurrogateLoss({ dualClip: 1.2, clipHigh: 0.28 }), policy(0.6), [
    "logprobs",
  ]);
  add(
    "clipped surrogate, bounded ratio",
    clippedSurrogateLoss({ ratioMin: 0.9, ratioMax: 1.1, advantageClip: 1 }),
    policy(),
    ["logprobs"],
  );
  add("clipped surrogate, token advantages", clippedSurrogateLoss(), { ...policy(), advantages: normals([N, T]) }, [
    "logprobs",
  ]);
  add(
    "clipped surrogate, sequence ratio",
    clippedSurrogateLoss({ ratio: "sequence", aggregation: "seq-mean-token-mean", clipLow: 0.5, clipHigh: 0.5 }),
    policy(),
    ["logprobs"],
    true,
  );
  for (const klEstimator of ["k1", "k2", "k3", "abs", "k3-reversed"] as const) {
    add(
      `clipped surrogate with ${klEstimator}`,
      clippedSurrogateLoss({ klCoef: 0.3, klEstimator }),
      { ...policy(), refLogprobs: logprobs() },
      ["logprobs"],
    );
    add(
      `kl ${klEstimator}`,
      klLoss({ estimator: klEstimator }),
      { logprobs: logprobs(), refLogprobs: logprobs(), mask },
      ["logprobs"],
    );
  }
  add(
    "chi-squared penalty",
    chiSquaredPenaltyLoss({ clip: 1 }),
    { logprobs: logprobs(), refLogprobs: logprobs(), mask },
    ["logprobs"],
  );
  add("reinforce", reinforceLoss(), { logprobs: logprobs(), advantages: normals([N, 1]), mask }, ["logprobs"]);
  add("cispo band", cispoLoss(), policy(), ["logprobs"], true);
  add("cispo cap", cispoLoss({ convention: "cap", clipHigh: 1.1 }), policy(), ["logprobs"], true);
  add(
    "clipped value",
    clippedValueLoss(),
    { values: normals([N, T]), oldValues: normals([N, T]), returns: normals([N, T]), mask },
    ["values"],
  );
  for (const offPolicyDenominator of ["old", "behavior", "one"] as const) {
    add(
      `mixed policy over ${offPolicyDenominator}`,
      mixedPolicyLoss({ offPolicyDenominator, shaping: 0.2 }),
      { ...policy(), behaviorLogprobs: logprobs(), offPolicy: bits([0, 1, 0, 1], [N, 1]) },
      ["logprobs"],
    );
  }
  add(
    "mixed policy, unshaped",
    mixedPolicyLoss({ shaping: 0 }),
    { ...policy(), offPolicy: bits([0, 1, 0, 1], [N, 1]) },
    ["logprobs"],
  );
  add("sft", sftLoss(), { logprobs: logprobs(), mask }, ["logprobs"]);
  for (const divergence of ["total-variation", "pearson", "squared-hellinger", "jensen-shannon", "kl"] as const) {
    for (const level of ["token", "sequence"] as const) {
      const inputs = { logprobs: logprobs(), refLogprobs: logprobs(), mask };
      add(`${divergence} sft, ${level}`, fDivergenceSftLoss({ divergence, level, beta: 0.5 }), inputs, ["logprobs"]);
    }
  }
  for (const variant of ["log-prob", "avg-log-prob", "prob", "avg-prob", "geo-prob"] as const) {
    add(
      `likelihood reward, ${variant}`,
      likelihoodRewardLoss({ variant }),
      {
        thoughtLogprobs: logprobs(),
        thoughtMask: mask,
        answerLogprobs: logprobs([N, 2]),
        answerMask: input([N, 2], () => 1),
        advantages: normals([N]),
      },
      ["thoughtLogprobs", "answerLogprobs"],
    );
  }
  for (const loss of ["sigmoid", "ipo", "ipo-unit", "hinge"] as const)
    add(`dpo ${loss}`, dpoLoss({ loss, beta: 0.4 }), pairs(), both);
  add(
    "dpo, smoothed with sft and length",
    dpoLoss({ labelSmoothing: 0.2, sftWeight: 0.3, lengthCoefficient: 0.1 }),
    pairs(),
    both,
  );
  add("dpo, margin", dpoLoss({ strength: "margin" }), { ...pairs(), strengths: positive([N]) }, both);
  add(
    "dpo, scaled, β per pair",
    dpoLoss({ strength: "scaled" }),
    { ...pairs(), strengths: positive([N]), betas: positive([N]) },
    both,
  );
  add("kto pair", ktoPairLoss(), pairs(), both, true);
  add("nca pair", ncaPairLoss({ beta: 0.7 }), pairs(), both);
  const tokenRewards = { chosenTokenRewards: normals([N, T], 0.2), rejectedTokenRewards: normals([N, T], 0.2) };
  add("token-regularised dpo, dynamic", dpoTokenRegularizedLoss(), { ...pairs(), ...tokenRewards }, both, true);
  add(
    "token-regularised dpo, static",
    dpoTokenRegularizedLoss({ weighting: "static" }),
    { ...pairs(), ...tokenRewards },
    both,
  );
  const { chosenLogprobs, rejectedLogprobs } = pairs();
  const simpo = { chosenLogprobs, rejectedLogprobs, chosenMask: mask, rejectedMask: ones, ...tokenRewards };
  add("simpo", simpoTokenRegularizedLoss({ alpha: 0 }), simpo, both);
  add("token-regularised simpo", simpoTokenRegularizedLoss(), simpo, both, true);
  add(
    "dno",
    dnoLoss({ eta: 0.5 }),
    {
      firstLogprobs: logprobs(),
      secondLogprobs: logprobs(),
      refFirstLogprobs: logprobs(),
      refSecondLogprobs: logprobs(),
      firstMask: mask,
      secondMask: ones,
      firstRewards: positive([N]),
      secondRewards: positive([N]),
    },
    ["firstLogprobs", "secondLogprobs"],
  );
  for (const aggregate of ["sum", "mean"] as const) {
    add(
      `trajectory dpo, ${aggregate}`,
      trajectoryDpoLoss({ beta: 1, aggregate }),
      {
        logprobs: logprobs(),
        oldLogprobs: logprobs(),
        mask,
        membership: bits([1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1], [3, N]),
        pairs: bits([0, 1, 1, 0, 0, 0, 0, 0, 0], [3, 3]),
      },
      ["logprobs"],
    );
  }
  for (const proximal of [true, false]) {
    const old = logprobs();
    add(
      `reward difference, ${proximal ? "proximal" : "plain"}`,
      rewardDifferenceLoss({ proximal, epsilon: 0.1 }),
      {
        logprobs: near(old, 0.2),
        oldLogprobs: old,
        refLogprobs: near(old, 0.2),
        mask,
        rewards: normals([N]),
        pairWeights: bits([0, 0.5, 0.5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], [N, N]),
      },
      ["logprobs"],
    );
  }
  add(
    "implicit cross-entropy",
    implicitCrossEntropyLoss(),
    { logprobs: logprobs(), refLogprobs: logprobs(), labels: bits([1, 0, 1, 0]), mask },
    ["logprobs"],
  );
  for (const estimator of ["rloo", "grpo", "naive"] as const) {
    for (const score of ["log-ratio", "mean-logprob"] as const) {
      add(
        `implicit actor-critic, ${estimator}, ${score}`,
        implicitActorCriticLoss({ estimator, score }),
        {
          logprobs: logprobs(),
          oldLogprobs: logprobs(),
          mask,
          rewards: bits([1, 0, 1, 0]),
          weights: positive([N]),
          membership: bits([1, 1, 0, 1, 0, 0, 1, 0], [2, N]),
        },
        ["logprobs"],
      );
    }
  }
  add("diffusion dpo", diffusionDpoLoss({ beta: 3 }), errors(), ["chosenErrors", "rejectedErrors"]);
  add("rpo", rpoLoss({ beta: 2 }), { ...errors(), labels: bits([1, 0, 0.3, 1]) }, ["chosenErrors", "rejectedErrors"]);
  for (const reduction of ["mean", "sum"] as const) {
    const rewards = implicitFlowRewards({ beta: 2, reduction });
    add(
      `implicit flow reward, ${reduction}`,
      (inputs) => {
        const { implicitRewards, ...rest } = rewards(inputs);
        return { loss: implicitRewards.sum(), ...rest };
      },
      { velocities: normals([N, T]), predictedVelocities: normals([N, T]), refVelocities: normals([N, T]) },
      ["predictedVelocities"],
    );
  }
  for (const positions of ["full", "top1"] as const) {
    const targets = rankingTargets(normals([N]).data, [0, 0, 1, 0], { positions });
    add(
      `group ranking, ${positions}`,
      groupRankingLoss(targets.groups),
      {
        implicitRewards: normals([N]),
        remaining: { data: targets.remaining, shape: [N, N] },
        targets: { data: targets.targets, shape: [N, N] },
        counted: { data: targets.counted, shape: [N] },
      },
      ["implicitRewards"],
    );
  }
  add("top one", topOneLoss(), { errors: positive([N]), best: bits([1, 0, 0, 1]) }, ["errors"]);
  add("flow kl", flowKlLoss(0.4), { means: normals([N, T]), refMeans: normals([N, T]) }, ["means"]);
  add(
    "reward-weighted velocity",
    rewardWeightedVelocityLoss(),
    {
      velocities: normals([N, T]),
      targets: normals([N, T]),
      referenceTargets: normals([N, T]),
      weights: normals([N, 1]),
    },
    ["velocities"],
  );
  add(
    "adversarial soft advantage",
    adversarialSoftAdvantageLoss(),
    { logprobs: logprobs(), oldLogprobs: logprobs(), mask, expert: bits([1, 0, 0, 1]) },
    ["logprobs"],
  );
  for (const oneSided of [true, false]) {
    add(
      `gradient penalty, ${oneSided ? "one" : "two"}-sided`,
      gradientPenaltyLoss({ oneSided }),
      { gradients: normals([N, T]) },
      ["gradients"],
    );
  }
  for (const actions of ["discrete", "continuous"] as const) {
    add(
      `team regulariser, ${actions}`,
      teamRegularizerLoss({ actions }),
      { own: normals([N, T]), predicted: normals([N, T]) },
      ["own", "predicted"],
    );
  }
  add("coach regulariser", coachRegularizerLoss(), { coachLogits: normals([N, T]), agentLogits: normals([2, N, T]) }, [
    "coachLogits",
    "agentLogits",
  ]);
  const variants = [
    ["v1", null],
    ["v2", null],
    ["v3", null],
    ["v2+v3", null],
    ["v2+v3", 0.3],
  ] as const;
  for (const [variant, coefficient] of variants) {
    add(
      `soft q, ${variant}, ${coefficient}`,
      softQLoss({ variant, coefficient }),
      {
        logits: normals([2, T, 4]),
        targetLogits: normals([2, T, 4]),
        actions: bits([1, 3, 0, 2, 2, 0], [2, T]),
        rewards: normals([2]),
        mask: bits([1, 1, 1, 1, 1, 0], [2, T]),
        last: bits([0, 0, 1, 0, 1, 0], [2, T]),
      },
      ["logits"],
    );
  }
  for (const distance of ["pseudo-huber", "mse"] as const) {
    add(
      `consistency, ${distance}`,
      consistencyDistillationLoss({ distance, delta: 0.1 }),
      { predictions: normals([N, T]), targets: normals([N, T]) },
      ["predictions"],
    );
  }
  for (const loss of ["smooth-l1", "l2"] as const) {
    for (const normalize of [true, false]) {
      const inputs = { studentStates: normals([2, 5], 2), teacherStates: normals([2, 5], 2) };
      add(`hidden states, ${loss}, ${normalize}`, hiddenStateDistillationLoss({ loss, normalize }), inputs, [
        "studentStates",
      ]);
    }
  }
  const direct = directRewardLoss({ weights: { quality: 0.7 }, baseline: "mean", scale: "group" });
  add(
    "direct reward",
    ({ quality, ...rest }) => direct({ ...rest, components: { quality } }),
    {
      distillationLoss: input([], () => 0.4),
      quality: normals([N]),
      membership: bits([1, 1, 0, 1, 0, 0, 1, 0], [2, N]),
    },
    ["distillationLoss", "quality"],
    true,
  );
  add(
    "regularised reward",
    regularizedRewardLoss({ weightRegularization: 0.3 }),
    {
      rewards: normals([2, N]),
      mask: bits([1, 1, 1, 1, 1, 1, 0, 0], [2, N]),
      weights: positive([2]),
      parameters: normals([3]),
      refParameters: normals([3]),
    },
    ["rewards", "parameters"],
  );
  add("noise norm", noiseNormLoss({ weight: 1 }), { latent: normals([5]) }, ["latent"]);
  add(
    "td-mpc",
    tdMpcLoss(),
    {
      consistencyErrors: positive([2, N]),
      rewardErrors: positive([2, N]),
      valueErrors: positive([2, 3, N]),
      weights: positive([N]),
    },
    ["consistencyErrors", "rewardErrors", "valueErrors"],
  );
  return cases;
}

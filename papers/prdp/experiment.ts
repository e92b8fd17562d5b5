/**
 * PRDP against policy gradients, on a bandit whose optimum is known and on the bed `ring`: does regressing reward differences
 * reach the KL-regularised optimum, and does it stay stable where many large steps are taken on each batch?
 */
import { createRandom, type Random } from "guerdon/core";
import { perPromptNormalization } from "guerdon/credit";
import { flowSchedule, ring } from "guerdon/environment";
import { type Arm, defineExperiment, type Role } from "guerdon/experiment";
import { initVelocity, klOptimalPolicy } from "guerdon/model";
import { rewardDifference } from "guerdon/objective";
import {
  adam,
  addScoreGradient,
  drawAction,
  drawStarts,
  type FlowModel,
  type FlowObjective,
  type FlowSampling,
  flowLogprobs,
  flowPolicyGradient,
  rollOutFlow,
  samplesOf,
  softmaxRows,
} from "guerdon/training";

// ---- Claim 1: a bandit with eight arms.

const arms = 8;
const draws = 32;
const beta = 0.25;
const epsilon = 0.1;

/** Gradient of `objective/reward-difference` in r̂, one prompt and one step; too hot for the part's exact form. */
function pairGradient(predicted: Float64Array, old: Float64Array, rewards: Float64Array, proximal: boolean) {
  const gradient = new Float64Array(predicted.length);
  const clipped = predicted.map((value, i) => Math.min(Math.max(value, old[i] - epsilon), old[i] + epsilon));
  const pairs = (predicted.length * (predicted.length - 1)) / 2;
  for (let i = 0; i < predicted.length; i++) {
    for (let j = i + 1; j < predicted.length; j++) {
      const target = (rewards[i] - rewards[j]) / beta;
      const plain = predicted[i] - predicted[j] - target;
      const held = clipped[i] - clipped[j] - target;
      const takesHeld = proximal && held * held > plain * plain;
      const slope = (2 * (takesHeld ? held : plain)) / pairs;
      // What is clipped does not move.
      if (!takesHeld || clipped[i] === predicted[i]) gradient[i] += slope;
      if (!takesHeld || clipped[j] === predicted[j]) gradient[j] -= slope;
    }
  }
  return gradient;
}

/** Largest difference between that gradient and finite differences of the part's loss. */
function gradientError(random: Random, proximal: boolean): number {
  const normals = () => Float64Array.from({ length: 6 }, () => random.normal());
  const [predicted, rewards] = [normals(), normals()];
  const old = predicted.map((value) => value + 0.15 * random.normal());
  const part = rewardDifference({ beta, epsilon, proximal });
  const column = (values: Float64Array) => Array.from(values, (value) => [value]);
  const loss = (values: Float64Array) =>
    part({
      logprobs: column(values),
      refLogprobs: column(new Float64Array(6)),
      oldLogprobs: column(old),
      rewards,
      groups: new Int32Array(6),
    }).loss ?? Number.NaN;
  const exact = pairGradient(predicted, old, rewards, proximal);
  return Math.max(
    ...Array.from(exact, (slope, i) => {
      const shifted = (by: number) => loss(predicted.map((value, k) => value + (k === i ? by : 0)));
      return Math.abs(slope - (shifted(1e-5) - shifted(-1e-5)) / 2e-5);
    }),
  );
}

/** Total variation to the KL-regularised optimum, at the start and at the end. */
function bandit(proximal: boolean, epochs: number, random: Random) {
  const rewards = Float64Array.from({ length: arms }, () => random.uniform());
  const reference = Float64Array.from({ length: arms }, () => random.normal());
  const refProbabilities = softmaxRows(reference, arms);
  const optimum = klOptimalPolicy({ beta })({ rewards, reference: refProbabilities }).policy;
  const logits = reference.slice();
  const optimizer = adam(arms, 0.02);
  for (let epoch = 0; epoch < epochs; epoch++) {
    let policy = softmaxRows(logits, arms);
    const actions = Int32Array.from({ length: draws }, () => drawAction(policy, arms, 0, random.uniform()));
    const logRatios = () => Float64Array.from(actions, (a) => Math.log(policy[a] / refProbabilities[a]));
    const old = logRatios();
    for (let inner = 0; inner < 8; inner++) {
      const slopes = pairGradient(
        logRatios(),
        old,
        Float64Array.from(actions, (a) => rewards[a]),
        proximal,
      );
      const gradient = new Float64Array(arms);
      actions.forEach((action, i) => {
        addScoreGradient(gradient, policy, arms, 0, action, slopes[i]);
      });
      optimizer.descend(logits, gradient);
      policy = softmaxRows(logits, arms);
    }
  }
  const distance = (policy: Float64Array) => policy.reduce((sum, p, a) => sum + Math.abs(p - optimum[a]) / 2, 0);
  return { start: distance(refProbabilities), end: distance(softmaxRows(logits, arms)) };
}

// ---- Claims 2 to 6: flow policies on the ring.

const { world } = ring();
const network = { dimensions: 2, condition: world.prompts, hidden: [64, 64], zeroOutput: true };
const { sigmas } = flowSchedule({ steps: 10 })({});
const sampling: FlowSampling = { sigmas, stochasticSteps: 9, schedule: "flow-grpo", noiseLevel: 0.7 };

// 512 samples of the stochastic sampler from the same starts and noise at every call: this card's metric.
const starts = drawStarts({ prompts: 8, groupSize: 64, dimensions: 2 }, createRandom("ring/evaluation"));
function evaluate(policy: FlowModel) {
  const rollouts = rollOutFlow(policy, starts, sampling, createRandom("ring/evaluation/noise"));
  const rewards = world.rewards(samplesOf(rollouts), starts.prompts);
  const reference = flowLogprobs(world.velocities, rollouts, sampling);
  return {
    reward: rewards.reduce((sum, reward) => sum + reward / 512, 0),
    /** Mean r̂ of fresh samples: the KL to the reference. */
    kl: rollouts.logprobs.values.reduce((sum, logprob, k) => sum + (logprob - reference.values[k]) / 512, 0),
  };
}

interface Learning {
  readonly objective: "prdp" | "policy-gradient";
  /** ε, of the predictions or of the ratio; null: no clipping. */
  readonly clip: number | null;
  readonly beta: number;
  readonly offline?: boolean;
  readonly stress: boolean;
  readonly learningRate: number;
}

function trainer({ objective, clip, beta: strength, stress, learningRate }: Learning, random: Random, seed: string) {
  const normalize = perPromptNormalization();
  let state: ReturnType<typeof normalize>["state"] = { buffers: {} };
  const bound = clip ?? 1e9;
  const chosen: FlowObjective =
    objective === "prdp"
      ? { kind: "reward-difference", params: { beta: strength, epsilon: bound, proximal: clip !== null } }
      : { kind: "clipped-surrogate", params: { clipLow: bound, clipHigh: bound, advantageClip: 5 } };
  return flowPolicyGradient({
    model: network,
    field: world.velocities,
    parameters: initVelocity(network, random.stream("network")),
    sampling,
    groupSize: 12,
    rewards: world.rewards,
    credit: ({ rewards, groups }) => {
      const out = normalize({ rewards, groups, state });
      state = out.state;
      return out.advantages;
    },
    objective: chosen,
    updates: stress ? 20 : 10,
    optimizer: { learningRate, clipNorm: stress ? null : 1 },
    seed,
  });
}

function learn(learning: Learning, budget: Budget, random: Random, seed: number, progress: (share: number) => void) {
  const learner = trainer(learning, random, `prdp/${seed}/rollouts`);
  const epochs = learning.stress ? budget.stressEpochs : budget.epochs;
  // Offline: every trajectory comes from the reference, which the policy still is; as many reward calls as online.
  const pool = learning.offline ? Array.from({ length: epochs }, () => learner.rollOut()) : null;
  const x: number[] = [];
  const rewards: (number | null)[] = [];
  let last: ReturnType<typeof evaluate> | null = evaluate(learner.policy);
  let bestReward = last.reward;
  for (let epoch = 0; ; epoch++) {
    if (epoch % budget.every === 0) {
      // A policy that has left the numbers earns nothing that could be measured, and is not trained any further.
      last = last === null ? null : evaluate(learner.policy);
      if (last !== null && !Number.isFinite(last.reward + last.kl)) last = null;
      if (last !== null) bestReward = Math.max(bestReward, last.reward);
      x.push(epoch);
      rewards.push(last?.reward ?? null);
      progress(epoch / epochs);
    }
    if (epoch === epochs) break;
    if (last === null) continue;
    if (pool === null) learner.step();
    else learner.update({ ...pool[epoch], logprobs: flowLogprobs(learner.policy, pool[epoch], sampling) });
  }
  learner.dispose();
  const metrics = { ...unmeasured, reward: last?.reward ?? null, kl: last?.kl ?? null, bestReward };
  return { metrics, curves: learning.stress ? { stress: { x, y: rewards } } : { reward: { x, y: rewards } } };
}

const unmeasured = {
  reward: null,
  kl: null,
  bestReward: null,
  variation: null,
  startVariation: null,
  gradientError: null,
};

interface Budget {
  readonly epochs: number;
  readonly stressEpochs: number;
  readonly every: number;
  readonly bandit: number;
}
type Settings = Learning | { readonly objective: "bandit"; readonly proximal: boolean };
const normal = { objective: "prdp", stress: false, learningRate: 1e-3, clip: 0.1, beta: 0.02 } as const;
const stress = { objective: "prdp", stress: true, learningRate: 5e-3, clip: 0.05, beta: 0.005 } as const;
const harder = { ...stress, learningRate: 1e-2, clip: 0.02 } as const;
const arm = (role: Role, label: string, settings: Settings): Arm<Settings> => ({ role, label, settings });

export default defineExperiment({
  paper: "prdp",
  question: "Does regressing reward differences reach the RL optimum, and is it stabler than policy gradients?",
  bed: "ring, bandit/kl-optimum",
  seeds: 3,
  budgets: {
    quick: { epochs: 1, stressEpochs: 1, every: 1, bandit: 10 },
    full: { epochs: 60, stressEpochs: 36, every: 2, bandit: 150 },
  },
  arms: {
    prdp: arm("method", "PRDP, β 0.02", normal),
    prdpLow: arm("method", "PRDP, β 0.005", { ...normal, beta: 0.005 }),
    prdpHigh: arm("method", "PRDP, β 0.1", { ...normal, beta: 0.1 }),
    ddpo: arm("baseline", "DDPO", { ...normal, objective: "policy-gradient" }),
    offline: arm("ablation", "PRDP offline", { ...normal, offline: true }),
    prdpStress: arm("method", "PRDP, lr 5e-3", stress),
    unclippedStress: arm("ablation", "PRDP unclipped, lr 5e-3", { ...stress, clip: null }),
    ddpoStress: arm("baseline", "DDPO, lr 5e-3", { ...stress, objective: "policy-gradient" }),
    prdpHarder: arm("method", "PRDP, lr 1e-2", harder),
    unclippedHarder: arm("ablation", "PRDP unclipped, lr 1e-2", { ...harder, clip: null }),
    ddpoHarder: arm("baseline", "DDPO, lr 1e-2", { ...harder, objective: "policy-gradient" }),
    gradientHarder: arm("ablation", "unclipped gradient, lr 1e-2", {
      ...harder,
      objective: "policy-gradient",
      clip: null,
    }),
    bandit: arm("control", "bandit", { objective: "bandit", proximal: true }),
    banditUnclipped: arm("control", "bandit, without clipping", { objective: "bandit", proximal: false }),
  },
  run({ settings, budget, seed, random, progress }) {
    if (settings.objective !== "bandit") return learn(settings, budget, random, seed, progress);
    const { start, end } = bandit(settings.proximal, budget.bandit, random.stream("bandit"));
    const error = gradientError(random.stream("gradient"), settings.proximal);
    return { metrics: { ...unmeasured, variation: end, startVariation: start, gradientError: error } };
  },
  gates: [
    {
      text: "bandit: the gradient is that of the part, largest error",
      value: ({ bandit: clipped, banditUnclipped }) => Math.max(clipped.gradientError, banditUnclipped.gradientError),
      atMost: 1e-6,
      claims: [1],
    },
    {
      text: "bandit: the reference is not the optimum, total variation",
      value: ({ bandit: clipped }) => clipped.startVariation,
      atLeast: 0.1,
      claims: [1],
    },
    {
      text: "DDPO at lr 1e-2 moved: best reward on the way",
      value: ({ ddpoHarder }) => ddpoHarder.bestReward,
      atLeast: 0.5,
      claims: [3],
    },
    {
      text: "PRDP without clipping at lr 5e-3 moved: best reward on the way",
      value: ({ unclippedStress }) => unclippedStress.bestReward,
      atLeast: 0.5,
      claims: [4],
    },
  ],
  claims: [
    {
      card: 1,
      text: "The loss is zero exactly at the RL optimum",
      paper: "proof",
      checks: [
        { text: "total variation at the end", value: ({ bandit: clipped }) => clipped.variation, atMost: 0.02 },
        { text: "without clipping", value: ({ banditUnclipped }) => banditUnclipped.variation, atMost: 0.02 },
      ],
    },
    {
      card: 2,
      text: "It matches DDPO on a small set of prompts",
      paper: "HPSv2 0.3471 vs 0.3398, PickScore 0.2700 vs 0.2664",
      checks: [
        { text: "PRDP, β 0.02 − DDPO, reward", value: ({ prdp, ddpo }) => prdp.reward - ddpo.reward, atLeast: -0.06 },
        { text: "PRDP, β 0.005 − DDPO", value: ({ prdpLow, ddpo }) => prdpLow.reward - ddpo.reward, atLeast: -0.06 },
      ],
    },
    {
      card: 3,
      text: "It is stable where the policy gradient fails",
      paper: "large scale, seen prompts, HPSv2 0.3175 vs DDPO 0.2464 (base 0.2685)",
      checks: [
        {
          text: "lr 1e-2: share of seeds in which PRDP ends at 0.85 or more",
          value: ({ prdpHarder }) => (prdpHarder.reward >= 0.85 ? 1 : 0),
          atLeast: 1,
        },
        {
          text: "lr 1e-2: PRDP − DDPO, reward",
          value: ({ prdpHarder, ddpoHarder }) => prdpHarder.reward - ddpoHarder.reward,
          atLeast: 0.2,
        },
      ],
    },
    {
      card: 4,
      text: "Proximal updates are what stabilises it",
      paper: "fig. 3",
      checks: [
        { text: "lr 5e-3: with clipping, reward", value: ({ prdpStress }) => prdpStress.reward, atLeast: 0.9 },
        { text: "without", value: ({ unclippedStress }) => unclippedStress.reward, atMost: 0.6 },
      ],
    },
    {
      card: 5,
      text: "Online beats offline",
      paper: "fig. 7",
      checks: [
        { text: "online − offline, reward", value: ({ prdp, offline }) => prdp.reward - offline.reward, atLeast: 0.1 },
      ],
    },
    {
      card: 6,
      text: "β controls the distance from the reference",
      paper: "fig. 8",
      checks: [
        { text: "β 0.005 − β 0.02, reward", value: ({ prdpLow, prdp }) => prdpLow.reward - prdp.reward, atLeast: 0 },
        { text: "β 0.02 − β 0.1, reward", value: ({ prdp, prdpHigh }) => prdp.reward - prdpHigh.reward, atLeast: 0 },
        { text: "β 0.005 − β 0.02, KL", value: ({ prdpLow, prdp }) => prdpLow.kl - prdp.kl, atLeast: 0 },
        { text: "β 0.02 − β 0.1, KL", value: ({ prdp, prdpHigh }) => prdp.kl - prdpHigh.kl, atLeast: 0 },
      ],
    },
  ],
  figure: {
    title: "Reward-difference prediction and policy gradients",
    panels: [
      {
        kind: "lines",
        title: "lr 1e-3, 10 updates a batch",
        curve: "reward",
        x: "epochs",
        y: "reward of stochastic samples",
        arms: ["prdp", "prdpLow", "prdpHigh", "ddpo", "offline"],
        domain: [0, 1],
      },
      {
        kind: "lines",
        title: "stress: no norm clipping, 20 updates a batch",
        curve: "stress",
        x: "epochs",
        y: "reward of stochastic samples",
        arms: [
          "prdpStress",
          "unclippedStress",
          "ddpoStress",
          "prdpHarder",
          "unclippedHarder",
          "ddpoHarder",
          "gradientHarder",
        ],
        domain: [0, 1],
      },
    ],
  },
});

/**
 * DenseGRPO against Flow-GRPO on the bed `ring`: a reward for each denoising step from noise-free completions, what an
 * inaccurate completion does to it, how well it tells what a step did, and noise levels calibrated by it.
 */
import { createRandom, pearson, type Ragged, type Random, toRagged } from "guerdon/core";
import { groupRelative, latentSimilarity, rewardGain } from "guerdon/credit";
import { flowSchedule, type RingWorld, ring } from "guerdon/environment";
import { type Arm, defineExperiment, type Role } from "guerdon/experiment";
import { initVelocity } from "guerdon/model";
import { noiseCalibration } from "guerdon/sampling";
import {
  drawStarts,
  type FlowModel,
  type FlowSampling,
  flowPolicyGradient,
  latentRewards,
  rollOutFlow,
  type ScoredFlowRollouts,
  sampleFlow,
  samplesOf,
  stepEffects,
} from "guerdon/training";

const wide = ring();
/** Narrow modes, and a reward that also asks for fine quality. */
const narrow = ring({ deviation: 0.05, fineWidth: 0.1 });

const network = { dimensions: 2, condition: 8, hidden: [64, 64], zeroOutput: true };
const steps = 9;
const grid = (count: number) => flowSchedule({ steps: count })({}).sigmas;
const sampling: FlowSampling = { sigmas: grid(10), stochasticSteps: steps, schedule: "flow-grpo", noiseLevel: 0.7 };
const constant = (noiseLevel: number | ArrayLike<number>): FlowSampling => ({
  ...sampling,
  schedule: "constant",
  noiseLevel,
});

/** Reward per step, N×S; null: the sample's reward for all steps (Flow-GRPO). */
type StepCredit =
  | ((rollouts: ScoredFlowRollouts, policy: FlowModel, used: FlowSampling, world: RingWorld) => Ragged)
  | null;
const gains = rewardGain();
const nexts = rewardGain({ kind: "next" });
const similarities = latentSimilarity();
const gain =
  (odeSteps: "all" | number): StepCredit =>
  (rollouts, policy, used, world) =>
    gains({ latentRewards: latentRewards(policy, rollouts, used, world.rewards, odeSteps) }).stepRewards;
const next: StepCredit = (rollouts, policy, used, world) =>
  nexts({ latentRewards: latentRewards(policy, rollouts, used, world.rewards) }).stepRewards;
/** The terminal reward split by how far each step went towards the final latent; the last, noise-free step is left out. */
const similarity: StepCredit = ({ latents, prompts, rewards }) => {
  const paths = Array.from(prompts, (_, i) => latents.map((points) => [points[2 * i], points[2 * i + 1]]));
  const { stepRewards } = similarities({ latents: paths, rewards });
  const random = (row: number) => Array.from(stepRewards.values.subarray(row * 10, row * 10 + steps));
  return toRagged(Array.from(prompts, (_, i) => random(i)));
};

const advantages = groupRelative({ ddof: 0, epsilon: 1e-4, singleton: "zero" });

// 512 samples without noise on the way, on a grid that was not trained on, from the same starts at every call.
const starts = drawStarts({ prompts: 8, groupSize: 64, dimensions: 2 }, createRandom("ring/evaluation"));
const evaluationGrid = grid(20);
function evaluate(policy: FlowModel, { world, truth }: typeof wide) {
  const samples = sampleFlow(policy, starts, evaluationGrid);
  const rewards = world.rewards(samples, starts.prompts);
  return {
    reward: average(rewards),
    quality: truth.quality(samples),
    spread: truth.spread(samples, starts.prompts),
  };
}
const average = (values: ArrayLike<number>) =>
  Array.from(values).reduce((sum, value) => sum + value / values.length, 0);

interface Learning {
  readonly credit: StepCredit;
  /** Velocity evaluations per sample and iteration, sampling and completions. */
  readonly evaluations: number;
  readonly narrow?: boolean;
  readonly calibrated?: boolean;
}

function learn(learning: Learning, budget: Budget, random: Random, seed: number, progress: (share: number) => void) {
  const bed = learning.narrow ? narrow : wide;
  const used = learning.calibrated
    ? constant(calibrate(bed.world, 0.7, budget.rounds, random.stream("calibration")).noiseLevels)
    : sampling;
  const trainer = flowPolicyGradient({
    model: network,
    field: bed.world.velocities,
    parameters: initVelocity(network, random.stream("network")),
    sampling: used,
    groupSize: 24,
    rewards: bed.world.rewards,
    credit: (rollouts, policy) => {
      const { rewards, groups } = rollouts;
      const stepRewards = learning.credit?.(rollouts, policy, used, bed.world);
      return advantages(stepRewards === undefined ? { rewards, groups } : { stepRewards, groups }).advantages;
    },
    objective: { kind: "clipped-surrogate", params: { advantageClip: 5 } },
    optimizer: { learningRate: 2e-3, clipNorm: null },
    seed: `dense-grpo/${seed}/rollouts`,
  });
  const x: number[] = [];
  const reward: number[] = [];
  const quality: number[] = [];
  let last = evaluate(trainer.policy, bed);
  for (let iteration = 0; ; iteration++) {
    if (iteration % budget.every === 0) {
      last = evaluate(trainer.policy, bed);
      x.push(iteration);
      reward.push(last.reward);
      quality.push(last.quality);
      progress(iteration / budget.iterations);
    }
    if (iteration === budget.iterations) break;
    trainer.step();
  }
  trainer.dispose();
  const passed = reward.findIndex((value) => value >= 0.8);
  const cost = (iteration: number) => (iteration * 192 * learning.evaluations) / 1e6;
  return {
    metrics: {
      ...unmeasured,
      auc: average(reward),
      reward: last.reward,
      bestReward: Math.max(...reward),
      quality: last.quality,
      spread: last.spread,
      iterationsTo80: passed === -1 ? null : x[passed],
      evaluationsTo80: passed === -1 ? null : cost(x[passed]),
    },
    curves: { reward: { x, y: reward }, quality: { x, y: quality }, byEvaluations: { x: x.map(cost), y: reward } },
  };
}

/** Trajectories of the untrained field with constant diffusion ψ, and their gains. */
function gainsAt(world: RingWorld, noiseLevels: ArrayLike<number>, groupSize: number, random: Random): Ragged {
  const used = constant(noiseLevels);
  const rollouts = rollOutFlow(
    world.velocities,
    drawStarts({ prompts: 8, groupSize, dimensions: 2 }, random),
    used,
    random,
  );
  return gains({ latentRewards: latentRewards(world.velocities, rollouts, used, world.rewards) }).stepRewards;
}

/** Algorithm 1 on the untrained field: 8 × 32 trajectories a round. */
function calibrate(world: RingWorld, start: number, rounds: number, random: Random) {
  const round = noiseCalibration({ balanceTolerance: 0.15 * 256, increment: 0.03 });
  let state = { noiseLevels: new Float64Array(steps).fill(start) as ArrayLike<number> };
  for (let k = 0; k < rounds; k++)
    ({ state } = round({ stepRewards: gainsAt(world, state.noiseLevels, 32, random), state }));
  return state;
}

/** Largest |#gains − #losses|/N over steps, of 2,048 fresh trajectories. */
function imbalance(world: RingWorld, noiseLevels: ArrayLike<number>, random: Random): number {
  const stepRewards = gainsAt(world, noiseLevels, 256, random);
  const { positives, negatives } = noiseCalibration()({ stepRewards, state: { noiseLevels } });
  return Math.max(...Array.from(positives, (count, step) => Math.abs(count - negatives[step]) / 2048));
}

function calibration(budget: Budget, random: Random) {
  const [high, low] = [2, 0.3].map((start) => calibrate(narrow.world, start, budget.rounds, random).noiseLevels);
  const apart = Array.from(high, (level, step) => Math.abs(level - low[step]) / ((level + low[step]) / 2));
  const x = Array.from(high, (_, step) => step);
  return {
    metrics: {
      ...unmeasured,
      imbalanceBefore: imbalance(narrow.world, new Float64Array(steps).fill(2), random),
      imbalanceAfter: imbalance(narrow.world, high, random),
      noiseLevelsApart: Math.max(...apart.slice(-5)),
    },
    curves: { fromHigh: { x, y: high }, fromLow: { x, y: low } },
  };
}

/** Correlation of step rewards with what the step did (by Monte Carlo), averaged over steps; untrained field. */
function creditAccuracy(budget: Budget, random: Random) {
  const { world } = wide;
  const drawn = drawStarts({ prompts: 8, groupSize: 24, dimensions: 2 }, random);
  const rollouts = rollOutFlow(world.velocities, drawn, sampling, random);
  const rewards = world.rewards(samplesOf(rollouts), rollouts.prompts);
  const effects = stepEffects(world.velocities, rollouts, sampling, world.rewards, budget.continuations, random);
  const table = latentRewards(world.velocities, rollouts, sampling, world.rewards);
  const { stepRewards } = gains({ latentRewards: table });
  const column = (rows: Ragged, step: number) => Float64Array.from(rewards, (_, i) => rows.values[i * steps + step]);
  const agreement = (of: (step: number) => ArrayLike<number>) =>
    average(Array.from({ length: steps }, (_, step) => pearson(of(step), column(effects, step)) ?? Number.NaN));
  const first = world.rewards(sampleFlow(world.velocities, drawn, sampling.sigmas), drawn.prompts);
  const sums = rewards.map((_, i) =>
    stepRewards.values.subarray(i * steps, (i + 1) * steps).reduce((a, b) => a + b, 0),
  );
  return {
    ...unmeasured,
    gainCredit: agreement((step) => column(stepRewards, step)),
    terminalCredit: agreement(() => rewards),
    telescopeError: Math.max(...sums.map((sum, i) => Math.abs(sum - (rewards[i] - first[i])))),
  };
}

const unmeasured = {
  auc: null,
  reward: null,
  bestReward: null,
  quality: null,
  spread: null,
  iterationsTo80: null,
  evaluationsTo80: null,
  gainCredit: null,
  terminalCredit: null,
  telescopeError: null,
  imbalanceBefore: null,
  imbalanceAfter: null,
  noiseLevelsApart: null,
};

interface Budget {
  readonly iterations: number;
  readonly every: number;
  readonly rounds: number;
  readonly continuations: number;
}
type Settings = Learning | "credit" | "calibration";
const arm = (role: Role, label: string, settings: Settings): Arm<Settings> => ({ role, label, settings });

export default defineExperiment({
  paper: "dense-grpo",
  question: "Does a reward for each denoising step teach a flow model faster than the reward of the sample?",
  bed: "ring",
  seeds: 5,
  budgets: {
    quick: { iterations: 2, every: 2, rounds: 3, continuations: 4 },
    full: { iterations: 110, every: 10, rounds: 150, continuations: 64 },
  },
  arms: {
    sparse: arm("baseline", "Flow-GRPO", { credit: null, evaluations: 10 }),
    gain: arm("method", "gain", { credit: gain("all"), evaluations: 65 }),
    next: arm("ablation", "next reward", { credit: next, evaluations: 65 }),
    gain1: arm("ablation", "gain, n = 1", { credit: gain(1), evaluations: 20 }),
    calibrated: arm("method", "gain, calibrated ψ", { credit: gain("all"), evaluations: 65, calibrated: true }),
    similarity: arm("baseline", "CoCA", { credit: similarity, evaluations: 10 }),
    narrowSparse: arm("control", "narrow modes, Flow-GRPO", { credit: null, evaluations: 10, narrow: true }),
    narrowGain: arm("control", "narrow modes, gain", { credit: gain("all"), evaluations: 65, narrow: true }),
    credit: arm("control", "credit, untrained field", "credit"),
    calibration: arm("control", "calibration, narrow modes", "calibration"),
  },
  run({ settings, budget, seed, random, progress }) {
    if (settings === "credit") return { metrics: creditAccuracy(budget, random.stream("credit")) };
    if (settings === "calibration") return calibration(budget, random.stream("calibration"));
    return learn(settings, budget, random, seed, progress);
  },
  gates: [
    { text: "Flow-GRPO learns", value: ({ sparse }) => sparse.reward, atLeast: 0.8, claims: [1, 2, 3] },
    {
      text: "gains add up to R_T − R_0: largest error",
      value: ({ credit }) => credit.telescopeError,
      atMost: 1e-12,
    },
  ],
  claims: [
    {
      card: 1,
      text: "Dense gains beat the sparse reward",
      paper: "PickScore 24.64 vs 23.31 for Flow-GRPO; GenEval 0.97 vs 0.95; OCR 0.95 vs 0.92",
      checks: [
        {
          text: "gain ÷ Flow-GRPO, area under the curve",
          value: ({ gain, sparse }) => gain.auc / sparse.auc,
          atLeast: 1.08,
        },
        {
          text: "share of seeds with the larger area",
          value: ({ gain, sparse }) => (gain.auc > sparse.auc ? 1 : 0),
          atLeast: 0.8,
        },
      ],
    },
    {
      card: 2,
      text: "The gain beats using the next latent's reward, which beats the sparse reward",
      paper: "the dense baseline lies between Flow-GRPO and DenseGRPO",
      checks: [
        { text: "next − Flow-GRPO, area", value: ({ next: after, sparse }) => after.auc - sparse.auc, atLeast: 0 },
        { text: "gain − next, area", value: ({ gain, next: after }) => gain.auc - after.auc, atLeast: 0 },
      ],
    },
    {
      card: 3,
      text: "Accurate completion matters: with one jump it ends below Flow-GRPO",
      paper: "fig. 6c; 11, 13, 19 GPU hours per 20 steps for n = 1, 2, t",
      checks: [
        {
          text: "Flow-GRPO − gain with n = 1, reward",
          value: ({ sparse, gain1 }) => sparse.reward - gain1.reward,
          atLeast: 0,
        },
      ],
    },
    {
      card: 4,
      text: "Calibration balances gains and losses, from wherever it starts",
      paper: "fig. 3",
      checks: [
        { text: "ψ = 2: largest imbalance before", value: ({ calibration: c }) => c.imbalanceBefore, atLeast: 0.5 },
        { text: "largest imbalance after", value: ({ calibration: c }) => c.imbalanceAfter, atMost: 0.25 },
        {
          text: "from 0.3 and from 2: largest relative difference of ψ, last 5 steps",
          value: ({ calibration: c }) => c.noiseLevelsApart,
          atMost: 0.1,
        },
      ],
    },
    {
      card: 5,
      text: "Gains tell what a step did, the terminal reward does not",
      paper: "fig. 8",
      checks: [
        { text: "gain: correlation with the step's effect", value: ({ credit }) => credit.gainCredit, atLeast: 0.6 },
        { text: "terminal reward: the same", value: ({ credit }) => credit.terminalCredit, atMost: 0.45 },
      ],
    },
    {
      card: 6,
      text: "The risk of reward hacking grows",
      paper: "text, appendix B.4",
      reportOnly: true,
      checks: [
        { text: "gain − Flow-GRPO, quality", value: ({ gain, sparse }) => gain.quality - sparse.quality },
        {
          text: "gain − Flow-GRPO, deviation of a prompt's samples",
          value: ({ gain, sparse }) => gain.spread - sparse.spread,
        },
      ],
    },
  ],
  figure: {
    title: "A reward for each denoising step",
    panels: [
      {
        kind: "lines",
        title: "by iterations",
        curve: "reward",
        x: "iterations",
        y: "reward of noise-free samples",
        arms: ["sparse", "gain", "next", "gain1", "calibrated", "similarity"],
        domain: [0, 1],
      },
      {
        kind: "lines",
        title: "by cost",
        curve: "byEvaluations",
        x: "million velocity evaluations",
        y: "reward of noise-free samples",
        arms: ["sparse", "gain", "next", "gain1", "calibrated", "similarity"],
        domain: [0, 1],
      },
    ],
  },
});

/**
 * LASER, LASER-D and LASER-DE against truncation and a group-relative length reward, on the bed `bandit`, layout
 * `thinking-budget`: an over-long start, one softmax over lengths per class of prompts, accuracy and length exact.
 */
import { createRandom, type Random } from "guerdon/core";
import { groupRelative } from "guerdon/credit";
import { type AdditiveLogits, type ThinkingBudgetWorld, thinkingBudget } from "guerdon/environment";
import { lengthCoverage } from "guerdon/evaluation";
import { type Arm, defineExperiment, type Role } from "guerdon/experiment";
import { difficultyBuckets } from "guerdon/sampling";
import { adaptiveTargetLength, lengthPenalty, lengthStep } from "guerdon/shaping";
import { addScoreGradient, drawAction, softmaxRows } from "guerdon/training";

type Bucket = "easy" | "medium" | "hard";
type Targets = Readonly<Record<string, number>>;

interface Batch {
  readonly rewards: Float64Array;
  readonly correct: boolean[];
  readonly lengths: Int32Array;
  readonly groups: Int32Array;
}
/** Rewards as the trainer gets them. `targets`: by difficulty, from the last look at the monitored prompts. */
type Shaping = (batch: Batch, targets: Targets) => ArrayLike<number>;

const fixedTarget = 8;
const promptsPerStep = 18;
const rollouts = 8;
const learningRate = 3;
const monitorEvery = 20;
const thresholds = Array.from({ length: 16 }, (_, i) => i + 1);

const advantage = groupRelative({ epsilon: 1e-6 });
const trainingBuckets = difficultyBuckets();
const monitorBuckets = difficultyBuckets({ closed: "upper" });
const coverageOf = lengthCoverage({ thresholds });
const targetsOf = adaptiveTargetLength({ thresholds, rollouts });

const step = lengthStep({ target: fixedTarget });
const adaptive = { reward: lengthStep(), explore: lengthStep({ mode: "explore" }) };
const truncation = lengthPenalty({ method: "truncation", target: fixedTarget });
const minMax = lengthPenalty({ method: "group-min-max", coef: 0.4 });

/** The step bonus with every rollout's target looked up by the difficulty of its group. */
function byDifficulty(mode: "reward" | "explore", oneBucket: boolean): Shaping {
  return (batch, targets) => {
    const { buckets } = trainingBuckets(batch);
    const targetLengths = Float64Array.from(buckets, (bucket) => targets[oneBucket ? "medium" : bucket]);
    return adaptive[mode]({ ...batch, targetLengths }).rewards;
  };
}

const sum = (rewards: Float64Array, lengthRewards: ArrayLike<number>) =>
  rewards.map((reward, i) => reward + lengthRewards[i]);

/** Rollouts of the given prompts, the current policy's. */
function sample(world: ThinkingBudgetWorld, policy: Float64Array, prompts: readonly number[], random: Random): Batch {
  const groups = Int32Array.from({ length: prompts.length * rollouts }, (_, i) => prompts[Math.floor(i / rollouts)]);
  const lengths = Int32Array.from(groups, (prompt) => 1 + drawAction(policy, world.longest, prompt, random.uniform()));
  const correct = Array.from(groups, (prompt, i) => world.attempt(prompt, lengths[i], random.uniform()));
  return { groups, lengths, correct, rewards: Float64Array.from(correct, (right) => (right ? 1 : -0.5)) };
}

/** Targets from rollouts of all prompts; one shared bucket counts every prompt as medium. */
function monitor(batch: Batch, oneBucket: boolean): Targets {
  const measured: Bucket[] = monitorBuckets(batch).buckets;
  const buckets = oneBucket ? measured.map((): Bucket => "medium") : measured;
  const { coverage } = coverageOf({ lengths: batch.lengths, buckets });
  return targetsOf({ coverage, maxLength: Math.max(...batch.lengths) }).targetLengths;
}

/** REINFORCE with group-normalised advantages; sees rewards and lengths. `watch` gets the policy before every update and after the last. */
function learn(
  world: ThinkingBudgetWorld,
  { shaping, targets: kind }: Settings,
  steps: number,
  random: Random,
  watch: (policy: Float64Array, targets: Targets) => void,
): void {
  const logits: AdditiveLogits = world.policy();
  const everyPrompt = Array.from({ length: world.prompts }, (_, prompt) => prompt);
  const monitoring = random.stream("monitor");
  let targets: Targets = {};
  for (let update = 0; ; update++) {
    const policy = softmaxRows(logits.logits(), world.longest);
    if (kind !== "none" && update % monitorEvery === 0)
      targets = monitor(sample(world, policy, everyPrompt, monitoring), kind === "one-bucket");
    watch(policy, targets);
    if (update === steps) return;
    const chosen = shuffled(everyPrompt, random).slice(0, promptsPerStep);
    const batch = sample(world, policy, chosen, random);
    const rewards = Float64Array.from(shaping(batch, targets));
    const advantages = advantage({ rewards, groups: batch.groups }).advantages as Float64Array;
    const gradient = new Float64Array(policy.length);
    for (let i = 0; i < advantages.length; i++)
      addScoreGradient(gradient, policy, world.longest, batch.groups[i], batch.lengths[i] - 1, advantages[i]);
    logits.ascend(gradient, learningRate / advantages.length);
  }
}

function shuffled(values: readonly number[], random: Random): number[] {
  const out = [...values];
  for (let i = out.length - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    [out[i], out[j]] = [out[j], out[i]];
  }
  return out;
}

interface Settings {
  readonly shaping: Shaping;
  /** Where targets come from that follow the policy: buckets of difficulty, one bucket, or not at all. */
  readonly targets: "none" | "difficulty" | "one-bucket";
}
const arm = (role: Role, label: string, shaping: Shaping, targets: Settings["targets"] = "none"): Arm<Settings> => ({
  role,
  label,
  settings: { shaping, targets },
});

export default defineExperiment({
  paper: "laser",
  question: "Which length-aware reward shortens answers without making them wrong?",
  bed: "bandit/thinking-budget",
  seeds: 20,
  budgets: { quick: { steps: 60 }, full: { steps: 400 } },
  arms: {
    correct: arm("baseline", "correctness only", ({ rewards }) => rewards),
    truncated: arm("baseline", "truncation at 8", (batch) => sum(batch.rewards, truncation(batch).lengthRewards)),
    minMax: arm("baseline", "group min-max (Kimi)", (batch) => sum(batch.rewards, minMax(batch).lengthRewards)),
    laser: arm("method", "LASER, target 8", (batch) => step(batch).rewards),
    laserD: arm("method", "LASER-D", byDifficulty("reward", false), "difficulty"),
    oneBucket: arm("ablation", "LASER-D, one bucket", byDifficulty("reward", true), "one-bucket"),
    laserDE: arm("method", "LASER-DE", byDifficulty("explore", false), "difficulty"),
  },
  run({ settings, budget, random, seed, progress }) {
    const { world, truth } = thinkingBudget({}, random.stream("world"));
    const x: number[] = [];
    const seen: ReturnType<typeof truth.evaluate>[] = [];
    let last: Targets = {};
    learn(world, settings, budget.steps, createRandom(`laser/${seed}/rollouts`), (policy, targets) => {
      last = targets;
      if (x.length % 10 === 0) seen.push(truth.evaluate(policy));
      x.push(x.length);
      progress(x.length / (budget.steps + 1));
    });
    const [start, end] = [seen[0], seen[seen.length - 1]];
    const curveX = x.filter((value) => value % 10 === 0);
    return {
      metrics: {
        startAccuracy: start.accuracy,
        startLength: start.length,
        accuracy: end.accuracy,
        length: end.length,
        easyLength: end.lengthOf.easy,
        mediumLength: end.lengthOf.medium,
        hardLength: end.lengthOf.hard,
        easyAccuracy: end.accuracyOf.easy,
        mediumAccuracy: end.accuracyOf.medium,
        hardAccuracy: end.accuracyOf.hard,
        easyTarget: last.easy ?? null,
        mediumTarget: last.medium ?? null,
        hardTarget: last.hard ?? null,
      },
      curves: {
        accuracy: { x: curveX, y: seen.map(({ accuracy }) => accuracy) },
        length: { x: curveX, y: seen.map(({ length }) => length) },
      },
    };
  },
  gates: [
    {
      text: "the start is over-long: its length on top of LASER-D's",
      value: ({ laserD }) => laserD.startLength - laserD.length,
      atLeast: 1,
    },
    {
      text: "correctness alone learns",
      value: ({ correct }) => correct.accuracy - correct.startAccuracy,
      atLeast: 0.01,
    },
    {
      text: "the target 8 binds: length of correctness only − LASER",
      value: ({ correct, laser }) => correct.length - laser.length,
      atLeast: 0.5,
      claims: [2, 5],
    },
  ],
  claims: [
    {
      card: 1,
      text: "Accuracy and brevity together",
      paper: "1.5B: AIME24 28.9 → 34.2 with 64 % fewer tokens (ICLR version); +6.1 and −63 % (arXiv abstract)",
      checks: [
        {
          text: "LASER-D − correctness only, accuracy",
          value: ({ laserD, correct }) => laserD.accuracy - correct.accuracy,
          atLeast: -0.01,
        },
        {
          text: "LASER-D over correctness only, mean length",
          value: ({ laserD, correct }) => laserD.length / correct.length,
          atMost: 0.82,
        },
      ],
    },
    {
      card: 2,
      text: "Truncation hurts hard problems",
      paper: "T8192: AIME 24.8",
      checks: [
        {
          text: "LASER − truncation at the same target, accuracy on hard prompts",
          value: ({ laser, truncated }) => laser.hardAccuracy - truncated.hardAccuracy,
          atLeast: 0.25,
        },
      ],
    },
    {
      card: 3,
      text: "Group-relative length rewards overcompress easy prompts",
      paper: "stated",
      checks: [
        {
          text: "group min-max − LASER-D, accuracy",
          value: ({ minMax, laserD }) => minMax.accuracy - laserD.accuracy,
          atMost: -0.02,
        },
        {
          text: "group min-max over LASER-D, length on easy prompts",
          value: ({ minMax, laserD }) => minMax.easyLength / laserD.easyLength,
          atMost: 0.6,
        },
      ],
    },
    {
      card: 4,
      text: "Difficulty awareness pays",
      paper: "ablation: drop without it",
      checks: [
        {
          text: "one bucket over LASER-D, mean length",
          value: ({ oneBucket, laserD }) => oneBucket.length / laserD.length,
          atLeast: 1.08,
        },
        {
          text: "one bucket − LASER-D, accuracy",
          value: ({ oneBucket, laserD }) => oneBucket.accuracy - laserD.accuracy,
          atLeast: -0.01,
          atMost: 0.01,
        },
        {
          text: "LASER-D, length on easy over hard prompts",
          value: ({ laserD }) => laserD.easyLength / laserD.hardLength,
          atMost: 0.7,
        },
      ],
    },
    {
      card: 5,
      text: "Targets that follow the model beat a fixed one",
      paper: "60.3 with 3520 tokens against 60.2 with 4509",
      checks: [
        {
          text: "LASER-D over LASER, mean length",
          value: ({ laserD, laser }) => laserD.length / laser.length,
          atMost: 0.92,
        },
        {
          text: "LASER-D − LASER, accuracy",
          value: ({ laserD, laser }) => laserD.accuracy - laser.accuracy,
          atLeast: -0.01,
          atMost: 0.01,
        },
      ],
    },
  ],
  figure: {
    title: "Accuracy and length under length-aware rewards",
    panels: [
      { kind: "lines", curve: "accuracy", x: "steps", y: "probability of a right answer", domain: [0.6, 0.9] },
      { kind: "lines", curve: "length", x: "steps", y: "expected length", domain: [0, 12] },
    ],
  },
});

/**
 * Flipped rewards, the reasoning pattern reward (RPR), and RPR as a correction of a noisy reward model, on the bed
 * `bandit`, layout `reason-or-direct`: reasoning starts rare and is better, answers are learned beside it, accuracy is exact.
 */
import { createRandom, type Random } from "guerdon/core";
import { groupRelative } from "guerdon/credit";
import { type ReasonOrDirectWorld, reasonOrDirect } from "guerdon/environment";
import { type Arm, defineExperiment, type Role } from "guerdon/experiment";
import { patternCalibration, rewardFlip } from "guerdon/shaping";
import { reasoningPattern } from "guerdon/signal";
import { addScoreGradient, drawAction, softmaxRows } from "guerdon/training";

interface Batch {
  readonly modes: Int32Array;
  readonly correct: boolean[];
  readonly phrases: Int32Array;
  readonly groups: Int32Array;
}
/** Rewards of a batch. Only rewards by correctness may read `correct`. */
type Reward = (batch: Batch, world: ReasonOrDirectWorld, random: Random) => Float64Array;

const promptsPerStep = 16;
const groupSize = 4;
const n = promptsPerStep * groupSize;
/** On the mean over the batch for the mode, over a prompt's group for its answers. */
const modeRate = 1;
const answerRate = 0.15;

const advantage = groupRelative();

/** Texts with 0 to 7 of the phrases that the reward looks for; six make a full score here. */
const phrases = ["let me check", "alternatively", "suppose", "therefore", "for example", "step by step", "to confirm"];
const scoreOfPhrases = reasoningPattern({ divisor: 6 })({
  texts: Array.from({ length: phrases.length + 1 }, (_, count) => `well, ${phrases.slice(0, count).join(" ok ")} yes`),
}).scores;
const patternScores = ({ phrases: counts }: Batch) => Float64Array.from(counts, (count) => scoreOfPhrases[count]);

function flipped(probability: number, level: "group" | "rollout"): Reward {
  const flip = rewardFlip({ probability, level });
  return ({ correct, groups }, _, random) => {
    const rewards = correct.map((right) => (right ? 1 : 0));
    const uniforms = Float64Array.from({ length: level === "group" ? promptsPerStep : n }, () => random.uniform());
    return Float64Array.from(flip({ rewards, groups, uniforms }).rewards);
  };
}

/** A reward model's score, lifted where it is low by how much the text reasons. */
function rewardModel(noisy: boolean, weight: number): Reward {
  const calibrate = patternCalibration({ weight });
  return (batch, world, random) => {
    const rewards = Float64Array.from(batch.correct, (right, i) => {
      const judged = noisy ? world.judgedCorrect(right, batch.modes[i], random) : right;
      return judged ? 0.8 : 0.3;
    });
    return Float64Array.from(calibrate({ rewards, patternScores: patternScores(batch) }).rewards);
  };
}

/** What the reward with its usual list and divisor gives a text of twenty listed phrases and nothing else. */
const listing = reasoningPattern()({
  texts: [
    `i need to, we need to, the goal is, let me see, let me check, check again, wait, hmm, alternatively, what if, suppose,
    assume, first, second, then, finally, therefore, hence, because, for example`,
  ],
}).scores[0];

/** REINFORCE with group-normalised advantages. `watch` gets the probabilities before every update and after the last. */
function learn(
  world: ReasonOrDirectWorld,
  reward: Reward,
  steps: number,
  random: Random,
  watch: (modes: Float64Array, answers: Float64Array) => void,
): void {
  const modeLogits = world.modePolicy();
  const answerLogits = world.answerPolicy();
  const noise = random.stream("reward");
  for (let step = 0; ; step++) {
    const modePolicy = softmaxRows(modeLogits.logits(), 2);
    const answerPolicy = softmaxRows(answerLogits.logits(), world.answers);
    watch(modePolicy, answerPolicy);
    if (step === steps) return;
    const prompts = Int32Array.from({ length: promptsPerStep }, () => random.integer(world.prompts));
    const groups = Int32Array.from({ length: n }, (_, i) => Math.floor(i / groupSize));
    const modes = groups.map(() => drawAction(modePolicy, 2, 0, random.uniform()));
    const contexts = groups.map((g, i) => modes[i] * world.prompts + prompts[g]);
    const answers = contexts.map((context) => drawAction(answerPolicy, world.answers, context, random.uniform()));
    const batch: Batch = {
      modes,
      groups,
      correct: Array.from(answers, (answer, i) => world.correct(prompts[groups[i]], answer)),
      phrases: modes.map((mode) => world.phrases(mode, random)),
    };
    const advantages = advantage({ rewards: reward(batch, world, noise), groups }).advantages as Float64Array;
    const modeGradient = new Float64Array(2);
    const answerGradient = new Float64Array(answerPolicy.length);
    for (let i = 0; i < n; i++) {
      addScoreGradient(modeGradient, modePolicy, 2, 0, modes[i], advantages[i]);
      addScoreGradient(answerGradient, answerPolicy, world.answers, contexts[i], answers[i], advantages[i]);
    }
    modeLogits.ascend(modeGradient, modeRate / n);
    answerLogits.ascend(answerGradient, answerRate / groupSize);
  }
}

interface Settings {
  readonly reward: Reward;
  /** Reasoning is no better than answering at once. */
  readonly useless?: boolean;
}
const arm = (role: Role, label: string, reward: Reward, useless = false): Arm<Settings> => ({
  role,
  label,
  settings: { reward, useless },
});

export default defineExperiment({
  paper: "noisy-rewards",
  question: "How much reward noise does learning stand, and what does paying for the look of reasoning do?",
  bed: "bandit/reason-or-direct",
  seeds: 20,
  budgets: { quick: { steps: 40 }, full: { steps: 300 } },
  arms: {
    clean: arm("baseline", "verified", flipped(0, "group")),
    group20: arm("method", "20 % of questions flipped", flipped(0.2, "group")),
    group40: arm("method", "40 % of questions", flipped(0.4, "group")),
    group50: arm("control", "50 % of questions", flipped(0.5, "group")),
    rollout20: arm("method", "20 % of replies flipped", flipped(0.2, "rollout")),
    rollout40: arm("method", "40 % of replies", flipped(0.4, "rollout")),
    rollout50: arm("control", "50 % of replies", flipped(0.5, "rollout")),
    pattern: arm("method", "RPR alone", patternScores),
    patternUseless: arm("control", "RPR, reasoning useless", patternScores, true),
    model: arm("baseline", "noisy reward model", rewardModel(true, 0)),
    modelLifted: arm("method", "noisy reward model + RPR", rewardModel(true, 0.1)),
    exactModel: arm("control", "noise-free model", rewardModel(false, 0)),
    exactLifted: arm("control", "noise-free model + RPR", rewardModel(false, 0.1)),
  },
  run({ settings: { reward, useless }, budget, random, seed }) {
    const params = useless ? { goldBias: [-0.5, -0.5] as const } : {};
    const { world, truth } = reasonOrDirect(params, random.stream("world"));
    const accuracy: number[] = [];
    let reasoning = 0;
    learn(world, reward, budget.steps, createRandom(`noisy-rewards/${seed}/rollouts`), (modes, answers) => {
      accuracy.push(truth.accuracy(modes, answers));
      reasoning = modes[1];
    });
    const x = Array.from({ length: budget.steps / 5 + 1 }, (_, i) => 5 * i);
    return {
      metrics: {
        start: accuracy[0],
        final: accuracy[accuracy.length - 1],
        peak: Math.max(...accuracy),
        reasoning,
        listing,
      },
      curves: { accuracy: { x, y: x.map((i) => accuracy[i]) } },
    };
  },
  gates: [
    {
      text: "verified rewards learn: accuracy at the end − start",
      value: ({ clean }) => clean.final - clean.start,
      atLeast: 0.4,
    },
    { text: "something is to be learned: accuracy at the start", value: ({ clean }) => clean.start, atMost: 0.3 },
    {
      text: "RPR is an honest test: with useless reasoning it raises accuracy by",
      value: ({ patternUseless }) => patternUseless.final - patternUseless.start,
      atMost: 0.05,
      claims: [2],
    },
  ],
  claims: [
    {
      card: 1,
      text: "Learning stands 40 % of flipped questions, and collapses at 50 %",
      paper: "Qwen2.5-7B, MATH-500: 5 → 72.02 % against 75.85 % clean; collapse at 50 %",
      checks: [
        {
          text: "20 % flipped − 0.93 × verified, final accuracy",
          value: ({ group20, clean }) => group20.final - 0.93 * clean.final,
          atLeast: 0,
        },
        {
          text: "40 % flipped − 0.75 × verified, final accuracy",
          value: ({ group40, clean }) => group40.final - 0.75 * clean.final,
          atLeast: 0,
        },
        {
          text: "50 % flipped, final accuracy − start",
          value: ({ group50 }) => group50.final - group50.start,
          atMost: 0.05,
        },
      ],
    },
    {
      card: 2,
      text: "Paying for the look of reasoning alone reaches nearly verified performance",
      paper: "peak over 70 %",
      checks: [
        {
          text: "RPR − 0.7 × verified, final accuracy",
          value: ({ pattern, clean }) => pattern.final - 0.7 * clean.final,
          atLeast: 0,
        },
        { text: "RPR, final accuracy − start", value: ({ pattern }) => pattern.final - pattern.start, atLeast: 0.4 },
      ],
    },
    {
      card: 3,
      text: "RPR lifts a noisy reward model",
      paper: "open-ended win rates (not quoted in the card)",
      checks: [
        {
          text: "noisy model with RPR − without, final accuracy",
          value: ({ modelLifted, model }) => modelLifted.final - model.final,
          atLeast: 0.02,
        },
        {
          text: "the same with a noise-free model",
          value: ({ exactLifted, exactModel }) => exactLifted.final - exactModel.final,
          atLeast: -0.01,
          atMost: 0.01,
        },
      ],
    },
    {
      card: 4,
      text: "RPR is a proxy: a bare list of phrases gets the full score",
      paper: "not claimed by the paper",
      checks: [{ text: "score of twenty phrases, once each", value: ({ pattern }) => pattern.listing, atLeast: 0.95 }],
    },
  ],
  figure: {
    title: "Learning from wrong rewards, and from the look of reasoning",
    panels: [
      {
        kind: "lines",
        curve: "accuracy",
        x: "steps",
        y: "probability of the right answer",
        arms: ["clean", "group20", "group40", "group50", "pattern", "model", "modelLifted"],
        domain: [0, 1],
      },
      { kind: "dots", metric: "final", x: "probability of the right answer at the end", domain: [0, 1] },
    ],
  },
});

/**
 * Right, random, inverted and majority-wrong rewards on leaked and clean questions, on the bed `bandit`, layout
 * `retrieval-skill`; and the audit by cut problem texts on a small language model that has seen 64 of them 200 times.
 */
import { createRandom, type Random } from "guerdon/core";
import { groupRelative } from "guerdon/credit";
import { type RetrievalSkillWorld, retrievalSkill } from "guerdon/environment";
import { type Arm, defineExperiment, type Role } from "guerdon/experiment";
import { clippedSurrogate } from "guerdon/objective";
import { spuriousReward } from "guerdon/shaping";
import { addScoreGradient, drawAction, softmaxRows } from "guerdon/training";
import { audit, leastDistinct } from "./audit.ts";

type Kind = "correct" | "random" | "inverted" | "majority-incorrect";

const promptsPerBatch = 64;
const groupSize = 16;
const n = promptsPerBatch * groupSize;
const groups = Int32Array.from({ length: n }, (_, i) => Math.floor(i / groupSize));
const epochs = 8;
const learningRate = 0.5;

const advantage = groupRelative();

/** Weight of ∇ log π in the ascent on the clipped surrogate: A·ρ, or 0 where the clip holds. */
function surrogateWeight(value: number, ratio: number, clip: number): number {
  return (value > 0 && ratio > 1 + clip) || (value < 0 && ratio < 1 - clip) ? 0 : value * ratio;
}

/** GRPO, several epochs a batch; sees rewards. `watch` gets probabilities before every batch and after the last. */
function learn(
  world: RetrievalSkillWorld,
  kind: Kind,
  clip: number,
  batches: number,
  random: Random,
  watch: (policy: Float64Array) => void,
): void {
  const logits = world.policy();
  const reward = spuriousReward({ kind });
  const policy = new Float64Array(world.prompts * world.answers);
  for (let batch = 0; ; batch++) {
    softmaxRows(logits.logits(), world.answers, policy);
    watch(policy);
    if (batch === batches) return;
    const drawn = Int32Array.from({ length: promptsPerBatch }, () => random.integer(world.prompts));
    const prompts = groups.map((g) => drawn[g]);
    const chosen = prompts.map((prompt) => drawAction(policy, world.answers, prompt, random.uniform()));
    const before = Float64Array.from(chosen, (answer, i) => policy[prompts[i] * world.answers + answer]);
    const { rewards } = reward({
      correct: Array.from(chosen, (answer, i) => world.correct(prompts[i], answer)),
      answers: Array.from(chosen, String),
      groups,
      uniforms: Float64Array.from(chosen, () => random.uniform()),
    });
    const advantages = advantage({ rewards, groups }).advantages as Float64Array;
    for (let epoch = 0; epoch < epochs; epoch++) {
      if (epoch > 0) softmaxRows(logits.logits(), world.answers, policy);
      const gradient = new Float64Array(policy.length);
      for (let i = 0; i < n; i++) {
        if (advantages[i] === 0) continue;
        const ratio = policy[prompts[i] * world.answers + chosen[i]] / before[i];
        const weight = surrogateWeight(advantages[i], ratio, clip);
        if (weight !== 0) addScoreGradient(gradient, policy, world.answers, prompts[i], chosen[i], weight);
      }
      logits.ascend(gradient, learningRate / n);
    }
  }
}

/** Largest difference between those weights and the gradient of the part's loss. */
function weightError(random: Random): number {
  const rows = 64;
  const oldLogprobs = Array.from({ length: rows }, () => [-0.5 - random.uniform()]);
  const logprobs = oldLogprobs.map(([value]) => [value + 0.4 * random.normal()]);
  const advantages = Float64Array.from({ length: rows }, () => random.normal());
  const { gradLogprobs } = clippedSurrogate()({ logprobs, oldLogprobs, advantages });
  const errors = logprobs.map(([value], i) => {
    const weight = surrogateWeight(advantages[i], Math.exp(value - oldLogprobs[i][0]), 0.2);
    return Math.abs(rows * gradLogprobs.values[i] + weight);
  });
  return Math.max(...errors);
}

const undefinedMetrics = {
  leakedStart: null,
  cleanStart: null,
  leaked: null,
  clean: null,
  leakedSpread: null,
  weightError: null,
  distinct: null,
  leakedExact80: null,
  leakedExact60: null,
  leakedExact40: null,
  freshExact80: null,
  freshExact60: null,
  freshExact40: null,
  leakedRouge60: null,
  freshRouge60: null,
};

const average = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

interface Settings {
  /** null: the audit by cut texts. */
  readonly kind: Kind | null;
  readonly clip: number;
  /** Runs in the same world; their mean counts. */
  readonly repeats: number;
}
const arm = (role: Role, label: string, kind: Kind, clip = 0.2): Arm<Settings> => ({
  role,
  label,
  settings: { kind, clip, repeats: kind === "random" ? 6 : 1 },
});

export default defineExperiment({
  paper: "random-calculation",
  question: "Do wrong rewards help where the model has seen the answers, and can one tell that it has?",
  bed: "bandit/retrieval-skill",
  seeds: 6,
  budgets: { quick: { batches: 15, texts: 0.02 }, full: { batches: 150, texts: 1 } },
  arms: {
    correct: arm("baseline", "correct", "correct"),
    random: arm("method", "random", "random"),
    inverted: arm("method", "inverted", "inverted"),
    majority: arm("method", "majority-incorrect", "majority-incorrect"),
    correctFree: arm("control", "correct, no clip", "correct", Number.POSITIVE_INFINITY),
    randomFree: arm("control", "random, no clip", "random", Number.POSITIVE_INFINITY),
    invertedFree: arm("control", "inverted, no clip", "inverted", Number.POSITIVE_INFINITY),
    majorityFree: arm("control", "majority-incorrect, no clip", "majority-incorrect", Number.POSITIVE_INFINITY),
    audit: { role: "method", label: "audit", settings: { kind: null, clip: 0, repeats: 0 } },
  },
  run({ settings: { kind, clip, repeats }, budget, random, seed, progress }) {
    if (kind === null) {
      const found = audit(seed, budget.texts);
      return {
        metrics: {
          ...undefinedMetrics,
          weightError: weightError(random.stream("weights")),
          distinct: leastDistinct(random.stream("generator")),
          leakedExact80: found[80].leaked.exact,
          leakedExact60: found[60].leaked.exact,
          leakedExact40: found[40].leaked.exact,
          freshExact80: found[80].fresh.exact,
          freshExact60: found[60].fresh.exact,
          freshExact40: found[40].fresh.exact,
          leakedRouge60: found[60].leaked.rouge,
          freshRouge60: found[60].fresh.rouge,
        },
      };
    }
    const { world, truth } = retrievalSkill({}, random.stream("world"));
    const runs = Array.from({ length: repeats }, (_, run) => {
      const seen: ReturnType<typeof truth.accuracy>[] = [];
      learn(world, kind, clip, budget.batches, createRandom(`random-calculation/${seed}/${run}`), (policy) =>
        seen.push(truth.accuracy(policy)),
      );
      progress((run + 1) / repeats);
      return seen;
    });
    const last = runs.map((seen) => seen[seen.length - 1]);
    const leaked = average(last.map((end) => end.leaked));
    const x = Array.from({ length: budget.batches / 5 + 1 }, (_, i) => 5 * i);
    const curve = (half: "leaked" | "clean") => ({ x, y: x.map((i) => average(runs.map((seen) => seen[i][half]))) });
    return {
      metrics: {
        ...undefinedMetrics,
        leakedStart: runs[0][0].leaked,
        cleanStart: runs[0][0].clean,
        leaked,
        clean: average(last.map((end) => end.clean)),
        leakedSpread:
          repeats < 2
            ? null
            : Math.sqrt(average(last.map((end) => (end.leaked - leaked) ** 2)) * (repeats / (repeats - 1))),
      },
      curves: { leaked: curve("leaked"), clean: curve("clean") },
    };
  },
  gates: [
    {
      text: "the base model knows the leaked half: accuracy at the start",
      value: ({ correct }) => correct.leakedStart,
      atLeast: 0.5,
      claims: [2, 3],
    },
    {
      text: "on the clean half distractors win: accuracy at the start",
      value: ({ correct }) => correct.cleanStart,
      atMost: 0.25,
      claims: [2, 3],
    },
    {
      text: "weights are those of the clipped surrogate's gradient",
      value: ({ audit }) => audit.weightError,
      atMost: 1e-6,
      claims: [2, 3],
    },
    {
      text: "the generator repeats itself rarely: least share of distinct texts in 1,000, over 1 to 20 operations",
      value: ({ audit }) => audit.distinct,
      atLeast: 0.99,
      claims: [1],
    },
  ],
  claims: [
    {
      card: 1,
      text: "A model completes texts that it has seen, not new ones of the same kind",
      paper:
        "MATH-500, first 60 %: exact match 54.60 % (Qwen2.5-Math-7B) against 3.8 % (Llama3.1-8B); LiveMathBench 202505: 0.0 %",
      checks: [
        {
          text: "exact completions of leaked texts, 60 % shown",
          value: ({ audit }) => audit.leakedExact60,
          atLeast: 0.8,
        },
        { text: "the same of fresh texts", value: ({ audit }) => audit.freshExact60, atMost: 0.1 },
      ],
    },
    {
      card: 2,
      text: "On clean data only correct rewards help",
      paper: "qualitative: random is unstable, inverted collapses",
      checks: [
        {
          text: "correct: gain on the clean half",
          value: ({ correct }) => correct.clean - correct.cleanStart,
          atLeast: 0.5,
        },
        {
          text: "random, mean of 6 runs in a world",
          value: ({ random }) => random.clean - random.cleanStart,
          atMost: 0.05,
        },
        {
          text: "random: standard deviation of accuracy on the leaked half, over those runs",
          value: ({ random }) => random.leakedSpread,
          atLeast: 0.1,
        },
        { text: "inverted", value: ({ inverted }) => inverted.clean - inverted.cleanStart, atMost: 0.05 },
        { text: "majority-incorrect", value: ({ majority }) => majority.clean - majority.cleanStart, atMost: 0.05 },
      ],
    },
    {
      card: 3,
      text: "On contaminated data a wrong reward can look good",
      paper: "abstract",
      checks: [
        {
          text: "majority-incorrect: gain on the leaked half",
          value: ({ majority }) => majority.leaked - majority.leakedStart,
          atLeast: 0.25,
        },
        {
          text: "majority-incorrect: gain on the clean half",
          value: ({ majority }) => majority.clean - majority.cleanStart,
          atMost: 0,
        },
      ],
    },
  ],
  figure: {
    title: "Spurious rewards, on questions that leaked and on clean ones",
    panels: [
      {
        kind: "lines",
        title: "leaked half",
        curve: "leaked",
        x: "batches",
        y: "probability of the right answer",
        arms: ["correct", "random", "inverted", "majority", "randomFree"],
        domain: [0, 1],
      },
      {
        kind: "lines",
        title: "clean half",
        curve: "clean",
        x: "batches",
        y: "probability of the right answer",
        arms: ["correct", "random", "inverted", "majority", "randomFree"],
        domain: [0, 1],
      },
    ],
  },
});

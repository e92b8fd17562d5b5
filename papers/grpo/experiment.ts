/**
 * The group-relative family: what the aggregation of token losses does to lengths (bed `bandit`, layout
 * `branch-length`), the KL estimators by enumeration, groups without spread, and the spread of sequence ratios.
 */
import { createRandom, type Random } from "guerdon/core";
import { groupRelative } from "guerdon/credit";
import { branchLength } from "guerdon/environment";
import { type Arm, defineExperiment, type Role } from "guerdon/experiment";
import { clippedSurrogate, klEstimator } from "guerdon/objective";
import { dynamicFilter } from "guerdon/sampling";

type Aggregation = "seq-mean-token-mean" | "token-mean" | "dr-grpo";

const groupCount = 16;
const size = 8;
const n = groupCount * size;
const centred = groupRelative({ scale: "none" });
/** The constant normaliser is the expected length at the start: the mean token then weighs the same in every arm. */
const { world, truth } = branchLength();
const constant = truth.expectedLength(world.continueStart);

/** Weight of a token's gradient in the loss of a batch, by rollout. */
function tokenWeights(aggregation: Aggregation, lengths: Int32Array): Float64Array {
  if (aggregation === "seq-mean-token-mean") return Float64Array.from(lengths, (length) => 1 / (n * length));
  const total = aggregation === "token-mean" ? lengths.reduce((sum, length) => sum + length, 0) : n * constant;
  return new Float64Array(n).fill(1 / total);
}

/** Largest difference between those weights and the gradient of the part's loss where the ratio is 1. */
function weightError(aggregation: Aggregation, random: Random): number {
  const lengths = Int32Array.from({ length: n }, () => world.length(world.continueStart, random));
  const logprobs = Array.from(lengths, (length) => new Float64Array(length).fill(-0.5));
  const advantages = Float64Array.from({ length: n }, () => random.normal());
  const loss = clippedSurrogate({ aggregation, lossScale: aggregation === "dr-grpo" ? constant : null });
  const { gradLogprobs } = loss({ logprobs, oldLogprobs: logprobs, advantages });
  const weights = tokenWeights(aggregation, lengths);
  let worst = 0;
  for (let i = 0; i < n; i++)
    for (let t = gradLogprobs.offsets[i]; t < gradLogprobs.offsets[i + 1]; t++)
      worst = Math.max(worst, Math.abs(gradLogprobs.values[t] + advantages[i] * weights[i]));
  return worst;
}

/** REINFORCE on two logits (right branch, wrong branch), the branch forced half and half. */
function learn(
  aggregation: Aggregation,
  learningRate: number,
  steps: number,
  random: Random,
  watch: (continueProbabilities: readonly [right: number, wrong: number]) => void,
): void {
  const start = Math.log(world.continueStart / (1 - world.continueStart));
  const logits = [start, start];
  const groups = Int32Array.from({ length: n }, (_, i) => Math.floor(i / size));
  const branches = Int32Array.from({ length: n }, (_, i) => i % 2);
  const rewards = Float64Array.from(branches, (branch) => world.reward(branch === 0));
  const advantages = centred({ rewards, groups }).advantages as Float64Array;
  for (let step = 0; ; step++) {
    const p = logits.map((logit) => 1 / (1 + Math.exp(-logit)));
    watch([p[0], p[1]]);
    if (step === steps) return;
    const lengths = Int32Array.from(branches, (branch) => world.length(p[branch], random));
    const weights = tokenWeights(aggregation, lengths);
    for (let i = 0; i < n; i++) {
      // Σ_t ∇ log π: it went on length − 1 times, and stopped unless it ran into the cap with a last "go on".
      const branch = branches[i];
      const capped = lengths[i] === world.cap && random.uniform() < p[branch];
      const wentOn = lengths[i] - (capped ? 0 : 1);
      logits[branch] += learningRate * weights[i] * advantages[i] * (wentOn - lengths[i] * p[branch]);
    }
  }
}

/** Largest error of the exact means, and the ratio of the deviations, of k1 and k3 over policies of 8 actions. */
function enumerateKl(random: Random): { bias: number; spreadRatio: number } {
  let bias = 0;
  let spreadRatio = 0;
  for (let trial = 0; trial < 20; trial++) {
    const logits = Float64Array.from({ length: 8 }, () => random.normal());
    const policy = softmax(logits);
    const reference = softmax(logits.map((logit) => logit + 0.1 * random.normal()));
    const exact = policy.reduce((sum, p, a) => sum + p * Math.log(p / reference[a]), 0);
    const [k1, k3] = (["k1", "k3"] as const).map((estimator) => {
      const { kl } = klEstimator({ estimator })({
        logprobs: [policy.map(Math.log)],
        refLogprobs: [reference.map(Math.log)],
      });
      const mean = policy.reduce((sum, p, a) => sum + p * kl.values[a], 0);
      const spread = Math.sqrt(policy.reduce((sum, p, a) => sum + p * (kl.values[a] - mean) ** 2, 0));
      return { mean, spread };
    });
    bias = Math.max(bias, Math.abs(k1.mean - exact), Math.abs(k3.mean - exact));
    spreadRatio = Math.max(spreadRatio, k3.spread / k1.spread);
  }
  return { bias, spreadRatio };
}

function softmax(logits: Float64Array): Float64Array {
  const weights = logits.map(Math.exp);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

/** Share of groups with a gradient, before and after dynamic sampling; success rates from hopeless to solved. */
function groupsWithGradient(random: Random): { before: number; after: number } {
  const prompts = 512;
  const groups = Int32Array.from({ length: prompts * size }, (_, i) => Math.floor(i / size));
  const rates = Float64Array.from({ length: prompts }, () => random.uniform());
  const rewards = Float64Array.from(groups, (prompt) => (random.uniform() < rates[prompt] ? 1 : 0));
  const { keep } = dynamicFilter()({ rewards, groups });
  const share = (chosen: readonly number[]) => {
    const advantages = centred({
      rewards: chosen.map((i) => rewards[i]),
      groups: chosen.map((i) => groups[i]),
    }).advantages as Float64Array;
    const all = new Set(chosen.map((i) => groups[i]));
    const moved = new Set(chosen.flatMap((i, k) => (advantages[k] !== 0 ? [groups[i]] : [])));
    return moved.size / all.size;
  };
  const everything = Array.from(groups, (_, i) => i);
  return { before: share(everything), after: share(everything.filter((i) => keep[i])) };
}

/** sd of the log ratio times √T (sequence) or alone (token), largest over smallest, over lengths T. */
function ratioSpread(ratio: "sequence" | "token", random: Random): number {
  const spreads = [4, 16, 64].map((tokens) => {
    const rows = 1024;
    const oldLogprobs = Array.from({ length: rows }, () => new Float64Array(tokens).fill(-1));
    const logprobs = oldLogprobs.map((row) => row.map((value) => value + 0.1 * random.normal()));
    const { ratios } = clippedSurrogate({ ratio, aggregation: "seq-mean-token-mean" })({
      logprobs,
      oldLogprobs,
      advantages: new Float64Array(rows).fill(1),
    });
    // One token of each sequence: all of them in a sequence share its ratio.
    const logs = Float64Array.from({ length: rows }, (_, i) => Math.log(ratios.values[ratios.offsets[i]]));
    const mean = logs.reduce((sum, value) => sum + value, 0) / rows;
    const deviation = Math.sqrt(logs.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (rows - 1));
    return ratio === "sequence" ? deviation * Math.sqrt(tokens) : deviation;
  });
  return Math.max(...spreads) / Math.min(...spreads);
}

const undefinedMetrics = {
  rightLength: null,
  wrongLength: null,
  drift: null,
  weightError: null,
  klBias: null,
  klSpreadRatio: null,
  groupsBefore: null,
  groupsAfter: null,
  sequenceSpread: null,
  tokenSpread: null,
};

interface Settings {
  /** null: the checks that no learning is needed for. */
  readonly aggregation: Aggregation | null;
}
const arm = (role: Role, label: string, aggregation: Aggregation): Arm<Settings> => ({
  role,
  label,
  settings: { aggregation },
});

export default defineExperiment({
  paper: "grpo",
  question: "What do the choices inside group-relative policy gradients do: aggregation, KL estimator, filter, ratio?",
  bed: "bandit/branch-length",
  seeds: 8,
  budgets: { quick: { steps: 60 }, full: { steps: 300 } },
  arms: {
    sequence: arm("baseline", "mean over sequences of token means", "seq-mean-token-mean"),
    token: arm("ablation", "mean over tokens", "token-mean"),
    constant: arm("method", "constant normaliser", "dr-grpo"),
    exact: { role: "control", label: "exact checks", settings: { aggregation: null }, sweep: false },
  },
  run({ settings: { aggregation }, budget, seed, random, sweep }) {
    if (aggregation === null) {
      const kl = enumerateKl(random.stream("kl"));
      const filtered = groupsWithGradient(random.stream("groups"));
      return {
        metrics: {
          ...undefinedMetrics,
          klBias: kl.bias,
          klSpreadRatio: kl.spreadRatio,
          groupsBefore: filtered.before,
          groupsAfter: filtered.after,
          sequenceSpread: ratioSpread("sequence", random.stream("ratios")),
          tokenSpread: ratioSpread("token", random.stream("ratios")),
        },
      };
    }
    const x: number[] = [];
    const right: number[] = [];
    const wrong: number[] = [];
    learn(aggregation, sweep, budget.steps, createRandom(`grpo/${seed}/rollouts`), ([p, q]) => {
      x.push(x.length);
      right.push(truth.expectedLength(p));
      wrong.push(truth.expectedLength(q));
    });
    const last = x.length - 1;
    const every = <T>(values: readonly T[]) => values.filter((_, i) => i % 10 === 0);
    return {
      metrics: {
        ...undefinedMetrics,
        rightLength: right[last],
        wrongLength: wrong[last],
        drift: Math.abs(wrong[last] - right[last]),
        weightError: weightError(aggregation, random.stream("weights")),
      },
      curves: { right: { x: every(x), y: every(right) }, wrong: { x: every(x), y: every(wrong) } },
    };
  },
  // Each arm at the step size that favours it: the one with the least drift.
  sweep: { name: "learning rate", values: [0.5, 1, 2], fixed: 1, select: "drift", best: "min" },
  gates: [
    {
      text: "token weights are those of the clipped surrogate's gradient, all arms",
      value: ({ sequence, token, constant }) => Math.max(sequence.weightError, token.weightError, constant.weightError),
      atMost: 1e-12,
    },
    {
      text: "unfiltered, some groups have no gradient: their share",
      value: ({ exact }) => 1 - exact.groupsBefore,
      atLeast: 0.01,
      claims: [3],
    },
  ],
  claims: [
    {
      card: 1,
      text: "Averaging per sequence makes wrong answers longer (Dr. GRPO)",
      paper: "qualitative",
      checks: [
        {
          text: "length of wrong answers, per sequence − 3 × constant",
          value: ({ sequence, constant }) => sequence.wrongLength - 3 * constant.wrongLength,
          atLeast: 0,
        },
        { text: "per sequence: length of wrong answers", value: ({ sequence }) => sequence.wrongLength, atLeast: 15 },
        {
          text: "constant: length of wrong answers",
          value: ({ constant }) => constant.wrongLength,
          atLeast: 4,
          atMost: 6.5,
        },
        {
          text: "the first, every arm at learning rate 1",
          value: (_, { sequence, constant }) => sequence.wrongLength - 3 * constant.wrongLength,
          atLeast: 0,
        },
      ],
    },
    {
      card: 2,
      text: "k1 and k3 are unbiased, and k3 has far lower spread",
      paper: "exact",
      checks: [
        { text: "largest error of the exact means", value: ({ exact }) => exact.klBias, atMost: 1e-12 },
        { text: "largest sd(k3)/sd(k1), small KL", value: ({ exact }) => exact.klSpreadRatio, atMost: 0.3 },
      ],
    },
    {
      card: 3,
      text: "Groups without spread carry no gradient; dynamic sampling restores it",
      paper: "qualitative",
      checks: [
        {
          text: "share of groups with a gradient after filtering",
          value: ({ exact }) => exact.groupsAfter,
          atLeast: 1,
        },
      ],
    },
    {
      card: 4,
      text: "GSPO's ratio spread shrinks with length, that of token ratios does not",
      paper: "qualitative",
      checks: [
        { text: "sd(log s)·√T, largest over smallest", value: ({ exact }) => exact.sequenceSpread, atMost: 1.2 },
        { text: "sd(log ρ), largest over smallest", value: ({ exact }) => exact.tokenSpread, atMost: 1.2 },
      ],
    },
  ],
  figure: {
    title: "Reward looks at the answer alone; the aggregation moves its length",
    panels: [
      {
        kind: "lines",
        title: "wrong answers",
        curve: "wrong",
        x: "updates",
        y: "expected length in tokens",
        arms: ["sequence", "token", "constant"],
        domain: [0, 24],
      },
      {
        kind: "lines",
        title: "right answers",
        curve: "right",
        x: "updates",
        y: "expected length in tokens",
        arms: ["sequence", "token", "constant"],
        domain: [0, 24],
      },
    ],
  },
});

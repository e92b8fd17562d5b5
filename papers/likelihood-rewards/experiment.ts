/**
 * Rewards from the likelihood of a reference answer, on the bed `bandit`, layout `noisy-copy`: thoughts of which three
 * in sixteen are informative, an answer of 1 or 40 tokens, everything evaluated exactly.
 */
import { createRandom, type Random } from "guerdon/core";
import { groupRelative, jensenLeaveOneOut } from "guerdon/credit";
import { absentThought, type NoisyCopyWorld, noisyCopy, thoughtKinds } from "guerdon/environment";
import { type Arm, defineExperiment, type Role } from "guerdon/experiment";
import { likelihoodReward } from "guerdon/objective";
import { referenceLikelihood, tieredVerifier } from "guerdon/signal";
import { adam, addScoreGradient, drawAction, softmaxRows } from "guerdon/training";

type Method = "sft" | "base" | "prob" | "avg-prob" | "log-prob" | "jepo";

const promptsPerStep = 8;
const groupSize = 4;
const n = promptsPerStep * groupSize;
const groups = Int32Array.from({ length: n }, (_, i) => Math.floor(i / groupSize));
const learningRate = 0.03;

const leaveOneOut = groupRelative({ baseline: "leave-one-out", scale: "none" });
const jensen = jensenLeaveOneOut();
const verify = tieredVerifier();
const readable = new Array<boolean>(n).fill(true);

/** What a step of a method wants: an advantage for every thought, and weights for the gradient of answer tokens. */
interface Credit {
  readonly advantages: ArrayLike<number>;
  readonly answers: readonly ArrayLike<number>[];
  /** Weight of ∇ log π of every answer token. */
  readonly weights: readonly ArrayLike<number>[];
}

/** Log-probabilities of an answer's tokens, given what was copied. */
function logprobsOf(world: NoisyCopyWorld, kappa: number, copied: Int32Array, answer: Int32Array): Float64Array {
  const head = world.head(kappa);
  return Float64Array.from(answer, (symbol, t) => (symbol === copied[t] ? head.copied : head.other));
}

/** An answer sampled from the head. */
function sampleAnswer(world: NoisyCopyWorld, kappa: number, copied: Int32Array, random: Random): Int32Array {
  const chance = Math.exp(world.head(kappa).copied);
  return copied.map((symbol) =>
    random.uniform() < chance ? symbol : (symbol + 1 + random.integer(world.symbols - 1)) % world.symbols,
  );
}

const everyToken = (rows: readonly Int32Array[], weight: (row: number) => number) =>
  rows.map((row, i) => new Float64Array(row.length).fill(weight(i)));

function creditOf(
  method: Method,
  world: NoisyCopyWorld,
  kappas: readonly number[],
  copied: readonly Int32Array[],
  targets: readonly Int32Array[],
  random: Random,
): Credit {
  if (method === "sft")
    return { advantages: new Float64Array(n), answers: targets, weights: everyToken(targets, () => 1) };
  if (method === "base") {
    // The sampled answer is an action like the thought, and both get the advantage.
    const answers = copied.map((row, i) => sampleAnswer(world, kappas[i], row, random));
    const correct = answers.map((answer, i) => answer.every((symbol, t) => symbol === targets[i][t]));
    const { rewards } = verify({ correct, formatted: readable });
    const advantages = leaveOneOut({ rewards, groups }).advantages as Float64Array;
    return { advantages, answers, weights: everyToken(answers, (i) => advantages[i]) };
  }
  const answerLogprobs = targets.map((target, i) => logprobsOf(world, kappas[i], copied[i], target));
  if (method === "jepo") {
    const logLikelihoods = answerLogprobs.map((row) => row.reduce((sum, value) => sum + value, 0));
    const { advantages, answerWeights } = jensen({ logLikelihoods, groups });
    return {
      advantages: advantages as Float64Array,
      answers: targets,
      weights: everyToken(targets, (i) => answerWeights[i]),
    };
  }
  const { rewards, answerWeights } = referenceLikelihood({ variant: method })({ answerLogprobs });
  if (!answerWeights) throw new Error(`${method} has no weights`);
  const { values, offsets } = answerWeights;
  return {
    advantages: leaveOneOut({ rewards: rewards as number[], groups }).advantages as Float64Array,
    answers: targets,
    weights: targets.map((_, i) => values.subarray(offsets[i], offsets[i + 1])),
  };
}

/** Adam on thought logits and on the head's κ. Gives both: probabilities of thoughts (null without thoughts) and κ. */
function learn(world: NoisyCopyWorld, method: Method, answerLength: number, steps: number, random: Random) {
  const theta = new Float64Array(world.prompts * world.thoughts);
  const kappa = Float64Array.from(world.headStart);
  const thinker = adam(theta.length, learningRate);
  const head = adam(thoughtKinds, learningRate);
  const policy = new Float64Array(theta.length);
  for (let step = 0; ; step++) {
    softmaxRows(theta, world.thoughts, policy);
    if (step === steps) return { policy: method === "sft" ? null : policy, kappa };
    const prompts = Int32Array.from({ length: promptsPerStep }, () => random.integer(world.prompts));
    const perGroup = Array.from(prompts, () => world.target(answerLength, random));
    const targets = Array.from(groups, (g) => perGroup[g]);
    const thoughts = groups.map((g) => drawAction(policy, world.thoughts, prompts[g], random.uniform()));
    const kinds = groups.map((g, i) => (method === "sft" ? absentThought : world.kind(prompts[g], thoughts[i])));
    const copied = targets.map((target, i) => world.copy(kinds[i], target, random));
    const kappas = Array.from(kinds, (kind) => kappa[kind]);
    const { advantages, answers, weights } = creditOf(method, world, kappas, copied, targets, random);
    const thetaGradient = new Float64Array(theta.length);
    const kappaGradient = new Float64Array(thoughtKinds);
    for (let i = 0; i < n; i++) {
      if (method !== "sft")
        addScoreGradient(thetaGradient, policy, world.thoughts, prompts[groups[i]], thoughts[i], advantages[i] / n);
      // d log π/dκ of a token is 1 − h where it is the copied symbol, else −h, with h the copied symbol's probability.
      const h = Math.exp(world.head(kappas[i]).copied);
      for (let t = 0; t < answerLength; t++)
        kappaGradient[kinds[i]] += (weights[i][t] * ((answers[i][t] === copied[i][t] ? 1 : 0) - h)) / n;
    }
    thinker.ascend(theta, thetaGradient);
    head.ascend(kappa, kappaGradient);
  }
}

/** Largest difference between the answer weights used here and the gradient of the part's loss, on short answers. */
function weightError(method: "prob" | "avg-prob" | "log-prob", random: Random): number {
  const answerLogprobs = Array.from({ length: 8 }, () => Array.from({ length: 5 }, () => -2 * random.uniform()));
  const advantages = answerLogprobs.map(() => random.normal());
  const loss = likelihoodReward({ variant: method });
  const { answerWeights } = loss({ thoughtLogprobs: answerLogprobs.map(() => [-1]), answerLogprobs, advantages });
  const used = referenceLikelihood({ variant: method })({ answerLogprobs }).answerWeights;
  return Math.max(...answerWeights.values.map((weight, i) => Math.abs(weight - (used?.values[i] ?? Number.NaN))));
}

interface Settings {
  readonly method: Method;
}
const arm = (role: Role, label: string, method: Method): Arm<Settings> => ({ role, label, settings: { method } });

export default defineExperiment({
  paper: "likelihood-rewards",
  question: "Which reward from the likelihood of a reference answer works for short and for long answers?",
  bed: "bandit/noisy-copy",
  seeds: 5,
  budgets: { quick: { steps: 60 }, full: { steps: 600 } },
  arms: {
    sft: arm("baseline", "SFT", "sft"),
    base: arm("baseline", "base RL (sampled answer)", "base"),
    prob: arm("method", "probability", "prob"),
    avgProb: arm("method", "average probability", "avg-prob"),
    logProb: arm("method", "log-probability", "log-prob"),
    jepo: arm("baseline", "JEPO", "jepo"),
  },
  run({ settings: { method }, budget, random, seed, progress }) {
    const worlds = random.stream("world");
    const { world, truth } = noisyCopy({}, worlds);
    const start = truth.evaluate(new Float64Array(16 * 16).fill(1 / 16), world.headStart);
    const run = (name: string, bed: ReturnType<typeof noisyCopy>, answerLength: number) => {
      const rollouts = createRandom(`likelihood-rewards/${seed}/${name}`);
      const { policy, kappa } = learn(bed.world, method, answerLength, budget.steps, rollouts);
      return bed.truth.evaluate(policy, kappa);
    };
    const short = run("short", { world, truth }, 1);
    progress(0.1);
    const long = run("long", { world, truth }, 40);
    progress(0.55);
    // The variant: thoughts do not help, every copy is as good as any other.
    const flat = run("flat", noisyCopy({ reliability: [0.5, 0.5, 0.5] }, worlds), 40);
    const checked = method === "prob" || method === "avg-prob" || method === "log-prob";
    return {
      metrics: {
        startLogprob: start.logprob,
        greedy: short.greedy,
        sampled: short.sampled,
        perplexity: Math.exp(-short.logprob),
        longLogprob: long.logprob,
        flatLogprob: flat.logprob,
        weightError: checked ? weightError(method, random.stream("weights")) : null,
      },
    };
  },
  gates: [
    {
      text: "the start is the card's −2.035 nats per token",
      value: ({ logProb }) => logProb.startLogprob,
      atLeast: -2.0355,
      atMost: -2.0345,
    },
    {
      text: "answer weights are the gradient of the likelihood loss",
      value: ({ prob, avgProb, logProb }) => Math.max(prob.weightError, avgProb.weightError, logProb.weightError),
      atMost: 1e-6,
    },
  ],
  claims: [
    {
      card: 1,
      text: "Short answers: all likelihood rewards match base RL under greedy decoding",
      paper: "Llama, MATH, G 32: base 42.7, log-prob 43.3, prob 44.2, avg-prob 44.0",
      checks: [
        {
          text: "largest − smallest greedy success of base, prob, avg-prob, log-prob",
          value: ({ base, prob, avgProb, logProb }) => {
            const four = [base.greedy, prob.greedy, avgProb.greedy, logProb.greedy];
            return Math.max(...four) - Math.min(...four);
          },
          atMost: 0.03,
        },
      ],
    },
    {
      card: 2,
      text: "Log-probability gives far better perplexity",
      paper: "13.9 base, 7.1 prob, 2.2 log-prob, 2.6 SFT",
      checks: [
        {
          text: "log-prob over base, perplexity of short answers",
          value: ({ logProb, base }) => logProb.perplexity / base.perplexity,
          atMost: 0.85,
        },
        {
          text: "log-prob over prob",
          value: ({ logProb, prob }) => logProb.perplexity / prob.perplexity,
          atMost: 0.85,
        },
      ],
    },
    {
      card: 3,
      text: "At temperature 1 log-probability is worse",
      paper: "34.7 against 41.4",
      checks: [
        {
          text: "log-prob − prob, sampled success on short answers",
          value: ({ logProb, prob }) => logProb.sampled - prob.sampled,
          atMost: -0.03,
        },
      ],
    },
    {
      card: 4,
      text: "Long answers: base and probability flatline, log-probability learns",
      paper: "NuminaProof, average log-prob: −1.2859 (prob), −1.2871 (start), −1.1124 (log-prob, = SFT)",
      checks: [
        {
          text: "base: change of log-prob per token",
          value: ({ base }) => base.longLogprob - base.startLogprob,
          atLeast: -0.02,
          atMost: 0.02,
        },
        {
          text: "prob: change",
          value: ({ prob }) => prob.longLogprob - prob.startLogprob,
          atLeast: -0.02,
          atMost: 0.02,
        },
        {
          text: "log-prob: change",
          value: ({ logProb }) => logProb.longLogprob - logProb.startLogprob,
          atLeast: 1,
        },
        {
          text: "avg-prob − the better of base and prob",
          value: ({ avgProb, base, prob }) => avgProb.longLogprob - Math.max(base.longLogprob, prob.longLogprob),
          atLeast: 0,
        },
        {
          text: "log-prob − avg-prob",
          value: ({ logProb, avgProb }) => logProb.longLogprob - avgProb.longLogprob,
          atLeast: 0,
        },
      ],
    },
    {
      card: 5,
      text: "JEPO adds nothing over log-probability",
      paper: "similar",
      checks: [
        {
          text: "JEPO − log-prob, greedy success on short answers",
          value: ({ jepo, logProb }) => jepo.greedy - logProb.greedy,
          atLeast: -0.05,
          atMost: 0.05,
        },
      ],
    },
    {
      card: 6,
      text: "Where thoughts do not help, log-probability is supervised fine-tuning",
      paper: "thoughts collapse from 474 to 9 tokens, result that of SFT",
      checks: [
        {
          text: "log-prob − SFT, log-prob per token, all reliabilities equal",
          value: ({ logProb, sft }) => logProb.flatLogprob - sft.flatLogprob,
          atLeast: -0.03,
          atMost: 0.03,
        },
      ],
    },
  ],
  figure: {
    title: "Rewards from the likelihood of the reference answer",
    panels: [
      { kind: "dots", title: "1 token", metric: "greedy", x: "greedy success", domain: [0, 1] },
      { kind: "dots", title: "1 token", metric: "sampled", x: "sampled success", domain: [0, 1] },
      { kind: "dots", title: "40 tokens", metric: "longLogprob", x: "log-probability per token", domain: [-2.2, 0] },
    ],
  },
});

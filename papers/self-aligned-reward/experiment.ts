/**
 * The self-aligned reward on the bed `entity-decoder`, layout `entityChains`: a decoder that has read careless chains
 * with restatements is trained by GRPO on a verifier, alone and with what its own perplexities, or lengths, add.
 */
import { type Random, toRagged } from "guerdon/core";
import {
  type ConstructedAnswer,
  type EntityChainsTruth,
  type EntityChainsWorld,
  entityChains,
} from "guerdon/environment";
import { type Arm, defineExperiment, type Role } from "guerdon/experiment";
import {
  fromHost,
  type HostParameters,
  keep,
  type Parameters,
  type TransformerConfig,
  toHost,
  transformerSampler,
} from "guerdon/model";
import { lengthPenalty, weightedSum } from "guerdon/shaping";
import { selfAligned } from "guerdon/signal";
import { algorithms, type LanguageTask, policyGradient, sequenceReader, trainSupervised } from "guerdon/training";

interface Settings {
  /** Added to the verifier's reward; "nothing": plain GRPO; "untrained": no training at all. */
  readonly adds: "untrained" | "nothing" | "self-aligned" | "confidence" | "length";
  /** Weight of the verifier's reward. */
  readonly verifiable: number;
}

const alpha = 0.2;
const questions = 8;
const rollouts = 8;
/** Above the longest redundant answer (13 tokens), or the limit would shorten answers by itself. */
const replyLength = 14;

const modelOf = (world: EntityChainsWorld): TransformerConfig => ({
  vocabulary: world.vocabulary,
  context: 16,
  width: 48,
  layers: 2,
  heads: 4,
  padding: world.padding,
});

const shared = (world: EntityChainsWorld) => ({
  vocabulary: world.vocabulary,
  padding: world.padding,
  stop: world.end,
  promptLength: world.promptLength,
  replyLength,
});

const padded = (world: EntityChainsWorld, answer: ArrayLike<number>) =>
  Int32Array.from({ length: replyLength }, (_, t) => (t < answer.length ? answer[t] : world.padding));

/** Next-token training on answers, the question given. */
function pretrain(world: EntityChainsWorld, steps: number, random: Random): HostParameters {
  type Document = ReturnType<EntityChainsWorld["document"]>;
  const documents = random.stream("documents");
  const task: LanguageTask<Document> = {
    ...shared(world),
    draw: () => world.document(documents),
    prompt: ({ question }) => question,
    demonstration: ({ answer }) => padded(world, answer),
    reward: () => null,
  };
  const optimizer = { learningRate: 3e-3, weightDecay: 0.01 };
  const seed = String(random.integer(2 ** 31));
  const parameters = trainSupervised({
    model: modelOf(world),
    task: task as LanguageTask,
    steps,
    batch: 96,
    optimizer,
    seed,
  });
  const host = toHost(parameters);
  for (const array of Object.values(parameters)) array.dispose();
  return host;
}

/** Log-probabilities of answers after given questions, a row each of the answer's length. */
function answerReader(world: EntityChainsWorld) {
  const reader = sequenceReader(modelOf(world), world.promptLength);
  const columns = world.promptLength + replyLength;
  return (parameters: Parameters, asked: readonly Int32Array[], answers: readonly Int32Array[]) => {
    const tokens = new Int32Array(answers.length * columns);
    for (const [i, answer] of answers.entries()) {
      tokens.set(asked[i], i * columns);
      tokens.set(padded(world, answer), i * columns + world.promptLength);
    }
    const { logprobs } = reader(parameters, tokens, columns);
    return toRagged(answers.map(({ length }, i) => logprobs.subarray(i * replyLength, i * replyLength + length)));
  };
}

type AnswerReader = ReturnType<typeof answerReader>;

/** Accuracy, length and share with a thought of 16 sampled answers to every question. */
function evaluation(world: EntityChainsWorld, random: Random) {
  const groupSize = 16;
  const count = world.entities * groupSize;
  const { promptLength } = world;
  const sampler = transformerSampler(modelOf(world), { promptLength, replyLength, groupSize, stop: world.end });
  const prompts = Int32Array.from(
    Array.from({ length: world.entities }, (_, e) => Array.from(world.question(e))).flat(),
  );
  const uniforms = Float32Array.from({ length: count * replyLength }, () => random.uniform());
  return (parameters: Parameters) => {
    const { tokens, lengths } = sampler(keep(parameters), prompts, uniforms);
    let [solved, thoughts, length] = [0, 0, 0];
    for (let row = 0; row < count; row++) {
      const start = row * (promptLength + replyLength) + promptLength;
      const answer = tokens.subarray(start, start + lengths[row]);
      if (world.solved(Math.floor(row / groupSize), answer)) solved++;
      if (world.hasThought(answer)) thoughts++;
      length += answer.length;
    }
    return { accuracy: solved / count, length: length / count, thoughts: thoughts / count };
  };
}

/** Claim 1: shares of questions for which one constructed answer scores above another, and mean scores. */
function ranking(
  world: EntityChainsWorld,
  truth: EntityChainsTruth,
  read: AnswerReader,
  parameters: Parameters,
  random: Random,
) {
  const entities = Array.from({ length: world.entities }, (_, entity) => entity);
  const score = (kind: ConstructedAnswer) => {
    const answers = entities.map((entity) => truth.construct(entity, kind, random));
    const { rewards } = selfAligned()({
      logprobs: read(parameters, entities.map(world.question), answers),
      unconditionalLogprobs: read(
        parameters,
        entities.map(() => world.question(null)),
        answers,
      ),
    });
    return Array.from(rewards, (reward) => reward ?? 0);
  };
  const [concise, redundant, partly, wrong] = (["concise", "redundant", "partly-right", "wrong"] as const).map(score);
  const above = (one: readonly number[], other: readonly number[]) =>
    one.filter((value, i) => value > other[i]).length / one.length;
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  return {
    conciseOverRedundant: above(concise, redundant),
    conciseOverWrong: above(concise, wrong),
    partlyOverWrong: above(partly, wrong),
    conciseScore: mean(concise),
    redundantScore: mean(redundant),
    partlyScore: mean(partly),
    wrongScore: mean(wrong),
  };
}

const undefinedMetrics = {
  conciseOverRedundant: null,
  conciseOverWrong: null,
  partlyOverWrong: null,
  conciseScore: null,
  redundantScore: null,
  partlyScore: null,
  wrongScore: null,
  perplexity: null,
  unconditionalPerplexity: null,
};

const arm = (role: Role, label: string, adds: Settings["adds"], verifiable = 1): Arm<Settings> => ({
  role,
  label,
  settings: { adds, verifiable },
});

export default defineExperiment({
  paper: "self-aligned-reward",
  question: "Does a reward from the policy's own perplexities shorten answers without costing accuracy?",
  bed: "entity-decoder/entity-chains",
  seeds: 3,
  budgets: { quick: { pretraining: 10, steps: 1 }, full: { pretraining: 900, steps: 80 } },
  arms: {
    untrained: arm("control", "before RL", "untrained"),
    grpo: arm("baseline", "GRPO", "nothing"),
    selfAligned: arm("method", "GRPO + 0.2 self-aligned", "self-aligned"),
    confidence: arm("baseline", "GRPO + 0.2 confidence", "confidence"),
    length: arm("baseline", "GRPO + 0.2 relative length", "length"),
    alone: arm("control", "self-aligned alone", "self-aligned", 0),
  },
  prepare({ budget, random }) {
    const { world, truth } = entityChains({}, random.stream("world"));
    const start = pretrain(world, budget.pretraining, random.stream("pretraining"));
    // Compiled programs: the same for all arms.
    return { world, truth, start, read: answerReader(world), evaluate: evaluation(world, random.stream("evaluation")) };
  },
  async run({ settings: { adds, verifiable }, budget, random, seed, prepared, progress }) {
    const { world, truth, start, read, evaluate } = prepared;
    if (adds === "untrained") {
      const parameters = fromHost(start);
      const metrics = {
        ...undefinedMetrics,
        ...evaluate(parameters),
        ...ranking(world, truth, read, parameters, random.stream("answers")),
      };
      for (const array of Object.values(parameters)) array.dispose();
      return { metrics };
    }
    const task: LanguageTask<number> = {
      ...shared(world),
      draw: (draws) => draws.integer(world.entities),
      prompt: world.question,
      demonstration: () => new Int32Array(replyLength),
      reward: (entity, answer) => (world.solved(entity, answer) ? 1 : 0),
    };
    const trainer = policyGradient({
      algorithm: algorithms.grpo,
      model: modelOf(world),
      parameters: fromHost(start),
      task: task as LanguageTask,
      prompts: questions,
      groupSize: rollouts,
      optimizer: { learningRate: 2e-4, clipNorm: 1, weightDecay: 0.01 },
      seed: `self-aligned-reward/${seed}/rollouts`,
    });
    const own = selfAligned({ mode: adds === "confidence" ? "negative" : "relative" });
    const relativeLength = lengthPenalty({ method: "relative-mean", coef: 1 });
    const combine = weightedSum({ weights: { verifiable, added: adds === "nothing" ? 0 : alpha } });
    let perplexities: { perplexity: number; unconditionalPerplexity: number } | null = null;
    const points = [{ step: 0, ...evaluate(trainer.parameters) }];
    for (let step = 1; step <= budget.steps; step++) {
      await trainer.stepWith(async ({ problems, samples, groups }) => {
        const columns = world.promptLength + replyLength;
        const answers = Array.from(groups, (_, row) => {
          const at = row * columns + world.promptLength;
          return samples.tokens.subarray(at, at + samples.lengths[row]);
        });
        const logprobs = toRagged(
          answers.map(({ length }, row) => samples.logprobs.subarray(row * replyLength, row * replyLength + length)),
        );
        const unconditionalLogprobs = read(
          trainer.parameters,
          answers.map(() => world.question(null)),
          answers,
        );
        const aligned = own({ logprobs, unconditionalLogprobs });
        const median = (values: ArrayLike<number | null>) =>
          Array.from(values, (value) => value ?? 0).sort((a, b) => a - b)[values.length >> 1];
        perplexities = {
          perplexity: median(aligned.perplexities),
          unconditionalPerplexity: median(aligned.unconditionalPerplexities),
        };
        const verified = answers.map((answer, row) => (world.solved(problems[groups[row]] as number, answer) ? 1 : 0));
        const lengths = answers.map(({ length }) => length);
        const added =
          adds === "length"
            ? Array.from(relativeLength({ lengths, groups }).lengthRewards)
            : Array.from(aligned.rewards, (reward) => reward ?? 0);
        return { rewards: combine({ components: { verifiable: verified, added } }).rewards };
      });
      if (step % 20 === 0 || step === budget.steps) points.push({ step, ...evaluate(trainer.parameters) });
      progress(step / budget.steps);
    }
    trainer.dispose();
    const { accuracy, length, thoughts } = points[points.length - 1];
    const curve = (pick: (point: (typeof points)[number]) => number) => ({
      x: points.map(({ step }) => step),
      y: points.map(pick),
    });
    return {
      metrics: { ...undefinedMetrics, ...(perplexities ?? {}), accuracy, length, thoughts },
      curves: { accuracy: curve((point) => point.accuracy), length: curve((point) => point.length) },
    };
  },
  gates: [
    {
      text: "GRPO − before RL, accuracy",
      value: ({ grpo, untrained }) => grpo.accuracy - untrained.accuracy,
      atLeast: 0.05,
      claims: [2, 3, 4, 5],
    },
  ],
  claims: [
    {
      card: 1,
      text: "The reward ranks answers by quality",
      paper: "concise right above redundant right; partly right above wrong",
      checks: [
        {
          text: "share of questions, concise above redundant",
          value: ({ untrained }) => untrained.conciseOverRedundant,
          atLeast: 0.9,
        },
        { text: "concise above wrong", value: ({ untrained }) => untrained.conciseOverWrong, atLeast: 0.95 },
        { text: "partly right above wrong", value: ({ untrained }) => untrained.partlyOverWrong, atLeast: 0.9 },
      ],
    },
    {
      card: 2,
      text: "Accuracy and efficiency",
      paper: "accuracy +4 %, cost −30 %, over 4 models and 7 benchmarks",
      checks: [
        {
          text: "length, self-aligned − 0.75 × GRPO",
          value: ({ selfAligned, grpo }) => selfAligned.length - 0.75 * grpo.length,
          atMost: 0,
        },
        {
          text: "accuracy, self-aligned − GRPO",
          value: ({ selfAligned, grpo }) => selfAligned.accuracy - grpo.accuracy,
          atLeast: -0.02,
        },
      ],
    },
    {
      card: 3,
      text: "Better than confidence, which pays for predictable filler",
      paper: "Pareto-optimal against length and confidence rewards",
      checks: [
        {
          text: "length, confidence − 1.2 × GRPO",
          value: ({ confidence, grpo }) => confidence.length - 1.2 * grpo.length,
          atLeast: 0,
        },
      ],
    },
    {
      card: 4,
      text: "It complements verification: alone it collapses",
      paper: "used as an add-on",
      checks: [
        {
          text: "accuracy, self-aligned alone − 0.5 × before RL",
          value: ({ alone, untrained }) => alone.accuracy - 0.5 * untrained.accuracy,
          atMost: 0,
        },
      ],
    },
    {
      card: 5,
      text: "It keeps the reasoning that is needed",
      paper: "behaviour analysis",
      checks: [
        {
          text: "self-aligned, share of answers with a thought",
          value: ({ selfAligned }) => selfAligned.thoughts,
          atLeast: 0.98,
        },
      ],
    },
  ],
  figure: {
    title: "What is added to a verifier's reward",
    panels: [
      {
        kind: "lines",
        curve: "length",
        x: "steps",
        y: "tokens of an answer",
        arms: ["grpo", "selfAligned", "confidence", "length", "alone"],
        domain: [4, 14],
      },
      {
        kind: "lines",
        curve: "accuracy",
        x: "steps",
        y: "share of right answers",
        arms: ["grpo", "selfAligned", "confidence", "length", "alone"],
        domain: [0, 1],
      },
    ],
  },
});

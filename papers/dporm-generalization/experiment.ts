/**
 * An explicit reward model (scalar head, Bradley–Terry) against the implicit one of a DPO policy, both from the same
 * pretrained decoder and the same pairs, on the bed `entity-decoder`, layout `clusterWords`: comparisons in surface A,
 * tests in A, in mixed surfaces, and in B, which the decoder knows from pretraining only.
 */
import { drawWeighted, type Random } from "guerdon/core";
import { type ClusterWordsTruth, type ClusterWordsWorld, clusterWords, type SequencePairs } from "guerdon/environment";
import { generalizationGap, pairwiseAccuracy } from "guerdon/evaluation";
import { type Arm, defineExperiment, type Role } from "guerdon/experiment";
import { type HostParameters, type TransformerConfig, toHost } from "guerdon/model";
import { preferencePairs } from "guerdon/sampling";
import { implicitReward } from "guerdon/signal";
import { fitDpo, fitSequenceRewards, readSequences, type SequenceTable, trainSupervised } from "guerdon/training";

interface Settings {
  readonly kind: "explicit" | "implicit" | "untrained";
  /** Of the implicit reward. */
  readonly beta?: number;
  /** Explicit head on the mean of all states instead of the separator's. */
  readonly meanState?: boolean;
  /** Implicit reward without the pretrained model's log-probabilities. */
  readonly noReference?: boolean;
  readonly layers?: number;
  /** Times as much pretraining. */
  readonly pretraining?: number;
  /** Claim 4: this arm's scores label another round of DPO. */
  readonly labels?: boolean;
}

const drawnPairs = 480;
const optimizer = { learningRate: 1e-3, clipNorm: null };
const reply = 4;

function modelOf(world: ClusterWordsWorld, layers: number): TransformerConfig {
  return { vocabulary: world.vocabulary, context: 5, width: 24, layers, heads: 2, hidden: 48 };
}

/** Next-token training on documents, everything after the topic. */
function pretrain(world: ClusterWordsWorld, layers: number, steps: number, random: Random): HostParameters {
  const documents = random.stream("documents");
  const parameters = trainSupervised({
    model: modelOf(world, layers),
    task: {
      vocabulary: world.vocabulary,
      padding: -1,
      stop: -1,
      promptLength: 1,
      replyLength: reply,
      draw: () => world.documents(1, documents),
      prompt: (document) => (document as Int32Array).subarray(0, 1),
      demonstration: (document) => (document as Int32Array).subarray(1),
      reward: () => null,
    },
    steps,
    batch: 64,
    optimizer: { learningRate: 3e-3, clipNorm: null },
    seed: String(random.integer(2 ** 31)),
  });
  const host = toHost(parameters);
  for (const array of Object.values(parameters)) array.dispose();
  return host;
}

/** The sequences with a fifth column. Its token is never read: it is there to ask for the state at the separator. */
function tableOf(world: ClusterWordsWorld): SequenceTable {
  const count = world.sequences.length / 4;
  const tokens = new Int32Array(count * 5);
  for (let i = 0; i < count; i++) tokens.set(world.sequences.subarray(i * 4, i * 4 + 4), i * 5);
  return { tokens, columns: 5, promptLength: 1 };
}

/** What both kinds of model are fitted to. */
interface Data {
  readonly world: ClusterWordsWorld;
  readonly table: SequenceTable;
  readonly pairs: SequencePairs;
  readonly epochs: number;
}

/** DPO from `start`: the policy, and its implicit reward of every sequence by filler, head and separator. */
function implicit({ world, table, pairs, epochs }: Data, settings: Settings, start: HostParameters, random: Random) {
  const { layers = 1, beta = 0.1, noReference = false } = settings;
  const model = modelOf(world, layers);
  const own = readSequences(model, start, table).logprobs;
  const reference = noReference ? new Float32Array(own.length) : own;
  // The fourth column would predict what is not there.
  const mask = Float32Array.from(own, (_, i) => (i % reply < 3 ? 1 : 0));
  const fit = { model, start, table, ...pairs, epochs, batch: 32, optimizer, random };
  const policy = fitDpo({ ...fit, reference, mask, params: { beta } });
  const logprobs = readSequences(model, policy, table).logprobs;
  const rows = (values: Float32Array) =>
    Array.from({ length: values.length / reply }, (_, i) => values.subarray(i * reply, i * reply + 3));
  const { rewards } = implicitReward({ beta })({ logprobs: rows(logprobs), refLogprobs: rows(reference) });
  return { policy, scores: Float64Array.from(rewards), logprobs: rows(logprobs) };
}

/** The score of every sequence by a head on the separator's state, or on the mean of all. */
function explicit({ world, table, pairs, epochs }: Data, settings: Settings, start: HostParameters, random: Random) {
  const { layers = 1, meanState = false } = settings;
  const model = { ...modelOf(world, layers), valueHead: true };
  const stateWeights = meanState ? [0.25, 0.25, 0.25, 0.25] : [0, 0, 0, 1];
  return fitSequenceRewards({ model, start, table, ...pairs, epochs, batch: 32, optimizer, random, stateWeights });
}

function accuracy(scores: Float64Array, { chosen, rejected }: SequencePairs): number {
  const of = (indices: Int32Array) => Array.from(indices, (index) => scores[index]);
  const { accuracy: share } = pairwiseAccuracy({ ties: "half" })({ chosen: of(chosen), rejected: of(rejected) });
  if (share === null) throw new Error("no pair");
  return share;
}

/** Weights of what a policy says among the responses of surface B to a topic, in the order of `world.shifted`. */
function shiftedWeights(logprobs: readonly Float32Array[], responses: Int32Array): Float64Array {
  return Float64Array.from(responses, (index) => Math.exp(logprobs[index].reduce((a, b) => a + b, 0)));
}

/** Expected gold of a policy that is held to surface B. */
function shiftedGold(world: ClusterWordsWorld, truth: ClusterWordsTruth, logprobs: readonly Float32Array[]): number {
  const topics = Array.from({ length: world.topics }, (_, topic) => {
    const responses = world.shifted(topic);
    const weights = shiftedWeights(logprobs, responses);
    const total = weights.reduce((a, b) => a + b, 0);
    return weights.reduce((sum, weight, k) => sum + weight * truth.gold[responses[k]], 0) / total;
  });
  return topics.reduce((a, b) => a + b, 0) / world.topics;
}

/** Claim 4: 128 prompts, 8 responses of the policy to each in surface B, best against worst by `scores`. */
function labelledRound(
  world: ClusterWordsWorld,
  logprobs: readonly Float32Array[],
  scores: Float64Array,
  random: Random,
) {
  const samples = Array.from({ length: 128 * 8 }, (_, i) => {
    const responses = world.shifted(Math.floor(i / 8) % world.topics);
    return responses[drawWeighted(random.uniform(), shiftedWeights(logprobs, responses))];
  });
  const groups = samples.map((_, i) => Math.floor(i / 8));
  const { pairs } = preferencePairs()({ scores: samples.map((index) => scores[index]), groups });
  return {
    chosen: Int32Array.from(pairs, ([chosen]) => samples[chosen]),
    rejected: Int32Array.from(pairs, ([, rejected]) => samples[rejected]),
  };
}

type Accuracies = Readonly<Record<"id" | "mix" | "head" | "b", number>>;

/** Explicit minus implicit: mean over the shifts, and in distribution. */
function gap(one: Accuracies, other: Accuracies) {
  const of = ({ id, mix, head, b }: Accuracies) => ({ id, mix, head, b });
  const { meanOodDifference, inDistributionDifference } = generalizationGap()({
    settings: { id: "in-distribution", mix: "response-shift", head: "response-shift", b: "response-shift" },
    explicit: of(one),
    implicit: of(other),
  });
  if (meanOodDifference === null || inDistributionDifference === null) throw new Error("a kind of setting is missing");
  return { meanOodDifference, inDistributionDifference };
}

const arm = (role: Role, label: string, settings: Settings): Arm<Settings> => ({ role, label, settings });

export default defineExperiment({
  paper: "dporm-generalization",
  question: "Does an explicit reward model generalise to a new surface better than the implicit one of a DPO policy?",
  bed: "entity-decoder/cluster-words",
  seeds: 4,
  budgets: { quick: { pretraining: 10, epochs: 1, test: 200 }, full: { pretraining: 800, epochs: 30, test: 2000 } },
  arms: {
    explicit: arm("method", "explicit", { kind: "explicit", labels: true }),
    implicit: arm("baseline", "implicit, β 0.1", { kind: "implicit", labels: true }),
    implicitBeta1: arm("ablation", "implicit, β 1", { kind: "implicit", beta: 1 }),
    implicitAlone: arm("ablation", "implicit, no reference", { kind: "implicit", noReference: true }),
    explicitMean: arm("ablation", "explicit, mean of states", { kind: "explicit", meanState: true }),
    explicitLonger: arm("ablation", "explicit, twice the pretraining", { kind: "explicit", pretraining: 2 }),
    implicitLonger: arm("ablation", "implicit, twice the pretraining", { kind: "implicit", pretraining: 2 }),
    explicitDeep: arm("ablation", "explicit, 2 layers", { kind: "explicit", layers: 2 }),
    implicitDeep: arm("ablation", "implicit, 2 layers", { kind: "implicit", layers: 2 }),
    untrained: arm("control", "untrained head", { kind: "untrained" }),
  },
  prepare({ budget, random }) {
    const { world, truth } = clusterWords({}, random.stream("world"));
    const kept = new Map<string, HostParameters>();
    /** Pretrained once for the arms that start from it. */
    const start = ({ layers = 1, pretraining = 1 }: Settings): HostParameters => {
      const key = `${layers} layers, ${pretraining} times`;
      const host = kept.get(key) ?? pretrain(world, layers, pretraining * budget.pretraining, random.stream("model"));
      kept.set(key, host);
      return host;
    };
    return {
      world,
      truth,
      start,
      table: tableOf(world),
      pairs: world.trainingPairs(drawnPairs, random.stream("pairs")),
    };
  },
  run({ settings, budget, random, prepared }) {
    const { world, truth, pairs, table } = prepared;
    const data = { world, table, pairs, epochs: budget.epochs };
    const order = () => random.stream("order");
    let scores: Float64Array = new Float64Array(truth.gold.length);
    let roundGold: number | null = null;
    if (settings.kind !== "untrained") {
      const start = prepared.start(settings);
      const fitted = settings.kind === "implicit" ? implicit(data, settings, start, order()) : null;
      scores = (fitted ?? explicit(data, settings, start, order())).scores;
      if (settings.labels) {
        const { policy, logprobs } = fitted ?? implicit(data, settings, start, order());
        const round = labelledRound(world, logprobs, scores, random.stream("responses"));
        const next = implicit({ ...data, pairs: round }, settings, policy, random.stream("round"));
        roundGold = shiftedGold(world, truth, next.logprobs);
      }
    }
    const of = (shift: "id" | "mix" | "head" | "b") =>
      accuracy(scores, truth.testPairs(shift, budget.test, random.stream(`test ${shift}`)));
    return {
      metrics: {
        train: accuracy(scores, pairs),
        id: of("id"),
        mix: of("mix"),
        head: of("head"),
        b: of("b"),
        roundGold,
      },
    };
  },
  gates: [
    { text: "an untrained head knows nothing", value: ({ untrained }) => untrained.b, atLeast: 0.5, atMost: 0.5 },
  ],
  claims: [
    {
      card: 1,
      text: "Both fit the training data",
      paper: "comparably (abstract)",
      checks: [
        {
          text: "accuracy on the training pairs, |explicit − implicit|",
          value: ({ explicit, implicit }) => Math.abs(explicit.train - implicit.train),
          atMost: 0.1,
        },
        { text: "explicit, training pairs", value: ({ explicit }) => explicit.train, atLeast: 0.8 },
        { text: "implicit, training pairs", value: ({ implicit }) => implicit.train, atLeast: 0.8 },
      ],
    },
    {
      card: 2,
      text: "The implicit reward generalises less under shift",
      paper: "mean drop 3 %, at most 7 %, over five shifts (abstract)",
      checks: [
        {
          text: "explicit − implicit, mean over shifts",
          value: ({ explicit, implicit }) => gap(explicit, implicit).meanOodDifference,
          atLeast: 0.05,
        },
        { text: "mixed surfaces", value: ({ explicit, implicit }) => explicit.mix - implicit.mix, atLeast: 0 },
        { text: "heads in surface B", value: ({ explicit, implicit }) => explicit.head - implicit.head, atLeast: 0 },
        { text: "all in surface B", value: ({ explicit, implicit }) => explicit.b - implicit.b, atLeast: 0 },
      ],
    },
    {
      card: 3,
      text: "In distribution the gap is small",
      paper: "implied",
      checks: [
        {
          text: "|explicit − implicit|",
          value: ({ explicit, implicit }) => Math.abs(gap(explicit, implicit).inDistributionDifference),
          atMost: 0.05,
        },
      ],
    },
    {
      card: 4,
      text: "Iterative DPO gains from an explicit labeller",
      paper: "abstract",
      reportOnly: true,
      checks: [
        {
          text: "expected gold in surface B after one more round, labelled by explicit − by implicit",
          value: ({ explicit, implicit }) => explicit.roundGold - implicit.roundGold,
        },
      ],
    },
  ],
  figure: {
    title: "Preferences learnt in one surface, tested in another",
    panels: [
      { kind: "dots", metric: "id", x: "pair accuracy in the surface of training", domain: [0.4, 1] },
      { kind: "dots", metric: "b", x: "pair accuracy in the other surface", domain: [0.4, 1] },
    ],
  },
});

/** Every differentiable loss and head of this folder on small random inputs, for tests that hold for all of them. */
import { numpy as np } from "@jax-js/jax";
import { createRandom } from "../core/random.ts";
import type { Tensor } from "../objective/engine.ts";
import { type Input, input, type LossCase } from "../objective/losses.fixture.ts";
import { bradleyTerryLoss, bradleyTerryTiesLoss, lengthDisentangledBradleyTerryLoss } from "./bradley-terry.ts";
import { airlLogitsOf, densityRatioLoss, gailDiscriminatorLoss } from "./discriminators.ts";
import { dualEncoderLoss } from "./dual-encoder.ts";
import { graphEmbeddingLossOf, identity, infoNceLoss, potentialLoss, transportMapLoss } from "./embedding-losses.ts";
import { flowMatchingLossOf } from "./flow.ts";
import { perceptron, poolTokens, transportMapOf } from "./heads.ts";
import {
  continualPreferenceLoss,
  critiqueRewardLoss,
  preferenceCrossEntropyLoss,
  trajectoryPreferenceLoss,
} from "./preference-losses.ts";
import { progressiveQueryAttentionOf } from "./query-attention.ts";
import {
  attributeRegressionLoss,
  binaryCrossEntropyLoss,
  linearProbeLoss,
  selfDistillationLoss,
} from "./regression.ts";
import { randomizedReturnDecompositionLoss, returnDecompositionLoss } from "./return-decomposition.ts";

const N = 4;
const T = 3;
const D = 2;

// biome-ignore lint/suspicious/noExplicitAny: see LossCase
type Flat = any;

/** Sum of squares, to make a loss of any array. */
function squared(x: Tensor): { loss: Tensor } {
  return { loss: np.sum(np.square(x)) };
}

export function modelLossCases(seed: string): LossCase[] {
  const random = createRandom(seed);
  const normals = (shape: number[], scale = 1) => input(shape, () => scale * random.normal());
  const positive = (shape: number[]) => input(shape, () => random.uniform() + 0.1);
  const bits = (values: number[], shape = [values.length]) => input(shape, (k) => values[k]);
  const mask = bits([1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 0, 1], [N, T]);
  const some = bits([1, 0, 1, 1]);
  const cases: LossCase[] = [];
  const add = (name: string, loss: LossCase["loss"], inputs: Record<string, Input>, wrt: string[], detached = false) =>
    cases.push({ name, loss, inputs, wrt, detached });
  const pair = () => ({ chosen: normals([N], 2), rejected: normals([N], 2) });
  const sides = ["chosen", "rejected"];

  add("bradley-terry", bradleyTerryLoss(), { ...pair(), include: some }, sides);
  const lengths = { chosenLengths: bits([3, 10, 200, 1]), rejectedLengths: bits([30, 1, 20, 10]) };
  add(
    "bradley-terry, regularised",
    bradleyTerryLoss({ lengthNormalization: "log", strength: "margin", centering: 0.1, l2: 0.01, epsilon: 1e-5 }),
    { ...pair(), include: some, ...lengths, strengths: bits([1, 2, 3, 1]) },
    sides,
  );
  add(
    "bradley-terry, scaled",
    bradleyTerryLoss({ strength: "scaled" }),
    { ...pair(), include: some, strengths: bits([1, 2, 3, 1]) },
    sides,
  );
  for (const form of ["paper", "release"] as const) {
    add(
      `bradley-terry with ties, ${form}`,
      bradleyTerryTiesLoss({ form, margin: 0.5, labelSmoothing: 0.1, bceCoefficient: 0.5, bceLabelSmoothing: 0.2 }),
      { ...pair(), chosenQuality: bits([1, 1, 0, 1]), rejectedQuality: bits([1, 0, 0, 1]) },
      sides,
    );
  }
  add(
    "length-disentangled bradley-terry",
    lengthDisentangledBradleyTerryLoss({ lengthWeight: 0.7, orthogonalWeight: 0.3 }),
    {
      chosenQuality: normals([N]),
      rejectedQuality: normals([N]),
      chosenLengthScore: normals([N]),
      rejectedLengthScore: normals([N]),
      ...lengths,
      qualityWeights: normals([D]),
      lengthWeights: normals([D]),
    },
    ["chosenQuality", "rejectedQuality", "chosenLengthScore", "rejectedLengthScore", "qualityWeights", "lengthWeights"],
  );
  add(
    "preference cross-entropy",
    preferenceCrossEntropyLoss(),
    { first: normals([N]), second: normals([N]), targets: bits([1, 0, 0.5, 1]) },
    ["first", "second"],
  );
  for (const noise of [0, 0.1]) {
    add(
      `trajectory preference, noise ${noise}`,
      trajectoryPreferenceLoss({ noise, threshold: 50 }),
      {
        firstRewards: normals([N, T]),
        secondRewards: normals([N, T]),
        firstWeights: mask,
        secondWeights: bits([1, 0.9, 0.81, 1, 0.9, 0, 1, 0, 0, 1, 0.9, 0.81], [N, T]),
        labels: bits([1, 0, 0.5, 0.2]),
      },
      ["firstRewards", "secondRewards"],
    );
  }
  add(
    "critique reward",
    critiqueRewardLoss({ tieWeight: 0.5 }),
    { ...pair(), ties: bits([0, 1, 0, 0]), critiqueLosses: positive([N]) },
    [...sides, "critiqueLosses"],
  );
  const replay = { replayScores: normals([D]), replayReferenceScores: normals([D]) };
  for (const reduction of ["mean", "sum"] as const) {
    add(
      `continual preference, ${reduction}`,
      continualPreferenceLoss({ pairReduction: reduction, replayReduction: reduction, scorePenalty: 0.1 }),
      { llmScores: normals([N]), mixedScores: normals([N]), humanScores: normals([N]), ...replay },
      ["llmScores", "mixedScores", "humanScores", "replayScores"],
    );
  }
  add(
    "attribute regression",
    attributeRegressionLoss(),
    { predictions: normals([N, T]), labels: normals([N, T]), mask },
    ["predictions"],
  );
  add("binary cross-entropy", binaryCrossEntropyLoss(), { logits: normals([N], 3), labels: bits([1, 0, 0.3, 1]) }, [
    "logits",
  ]);
  add(
    "linear probe, sigmoid",
    linearProbeLoss({ kind: "sigmoid" }),
    { embeddings: normals([N, T]), weights: normals([T, 1]), targets: bits([1, 0, 0, 1], [N, 1]) },
    ["embeddings", "weights"],
  );
  add(
    "linear probe, softmax",
    linearProbeLoss({ kind: "softmax" }),
    { embeddings: normals([N, T]), weights: normals([T, 2]), targets: bits([1, 0, 0, 1, 1, 0, 0, 1], [N, 2]) },
    ["embeddings", "weights"],
  );
  for (const standardize of [false, true]) {
    const scores = () => ({ scores: normals([N]) });
    const teacherScores = normals([N]);
    const distillation = (loss: "mse" | "uncertainty" | "preference") => selfDistillationLoss({ loss, standardize });
    add(`self-distillation, mse, ${standardize}`, distillation("mse"), { ...scores(), teacherScores }, ["scores"]);
    add(
      `self-distillation, uncertainty, ${standardize}`,
      distillation("uncertainty"),
      { ...scores(), teacherScores, logVariances: normals([N]) },
      ["scores", "logVariances"],
    );
    add(`self-distillation, preference, ${standardize}`, distillation("preference"), scores(), ["scores"]);
  }
  const airl = airlLogitsOf(0.9);
  add(
    "airl logits",
    (t) => {
      const { shapedRewards, logits } = airl(t);
      shapedRewards.dispose();
      return squared(logits);
    },
    {
      rewards: normals([N]),
      potentials: normals([N]),
      nextPotentials: normals([N]),
      continues: some,
      logprobs: normals([N]),
    },
    ["rewards", "potentials", "nextPotentials"],
  );
  const logits = () => ({ policyLogits: normals([N], 2), expertLogits: normals([N], 2) });
  add(
    "gail, cross-entropy",
    gailDiscriminatorLoss({ entropyCoefficient: 0.1 }),
    { ...logits(), policyLabels: bits([0, 0, 0, 0]), expertLabels: bits([1, 0.9, 1.15, 1]) },
    ["policyLogits", "expertLogits"],
  );
  add("gail, positive-unlabelled", gailDiscriminatorLoss({ loss: "positive-unlabelled", eta: 0.25 }), logits(), [
    "policyLogits",
    "expertLogits",
  ]);
  for (const loss of ["logistic", "tv", "wasserstein"] as const) {
    const scores = { policyScores: normals([N]), referenceScores: normals([T]) };
    add(`density ratio, ${loss}`, densityRatioLoss({ loss }), scores, ["policyScores", "referenceScores"]);
  }
  for (const scale of ["mean", "sum"] as const) {
    add(
      `return decomposition, ${scale}`,
      returnDecompositionLoss({ scale }),
      { stepRewards: normals([N, T]), returns: normals([N]), mask },
      ["stepRewards"],
    );
  }
  for (const unbiased of [false, true]) {
    add(
      `randomized return decomposition, ${unbiased}`,
      randomizedReturnDecompositionLoss({ unbiased }),
      {
        stepRewards: normals([N, T]),
        counts: bits([1, 1, 0, 2, 0, 1, 0, 0, 0, 1, 1, 1], [N, T]),
        targets: normals([N]),
        corrections: bits([1 / 6, 0, 0, 0]),
      },
      ["stepRewards"],
    );
  }
  add(
    "info-nce",
    infoNceLoss({ temperature: 0.5 }),
    { embeddings: normals([N, T]), references: normals([N, T]), diagonal: bits([...identity(N)], [N, N]) },
    ["embeddings", "references"],
  );
  add(
    "graph embedding",
    graphEmbeddingLossOf(),
    { embeddings: normals([T, D]), targets: positive([T, T]), mask: bits([0, 1, 1, 1, 0, 1, 1, 1, 0], [T, T]) },
    ["embeddings"],
  );
  for (const cost of ["squared", "euclidean"] as const) {
    add(
      `transport map, ${cost}`,
      transportMapLoss({ cost }),
      { sources: normals([N, D]), mapped: normals([N, D]), mappedPotentials: normals([N]) },
      ["mapped", "mappedPotentials"],
    );
  }
  add("transport potential", potentialLoss(), { mappedPotentials: normals([N]), targetPotentials: normals([T]) }, [
    "mappedPotentials",
    "targetPotentials",
  ]);
  add(
    "flow matching",
    flowMatchingLossOf(),
    { velocities: normals([N, T, D]), targets: normals([N, T, D]), mask, weights: bits([1, 0.2, 1, 0]) },
    ["velocities"],
  );
  for (const activation of ["silu", "tanh", "relu", "none"] as const) {
    const head = perceptron(activation);
    add(
      `perceptron, ${activation}`,
      ({ x, weight1, bias1, weight2 }: Flat) =>
        squared(head(x, [{ weight: weight1, bias: bias1 }, { weight: weight2 }])),
      { x: normals([N, D]), weight1: normals([D, T]), bias1: normals([T]), weight2: normals([T, 1]) },
      ["x", "weight1", "bias1", "weight2"],
    );
  }
  for (const pooling of ["mean", "last", "first", "max"] as const) {
    const pool = poolTokens(pooling);
    const states = { states: normals([N, T, D]), mask };
    add(`pooling, ${pooling}`, (t: Flat) => squared(pool(t.states, t.mask)), states, ["states"]);
  }
  const forward = transportMapOf();
  add(
    "transport network",
    ({ x, weight1, bias1, normWeight, normBias, weight2, bias2 }: Flat) =>
      squared(
        forward(x, [
          { weight: weight1, bias: bias1, normWeight, normBias },
          { weight: weight2, bias: bias2 },
        ]),
      ),
    {
      x: normals([N, D]),
      weight1: normals([D, T]),
      bias1: normals([T]),
      normWeight: positive([T]),
      normBias: normals([T]),
      weight2: normals([T, D]),
      bias2: normals([D]),
    },
    ["x", "weight1", "bias1", "normWeight", "normBias", "weight2", "bias2"],
  );
  const attend = progressiveQueryAttentionOf(2);
  const width = 4;
  const attention = () => ({
    inWeight: normals([3 * width, width], 0.5),
    inBias: normals([3 * width], 0.5),
    outWeight: normals([width, width], 0.5),
    outBias: normals([width], 0.5),
  });
  const prefixed = (prefix: string, inputs: Record<string, Input>) =>
    Object.fromEntries(Object.entries(inputs).map(([name, value]) => [prefix + name, value]));
  const part = (t: Flat, prefix: string) => ({
    inWeight: t[`${prefix}inWeight`],
    inBias: t[`${prefix}inBias`],
    outWeight: t[`${prefix}outWeight`],
    outBias: t[`${prefix}outBias`],
  });
  add(
    "progressive query attention",
    (t: Flat) => {
      const { progressiveQuery, residual, reward } = attend({
        selected: [t.selected],
        last: t.last,
        mask: t.mask,
        firstQuery: t.firstQuery,
        finalQuery: t.finalQuery,
        attention: [part(t, "a_")],
        finalAttention: part(t, "f_"),
        head: { weight1: t.weight1, bias1: t.bias1, weight2: t.weight2 },
      });
      progressiveQuery.dispose();
      residual.dispose();
      return squared(reward);
    },
    {
      selected: normals([T, width]),
      last: normals([T, width]),
      mask: bits([1, 1, 0]),
      firstQuery: normals([width]),
      finalQuery: normals([width]),
      ...prefixed("a_", attention()),
      ...prefixed("f_", attention()),
      weight1: normals([width, width]),
      bias1: normals([width]),
      weight2: normals([1, width]),
    },
    ["firstQuery", "finalQuery", "a_inWeight", "a_inBias", "f_outWeight", "f_outBias", "weight1", "bias1", "weight2"],
  );
  const towers = dualEncoderLoss();
  add(
    "dual encoder",
    ({ images, texts, diagonal, image1, image2, text1 }: Flat) => {
      const { loss, ...rest } = towers({
        images,
        texts,
        diagonal,
        imageLayers: [{ weight: image1 }, { weight: image2 }],
        textLayers: [{ weight: text1 }],
      });
      for (const array of Object.values(rest)) array.dispose();
      return { loss };
    },
    {
      images: normals([N, T]),
      texts: positive([N, D]),
      diagonal: bits([...identity(N)], [N, N]),
      image1: normals([T, T]),
      image2: normals([T, D]),
      text1: normals([D, D]),
    },
    ["image1", "image2", "text1"],
  );
  return cases;
}

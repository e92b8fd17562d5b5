import { expect, test } from "vitest";
import { createRandom } from "../core/random.ts";
import { liveArrays } from "../model/networks/live-arrays.fixture.ts";
import { dispose, toHost } from "../model/networks/parameters.ts";
import { initTransformer, type TransformerConfig } from "../model/networks/transformer.ts";
import { fitDpo, fitSequenceRewards, readSequences, type SequenceTable } from "./decoder-preference.ts";

const model: TransformerConfig = { vocabulary: 6, context: 4, width: 8, layers: 1, heads: 2 };
/** Prompt 5, then two of the tokens 0 … 3, then anything. */
const table: SequenceTable = {
  tokens: Int32Array.from({ length: 16 * 4 }, (_, i) => [5, (i >> 4) & 3, (i >> 2) & 3, 0][i & 3]),
  columns: 4,
  promptLength: 1,
};
const start = (config: TransformerConfig) => {
  const parameters = initTransformer(config, createRandom("start"));
  const host = toHost(parameters);
  dispose(parameters);
  return host;
};
/** Whatever says 3 in the first place is better than what says 0. */
const pairs = { chosen: Int32Array.of(12, 13, 14, 15), rejected: Int32Array.of(3, 2, 1, 0) };
const optimizer = { learningRate: 1e-2, clipNorm: null };
const fit = { table, ...pairs, epochs: 20, batch: 2, optimizer };

test("statistics are log-probabilities: those of the last token sum to 1 over the vocabulary", () => {
  const tokens = Int32Array.from({ length: 6 * 4 }, (_, i) => (i % 4 === 3 ? Math.floor(i / 4) : 5 - (i % 4)));
  const { logprobs, values } = readSequences(model, start(model), { ...table, tokens });
  expect(values).toBeNull();
  let sum = 0;
  for (let row = 0; row < 6; row++) sum += Math.exp(logprobs[row * 3 + 2]);
  expect(sum).toBeCloseTo(1, 4);
});

test("DPO raises chosen over rejected, counts masked tokens only, repeats bit by bit, and leaves no array behind", () => {
  const host = start(model);
  const reference = readSequences(model, host, table).logprobs;
  const mask = Float32Array.from({ length: 16 * 3 }, (_, i) => (i % 3 < 2 ? 1 : 0));
  const train = (of: Float32Array) =>
    fitDpo({ ...fit, model, start: host, reference, mask: of, params: { beta: 0.5 }, random: createRandom(1) });
  const live = liveArrays().size;
  const policy = train(mask);
  expect(liveArrays().size).toBe(live);
  const after = readSequences(model, policy, table).logprobs;
  const ratio = (row: number) => after[row * 3] + after[row * 3 + 1] - reference[row * 3] - reference[row * 3 + 1];
  for (let i = 0; i < 4; i++) expect(ratio(pairs.chosen[i]) - ratio(pairs.rejected[i])).toBeGreaterThan(1);
  expect(train(mask)).toEqual(policy);
  // Nothing counts: nothing is learnt.
  expect(train(new Float32Array(16 * 3))).toEqual(host);
});

test("a reward head starts at zero and learns to rank", () => {
  const headed = { ...model, valueHead: true };
  const random = () => createRandom(2);
  const stateWeights = [0, 0, 1];
  const untrained = fitSequenceRewards({
    ...fit,
    model: headed,
    start: start(model),
    stateWeights,
    epochs: 0,
    random: random(),
  });
  expect(Array.from(untrained.scores)).toEqual(new Array(16).fill(0));
  const live = liveArrays().size;
  const { scores } = fitSequenceRewards({ ...fit, model: headed, start: start(model), stateWeights, random: random() });
  expect(liveArrays().size).toBe(live);
  for (let i = 0; i < 4; i++) expect(scores[pairs.chosen[i]]).toBeGreaterThan(scores[pairs.rejected[i]] + 1);
});

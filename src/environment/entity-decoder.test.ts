import { expect, test } from "vitest";
import { createRandom } from "../core/random.ts";
import { clusterWords, entityChains } from "./entity-decoder.ts";

const words = clusterWords({}, createRandom("words"));

test("sequences: every topic, filler and head once; concepts share the gold of their cluster in both surfaces", () => {
  const { sequences, vocabulary } = words.world;
  const { gold } = words.truth;
  expect(sequences.length / 4).toBe(3 * 8 * 24);
  expect(vocabulary).toBe(24 + 8 + 1 + 6 + 3);
  const keys = new Set(Array.from(gold, (_, i) => sequences.subarray(i * 4, i * 4 + 4).join()));
  expect(keys.size).toBe(gold.length);
  const goldOf = new Map(Array.from(gold, (value, i) => [`${sequences[i * 4]} ${sequences[i * 4 + 2]}`, value]));
  for (let topic = 39; topic < 42; topic++) {
    // Heads 2c and 2c + 1 are cluster c in surface A, 12 more in surface B.
    const ranks = [0, 2, 4, 6, 8, 10].map((head) => goldOf.get(`${topic} ${head}`) as number);
    expect([...ranks].sort()).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    for (const [c, rank] of ranks.entries())
      for (const head of [2 * c + 1, 2 * c + 12, 2 * c + 13]) expect(goldOf.get(`${topic} ${head}`)).toBe(rank);
  }
});

test("pairs: one topic, the better one chosen, surfaces as the shift says, ties left out", () => {
  const { sequences } = words.world;
  const surfaces = (index: number) =>
    (sequences[index * 4 + 1] >= 28 ? "B" : "A") + (sequences[index * 4 + 2] >= 12 ? "B" : "A");
  const wanted = { id: ["AA"], head: ["AB"], b: ["BB"], mix: ["AA", "AB", "BA", "BB"] } as const;
  for (const shift of ["id", "mix", "head", "b"] as const) {
    const { chosen, rejected } = words.truth.testPairs(shift, 500, createRandom(shift));
    expect(chosen.length).toBe(500);
    for (let i = 0; i < 500; i++) {
      expect(words.truth.gold[chosen[i]]).toBeGreaterThan(words.truth.gold[rejected[i]]);
      expect(sequences[chosen[i] * 4]).toBe(sequences[rejected[i] * 4]);
    }
    expect([...new Set(Array.from([...chosen, ...rejected], surfaces))].sort()).toEqual([...wanted[shift]]);
  }
  const training = words.world.trainingPairs(480, createRandom("training"));
  // One in six pairs is of one cluster.
  expect(Math.abs(training.chosen.length - 400)).toBeLessThan(30);
  for (const index of words.world.shifted(1)) expect([surfaces(index), sequences[index * 4]]).toEqual(["BB", 40]);
});

test("documents end in the cluster of their head", () => {
  const documents = words.world.documents(200, createRandom("documents"));
  for (let i = 0; i < 200; i++) {
    const [topic, filler, head, separator, cluster] = documents.subarray(i * 5, i * 5 + 5);
    expect([topic >= 39, filler >= 24 && filler < 32, separator]).toEqual([true, true, 32]);
    expect(cluster).toBe(33 + Math.floor((head % 12) / 2));
  }
});

const chains = entityChains({}, createRandom("chains"));

test("chains: 66 tokens and padding; answers by hand", () => {
  const { world, truth } = chains;
  expect([world.vocabulary, world.answerLength]).toEqual([66, 13]);
  const random = createRandom("answers");
  for (let entity = 0; entity < 40; entity++) {
    const middle = truth.middles[entity];
    const concise = truth.construct(entity, "concise", random);
    expect(Array.from(concise)).toEqual([61, 40 + middle, 62, 50 + truth.outs[middle], 63]);
    const redundant = truth.construct(entity, "redundant", random);
    expect(redundant.length).toBe(11);
    const partly = truth.construct(entity, "partly-right", random);
    const wrong = truth.construct(entity, "wrong", random);
    expect([concise, redundant, partly, wrong].map((one) => world.solved(entity, one))).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect(partly[1]).toBe(concise[1]);
    expect(wrong[3] - 50).toBe(truth.outs[wrong[1] - 40]);
    expect(world.solved(entity, concise.subarray(0, 4))).toBe(false);
    expect([world.hasThought(concise), world.hasThought(concise.subarray(2))]).toEqual([true, false]);
  }
});

test("chains: shares of documents are those of the settings", () => {
  const { world, truth } = chains;
  const random = createRandom("documents");
  const drawn = Array.from({ length: 4000 }, () => world.document(random));
  const blank = drawn.filter(({ question }) => question[0] === 64).length / 4000;
  const asked = drawn.filter(({ question }) => question[0] < 40);
  const right = asked.filter(({ question, answer }) => answer[1] - 40 === truth.middles[question[0]]).length;
  const lengths = drawn.reduce((sum, { answer }) => sum + answer.length, 0) / 4000;
  expect(Math.abs(blank - 0.2)).toBeLessThan(0.03);
  // 0.6, and by chance a tenth of the rest.
  expect(Math.abs(right / asked.length - 0.64)).toBeLessThan(0.03);
  expect(Math.abs(lengths - 9)).toBeLessThan(0.2);
});

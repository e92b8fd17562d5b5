import { describe, expect, it } from "vitest";
import { createRandom } from "../core/random.ts";
import {
  type CandidateLayout,
  candidateSet,
  cyclicCandidates,
  gradedCandidates,
  logLinearPolicy,
  verbosityCandidates,
} from "./candidate-set.ts";

const hand: CandidateLayout = {
  prompts: 2,
  candidates: 3,
  dimensions: 1,
  features: Float64Array.of(0, 1, 2, 2, 1, 0),
  referenceLogprobs: Float64Array.of(0.5, 0.25, 0.25, 0.25, 0.25, 0.5).map(Math.log),
  gold: Float64Array.of(1, 3, 3, 0, 5, -1),
  preference: (_, i, j) => (i === j ? 0.5 : Number(i > j)),
};

describe("exact quantities", () => {
  const { truth, world } = candidateSet(hand);
  const policy = Float64Array.of(0, 0.5, 0.5, 1, 0, 0);

  it("are those by hand", () => {
    expect(truth.expectedGold(policy)).toBe((3 + 0) / 2);
    // Prompt 0: beats the first (½), ties with the rest (½ of ½). Prompt 1: beats only the last (½), ties with itself (¼).
    expect(truth.winRate(policy)).toBeCloseTo((0.5 + 0.25 + 0.5 + 0.125) / 2, 12);
    expect(truth.winRate(policy, policy)).toBe(0.5);
    // Prompt 0: log 2; prompt 1: log 4.
    expect(truth.kl(policy)).toBeCloseTo((Math.log(2) + Math.log(4)) / 2, 12);
    expect(truth.entropy(policy)).toBeCloseTo(Math.log(2) / 2, 12);
    // Prompt 0: the last wins against the second and ties with itself; prompt 1: anything later wins.
    expect(truth.exploitability(policy)).toBeCloseTo((0.75 + 1) / 2 - 0.5, 12);
  });

  it("agree with draws", () => {
    const random = createRandom(1);
    let won = 0;
    const reference = world.referenceLogprobs.map(Math.exp);
    const n = 20_000;
    for (let k = 0; k < n; k++) {
      const prompt = k % 2;
      const [a, b] = [policy, reference].map((p) => truth.gold[3 * prompt + world.draw(p, prompt, random)]);
      won += a > b ? 1 : a === b ? 0.5 : 0;
    }
    expect(Math.abs(won / n - truth.winRate(policy))).toBeLessThan(0.015);
  });

  it("a log-linear policy tilts the reference", () => {
    const tilted = logLinearPolicy(world, [Math.log(2)]);
    // Prompt 0: ½·1, ¼·2, ¼·4 → 1/4, 1/4, 1/2.
    expect([...tilted].map((p) => Number(p.toFixed(12)))).toEqual([0.25, 0.25, 0.5, 0.5, 0.25, 0.25]);
    expect([...logLinearPolicy(world, [0])]).toEqual(
      [...world.referenceLogprobs].map((l) => expect.closeTo(Math.exp(l), 14)),
    );
  });
});

describe("layouts", () => {
  it("the cycle: preferences are complementary, and nobody beats its Nash policy", () => {
    const { preference } = cyclicCandidates();
    const { truth } = candidateSet(cyclicCandidates());
    for (let i = 0; i < 6; i++)
      for (let j = 0; j < 6; j++) expect(preference(0, i, j) + preference(0, j, i)).toBeCloseTo(1, 12);
    expect(truth.exploitability([0.25, 0.25, 0.5, 0, 0, 0])).toBeCloseTo(0, 12);
    expect(truth.exploitability([1, 0, 0, 0, 0, 0])).toBeCloseTo(0.2, 12);
  });

  it("verbosity: gold by its formula, long responses rare", () => {
    const layout = verbosityCandidates({ prompts: 3 }, createRandom(2));
    const { features, gold, referenceLogprobs, dimensions, candidates } = layout;
    const row = (i: number) => features.subarray(i * dimensions, (i + 1) * dimensions);
    // The part that is linear in the other features has norm 0.6: regress it out of three candidates by their formula.
    const rest = (i: number) => gold[i] - 0.8 * row(i)[0] + 0.5 * Math.max(row(i)[0] - 0.5, 0) ** 2;
    const square = gold.reduce((sum, _, i) => sum + rest(i) ** 2, 0) / gold.length;
    expect(square).toBeGreaterThan(0.3);
    expect(square).toBeLessThan(0.42);
    expect(referenceLogprobs[0] - referenceLogprobs[1]).toBeCloseTo(-0.5 * (row(0)[0] ** 2 - row(1)[0] ** 2), 10);
    const mass = Array.from({ length: candidates }, (_, i) => i)
      .filter((i) => row(i)[0] > 3)
      .reduce((sum, i) => sum + Math.exp(referenceLogprobs[i]), 0);
    expect(mass).toBeLessThan(0.01);
    const clean = verbosityCandidates({ prompts: 3, scale: Number.POSITIVE_INFINITY }, createRandom(2));
    expect(clean.gold).toEqual(gold);
    expect(clean.preference(1, 0, 1)).toBe(Number(gold[candidates] > gold[candidates + 1]));
  });

  it("graded: gold has mean 0 and deviation 1", () => {
    const layout = gradedCandidates({ prompts: 200 }, createRandom(3));
    const { gold, teacher } = layout;
    const { truth, world } = candidateSet(layout);
    expect(Math.log(teacher[70] / teacher[71])).toBeCloseTo(2 * (gold[70] - gold[71]), 9);
    expect(truth.expectedGold(teacher)).toBeGreaterThan(1);
    expect(world.score(1, 6)).toBe(Math.min(6, Math.max(0, Math.round(3 + 1.3 * gold[70]))));
    expect(candidateSet(cyclicCandidates()).world.score(0, 0)).toBeCloseTo(0.05 + 0.09 + 0.03 + 0.75 * 0.7, 12);
    const mean = gold.reduce((sum, g) => sum + g, 0) / gold.length;
    expect(mean).toBeCloseTo(0, 1);
    expect(gold.reduce((sum, g) => sum + (g - mean) ** 2, 0) / gold.length).toBeCloseTo(1, 1);
  });
});

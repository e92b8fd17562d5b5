import { expect, test } from "vitest";
import { createRandom } from "../core/random.ts";
import { branchLength } from "./branch-length.ts";
import { gaussianPolicy } from "./gaussian-policy.ts";

test("gold has the values of its formula and a ceiling in both directions", () => {
  const { truth } = gaussianPolicy({ pairs: 10 }, createRandom(1));
  expect(truth.gold([0, 0])).toBe(0);
  // 2 tanh(1) + 0.6 · 2 − 0.15 · 4
  expect(truth.gold([2, 2])).toBeCloseTo(2 * Math.tanh(1) + 0.6, 12);
  // 2 tanh(2.5) − 0.1
  expect(truth.gold([5, 0])).toBeCloseTo(2 * Math.tanh(2.5) - 0.1, 12);
  expect(truth.expectedGold([20, 20])).toBeLessThan(truth.expectedGold([0, 0]));
});

test("offsets shift a prompt's rewards and its references alike, and nothing else", () => {
  const [plain, shifted] = [0, 6].map((offsetDeviation) => gaussianPolicy({ offsetDeviation }, createRandom(2)).world);
  const moves = new Set<string>();
  for (let prompt = 0; prompt < plain.prompts; prompt++) {
    const shift = shifted.proxy(prompt, [1, -1]) - plain.proxy(prompt, [1, -1]);
    for (const [m, reward] of plain.referenceRewards[prompt].entries())
      expect(shifted.referenceRewards[prompt][m] - reward).toBeCloseTo(shift, 9);
    moves.add(shift.toFixed(6));
  }
  expect(moves.size).toBe(plain.prompts);
});

test("the fitted proxy likes both directions that gold likes near the reference, without a ceiling", () => {
  const { world } = gaussianPolicy({ offsetDeviation: 0 }, createRandom(3));
  for (const direction of [
    [1, 0],
    [0, 1],
  ]) {
    const near = world.proxy(0, direction);
    expect(near).toBeGreaterThan(0.3);
    expect(world.proxy(0, [100 * direction[0], 100 * direction[1]])).toBeCloseTo(100 * near, 6);
  }
});

test("expected length of a branch is the card's 4.98 at the start, and that of samples", () => {
  const { world, truth } = branchLength();
  expect(truth.expectedLength(0.8)).toBeCloseTo(4.976, 3);
  expect(truth.expectedLength(1)).toBe(24);
  const random = createRandom(4);
  let total = 0;
  for (let i = 0; i < 20_000; i++) total += world.length(0.8, random);
  expect(total / 20_000).toBeCloseTo(truth.expectedLength(0.8), 0);
});

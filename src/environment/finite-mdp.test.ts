import { expect, test } from "vitest";
import { createRandom } from "../core/random.ts";
import { gridMdp, randomMdp, tomatoMdp } from "./finite-mdp.ts";
import { valueIteration } from "./value-iteration.ts";

const sum = (row: ArrayLike<number>) => Array.from(row).reduce((a, b) => a + b, 0);

test("the grid is worth γ to the number of moves before the last", () => {
  const { transitions, rewardTable, start, goal, distance } = gridMdp(7);
  const { values } = valueIteration({ gamma: 0.95 })({ transitions, rewardTable });
  expect(distance(start)).toBe(12);
  expect(values[start]).toBeCloseTo(0.95 ** 11, 12);
  expect(values[goal]).toBe(0);
});

test("rows of random and tomato tables are distributions", () => {
  const random = randomMdp({ states: 6, actions: 3 }, createRandom(1));
  const { world } = tomatoMdp({ epsilon: 0.1 });
  for (const row of [...random.transitions.flat(), ...world.transitions.flat(), ...world.reference])
    expect(sum(row)).toBeCloseTo(1, 12);
});

test("the truly optimal return of the tomato grid is the card's", () => {
  const { world, truth } = tomatoMdp({ epsilon: 0.1 });
  const { values } = valueIteration({ gamma: 0.95 })({
    transitions: world.transitions,
    rewardTable: truth.rewardTable,
  });
  expect(0.05 * values[8 * 16]).toBeCloseTo(0.069, 4);
});

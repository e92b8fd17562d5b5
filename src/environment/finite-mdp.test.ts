import { expect, test } from "vitest";
import { createRandom } from "../core/random.ts";
import { gridMdp, insertionMdp, randomMdp, tomatoMdp } from "./finite-mdp.ts";
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

test("insertion: outcomes by hand, and moves follow the tables", () => {
  const { transitions, rewardTable, progress, goal, move } = insertionMdp({ states: 11, insert: 0.35, drop: 2 });
  expect([progress[9], goal, rewardTable[9][2], rewardTable[9][1]]).toEqual([0.9, 10, 0.35, 0]);
  expect(transitions[9][2][2]).toBeCloseTo(0.65, 12);
  expect([transitions[4][2][5], transitions[4][2][3], transitions[0][2][0]]).toEqual([0.9, 0.1, 0.1]);
  expect([transitions[4][0][3], transitions[0][0][0], transitions[9][1][9]]).toEqual([1, 1, 1]);
  for (const [state, rows] of transitions.entries())
    expect(rows.map(sum)[2]).toBeCloseTo(state === goal ? 0 : state === 9 ? 0.65 : 1, 12);
  expect([move(9, 2, 0.34), move(9, 2, 0.36), move(4, 2, 0.95), move(4, 0, 0.5), move(4, 1, 0.99)]).toEqual([
    10, 2, 3, 3, 4,
  ]);
});

test("insertion: from the last state, inserting until it works is worth what the geometric series says", () => {
  // Insertion that drops to where it started: V = p + γ(1 − p)V.
  const { transitions, rewardTable } = insertionMdp({ states: 3, insert: 0.4, drop: 1 });
  const { values, optimalActions } = valueIteration({ gamma: 0.9 })({ transitions, rewardTable });
  expect(values[1]).toBeCloseTo(0.4 / (1 - 0.9 * 0.6), 12);
  expect(optimalActions[1]).toEqual([2]);
});

import { expect, test } from "vitest";
import { createRandom } from "../core/random.ts";
import { tokenTree } from "./token-tree.ts";

const { world, truth } = tokenTree({}, createRandom("tree"));
const { table, prompts, symbols } = world;

const softmax = (logits: Float64Array) => {
  const policy = logits.map(Math.exp);
  for (let row = 0; row < policy.length; row += symbols) {
    const total = policy.subarray(row, row + symbols).reduce((sum, value) => sum + value, 0);
    for (let i = row; i < row + symbols; i++) policy[i] /= total;
  }
  return policy;
};

/** The correct leaves of a prompt, found through the reward. */
const leavesOf = (prompt: number) =>
  Array.from({ length: symbols * symbols }, (_, i) => [Math.floor(i / symbols), i % symbols] as const).filter(
    (path) => world.reward(prompt, path) === 1,
  );

test("four correct leaves a prompt, under different first tokens", () => {
  for (let prompt = 0; prompt < prompts; prompt++) {
    const firsts = leavesOf(prompt).map(([first]) => first);
    expect(firsts).toHaveLength(4);
    expect(new Set(firsts).size).toBe(4);
  }
});

test("accuracy, entropy and modes are those of enumeration", () => {
  const policy = softmax(world.startLogits());
  let [accuracy, entropy, passAt64] = [0, 0, 0];
  for (let prompt = 0; prompt < prompts; prompt++) {
    const block = table.blockOf(policy, prompt);
    let own = 0;
    for (let first = 0; first < symbols; first++)
      for (let second = 0; second < symbols; second++) {
        const mass = block[first] * block[table.rowOf(1, first) * symbols + second];
        entropy -= (mass * Math.log(mass)) / prompts;
        own += mass * world.reward(prompt, [first, second]);
      }
    accuracy += own / prompts;
    passAt64 += (1 - (1 - own) ** 64) / prompts;
  }
  const now = truth.evaluate(policy);
  expect(now.accuracy).toBeCloseTo(accuracy, 12);
  expect(now.entropy).toBeCloseTo(entropy, 12);
  expect(truth.passAtK(policy, 64)).toBeCloseTo(passAt64, 12);
});

test("a policy on two of the correct leaves, half and half: everything by hand", () => {
  const policy = softmax(world.startLogits());
  for (let prompt = 0; prompt < prompts; prompt++) {
    const block = table.blockOf(policy, prompt).fill(0);
    for (const [first, second] of leavesOf(prompt).slice(0, 2)) {
      block[first] = 0.5;
      block[table.rowOf(1, first) * symbols + second] = 1;
    }
  }
  const now = truth.evaluate(policy);
  expect(now).toMatchObject({ accuracy: 1, solved: 1, modes: 2 });
  expect(now.effectiveModes).toBeCloseTo(2, 12);
  expect(now.entropy).toBeCloseTo(Math.log(2), 12);
});

test("demonstrations are right as often as asked, and show as a boost on two logits", () => {
  const random = createRandom("demonstrations");
  let right = 0;
  for (let i = 0; i < 2000; i++) right += world.reward(3, world.demonstration(3, 0.8, random));
  // A random path is right in 4 of 64 cases.
  expect(Math.abs(right / 2000 - (0.8 + 0.2 / 16))).toBeLessThan(0.03);
  const logits = world.startLogits();
  const block = table.blockOf(logits, 3);
  const shown = world.shown(logits, 3, [2, 5], 6);
  const raised = Array.from(shown.keys()).filter((i) => shown[i] !== block[i]);
  expect(raised).toEqual([2, table.rowOf(1, 2) * symbols + 5]);
  for (const i of raised) expect(shown[i] - block[i]).toBeCloseTo(6, 12);
});

test("logits can have a scale per prompt; equal seeds give equal trees", () => {
  const scale = Float64Array.from({ length: prompts }, (_, prompt) => (prompt === 0 ? 0 : 3));
  const flat = tokenTree({ scale }, createRandom("tree")).world.startLogits();
  expect(table.blockOf(flat, 0).every((logit) => logit === 0)).toBe(true);
  const again = tokenTree({}, createRandom("tree")).world.startLogits();
  expect(again).toEqual(world.startLogits());
  expect(table.blockOf(flat, 1)[0] / 3).toBeCloseTo(table.blockOf(again, 1)[0] / 2, 12);
});

import { expect, test } from "vitest";
import { createRandom } from "../core/random.ts";
import { type ChainState, reasoningChain } from "./reasoning-chain.ts";

const { world, truth } = reasoningChain({}, createRandom("chain"));

/** Probabilities of a policy that takes the given action in every observation. */
function always(choose: (observation: number) => number): Float64Array {
  const policy = new Float64Array(world.observations * world.actions);
  for (let s = 0; s < world.observations; s++) policy[s * world.actions + choose(s)] = 1;
  return policy;
}

test("the right variant at every sub-goal, then stop, solves in goals + 1 steps", () => {
  const logits = world.startLogits({ right: 2, early: -1, end: 3 });
  const policy = always((s) => {
    const row = Array.from(logits.subarray(s * world.actions, (s + 1) * world.actions));
    return row.indexOf(Math.max(...row));
  });
  expect(truth.evaluate(policy)).toEqual({ success: 1, steps: 6, padShare: 0, appendShare: 0 });
});

test("padding alone fills the horizon and never solves", () => {
  expect(truth.evaluate(always(() => world.pad))).toEqual({ success: 0, steps: 16, padShare: 1, appendShare: 0 });
});

test("check returns to the first error, work at the end and pad do nothing", () => {
  const atError: ChainState = { prompt: 0, goal: 4, error: 1 };
  expect(world.step(atError, world.check)).toEqual({ prompt: 0, goal: 1, error: -1 });
  expect(world.step({ prompt: 0, goal: 5, error: -1 }, 0)).toEqual({ prompt: 0, goal: 5, error: -1 });
  expect(world.step(atError, world.pad)).toEqual(atError);
  // A second slip leaves the place of the first.
  for (let variant = 0; variant < 4; variant++) expect(world.step(atError, variant).error).toBe(1);
});

test("the recursion agrees with sampling", () => {
  const random = createRandom("sampling");
  const policy = new Float64Array(world.observations * world.actions);
  for (let s = 0; s < world.observations; s++) {
    const row = Float64Array.from({ length: world.actions }, () => random.uniform() ** 3);
    const sum = row.reduce((a, b) => a + b, 0);
    for (let a = 0; a < world.actions; a++) policy[s * world.actions + a] = row[a] / sum;
  }
  const exact = truth.evaluate(policy);
  let steps = 0;
  let pads = 0;
  const episodes = 20_000;
  for (let i = 0; i < episodes; i++) {
    let state: ChainState = { prompt: i % 4, goal: 0, error: -1 };
    for (let t = 0; t < 16; t++) {
      const row = world.observe(state) * world.actions;
      let draw = random.uniform();
      let action = 0;
      while (action < world.stop && draw >= policy[row + action]) draw -= policy[row + action++];
      steps++;
      if (action === world.pad) pads++;
      if (action === world.stop) break;
      state = world.step(state, action);
    }
  }
  expect(steps / episodes).toBeCloseTo(exact.steps, 0);
  expect(pads / steps).toBeCloseTo(exact.padShare, 1);
});

test("append ends like stop, unsolved, and its verdict is fooled as often as said", () => {
  const bed = reasoningChain({ prompts: 400, appendFooled: 0.9, labelError: 0.08 }, createRandom("append"));
  const { append, stop, actions } = bed.world;
  expect([append, actions, bed.world.types]).toEqual([7, 8, 5]);
  const policy = new Float64Array(bed.world.observations * actions);
  for (let s = 0; s < bed.world.observations; s++) policy[s * actions + append] = 1;
  expect(bed.truth.evaluate(policy)).toEqual({ success: 0, steps: 1, padShare: 0, appendShare: 1 });
  let fooled = 0;
  let wrong = 0;
  for (let prompt = 0; prompt < 400; prompt++) {
    if (bed.world.verdict({ prompt, goal: 0, error: -1 }, append) === 1) fooled++;
    if (bed.world.verdict({ prompt, goal: 5, error: -1 }, stop) === -1) wrong++;
    expect(bed.world.verdict({ prompt, goal: 5, error: -1 }, stop, 0.5)).toBe(1);
    expect(bed.world.verdict({ prompt, goal: 5, error: -1 }, stop, 0.05)).toBe(-1);
  }
  expect(fooled / 400).toBeCloseTo(0.9, 1);
  expect(wrong / 400).toBeCloseTo(0.08, 1);
});

test("labels without error: right work on a right prefix, stop when solved, check, but no pad", () => {
  const variantOf = (goal: number) =>
    [0, 1, 2, 3].find((v) => world.step({ prompt: 0, goal, error: -1 }, v).error < 0) as number;
  const right = variantOf(2);
  const labels = (error: number) => [
    world.stepLabel({ prompt: 0, goal: 2, error }, right),
    world.stepLabel({ prompt: 0, goal: 2, error }, (right + 1) % 4),
    world.stepLabel({ prompt: 0, goal: 5, error }, world.stop),
    world.stepLabel({ prompt: 0, goal: 5, error }, 0),
    world.stepLabel({ prompt: 0, goal: 2, error }, world.pad),
    world.stepLabel({ prompt: 0, goal: 2, error }, world.check),
  ];
  expect(labels(-1)).toEqual([1, -1, 1, 1, -1, 1]);
  expect(labels(1)).toEqual([-1, -1, -1, -1, -1, 1]);
  expect(world.verdict({ prompt: 0, goal: 5, error: -1 }, world.stop)).toBe(1);
  expect(world.verdict({ prompt: 0, goal: 4, error: -1 }, world.stop)).toBe(-1);
});

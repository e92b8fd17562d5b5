import { expect, test } from "vitest";
import { toRagged } from "../core/ragged.ts";
import { createRandom } from "../core/random.ts";
import { reasoningChain } from "../environment/reasoning-chain.ts";
import { chainPolicy } from "./chain-policy.ts";

const { world } = reasoningChain({ prompts: 2, appendFooled: 0.9 }, createRandom("policy"));
const start = () => world.startTables({ right: 1.2, work: 1.5, early: -1, end: 1, check: 1, append: -1 });

test("a start policy: shares of types by hand, the right variant preferred, rows sum to 1", () => {
  const probabilities = chainPolicy(world, start()).probabilities();
  const at = (goal: number, error: number) => {
    const row = world.observe({ prompt: 1, goal, error }) * world.actions;
    return probabilities.subarray(row, row + world.actions);
  };
  const total = Math.exp(1.5) + 1 + 1 + 2 * Math.exp(-1);
  expect(at(0, -1)[world.pad]).toBeCloseTo(1 / total, 12);
  expect(at(0, -1)[world.stop]).toBeCloseTo(Math.exp(-1) / total, 12);
  expect(at(0, 0)[world.check]).toBeCloseTo(Math.E / (total - 1 + Math.E), 12);
  expect(at(5, -1)[world.stop]).toBeCloseTo(Math.E / (3 + Math.E + Math.exp(-1)), 12);
  const work = Array.from(at(0, -1).subarray(0, 4)).sort((a, b) => b - a);
  expect(work[0] / work[1]).toBeCloseTo(Math.exp(1.2), 12);
  for (let row = 0; row < probabilities.length; row += world.actions)
    expect(probabilities.subarray(row, row + world.actions).reduce((a, b) => a + b)).toBeCloseTo(1, 12);
});

test("an update follows the gradient of advantage-weighted log-probabilities", () => {
  const policy = chainPolicy(world, start());
  const rollouts = policy.sample(3, createRandom("rollouts"));
  const random = createRandom("advantages");
  const advantages = toRagged(rollouts.map(({ actions }) => actions.map(() => random.normal())));
  /** What the step ascends, for types (mean over all) and variants (mean over the prompt). */
  const objective = (tables: ReturnType<typeof start>, per: number) => {
    const probabilities = chainPolicy(world, tables).probabilities();
    let sum = 0;
    for (const [i, { states, actions }] of rollouts.entries())
      for (const [t, state] of states.entries())
        sum +=
          (advantages.values[advantages.offsets[i] + t] *
            Math.log(probabilities[world.observe(state) * world.actions + actions[t]])) /
          per;
    return sum;
  };
  const gradient = (key: "types" | "variants", per: number) =>
    start()[key].map((_, p) => {
      const [up, down] = [start(), start()];
      up[key][p] += 1e-5;
      down[key][p] -= 1e-5;
      return (objective(up, per) - objective(down, per)) / 2e-5;
    });
  const rate = 1e-3;
  const expected = start();
  for (const [p, g] of gradient("types", 6).entries()) expected.types[p] += rate * g;
  for (const [p, g] of gradient("variants", 3).entries()) expected.variants[p] += rate * g;
  policy.update(rollouts, advantages, rate);
  const wanted = chainPolicy(world, expected).probabilities();
  for (const [p, probability] of policy.probabilities().entries()) expect(probability).toBeCloseTo(wanted[p], 10);
});

test("episodes end with stop or append, or at the horizon; the same seed draws the same", () => {
  const sample = () => chainPolicy(world, start()).sample(50, createRandom("again"));
  for (const { states, actions, ended, solved } of sample()) {
    const last = actions[actions.length - 1];
    expect(ended).toBe(last === world.stop || last === world.append);
    expect(ended || states.length === world.horizon).toBe(true);
    if (solved) expect(world.solved(states[states.length - 1])).toBe(true);
  }
  expect(sample()).toEqual(sample());
});

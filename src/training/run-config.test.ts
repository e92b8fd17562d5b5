import { describe, expect, it } from "vitest";
import { ContractError } from "../core/error.ts";
import { defineReward } from "../pipeline/define.ts";
import { algorithms } from "./algorithms.ts";
import { arithmeticTask } from "./language-task.ts";
import { creditOfReward, defineTraining, planTraining, type TrainingDefinition } from "./run-config.ts";

const reward = defineReward({ signals: { one: () => 1 } });
const base: TrainingDefinition = defineTraining({ task: arithmeticTask(), reward, steps: 10 });

function message(changes: Record<string, unknown>): string {
  try {
    planTraining({ ...base, ...changes } as TrainingDefinition);
  } catch (thrown) {
    if (thrown instanceof ContractError) return thrown.message;
    throw thrown;
  }
  return "fine";
}

describe("training config", () => {
  it("fills in what is left out", () => {
    const plan = planTraining(base);
    expect(plan).toMatchObject({ steps: 10, prompts: 8, groupSize: 8, temperature: 1, seed: 0 });
    expect(plan.algorithm).toBe(algorithms.grpo);
    // 8 + 6 columns, in whole lanes of four.
    expect(plan.model).toEqual({
      width: 64,
      layers: 2,
      heads: 4,
      hidden: 256,
      context: 16,
      vocabulary: 32,
      padding: 0,
    });
    expect(plan.warmUp).toMatchObject({ steps: 600, target: 0.24 });
    expect(planTraining({ ...base, algorithm: "ppo" }).model.valueHead).toBe(true);
    expect(planTraining({ ...base, warmUp: false }).warmUp).toBe(false);
    expect(planTraining({ ...base, warmUp: { from: "policy.safetensors" } }).warmUp).toEqual({
      from: "policy.safetensors",
    });
    const mine = { ...algorithms.grpo, resampling: 2 };
    expect(planTraining({ ...base, algorithm: mine }).algorithm).toEqual(mine);
  });

  it.each([
    [{ steps: 0 }, /^steps: /],
    [{ steps: undefined }, /^steps: /],
    [{ optimiser: {} }, /^optimiser: no such field/],
    [{ optimizer: { learningrate: 1 } }, /^optimizer\.learningrate: no such field/],
    [{ optimizer: { learningRate: -1 } }, /^optimizer\.learningRate: /],
    [{ task: undefined }, /^task: expected a task such as arithmeticTask/],
    [{ task: { draw: 1 } }, /^task\.draw: expected a function, got number/],
    [{ task: { ...arithmeticTask(), stop: 0.5 } }, /^task\.stop: expected a token, got 0.5/],
    [{ reward: 7 }, /^reward: expected what defineReward gives, or the path/],
    [{ algorithm: "grop" }, /^algorithm: expected one of grpo, drGrpo, .*"grop"/],
    [{ algorithm: { credit: algorithms.grpo.credit } }, /^algorithm\.loss: /],
    [
      { algorithm: { ...algorithms.grpo, loss: { kind: "cispo", params: { clipHigh: "x" } } } },
      /^algorithm\.loss\.params\.clipHigh: /,
    ],
    [{ algorithm: { ...algorithms.ppo, value: undefined } }, /^algorithm\.value: expected with the credit gae/],
    [{ warmUp: { step: 3 } }, /^warmUp\.step: no such field/],
    [{ warmUp: { steps: -1 } }, /^warmUp\.steps: /],
    [{ minibatches: 3 }, /^minibatches: expected a divisor of prompts × groupSize = 64, got 3/],
    [{ model: { width: 10 } }, /^model\.heads: expected a divisor of the width 10, got 4/],
    [{ model: { context: 5 } }, /^model\.context: the task needs at least 13 tokens, got 5/],
    [{ stop: { success: 2 } }, /^stop\.success: /],
    [{ evaluation: { every: 1.5 } }, /^evaluation\.every: /],
    [{ name: "a/b" }, /^name: expected 1 to 64 letters/],
  ] as [Record<string, unknown>, RegExp][])("refuses %o", (changes, expected) => {
    expect(message(changes)).toMatch(expected);
  });

  it("lets a reward's own credit stand in for the algorithm's, and nothing be skipped", () => {
    expect(creditOfReward(reward, algorithms.ppo)).toBe(false);
    const credit = { use: Object.assign(() => ({}), { part: {}, params: {} }) } as never;
    const credited = { ...reward, definition: { ...reward.definition, credit } };
    expect(creditOfReward(credited, algorithms.grpo)).toBe(true);
    expect(() => creditOfReward(credited, algorithms.ppo)).toThrow(/algorithm: has the credit gae/);
    expect(() => creditOfReward(credited, { ...algorithms.grpo, klInReward: { beta: 0.1 } })).toThrow(/has klInReward/);
  });
});

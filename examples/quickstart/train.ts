/**
 * The training of `npm run quickstart`: a tiny transformer learns to work sums out before it answers, paid by
 * the reward beside this file. The demonstrations that it starts from mostly blurt out a number.
 */
import { arithmeticTask, defineTraining } from "guerdon/training";

export default defineTraining({
  name: "quickstart",
  task: arithmeticTask(
    { kind: "sum", operands: 4, modulus: 5, reply: "tagged", haste: 0.75, carelessness: 0.05 },
    { spelling: "tags" },
  ),
  reward: "reward.ts",
  algorithm: "grpo",
  warmUp: { steps: 400, target: 0.18 },
  steps: 100,
  prompts: 8,
  groupSize: 8,
  optimizer: { learningRate: 5e-4 },
  evaluation: { every: 10, problems: 256 },
  seed: 1,
});

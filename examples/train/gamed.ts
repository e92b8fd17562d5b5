/**
 * A reward that can be gamed: it looks for the answer anywhere in the reply, and pays a little for each piece of work
 * shown. Train against it and watch the reward climb while the true success falls: commas are work, too.
 */
import { defineReward } from "guerdon";
import { groupRelative } from "guerdon/credit";
import { arithmeticTask, defineTraining } from "guerdon/training";

const reward = defineReward({
  name: "gameable",
  signals: {
    found: ({ response, reference }) => response.includes(String(reference)),
    work: ({ response }) => response.split(",").length,
  },
  combine: ({ found, work }) => found + 0.1 * work,
  credit: groupRelative({ scale: "group" }),
});

export default defineTraining({
  name: "gamed",
  // Room for replies that are longer than the work needs.
  task: arithmeticTask({ kind: "sum", operands: 4, modulus: 5, carelessness: 0.1 }, { replyLength: 16 }),
  reward,
  algorithm: "grpo",
  warmUp: { steps: 400, target: 0.6 },
  steps: 100,
  optimizer: { learningRate: 1e-3 },
  evaluation: { every: 20 },
  seed: 1,
});

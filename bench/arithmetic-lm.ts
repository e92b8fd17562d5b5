/**
 * Does a tiny transformer learn arithmetic? Warms a policy up (cached under the system's temporary
 * folder), then trains it by one algorithm after the other from the same start, and prints exact match
 * on 512 held-out problems, sampled at temperature 1 and greedy.
 *
 *     npm run bench arithmetic-lm [algorithms, comma-separated] [steps] [seed] [learning rate]
 */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { keep } from "../src/model/networks/parameters.ts";
import { algorithms } from "../src/training/algorithms.ts";
import { policyEvaluation } from "../src/training/evaluate-policy.ts";
import { arithmeticTask } from "../src/training/language-task.ts";
import { policyGradient } from "../src/training/policy-gradient.ts";
import { warmArithmeticPolicy, warmUpModel, warmUpTask } from "../src/training/warm-up.ts";

const [names = "grpo", steps = "240", seed = "1", learningRate = "1e-3"] = process.argv.slice(3);
const task = arithmeticTask(warmUpTask);
const sampled = policyEvaluation(warmUpModel, task, { count: 512 });
const greedy = policyEvaluation(warmUpModel, task, { count: 512, greedy: true });
const seconds = (since: number) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

let started = performance.now();
let updates = 0;
const start = warmArithmeticPolicy({
  seed,
  cache: join(tmpdir(), "guerdon-warm-up"),
  onStep: () => {
    updates++;
  },
});
console.log(`seed ${seed}; warm-up: ${updates === 0 ? "cached" : `${updates} steps`}, ${seconds(started)}`);

for (const [name, algorithm] of Object.entries(algorithms)) {
  if (!names.split(",").includes(name)) continue;
  // A critic would need a value head that this start does not have.
  if (algorithm.credit.kind === "gae") continue;
  started = performance.now();
  const trainer = policyGradient({
    algorithm,
    model: warmUpModel,
    parameters: keep(start),
    task,
    prompts: 8,
    groupSize: 8,
    optimizer: { learningRate: Number(learningRate) },
    seed,
  });
  for (let step = 0; step <= Number(steps); step++) {
    if (step % 30 === 0) {
      const figures = [sampled, greedy].map((evaluate) => evaluate(trainer.parameters).reward?.toFixed(3));
      console.log(
        `${name.padEnd(18)} step ${String(step).padStart(4)}  sampled ${figures[0]}  greedy ${figures[1]}  ${seconds(started)}`,
      );
    }
    if (step < Number(steps)) trainer.step();
  }
  trainer.dispose();
}

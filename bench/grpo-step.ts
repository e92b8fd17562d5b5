/**
 * Milliseconds of one GRPO step on a 137 k-parameter transformer (2 layers, width 64, 4 heads,
 * vocabulary 32), 64 rollouts: generation (with the key-value cache), update (one fused step: loss,
 * gradient, clipping, AdamW), total. Medians and minima of wall time, and the processor time, which
 * other work on the machine disturbs less.
 *
 * Three trainers take turns, step by step: on the calling thread, on one thread of their own, on two. They
 * must report the same numbers. Two threads show what they can only where both cores are free.
 *
 *     npm run bench grpo-step [prompt tokens] [reply tokens]
 *
 * For comparison: TRL 1.13 with PyTorch on two threads takes 45 ms on this kind of machine.
 */
import { createRandom } from "../src/core/random.ts";
import { parameterCount } from "../src/model/networks/parameters.ts";
import { initTransformer, type TransformerConfig, transformerShapes } from "../src/model/networks/transformer.ts";
import { algorithms } from "../src/training/algorithms.ts";
import type { LanguageTask } from "../src/training/language-task.ts";
import { policyGradient } from "../src/training/policy-gradient.ts";

const model: TransformerConfig = {
  vocabulary: 32,
  context: 32,
  width: 64,
  layers: 2,
  heads: 4,
  hidden: 384,
  padding: 0,
};

/** Random prompts; a reply is worth the share of even tokens in it. There is no stop token: all replies are full. */
function benchTask(promptLength: number, replyLength: number): LanguageTask<Int32Array> {
  return {
    vocabulary: 32,
    padding: 0,
    stop: -1,
    promptLength,
    replyLength,
    draw: (random) => Int32Array.from({ length: promptLength }, () => 1 + random.integer(31)),
    prompt: (problem) => problem,
    demonstration: () => new Int32Array(replyLength),
    reward: (_, reply) => reply.filter((token) => token % 2 === 0).length / reply.length,
  };
}

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const shown = (values: readonly number[]) =>
  `${median(values).toFixed(1).padStart(7)} ${Math.min(...values)
    .toFixed(1)
    .padStart(7)}`;

const arms = [undefined, 1, 2] as const;

function measure(promptLength: number, replyLength: number): void {
  console.log(`\n64 rollouts, prompts of ${promptLength}, replies of ${replyLength} tokens; ms: median and minimum`);
  console.log("threads            generation         update          total  processor time  first step");
  const measured = arms.map((threads) => {
    const trainer = policyGradient({
      algorithm: algorithms.grpo,
      model,
      parameters: initTransformer(model, createRandom("bench")),
      task: benchTask(promptLength, replyLength),
      prompts: 8,
      groupSize: 8,
      optimizer: { learningRate: 1e-3 },
      seed: "bench",
      threads,
    });
    const began = performance.now();
    trainer.step();
    const compiled = performance.now() - began;
    const times = {
      generation: [] as number[],
      update: [] as number[],
      total: [] as number[],
      processor: [] as number[],
    };
    return { threads, trainer, compiled, times };
  });
  const warmUp = 15;
  let different = 0;
  for (let i = 0; i < warmUp + 40; i++) {
    const reports = measured.map(({ trainer, times }) => {
      const before = process.cpuUsage();
      const start = performance.now();
      const { milliseconds, ...report } = trainer.step();
      const total = performance.now() - start;
      const { user, system } = process.cpuUsage(before);
      if (i >= warmUp) {
        times.total.push(total);
        times.processor.push((user + system) / 1000);
        times.generation.push(milliseconds.generation);
        times.update.push(milliseconds.update);
      }
      return JSON.stringify(report);
    });
    if (reports.some((report) => report !== reports[0])) different++;
  }
  for (const { threads, trainer, compiled, times } of measured) {
    const { generation, update, total, processor } = times;
    const name = threads === undefined ? "the caller's" : `${threads} of its own`;
    const figures = [generation, update, total, processor].map(shown).join("");
    console.log(`${name.padEnd(14)}${figures}${compiled.toFixed(0).padStart(10)}`);
    trainer.dispose();
  }
  console.log(`steps whose numbers differ: ${different}`);
}

console.log(`${parameterCount(transformerShapes(model))} parameters`);
const [prompt, reply] = process.argv.slice(3).map(Number);
if (prompt > 0 && reply > 0) measure(prompt, reply);
else {
  // 16 tokens in all, and 16 tokens of reply.
  measure(4, 12);
  measure(8, 16);
}

import type { Worker } from "node:worker_threads";
import { describe, expect, it, vi } from "vitest";
import { createRandom } from "../core/random.ts";
import { liveArrays } from "../model/networks/live-arrays.fixture.ts";
import { dispose, keep } from "../model/networks/parameters.ts";
import { initTransformer, type TransformerConfig } from "../model/networks/transformer.ts";
import { algorithms, type PolicyGradientAlgorithm } from "./algorithms.ts";
import type { LanguageTask } from "./language-task.ts";
import { policyEngine } from "./policy-engine.ts";
import { type PolicyGradientOptions, type PolicyGradientTrainer, policyGradient } from "./policy-gradient.ts";
import { threadedEngine } from "./threads.ts";

const started = vi.hoisted(() => [] as Worker[]);
vi.mock("node:worker_threads", async (original) => {
  const actual = await original<typeof import("node:worker_threads")>();
  class Watched extends actual.Worker {
    constructor(...args: ConstructorParameters<typeof Worker>) {
      super(...args);
      started.push(this);
    }
  }
  return { ...actual, Worker: Watched };
});

// Large enough for most kernels to be worth cutting.
const model: TransformerConfig = {
  vocabulary: 16,
  context: 15,
  width: 48,
  layers: 2,
  heads: 3,
  hidden: 80,
  padding: 0,
};

/** The share of even tokens; a stop token ends replies at all lengths. */
const task: LanguageTask<Int32Array> = {
  vocabulary: 16,
  padding: 0,
  stop: 1,
  promptLength: 5,
  replyLength: 10,
  draw: (random) => Int32Array.from({ length: 5 }, (_, i) => (i < random.integer(3) ? 0 : 2 + random.integer(14))),
  prompt: (problem) => problem,
  demonstration: () => new Int32Array(10),
  reward: (_, reply) => reply.filter((token) => token % 2 === 0).length / reply.length,
};

const options = (
  algorithm: PolicyGradientAlgorithm,
  changes: Partial<PolicyGradientOptions> = {},
): PolicyGradientOptions => {
  const config = { ...model, valueHead: algorithm.credit.kind === "gae" };
  return {
    algorithm,
    model: config,
    parameters: changes.parameters ?? initTransformer(config, createRandom("threads")),
    task,
    prompts: 8,
    groupSize: 6,
    optimizer: { learningRate: 3e-3, weightDecay: 0.01 },
    measureKl: true,
    seed: "threads",
    ...changes,
  };
};

const figures = (trainer: PolicyGradientTrainer) => {
  const { milliseconds, ...rest } = trainer.step();
  return rest;
};

describe("threads", () => {
  it.each([
    ["grpo", 2],
    ["ppo", 1],
  ] as const)(
    "%s gives the same numbers on threads: %i",
    async (name, threads) => {
      const live = liveArrays();
      const before = live.size;
      const run = async (number: number | undefined) => {
        const trainer = policyGradient(options(algorithms[name], { threads: number, epochs: 2, minibatches: 2 }));
        // Kernels are timed whole, eight times, before any is cut.
        const reports = Array.from({ length: 3 }, () => figures(trainer));
        const last =
          name === "ppo"
            ? null
            : await trainer.stepWith(async ({ groups }) => ({ rewards: groups.map((_, row) => row % 3) }));
        const state = trainer.snapshot();
        trainer.dispose();
        return { reports, last: last?.updates, state };
      };
      const here = await run(undefined);
      expect(await run(threads)).toEqual(here);
      expect(live.size).toBe(before);
    },
    120_000,
  );

  it("cuts kernels", () => {
    // So many rows that some kernels are worth cutting on any machine.
    const groupSize = 24;
    const { algorithm, model: config, optimizer } = options(algorithms.grpo);
    const plain = {
      algorithm,
      model: config,
      optimizer,
      groupSize,
      promptLength: 5,
      replyLength: 10,
      stop: 1,
      temperature: 1,
    };
    const random = createRandom("cut");
    const prompts = Int32Array.from({ length: 40 }, () => 2 + random.integer(14));
    const parameters = initTransformer(config, createRandom("threads"));
    const engine = threadedEngine(plain, parameters, null, 3);
    const uniforms = Float32Array.from({ length: 8 * groupSize * 10 }, () => random.uniform());
    const { samples } = engine.sample(prompts, uniforms);
    for (let i = 0; i < 4; i++) expect(engine.sample(prompts, uniforms).samples).toEqual(samples);
    const { calls, cut } = engine.kernels();
    expect(calls).toBeGreaterThan(500);
    expect(cut).toBeGreaterThan(0);
    const here = policyEngine(plain, parameters, null);
    expect(here.sample(prompts, uniforms).samples).toEqual(samples);
    here.dispose();
    engine.dispose();
  });

  it("goes on from a snapshot, here or elsewhere, and lends the parameters", () => {
    const live = liveArrays();
    const before = live.size;
    const whole = policyGradient(options(algorithms.grpo));
    const reports = [figures(whole), figures(whole), figures(whole)];
    const first = policyGradient(options(algorithms.grpo, { threads: 2 }));
    figures(first);
    const snapshot = first.snapshot();
    const lent = keep(first.parameters);
    expect(first.parameters).toBe(first.parameters);
    first.dispose();
    const start = initTransformer(model, createRandom("threads"));
    const resumed = policyGradient(
      options(algorithms.grpo, { threads: 2, parameters: lent, reference: start, resume: snapshot }),
    );
    dispose(start);
    expect([figures(resumed), figures(resumed)]).toEqual(reports.slice(1));
    expect(resumed.snapshot()).toEqual(whole.snapshot());
    resumed.dispose();
    whole.dispose();
    expect(live.size).toBe(before);
  }, 120_000);

  it("says what is wrong instead of waiting", () => {
    expect(() => policyGradient(options(algorithms.grpo, { threads: 0 }))).toThrow(/threads.*at least 1/);
    expect(() => policyGradient(options(algorithms.grpo, { threads: 1.5 }))).toThrow(/threads/);
    // The thread's own check, with its path.
    expect(() => policyGradient(options(algorithms.grpo, { threads: 2, model: { ...model, context: 12 } }))).toThrow(
      expect.objectContaining({ name: "ContractError", path: "replyLength" }),
    );
    const disposed = policyGradient(options(algorithms.grpo, { threads: 2 }));
    disposed.dispose();
    expect(() => disposed.step()).toThrow(/thread died.*disposed/);
  });

  it("throws when its thread dies, also while this one waits and cannot hear of it", async () => {
    const { algorithm, parameters, optimizer, groupSize } = options(algorithms.grpo);
    const lengths = { promptLength: 5, replyLength: 10, stop: 1, temperature: 1 };
    const waiting = threadedEngine({ algorithm, model, optimizer, groupSize, ...lengths }, parameters, null, 2, 1000);
    dispose(parameters);
    const idle = policyGradient(options(algorithms.grpo, { threads: 2 }));
    const [first, second] = started.slice(-2);
    const ended = first.terminate();
    expect(() => waiting.state()).toThrow(/training thread died .*silent/);
    expect(() => waiting.state()).toThrow(/training thread died/);
    await Promise.all([ended, second.terminate()]);
    expect(() => idle.snapshot()).toThrow(/training thread died .*exit code/);
    waiting.dispose();
    idle.dispose();
  });
});

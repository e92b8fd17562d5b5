import { describe, expect, it } from "vitest";
import { createRandom } from "../core/random.ts";
import { groupRelative } from "../credit/group-relative.ts";
import { liveArrays } from "../model/networks/live-arrays.fixture.ts";
import { dispose, fromHost, keep, toHost } from "../model/networks/parameters.ts";
import { initTransformer, type TransformerConfig } from "../model/networks/transformer.ts";
import { algorithms, type PolicyGradientAlgorithm } from "./algorithms.ts";
import { advantagesOf } from "./credit.ts";
import { policyEvaluation } from "./evaluate-policy.ts";
import type { LanguageTask } from "./language-task.ts";
import { type PolicyGradientOptions, type PolicyGradientTrainer, policyGradient } from "./policy-gradient.ts";
import { type DrawnRollouts, scoreByTask } from "./rollouts.ts";

const model: TransformerConfig = { vocabulary: 8, context: 8, width: 16, layers: 1, heads: 2, hidden: 32, padding: 0 };

/** Say the prompt's last token, then stop. */
const echo: LanguageTask<number> = {
  vocabulary: 8,
  padding: 0,
  stop: 1,
  promptLength: 3,
  replyLength: 3,
  draw: (random) => 2 + random.integer(6),
  prompt: (token) => Int32Array.from([0, 7, token]),
  demonstration: (token) => Int32Array.from([token, 1, 0]),
  reward: (token, reply) => (reply.length === 2 && reply[0] === token && reply[1] === 1 ? 1 : 0),
};

/** Only the first token counts. */
const easy: LanguageTask<number> = { ...echo, reward: (token, reply) => (reply[0] === token ? 1 : 0) };

const options = (
  algorithm: PolicyGradientAlgorithm,
  changes: Partial<PolicyGradientOptions> = {},
): PolicyGradientOptions => {
  const config = { ...model, valueHead: algorithm.credit.kind === "gae" };
  return {
    algorithm,
    model: config,
    parameters: initTransformer(config, createRandom("policy")),
    task: echo,
    prompts: 8,
    groupSize: 8,
    optimizer: { learningRate: 1e-2 },
    seed: "test",
    ...changes,
  };
};

function policyGradientKl(algorithm: PolicyGradientAlgorithm): number | null {
  const trainer = policyGradient(options(algorithm));
  const { kl } = trainer.step();
  trainer.dispose();
  return kl;
}

describe("policy gradient", () => {
  it.each(Object.keys(algorithms) as (keyof typeof algorithms)[])("%s learns, and leaves no array behind", (name) => {
    const live = liveArrays();
    const before = live.size;
    const algorithm: PolicyGradientAlgorithm = algorithms[name];
    const trainer = policyGradient(options(algorithm));
    const evaluate = policyEvaluation(model, echo, { count: 128 });
    const policy = () => {
      const { valueHead, ...rest } = keep(trainer.parameters);
      valueHead?.dispose();
      const reward = evaluate(rest).reward ?? 0;
      dispose(rest);
      return reward;
    };
    const start = policy();
    trainer.step();
    const held = live.size;
    for (let step = 0; step < 60; step++) trainer.step();
    expect(live.size).toBe(held);
    expect(start).toBeLessThan(0.2);
    expect(policy()).toBeGreaterThan(0.6);
    evaluate.dispose();
    trainer.dispose();
    expect(live.size).toBe(before);
  });

  it("gives identical numbers for the same seed, others for another", () => {
    const run = (seed: string) => {
      const trainer = policyGradient(options(algorithms.grpo, { seed, epochs: 2, minibatches: 2 }));
      const reports = Array.from({ length: 4 }, () => {
        const { milliseconds, ...figures } = trainer.step();
        expect(milliseconds.update).toBeGreaterThan(0);
        return figures;
      });
      const parameters = toHost(trainer.parameters);
      trainer.dispose();
      return { reports, parameters };
    };
    const first = run("a");
    expect(run("a")).toEqual(first);
    expect(run("b").reports).not.toEqual(first.reports);
    expect(first.reports.map(({ step }) => step)).toEqual([0, 1, 2, 3]);
  });

  it("learns nothing from unscored rollouts", () => {
    const silent = { ...echo, reward: () => null };
    const trainer = policyGradient(options(algorithms.grpo, { task: silent }));
    const before = toHost(trainer.parameters);
    const report = trainer.step();
    expect(report.reward).toBeNull();
    expect(report.unscored).toBe(64);
    expect(toHost(trainer.parameters)).toEqual(before);
    trainer.dispose();

    // Half of the groups unscored: the update is that of the other half.
    const even = {
      ...echo,
      reward: (token: number, reply: Int32Array) => (token % 2 === 0 ? echo.reward(token, reply) : null),
    };
    const half = policyGradient(options(algorithms.grpo, { task: even }));
    const partial = half.step();
    expect(partial.unscored % 8).toBe(0);
    expect(partial.unscored).toBeGreaterThan(0);
    expect(partial.reward).not.toBeNull();
    half.dispose();
    const broken = policyGradient(options(algorithms.grpo, { task: { ...echo, reward: () => Number.NaN } }));
    expect(() => broken.step()).toThrow(/task.reward.*NaN/);
    broken.dispose();
  });

  it("stays at the reference under a strong KL term", () => {
    const distance = (klCoef: number) => {
      const start = options({
        ...algorithms.grpo,
        loss: { kind: "clipped-surrogate", params: { aggregation: "seq-mean-token-mean", klCoef } },
      });
      const before = toHost(start.parameters);
      const trainer = policyGradient(start);
      let klLoss = 0;
      for (let step = 0; step < 10; step++) klLoss = trainer.step().updates.klLoss;
      expect(Object.keys(before).length).toBeGreaterThan(0);
      trainer.dispose();
      return klLoss;
    };
    expect(distance(10)).toBeLessThan(0.2 * distance(1e-6));
  });

  it("draws again in place of groups without spread", () => {
    const rare = { ...echo, reward: (token: number, reply: Int32Array) => (token < 4 ? echo.reward(token, reply) : 0) };
    const plain = policyGradient(options(algorithms.grpo, { task: rare }));
    const resampled = policyGradient(options({ ...algorithms.grpo, resampling: 3 }, { task: rare }));
    const without = plain.step();
    const withIt = resampled.step();
    expect(without.rollouts).toBe(64);
    expect(withIt.rollouts).toBeGreaterThan(64);
    expect(withIt.informativeGroups).toBeGreaterThan(without.informativeGroups);
    plain.dispose();
    resampled.dispose();
  });

  it("takes no unscored rollout for a reward of 0 when it draws again", async () => {
    // Of each first draw's groups: 0 and 1 unscored but for one, 2 wholly, 3 as equal as scored; the others differ.
    const score = ({ groups }: DrawnRollouts) =>
      Promise.resolve({
        rewards: Array.from(groups, (group, row) => {
          const member = row % 8;
          if (group < 2) return member === 0 ? 1 : null;
          if (group === 2) return null;
          if (group === 3) return member < 4 ? 1 : null;
          return member % 2;
        }),
      });
    const trainer = policyGradient(options({ ...algorithms.drGrpo, resampling: 3 }, { task: easy }));
    const report = await trainer.stepWith(score);
    // Four of eight groups have spread; a second draw gives the other four.
    expect(report.rollouts).toBe(128);
    expect(report.informativeGroups).toBe(1);
    trainer.dispose();

    // Groups of one are compared with nothing: scored ones are kept, unscored ones drawn again.
    const alone = policyGradient(options({ ...algorithms.drGrpo, resampling: 3 }, { task: easy, groupSize: 1 }));
    const half = await alone.stepWith(({ groups }) =>
      Promise.resolve({ rewards: Array.from(groups, (group) => (group < 4 ? 1 : null)) }),
    );
    expect(half.rollouts).toBe(16);
    alone.dispose();

    const short = policyGradient(options(algorithms.grpo, { task: easy }));
    await expect(short.stepWith(() => Promise.resolve({ rewards: [1] }))).rejects.toThrow(/task.reward.*undefined/);
    short.dispose();
  });

  it.each(["grpo", "drGrpo", "rloo", "reinforcePlusPlus"] as const)(
    "%s gives the only scored rollout of a group no advantage",
    (name) => {
      const lengths = new Int32Array(8).fill(2);
      const samples = {
        lengths,
        tokens: new Int32Array(0),
        logprobs: new Float32Array(16),
        entropies: new Float32Array(16),
      };
      const rollouts = {
        samples,
        rewards: Float64Array.from([9, 0, 0, 0, 1, 0, 1, 0]),
        scored: [true, false, false, false, true, true, true, true],
        groups: Int32Array.from([0, 0, 0, 0, 1, 1, 1, 1]),
      };
      const inputs = { mask: new Float32Array(16).fill(1), replyLength: 2 };
      const { advantages } = advantagesOf(algorithms[name], rollouts, inputs);
      const width = advantages.length / 8;
      expect(Array.from(advantages.subarray(0, 4 * width), Math.abs)).toEqual(Array(4 * width).fill(0));
      // Nor does it enter what the others are divided by.
      const others = advantagesOf(
        algorithms[name],
        { ...rollouts, scored: rollouts.scored.map((_, row) => row >= 4) },
        inputs,
      );
      expect(advantages).toEqual(others.advantages);
      expect(advantages[4 * width]).toBeGreaterThan(0);
      // Groups of one by design keep what the part says of them.
      const singles = { ...rollouts, groups: Int32Array.from([0, 1, 2, 3, 4, 5, 6, 7]) };
      expect(advantagesOf(algorithms[name], singles, inputs).advantages[0]).toBeGreaterThan(0);
    },
  );

  it.each(["reinforcePlusPlus", "ppo"] as const)("%s makes nothing of a step with a single scored token", (name) => {
    const samples = {
      lengths: Int32Array.from([1, 1]),
      tokens: new Int32Array(0),
      logprobs: new Float32Array(4),
      entropies: new Float32Array(4),
    };
    const rollouts = {
      samples,
      rewards: Float64Array.from([3, 0]),
      scored: [true, false],
      groups: Int32Array.from([0, 1]),
    };
    const inputs = { mask: Float32Array.from([1, 0, 1, 0]), replyLength: 2 };
    const { advantages, returns } = advantagesOf(algorithms[name], rollouts, inputs);
    expect(advantages).toEqual(new Float32Array(4));
    // The critic still has something to learn from it.
    if (name === "ppo") expect(returns?.[0]).toBe(3);
  });

  it("goes on from a snapshot to the same numbers, and measures the KL", () => {
    const start = (changes: Partial<PolicyGradientOptions> = {}) =>
      options(algorithms.grpo, { task: easy, epochs: 2, minibatches: 2, measureKl: true, ...changes });
    const figures = (trainer: PolicyGradientTrainer) => {
      const { milliseconds, ...rest } = trainer.step();
      return rest;
    };
    const live = liveArrays();
    const before = live.size;
    const whole = policyGradient(start());
    const reports = [figures(whole), figures(whole), figures(whole), figures(whole)];
    const first = policyGradient(start());
    figures(first);
    figures(first);
    const snapshot = first.snapshot();
    first.dispose();
    const again = start();
    const reference = again.parameters;
    const parameters = fromHost(snapshot.parameters);
    const resumed = policyGradient({ ...again, parameters, reference, resume: snapshot });
    dispose(reference);
    expect([figures(resumed), figures(resumed)]).toEqual(reports.slice(2));
    expect(resumed.snapshot()).toEqual(whole.snapshot());
    resumed.dispose();
    whole.dispose();
    expect(live.size).toBe(before);
    expect(Math.abs(reports[0].kl ?? 1)).toBeLessThan(1e-5);
    expect(reports[3].kl).toBeGreaterThan(1e-3);
    expect(policyGradientKl(algorithms.grpo)).toBeNull();
  });

  it("takes rewards and advantages from elsewhere", async () => {
    const [own, rewarded, credited, perToken] = Array.from({ length: 4 }, () =>
      policyGradient(options(algorithms.grpo, { task: easy })),
    );
    const score = (drawn: DrawnRollouts) => Promise.resolve(scoreByTask(easy, drawn));
    const credit = async (drawn: DrawnRollouts) => {
      const { rewards } = await score(drawn);
      const values = Array.from(rewards, Number);
      const { advantages } = groupRelative({})({ rewards: values, groups: drawn.groups });
      return { rewards, advantages: Array.from(advantages as Float64Array) };
    };
    for (let step = 0; step < 3; step++) {
      const { milliseconds, ...expected } = own.step();
      const others = [
        await rewarded.stepWith(score),
        await credited.stepWith(credit),
        await perToken.stepWith(async (drawn) => {
          const { rewards, advantages } = await credit(drawn);
          return { rewards, advantages: advantages.map((one, row) => Array(drawn.samples.lengths[row]).fill(one)) };
        }),
      ];
      for (const other of others) expect(other).toMatchObject(expected);
    }
    await expect(
      credited.stepWith(async () => ({ rewards: Array(64).fill(1), advantages: Array(64).fill(Number.NaN) })),
    ).rejects.toThrow(/advantages\[0\].*NaN/);
    await expect(
      perToken.stepWith(async () => ({ rewards: Array(64).fill(1), advantages: Array(64).fill([1, 2, 3, 4]) })),
    ).rejects.toThrow(/advantages\[0\].*tokens/);
    for (const trainer of [own, rewarded, credited, perToken]) trainer.dispose();
  });

  it("names what does not fit", () => {
    expect(() => policyGradient(options(algorithms.grpo, { minibatches: 7 }))).toThrow(/minibatches.*divisor/);
    expect(() => policyGradient(options(algorithms.ppo, { model }))).toThrow(/model.valueHead/);
  });
});

import { jit, numpy as np, valueAndGrad } from "@jax-js/jax";
import { describe, expect, it } from "vitest";
import type { Ragged } from "../core/ragged.ts";
import { createRandom } from "../core/random.ts";
import { groupRelative } from "../credit/group-relative.ts";
import { rewardGain } from "../credit/latent-rewards.ts";
import { flowSchedule, mixtureVelocity } from "../environment/flow-sampler.ts";
import { ring } from "../environment/ring.ts";
import { liveArrays } from "../model/networks/live-arrays.fixture.ts";
import { mixtureFieldOf } from "../model/networks/mixture-field.ts";
import { dispose, float32, fromHost, keep, type Parameters, toHost } from "../model/networks/parameters.ts";
import { initVelocity, inputLanes, velocity, velocityInputs, velocityOf } from "../model/networks/velocity.ts";
import { clippedSurrogate } from "../objective/clipped-surrogate.ts";
import type { Tensor, Tensors } from "../objective/engine.ts";
import { flowKl } from "../objective/flow.ts";
import { rewardDifference } from "../objective/preference-regression.ts";
import { flowMatchingBatch, flowMatchingObjective, trainFlowMatching } from "./flow-matching.ts";
import { flowPolicy, oneHot } from "./flow-policy.ts";
import {
  type FlowObjective,
  type FlowPolicyGradientOptions,
  flowBatch,
  flowObjectiveLoss,
  flowPolicyGradient,
  samplesOf,
} from "./flow-policy-gradient.ts";
import {
  drawStarts,
  type FlowSampling,
  flowLogprobs,
  flowStep,
  latentRewards,
  rollOutFlow,
  sampleFlow,
  stepEffects,
} from "./flow-rollouts.ts";
import type { Loss } from "./learner.ts";
import { backpropagatedReward, rewardBackpropagation } from "./reward-backpropagation.ts";

const { world } = ring();
const field = (points: Float64Array, sigma: number) => world.velocities(points, sigma);
const { sigmas } = flowSchedule({ steps: 5 })({}) as { sigmas: Float64Array };
const sampling: FlowSampling = { sigmas, stochasticSteps: 4, schedule: "flow-grpo", noiseLevel: 0.7 };
const model = { dimensions: 2, condition: 8, hidden: [8, 8] };
const groups = { prompts: 8, groupSize: 2, dimensions: 2 };
const rows = 16;

/** Compares the gradient of a loss, through the compiled step, with differences of `exact` at shifted parameters. */
function checkGradient(parameters: Parameters, loss: Loss, batch: Tensors, exact: (parameters: Parameters) => number) {
  const step = jit((p: Parameters) =>
    valueAndGrad((differentiated: Parameters) => {
      const { loss: value, ...figures } = loss(differentiated, batch);
      dispose(figures);
      return value;
    })(p),
  );
  const [value, gradients] = step(keep(parameters)) as unknown as [Tensor, Parameters];
  expect(value.item()).toBeCloseTo(exact(parameters), 3);
  const host = toHost(parameters);
  const random = createRandom("entries");
  for (const [name, array] of Object.entries(gradients)) {
    const gradient = array.dataSync();
    const largest = Math.max(...Array.from(gradient, Math.abs));
    for (let k = 0; k < 2; k++) {
      const i = random.integer(gradient.length);
      const shifted = (by: number) => {
        const data = host[name].data.slice();
        data[i] += by;
        const moved = fromHost({ ...host, [name]: { shape: host[name].shape, data } });
        const result = exact(moved);
        dispose(moved);
        return result;
      };
      const expected = (shifted(2e-3) - shifted(-2e-3)) / 4e-3;
      expect(Math.abs(gradient[i] - expected)).toBeLessThan(0.02 * largest + 1e-5);
    }
  }
  step.dispose();
}

describe("the network and the field", () => {
  it("gives the same numbers from host inputs as from arrays", () => {
    const parameters = initVelocity(model, createRandom("network"));
    const { noises, prompts } = drawStarts(groups, createRandom("points"));
    const condition = oneHot(prompts, 8);
    const times = new Float32Array(rows).fill(0.3);
    const plain = velocity(model, keep(parameters), {
      points: float32(Float32Array.from(noises), [rows, 2]),
      times: float32(times, [rows, 1]),
      condition: float32(condition, [rows, 8]),
    }).dataSync();
    const inputs = velocityInputs(model, noises, 0.3, condition);
    const fast = velocityOf(model, parameters, float32(inputs, [rows, inputLanes(model)])).dataSync();
    for (let k = 0; k < plain.length; k++) expect(fast[k]).toBeCloseTo(plain[k], 5);
  });

  it("differentiates the exact field of a mixture", () => {
    const mixture = {
      means: [
        [1, 0],
        [-1, 0.5],
        [0, -2],
      ],
      stds: [0.3, 0.2, 0.5],
      weights: [0.2, 0.5, 0.3],
    };
    const tensorField = mixtureFieldOf(mixture);
    const points = Float64Array.from({ length: 16 }, createRandom("field").normal);
    const pairs = (values: Float64Array) => Array.from({ length: 8 }, (_, i) => [values[2 * i], values[2 * i + 1]]);
    const part = (values: Float64Array, sigma: number) =>
      mixtureVelocity()({ samples: pairs(values), sigma, ...mixture }).velocities.values;
    for (const sigma of [1, 0.5, 0.1]) {
      const weigh = (values: ArrayLike<number>) =>
        Array.from(values).reduce((sum, value, k) => sum + value * Math.sin(k + 1), 0);
      const weights = float32(
        Float32Array.from({ length: 16 }, (_, k) => Math.sin(k + 1)),
        [8, 2],
      );
      const [value, gradient] = valueAndGrad((x: Tensor) => np.sum(tensorField(x, sigma).mul(weights)))(
        float32(Float32Array.from(points), [8, 2]),
      ) as unknown as [Tensor, Tensor];
      expect(value.item()).toBeCloseTo(weigh(part(points, sigma)), 3);
      const slopes = gradient.dataSync();
      for (let k = 0; k < 16; k++) {
        const shifted = (by: number) => {
          const moved = points.slice();
          moved[k] += by;
          return weigh(part(moved, sigma));
        };
        const expected = (shifted(1e-5) - shifted(-1e-5)) / 2e-5;
        expect(Math.abs(slopes[k] - expected)).toBeLessThan(1e-3 * Math.max(1, Math.abs(expected)));
      }
    }
  });
});

describe("rollouts", () => {
  const starts = drawStarts(groups, createRandom("starts"));
  const rollouts = rollOutFlow(field, starts, sampling, createRandom("noise"));

  it("draws starts prompt by prompt, and shares them where asked", () => {
    expect(Array.from(starts.prompts.slice(0, 5))).toEqual([0, 0, 1, 1, 2]);
    const shared = drawStarts({ ...groups, shared: true }, createRandom("starts"));
    for (let i = 0; i < rows; i++)
      for (let d = 0; d < 2; d++) expect(shared.noises[2 * i + d]).toBe(shared.noises[4 * Math.floor(i / 2) + d]);
    expect(new Set(shared.noises).size).toBe(16);
    expect(new Set(starts.noises).size).toBe(2 * rows);
  });

  it("steps as α·x + β·v + std·z, for every schedule", () => {
    // s 1 → 0.8: g² = 0.49·1/(1 − 0.8); mean = x(1 + g²/2·ds) + v·ds
    const first = flowStep(sampling, 0);
    expect(first.diffusion ** 2).toBeCloseTo(2.45, 12);
    expect(first.point).toBeCloseTo(1 - 0.2 * 1.225, 12);
    expect(first.velocity).toBeCloseTo(-0.2, 12);
    expect(first.std).toBeCloseTo(Math.sqrt(2.45 * 0.2), 12);
    const levels = [0.1, 0.2, 0.3, 0.4];
    const varied: FlowSampling = { ...sampling, schedule: "constant", noiseLevel: levels };
    expect(levels.map((_, step) => flowStep(varied, step).diffusion)).toEqual(levels);
    expect(flowStep({ ...sampling, schedule: "cps" }, 1).std).toBeCloseTo(0.6 * Math.sin(0.35 * Math.PI), 12);
  });

  it("ends with a noise-free step and scores what it drew", () => {
    expect(rollouts.latents.length).toBe(6);
    const v = field(rollouts.latents[4], sigmas[4]);
    rollouts.latents[4].forEach((x, k) => {
      expect(samplesOf(rollouts)[k]).toBeCloseTo(x - sigmas[4] * v[k], 12);
    });
    const again = flowLogprobs(field, rollouts, sampling).values;
    rollouts.logprobs.values.forEach((logprob, k) => {
      expect(logprob).toBeCloseTo(again[k], 12);
    });
    // Column 0: log N(x₁; αx₀ + βv, std²) over both coordinates.
    const { point, velocity: slope, std } = flowStep(sampling, 0);
    const v0 = field(rollouts.latents[0], 1);
    let expected = -2 * Math.log(std * Math.sqrt(2 * Math.PI));
    for (let d = 0; d < 2; d++)
      expected -= (rollouts.latents[1][d] - point * rollouts.latents[0][d] - slope * v0[d]) ** 2 / (2 * std * std);
    expect(rollouts.logprobs.values[0]).toBeCloseTo(expected, 10);
  });

  it("completes without noise from every step: gains telescope", () => {
    const table = latentRewards(field, rollouts, sampling, world.rewards);
    const final = world.rewards(samplesOf(rollouts), rollouts.prompts);
    const first = world.rewards(sampleFlow(field, starts, sigmas), rollouts.prompts);
    const { stepRewards } = rewardGain()({ latentRewards: table });
    for (let i = 0; i < rows; i++) {
      expect(table.values[5 * i]).toBeCloseTo(first[i], 12);
      expect(table.values[5 * i + 4]).toBeCloseTo(final[i], 12);
      const gains = stepRewards.values.subarray(4 * i, 4 * i + 4).reduce((sum, gain) => sum + gain, 0);
      expect(gains).toBeCloseTo(final[i] - first[i], 12);
    }
    // One jump: x − σv.
    const jump = latentRewards(field, rollouts, sampling, world.rewards, 1);
    const v = field(rollouts.latents[2], sigmas[2]);
    const estimate = rollouts.latents[2].map((x, k) => x - sigmas[2] * v[k]);
    expect(jump.values[2]).toBeCloseTo(world.rewards(estimate, rollouts.prompts)[0], 12);
  });

  it("measures what steps did, against a sampler whose effects are known", () => {
    // Without velocity a step multiplies by α and adds noise; the reward is the first coordinate: V(x_i) = Π_{j ≥ i} α_j · x_i.
    const still = (points: Float64Array) => points.map(() => 0);
    const walk: FlowSampling = { sigmas, stochasticSteps: 4, schedule: "constant", noiseLevel: 0.5 };
    const reward = (samples: Float64Array) => samples.filter((_, k) => k % 2 === 0);
    const many = rollOutFlow(still, starts, walk, createRandom("walk"));
    const effects = stepEffects(still, many, walk, reward, 500, createRandom("more")).values;
    const factors = [0, 1, 2, 3].map((step) => flowStep(walk, step).point);
    const value = (i: number, row: number) => factors.slice(i).reduce((v, f) => v * f, many.latents[i][2 * row]);
    for (let row = 0; row < starts.prompts.length; row++)
      for (let i = 0; i < 4; i++)
        expect(Math.abs(effects[4 * row + i] - (value(i + 1, row) - value(i, row)))).toBeLessThan(0.15);
  });
});

describe("gradients of the objectives are those of finite differences of the parts", () => {
  const compiled = flowPolicy(model, world.velocities);
  const old = initVelocity(model, createRandom("old"));
  const parameters = initVelocity(model, createRandom("old"));
  // Ratios near 1 on both sides of the clip, but not at its corner.
  for (const [name, data] of Object.entries(toHost(parameters))) {
    parameters[name].dispose();
    const random = createRandom(name);
    parameters[name] = float32(
      data.data.map((w) => w + 0.03 * random.normal()),
      data.shape,
    );
  }
  const starts = drawStarts(groups, createRandom("starts"));

  const cases: readonly [string, FlowObjective, FlowSampling["schedule"]][] = [
    ["clipped surrogate", { kind: "clipped-surrogate", params: { clipLow: 5, clipHigh: 5 } }, "flow-grpo"],
    ["cps, with KL", { kind: "clipped-surrogate", params: { clipLow: 5, clipHigh: 5 }, klCoef: 0.5 }, "cps"],
    ["reward difference", { kind: "reward-difference", params: { beta: 0.3, proximal: false } }, "flow-grpo"],
    ["reward difference, proximal", { kind: "reward-difference", params: { beta: 0.3, epsilon: 0.05 } }, "flow-grpo"],
  ];
  it.each(cases)("%s", (_, objective, schedule) => {
    const options = { model, field: world.velocities, sampling: { ...sampling, schedule }, objective };
    const { sampling: used } = options;
    const rollouts = rollOutFlow(
      compiled.model(() => old),
      starts,
      used,
      createRandom("noise"),
    );
    const rewards = world.rewards(samplesOf(rollouts), rollouts.prompts);
    const scored = { ...rollouts, groups: starts.groups, rewards };
    const credit = groupRelative({ ddof: 0, epsilon: 1e-4 });
    const advantages = credit({ rewards, groups: starts.groups }).advantages as Float64Array;
    const exact = (p: Parameters) => {
      const logprobs = flowLogprobs(
        compiled.model(() => p),
        rollouts,
        used,
      );
      if (objective.kind === "reward-difference") {
        const refLogprobs = flowLogprobs(field, rollouts, used);
        const inputs = { logprobs, refLogprobs, oldLogprobs: rollouts.logprobs, rewards, groups: starts.groups };
        return rewardDifference(objective.params)(inputs).loss ?? Number.NaN;
      }
      const { loss } = clippedSurrogate(objective.params)({ logprobs, oldLogprobs: rollouts.logprobs, advantages });
      return loss + (objective.klCoef ?? 0) * meanKl(p);
    };
    const meanKl = (p: Parameters) => {
      let total = 0;
      for (let step = 0; step < used.stochasticSteps; step++) {
        const { point, velocity: slope, diffusion } = flowStep(used, step);
        const means = (velocities: Float64Array): Ragged => ({
          values: velocities.map((v, k) => point * rollouts.latents[step][k] + slope * v),
          offsets: Uint32Array.from({ length: rows + 1 }, (_, i) => 2 * i),
        });
        const [own, ref] = [compiled.model(() => p), field].map((m) =>
          m(rollouts.latents[step], sigmas[step], starts.prompts),
        );
        total += flowKl()({ means: means(own), refMeans: means(ref), diffusion }).loss ?? Number.NaN;
      }
      return total / used.stochasticSteps;
    };
    const batch = flowBatch(options, scored, advantages, createRandom("mask"));
    checkGradient(parameters, flowObjectiveLoss(options), batch, exact);
  });

  it.each([4, 2, 0])("reward through the steps from %i on", (start) => {
    const condition = oneHot(starts.prompts, 8);
    const before = sampleFlow(
      compiled.model(() => parameters),
      starts,
      sigmas.slice(0, start + 1),
    );
    const finish = (p: Parameters) =>
      sampleFlow(
        compiled.model(() => p),
        { noises: before, prompts: starts.prompts },
        sigmas.slice(start),
      );
    const gradients = world.rewardGradients(finish(parameters), starts.prompts);
    const exact = (p: Parameters) => -finish(p).reduce((sum, x, k) => sum + x * gradients[k], 0) / rows;
    const loss = backpropagatedReward({ model, fieldTensor: mixtureFieldOf(world.mixture), sigmas, start });
    const batch = {
      points: float32(Float32Array.from(before), [rows, 2]),
      condition: float32(condition, [rows, 8]),
      gradients: float32(Float32Array.from(gradients), [rows, 2]),
    };
    checkGradient(parameters, loss, batch, exact);
  });

  it("flow matching", () => {
    const latents = Float64Array.from({ length: 2 * rows }, createRandom("data").normal);
    const weights = Float64Array.from({ length: rows }, (_, i) => i % 3);
    const data = { latents, condition: oneHot(starts.prompts, 8), weights };
    const batch = flowMatchingBatch(model, data, createRandom("batch"));
    const host = Object.fromEntries(Object.entries(batch).map(([name, x]) => [name, x.ref.dataSync()]));
    const exact = (p: Parameters) => {
      const inputs = float32(host.inputs as Float32Array, [rows, inputLanes(model)]);
      const predicted = velocityOf(model, keep(p), inputs).dataSync();
      let total = 0;
      for (let k = 0; k < 2 * rows; k++) total += (weights[k >> 1] * (predicted[k] - host.targets[k]) ** 2) / 2;
      return total / weights.reduce((sum, weight) => sum + weight, 0);
    };
    checkGradient(parameters, flowMatchingObjective(model), batch, exact);
  });
});

describe("trainers", () => {
  const start = { ...model, hidden: [16, 16], zeroOutput: true };
  const optimizer = { learningRate: 1e-2, clipNorm: null };
  const credit = groupRelative({ ddof: 0, epsilon: 1e-4 });
  const options = (objective: FlowObjective): FlowPolicyGradientOptions => ({
    model: start,
    field: world.velocities,
    parameters: initVelocity(start, createRandom("network")),
    sampling,
    groupSize: 12,
    rewards: world.rewards,
    credit: ({ rewards, groups: prompts }) => credit({ rewards, groups: prompts }).advantages as Float64Array,
    objective,
    updates: objective.kind === "reward-difference" ? 5 : 1,
    optimizer,
    seed: "test",
  });
  const starts = drawStarts({ prompts: 8, groupSize: 32, dimensions: 2 }, createRandom("evaluation"));
  const reward = (policy: typeof field | FlowPolicyGradientOptions["field"]) => {
    const samples = sampleFlow(policy, starts, sigmas);
    return world.rewards(samples, starts.prompts).reduce((sum, r) => sum + r / 256, 0);
  };

  it.each([
    { kind: "clipped-surrogate", params: { advantageClip: 5 } },
    { kind: "clipped-surrogate", trainedShare: 0.5, klCoef: 0.01 },
    { kind: "reward-difference", params: { beta: 0.02, epsilon: 0.1 } },
  ] as const)("$kind learns, the same at every run, and leaves no array behind", (objective) => {
    const live = liveArrays();
    const before = live.size;
    const run = (steps: number) => {
      const trainer = flowPolicyGradient(options(objective));
      trainer.step();
      const held = live.size;
      for (let step = 1; step < steps; step++) trainer.step();
      expect(live.size).toBe(held);
      const learned = reward((points, sigma) => trainer.policy(points, sigma, starts.prompts));
      trainer.dispose();
      return learned;
    };
    const learned = run(70);
    expect(reward(field)).toBeLessThan(0.15);
    expect(learned).toBeGreaterThan(0.4);
    expect(run(3)).toBe(run(3));
    expect(live.size).toBe(before);
  });

  it("rewards can be back-propagated", () => {
    const live = liveArrays();
    const before = live.size;
    const trainer = rewardBackpropagation({
      model: start,
      field: world.velocities,
      fieldTensor: mixtureFieldOf(world.mixture),
      parameters: initVelocity(start, createRandom("network")),
      sigmas,
      start: 4,
      groupSize: 8,
      rewardGradients: world.rewardGradients,
      optimizer,
      seed: "test",
    });
    for (let step = 0; step < 80; step++) trainer.step();
    expect(reward((points, sigma) => trainer.policy(points, sigma, starts.prompts))).toBeGreaterThan(0.5);
    trainer.dispose();
    expect(live.size).toBe(before);
  });

  it("flow matching fits two points", () => {
    const two = { dimensions: 1, condition: 2, hidden: [16, 16] };
    const parameters = trainFlowMatching({
      model: two,
      draw: () => ({
        latents: Float64Array.from({ length: 64 }, (_, i) => (i % 2 === 0 ? -1 : 1)),
        condition: oneHot(
          Int32Array.from({ length: 64 }, (_, i) => i % 2),
          2,
        ),
      }),
      steps: 400,
      optimizer: { learningRate: 1e-2 },
      seed: "fit",
    });
    const compiled = flowPolicy(two, (points) => new Float64Array(points.length));
    const noises = Float64Array.from({ length: 64 }, createRandom("noise").normal);
    const prompts = Int32Array.from({ length: 64 }, (_, i) => i % 2);
    const samples = sampleFlow(
      compiled.model(() => parameters),
      { noises, prompts },
      flowSchedule({ steps: 20 })({}).sigmas,
    );
    const error = samples.reduce((sum, x, i) => sum + Math.abs(x - (i % 2 === 0 ? -1 : 1)) / 64, 0);
    expect(error).toBeLessThan(0.2);
    compiled.dispose();
    dispose(parameters);
  });
});

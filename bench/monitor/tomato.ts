/** Bed `finite-mdp`, layout `tomato`: a bucket makes all tomatoes look watered. A softmax table, exact gradient; the log is sampled. */
import { recordOfRollouts } from "../../src/audit/monitor/rollouts.ts";
import { factor, solveFactored } from "../../src/core/linear-algebra.ts";
import type { Random } from "../../src/core/random.ts";
import { tomatoMdp } from "../../src/environment/finite-mdp.ts";
import { adam, drawAction, softmaxRows } from "../../src/training/tabular.ts";
import { probeEvery, type Trace, type Variant } from "./types.ts";

interface Settings {
  /** Optimised: this share of the bucket's reward, the rest the true one. */
  readonly bucket: number;
  /** How random the reference policy is. */
  readonly epsilon: number;
  readonly rate: number;
  readonly updates?: number;
  /** Weight of a penalty on log π/π_ref. */
  readonly klPenalty?: number;
  /** Deviation of noise on the reward that is optimised, drawn per state and action at every update. */
  readonly noise?: number;
  readonly broken?: { readonly at: number; readonly sign: number; readonly noise: number };
}

const actions = 5;
const episodes = 24;
const horizon = 40;

function run(settings: Settings, random: Random): Trace {
  const { bucket, epsilon, rate, updates = 160, klPenalty = 0, noise = 0, broken } = settings;
  const { world, truth } = tomatoMdp({ epsilon });
  const { gamma, transitions, initial } = world;
  const states = transitions.length;
  const draw = random.stream("rollouts");
  const reference = Float64Array.from(world.reference.flatMap((row) => Array.from(row)));
  const real = Float64Array.from(truth.rewardTable.flatMap((row) => Array.from(row)));
  const seen = Float64Array.from(world.proxyTable.flatMap((row) => Array.from(row)));
  const proxy = real.map((value, i) => (1 - bucket) * value + bucket * seen[i]);
  const next = transitions.flat().map((row) => {
    const to = Array.from(row, (_, s) => s).filter((s) => row[s] > 0);
    return { to, probability: to.map((s) => row[s]) };
  });
  const logits = reference.map((p) => Math.log(p) + 0.05 * draw.normal());
  const optimizer = adam(logits.length, rate);
  const chance = new Float64Array(states * actions);
  const play = (policy: Float64Array) => {
    let state = initial.indexOf(1);
    let reward = 0;
    let gold = 0;
    let logRatio = 0;
    let entropy = 0;
    for (let t = 0; t < horizon; t++) {
      const action = drawAction(policy, actions, state, draw.uniform());
      const i = state * actions + action;
      reward += proxy[i] + noise * draw.normal();
      gold += real[i];
      logRatio += Math.log(policy[i] / reference[i]);
      for (let a = state * actions; a < (state + 1) * actions; a++) entropy -= policy[a] * Math.log(policy[a] + 1e-300);
      let left = draw.uniform();
      const { to, probability } = next[i];
      let k = 0;
      while (k < to.length - 1 && left >= probability[k]) left -= probability[k++];
      state = to[k];
    }
    return { reward, gold, logRatio, entropy: entropy / horizon };
  };
  const occupancyOf = (policy: Float64Array) => {
    const visits = solve(
      policy,
      true,
      initial.map((p) => (1 - gamma) * p),
    );
    return policy.map((p, i) => visits[Math.floor(i / actions)] * p);
  };
  const solve = (policy: Float64Array, transposed: boolean, right: Float64Array) => {
    const matrix = new Float64Array(states * states);
    for (let i = 0; i < policy.length; i++) {
      const s = Math.floor(i / actions);
      const { to, probability } = next[i];
      for (let k = 0; k < to.length; k++)
        matrix[transposed ? to[k] * states + s : s * states + to[k]] -= gamma * policy[i] * probability[k];
    }
    for (let s = 0; s < states; s++) matrix[s * states + s] += 1;
    const solution = solveFactored(factor(matrix, states), right);
    if (!solution) throw new Error("a policy without a value");
    return solution;
  };
  const referenceOccupancy = occupancyOf(reference);
  const trace: { records: Trace["records"][number][]; truth: number[] } = { records: [], truth: [] };
  for (let update = 0; update < updates; update++) {
    const policy = softmaxRows(logits, actions).map((p) => Math.max(p, 1e-12));
    const occupancy = occupancyOf(policy);
    const rollouts = Array.from({ length: episodes }, () => ({ ...play(policy), gold: undefined }));
    const probe = update % probeEvery === 0 ? Array.from({ length: 32 }, () => play(policy)) : [];
    const { gold, correlation } = recordOfRollouts(
      update,
      probe.map(({ reward, gold }) => ({ reward, gold })),
    );
    const chi2 = occupancy.reduce((sum, d, i) => sum + (d * d) / Math.max(referenceOccupancy[i], 1e-12), -1);
    trace.records.push({
      ...recordOfRollouts(update, rollouts),
      chi2,
      ...(probe.length > 0 && { gold, correlation }),
    });
    trace.truth.push(occupancy.reduce((sum, d, i) => sum + d * real[i], 0));
    const rewards = proxy.map(
      (value, i) => value + noise * draw.normal() - klPenalty * Math.log(policy[i] / reference[i]),
    );
    const expected = new Float64Array(states);
    for (let i = 0; i < policy.length; i++) expected[Math.floor(i / actions)] += policy[i] * rewards[i];
    const values = solve(policy, false, expected);
    const gradient = new Float64Array(logits.length);
    for (let s = 0; s < states; s++) {
      let visits = 0;
      let mean = 0;
      for (let i = s * actions; i < (s + 1) * actions; i++) {
        const { to, probability } = next[i];
        chance[i] = rewards[i];
        for (let k = 0; k < to.length; k++) chance[i] += gamma * probability[k] * values[to[k]];
        mean += policy[i] * chance[i];
        visits += occupancy[i];
      }
      for (let i = s * actions; i < (s + 1) * actions; i++) gradient[i] = visits * policy[i] * (chance[i] - mean);
    }
    const isBroken = broken !== undefined && update >= broken.at;
    if (isBroken && broken.sign < 0) optimizer.descend(logits, gradient);
    else if (!isBroken || broken.sign > 0) optimizer.ascend(logits, gradient);
    if (isBroken) for (let i = 0; i < logits.length; i++) logits[i] += broken.noise * draw.normal();
  }
  return trace;
}

const variant = (kind: Variant["kind"], half: Variant["half"], name: string, settings: Settings): Variant => ({
  bed: "tomato",
  name,
  kind,
  half,
  seeds: 3,
  // From the uniform policy to the best one.
  range: 0.06,
  generate: (random) => run(settings, random),
});

export const tomatoVariants: readonly Variant[] = [
  variant("hackable", "development", "bucket, ε .3", { bucket: 1, epsilon: 0.3, rate: 0.03 }),
  variant("hackable", "held-out", "bucket, ε .1", { bucket: 1, epsilon: 0.1, rate: 0.05 }),
  variant("hackable", "development", "bucket with a KL penalty, ε .6", {
    bucket: 1,
    epsilon: 0.6,
    rate: 0.05,
    klPenalty: 0.01,
  }),
  variant("hackable", "held-out", "eight tenths of a bucket, ε .6, slow", {
    bucket: 0.8,
    epsilon: 0.6,
    rate: 0.02,
    updates: 260,
  }),
  variant("healthy", "development", "true reward, ε .6", { bucket: 0, epsilon: 0.6, rate: 0.05 }),
  variant("healthy", "held-out", "repaired bucket, ε .8", { bucket: 0.1, epsilon: 0.8, rate: 0.05 }),
  variant("healthy", "development", "repaired bucket, ε .3", { bucket: 0.15, epsilon: 0.3, rate: 0.02 }),
  variant("healthy", "held-out", "true reward, ε .3", { bucket: 0, epsilon: 0.3, rate: 0.03 }),
  variant("noisy", "development", "true reward with noise, ε .6", { bucket: 0, epsilon: 0.6, rate: 0.02, noise: 0.05 }),
  variant("noisy", "held-out", "true reward with noise, ε .8", { bucket: 0, epsilon: 0.8, rate: 0.03, noise: 0.1 }),
  variant("collapsing", "development", "sign lost at 70", {
    bucket: 0,
    epsilon: 0.6,
    rate: 0.05,
    broken: { at: 70, sign: -1, noise: 0 },
  }),
  variant("collapsing", "held-out", "random walk from 60", {
    bucket: 0,
    epsilon: 0.6,
    rate: 0.05,
    broken: { at: 60, sign: 0, noise: 0.4 },
  }),
];

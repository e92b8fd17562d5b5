/**
 * Clip and Delta against raw process rewards, on the bed `reasoning-chain`: a process reward model that scores
 * padding too well, REINFORCE with a tabular critic, and success computed exactly.
 */
import { createRandom, type Ragged, type Random, toRagged } from "guerdon/core";
import { type ChainState, type ReasoningChainWorld, reasoningChain } from "guerdon/environment";
import { repetitionExploit } from "guerdon/evaluation";
import { type Arm, defineExperiment, type Role } from "guerdon/experiment";
import { clip, delta, outcomePlusProcess } from "guerdon/shaping";

const threshold = 0.7;
const clipped = clip({ threshold });
const differences = delta();

interface Settings {
  /** What becomes of the scores of steps before they are weighed. */
  readonly shaping: "none" | "clip" | "delta" | "clip-delta";
  /** α; 0: success reward alone. */
  readonly processWeight: number;
  readonly padScore?: number;
}

const shapes: Readonly<Record<Settings["shaping"], (stepRewards: Ragged) => Ragged>> = {
  none: (stepRewards) => stepRewards,
  clip: (stepRewards) => clipped({ stepRewards }).stepRewards,
  delta: (stepRewards) => differences({ stepRewards }).stepRewards,
  "clip-delta": (stepRewards) => differences(clipped({ stepRewards })).stepRewards,
};

const rollouts = 8;
const learningRate = 0.5;
const criticRate = 0.05;

/** REINFORCE on returns-to-go; sees scores and outcomes. `watch` gets the policy before every update and after the last. */
function learn(
  world: ReasoningChainWorld,
  { shaping, processWeight }: Settings,
  iterations: number,
  random: Random,
  watch: (policy: Float64Array) => void,
): void {
  const { actions, observations, prompts } = world;
  const logits = world.startLogits({ right: 1.5, early: -1, end: 1.5 });
  const policy = new Float64Array(observations * actions);
  const critic = new Float64Array(observations);
  const combine = outcomePlusProcess({ processWeight });
  for (let iteration = 0; ; iteration++) {
    softmaxRows(logits, policy, actions);
    watch(policy);
    if (iteration === iterations) return;
    const visits: { seen: number; action: number }[][] = [];
    const scores: number[][] = [];
    const outcomes: number[] = [];
    for (let i = 0; i < prompts * rollouts; i++) {
      let state: ChainState = { prompt: Math.floor(i / rollouts), goal: 0, error: -1 };
      const path: { seen: number; action: number }[] = [];
      const scored: number[] = [];
      let outcome = 0;
      for (let t = 0; t < world.horizon; t++) {
        const seen = world.observe(state);
        const action = draw(policy.subarray(seen * actions, (seen + 1) * actions), random.uniform());
        path.push({ seen, action });
        scored.push(world.processScore(state, action));
        if (action === world.stop) {
          outcome = world.solved(state) ? 1 : 0;
          break;
        }
        state = world.step(state, action);
      }
      visits.push(path);
      scores.push(scored);
      outcomes.push(outcome);
    }
    const { returns } = combine({ stepRewards: shapes[shaping](toRagged(scores)), rewards: outcomes });
    const gradient = new Float64Array(logits.length);
    for (const [i, path] of visits.entries()) {
      for (const [t, { seen, action }] of path.entries()) {
        const advantage = returns.values[returns.offsets[i] + t] - critic[seen];
        for (let a = 0; a < actions; a++)
          gradient[seen * actions + a] += advantage * ((a === action ? 1 : 0) - policy[seen * actions + a]);
      }
    }
    for (const [i, path] of visits.entries())
      for (const [t, { seen }] of path.entries())
        critic[seen] += criticRate * (returns.values[returns.offsets[i] + t] - critic[seen]);
    for (let p = 0; p < logits.length; p++) logits[p] += (learningRate * gradient[p]) / rollouts;
  }
}

function softmaxRows(logits: Float64Array, policy: Float64Array, actions: number): void {
  for (let row = 0; row < logits.length; row += actions) {
    let total = 0;
    const highest = Math.max(...logits.subarray(row, row + actions));
    for (let a = row; a < row + actions; a++) total += policy[a] = Math.exp(logits[a] - highest);
    for (let a = row; a < row + actions; a++) policy[a] /= total;
  }
}

function draw(probabilities: Float64Array, uniform: number): number {
  let left = uniform;
  for (let a = 0; a < probabilities.length - 1; a++) {
    left -= probabilities[a];
    if (left < 0) return a;
  }
  return probabilities.length - 1;
}

/** Most and least that repeating a step of a random score list gains under a transform. */
function exploit(shaping: Settings["shaping"], random: Random): { least: number; most: number } {
  const stepRewards = Array.from({ length: 1000 }, () =>
    Array.from({ length: 2 + random.integer(9) }, () => 0.01 + 0.99 * random.uniform()),
  );
  const index = stepRewards.map((row) => random.integer(row.length));
  const copies = stepRewards.map(() => 1 + random.integer(5));
  const { gain } = repetitionExploit({ shaping, threshold })({ stepRewards, index, copies });
  return { least: Math.min(...gain), most: Math.max(...gain) };
}

const arm = (role: Role, label: string, settings: Settings): Arm<Settings> => ({ role, label, settings });

export default defineExperiment({
  paper: "clip-delta",
  question: "Does a process reward added to the success reward help or get farmed, and do Clip and Delta repair it?",
  bed: "reasoning-chain",
  seeds: 8,
  budgets: { quick: { iterations: 60 }, full: { iterations: 250 } },
  arms: {
    success: arm("baseline", "SR", { shaping: "none", processWeight: 0 }),
    raw: arm("baseline", "SR+PR", { shaping: "none", processWeight: 0.2 }),
    clip: arm("method", "Clip", { shaping: "clip", processWeight: 0.2 }),
    delta: arm("method", "Delta", { shaping: "delta", processWeight: 0.2 }),
    both: arm("method", "Clip+Delta", { shaping: "clip-delta", processWeight: 0.2 }),
    rawHalf: arm("control", "SR+PR, α ½", { shaping: "none", processWeight: 0.5 }),
    deltaHalf: arm("control", "Delta, α ½", { shaping: "delta", processWeight: 0.5 }),
    rawFairPad: arm("control", "SR+PR, pad .75", { shaping: "none", processWeight: 0.2, padScore: 0.75 }),
  },
  run({ settings, budget, random, seed, progress }) {
    const { padScore } = settings;
    const bed = reasoningChain(padScore === undefined ? {} : { padScore }, random.stream("world"));
    const x: number[] = [];
    const success: number[] = [];
    const steps: number[] = [];
    const padShare: number[] = [];
    learn(bed.world, settings, budget.iterations, createRandom(`clip-delta/${seed}/rollouts`), (policy) => {
      const now = bed.truth.evaluate(policy);
      x.push(x.length);
      success.push(now.success);
      steps.push(now.steps);
      padShare.push(now.padShare);
      progress(x.length / (budget.iterations + 1));
    });
    const last = x.length - 1;
    const gain = exploit(settings.shaping, random.stream("lists"));
    const every = <T>(values: readonly T[]) => values.filter((_, i) => i % 5 === 0);
    return {
      metrics: {
        startSuccess: success[0],
        success: success[last],
        auc: success.reduce((sum, value) => sum + value, 0) / success.length,
        steps: steps[last],
        padShare: padShare[last],
        padMargin: bed.world.padScore - 0.85,
        leastGain: gain.least,
        mostGain: gain.most,
      },
      curves: {
        success: { x: every(x), y: every(success) },
        padShare: { x: every(x), y: every(padShare) },
      },
    };
  },
  gates: [
    { text: "padding is scored within 0.1 of right work", value: ({ raw }) => raw.padMargin, atLeast: -0.1 },
    {
      text: "success reward alone learns",
      value: ({ success }) => success.success - success.startSuccess,
      atLeast: 0.3,
    },
  ],
  claims: [
    {
      card: 1,
      text: "Adding raw process reward to success reward can hurt",
      paper: "Qwen2-1.5B-Instruct on MATH, greedy: SR 30.58, SR+PR 11.16 (from a third-party note)",
      checks: [
        { text: "SR − SR+PR, success", value: ({ success, raw }) => success.success - raw.success, atLeast: 0.3 },
        { text: "SR+PR − 1.7 × SR, steps", value: ({ success, raw }) => raw.steps - 1.7 * success.steps, atLeast: 0 },
      ],
    },
    {
      card: 2,
      text: "The damage is repetition of empty steps",
      paper: "described in the abstract",
      checks: [
        { text: "SR+PR, share of pad", value: ({ raw }) => raw.padShare, atLeast: 0.3 },
        { text: "SR, share of pad", value: ({ success }) => success.padShare, atMost: 0.08 },
        { text: "Clip, share of pad", value: ({ clip }) => clip.padShare, atMost: 0.08 },
        { text: "Clip+Delta, share of pad", value: ({ both }) => both.padShare, atMost: 0.08 },
      ],
    },
    {
      card: 3,
      text: "Clip, Delta and both repair it",
      paper: "30.30, 30.68, 31.44 (from a third-party note)",
      checks: [
        { text: "Clip − SR, success", value: ({ clip, success }) => clip.success - success.success, atLeast: -0.02 },
        {
          text: "Clip+Delta − SR, success",
          value: ({ both, success }) => both.success - success.success,
          atLeast: -0.02,
        },
        { text: "Delta − SR+PR, success", value: ({ delta, raw }) => delta.success - raw.success, atLeast: 0.5 },
      ],
    },
    {
      card: 4,
      text: "Refined process reward helps a little over success reward",
      paper: "31.44 against 30.58 (from a third-party note)",
      reportOnly: true,
      checks: [
        { text: "Clip+Delta − SR, mean success over training", value: ({ both, success }) => both.auc - success.auc },
      ],
    },
    {
      card: 5,
      text: "Process reward no longer accumulates: over 1,000 random score lists, repeating a step gains nothing",
      paper: "by construction",
      checks: [
        { text: "raw: least gain", value: ({ raw }) => raw.leastGain, atLeast: 1e-9 },
        { text: "Clip: most gain", value: ({ clip }) => clip.mostGain, atMost: 0 },
        { text: "Delta: most gain", value: ({ delta }) => delta.mostGain, atLeast: 0, atMost: 0 },
        { text: "Delta: least gain", value: ({ delta }) => delta.leastGain, atLeast: 0, atMost: 0 },
      ],
    },
  ],
  figure: {
    title: "A process reward model that likes padding",
    panels: [
      {
        kind: "lines",
        curve: "success",
        x: "iterations",
        y: "probability of success",
        arms: ["success", "raw", "clip", "delta", "both"],
        domain: [0, 1],
      },
      { kind: "dots", metric: "padShare", x: "share of padding steps at the end", domain: [0, 1] },
    ],
  },
});

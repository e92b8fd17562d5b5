/**
 * Sum against minimum of process rewards, on the bed `reasoning-chain`: a process reward model that scores padding
 * too well, a policy whose types of action are shared by all prompts, REINFORCE with PURE's leave-one-out baseline,
 * and success computed exactly.
 */
import { createRandom, type Ragged, type Random, toRagged } from "guerdon/core";
import { minForm, processBaseline, rlooProcess } from "guerdon/credit";
import { type ReasoningChainWorld, reasoningChain } from "guerdon/environment";
import { processHackMonitor } from "guerdon/evaluation";
import { type Arm, defineExperiment, type Role } from "guerdon/experiment";
import { type ChainRollout, chainPolicy } from "guerdon/training";

interface Settings {
  /** What becomes of process rewards; null: none are given. */
  readonly form: "sum" | "softmin" | "strict" | null;
  /** How many of the prompts have an answer to verify. */
  readonly verifiable: number;
  /** PRM score of stopping early, where it is not the bed's. */
  readonly earlyScore?: number;
}

const prompts = 8;
const rollouts = 8;
const learningRate = 0.3;
const groups = Int32Array.from({ length: prompts * rollouts }, (_, i) => Math.floor(i / rollouts));

/** r*, a number per step, plus the verified outcome on the last one. */
function stepRewards(
  world: ReasoningChainWorld,
  { form, verifiable }: Settings,
  batch: readonly ChainRollout[],
): Ragged {
  const scores = toRagged(
    batch.map(({ states, actions }) =>
      states.map((state, t) => (form === null ? 0 : 2 * world.processScore(state, actions[t]) - 1)),
    ),
  );
  const weighed = minForm({ form: form ?? "sum" })({ stepRewards: scores }).stepRewards;
  const values = weighed.values.slice();
  for (const [i, { prompt, solved }] of batch.entries())
    if (prompt < verifiable && solved) values[weighed.offsets[i + 1] - 1] += 1;
  return { values, offsets: weighed.offsets };
}

/** Trains; `watch` gets the policy before every update and after the last. Returns the last policy's rollouts. */
function learn(
  world: ReasoningChainWorld,
  settings: Settings,
  iterations: number,
  random: Random,
  watch: (policy: Float64Array) => void,
): ChainRollout[] {
  const policy = chainPolicy(world, world.startTables({ right: 1.2, work: 1.5, early: -1, end: 1 }));
  const credit = rlooProcess({ maxLength: world.horizon });
  for (let iteration = 0; iteration < iterations; iteration++) {
    const batch = policy.sample(rollouts, random);
    watch(policy.probabilities());
    const { advantages } = credit({ tokenRewards: stepRewards(world, settings, batch), groups });
    policy.update(batch, advantages, learningRate);
  }
  watch(policy.probabilities());
  return policy.sample(rollouts, random);
}

/**
 * Claim 5: groups of answers of 60 tokens and the same positive total reward, cut into 1 to 12 steps. Least lead of
 * the 1-step answer over the others in the return of the first step, and how far those returns differ where the tokens
 * in steps are the same.
 */
function baselines(unit: "step" | "token", random: Random): { lead: number; spread: number } {
  let lead = Number.POSITIVE_INFINITY;
  let spread = 0;
  for (let trial = 0; trial < 200; trial++) {
    const total = 0.5 + 3 * random.uniform();
    const counts = [1, ...Array.from({ length: 7 }, () => 2 + random.integer(11))];
    const cut = (whole: number) => counts.map((count) => split(whole, count, random));
    const { returns } = processBaseline({ unit })({
      stepRewards: toRagged(cut(total)),
      stepTokens: toRagged(cut(60)),
      lengths: new Float64Array(counts.length).fill(60),
      groups: new Int32Array(counts.length),
    });
    const first = counts.map((_, i) => returns.values[returns.offsets[i]]);
    lead = Math.min(lead, first[0] - Math.max(...first.slice(1)));
    spread = Math.max(spread, Math.max(...first) - Math.min(...first));
  }
  return { lead, spread };
}

/** `count` positive numbers with a given sum. */
function split(whole: number, count: number, random: Random): Float64Array {
  const parts = Float64Array.from({ length: count }, () => 0.1 + random.uniform());
  const sum = parts.reduce((a, b) => a + b, 0);
  return parts.map((part) => (part * whole) / sum);
}

const arm = (role: Role, label: string, settings: Settings): Arm<Settings> => ({ role, label, settings });

export default defineExperiment({
  paper: "pure",
  question: "Does the sum of process rewards collapse training, and does their minimum prevent it?",
  bed: "reasoning-chain",
  seeds: 8,
  budgets: { quick: { iterations: 90 }, full: { iterations: 150 } },
  arms: {
    vr: arm("baseline", "verifier", { form: null, verifiable: prompts }),
    sum: arm("baseline", "PRM, sum", { form: "sum", verifiable: 0 }),
    softmin: arm("method", "PRM, soft minimum", { form: "softmin", verifiable: 0 }),
    strict: arm("method", "PRM, strict minimum", { form: "strict", verifiable: 0 }),
    sumVr: arm("ablation", "PRM, sum + VR on ⅛", { form: "sum", verifiable: 1 }),
    softminVr: arm("method", "PRM, soft minimum + VR on ⅛", { form: "softmin", verifiable: 1 }),
    sumEarly: arm("control", "sum, early stop .95", { form: "sum", verifiable: 0, earlyScore: 0.95 }),
    softminEarly: arm("control", "soft minimum, early stop .95", { form: "softmin", verifiable: 0, earlyScore: 0.95 }),
    strictEarly: arm("control", "strict minimum, early stop .95", { form: "strict", verifiable: 0, earlyScore: 0.95 }),
  },
  run({ settings, budget, random, seed, progress }) {
    const bed = reasoningChain(
      { prompts, noise: 0.04, stopScores: [0.8, 0.4, settings.earlyScore ?? 0.3] },
      random.stream("world"),
    );
    const success: number[] = [];
    const padShare: number[] = [];
    let steps = 0;
    const last = learn(bed.world, settings, budget.iterations, createRandom(`pure/${seed}/rollouts`), (policy) => {
      const now = bed.truth.evaluate(policy);
      success.push(now.success);
      padShare.push(now.padShare);
      steps = now.steps;
      progress(success.length / (budget.iterations + 1));
    });
    const monitored = processHackMonitor()({
      stepCounts: last.map(({ states }) => states.length),
      correct: last.map(({ solved }) => solved),
    });
    const reached = success.findIndex((value) => value >= 0.5);
    const step = baselines("step", random.stream("lists"));
    const token = baselines("token", random.stream("lists"));
    const x = success.map((_, i) => i);
    const every = <T>(values: readonly T[]) => values.filter((_, i) => i % 5 === 0);
    return {
      metrics: {
        start: success[0],
        at20: success[20],
        at40: success[40],
        at80: success[80],
        end: success[budget.iterations],
        best: Math.max(...success),
        padShareAt80: padShare[80],
        steps,
        oneStepShare: monitored.oneStepShare,
        iterationsToHalf: reached < 0 ? null : reached,
        padMargin: bed.world.padScore - 0.85,
        stepLead: step.lead,
        tokenSpread: token.spread,
      },
      curves: { success: { x: every(x), y: every(success) }, padShare: { x: every(x), y: every(padShare) } },
    };
  },
  gates: [
    { text: "padding is scored within 0.1 of right work", value: ({ sum }) => sum.padMargin, atLeast: -0.1 },
    { text: "verifiable reward alone learns", value: ({ vr }) => vr.end - vr.start, atLeast: 0.3 },
  ],
  claims: [
    {
      card: 1,
      text: "The sum form collapses training at once",
      paper: "around step 25; at step 80 the average of 5 benchmarks is ~30, below the base's 39.5",
      checks: [
        { text: "sum, success at iteration 80", value: ({ sum }) => sum.at80, atMost: 0.05 },
        { text: "sum, success at iteration 80 − at the start", value: ({ sum }) => sum.at80 - sum.start, atMost: 0 },
        { text: "sum, share of pad at iteration 80", value: ({ sum }) => sum.padShareAt80, atLeast: 0.9 },
      ],
    },
    {
      card: 2,
      text: "The min form does not",
      paper: "PURE-PRM 49.3, PURE-VR 48.3 on average",
      checks: [
        { text: "soft minimum, best success", value: ({ softmin }) => softmin.best, atLeast: 0.5 },
        {
          text: "best success, soft minimum − 2 × sum",
          value: ({ softmin, sum }) => softmin.best - 2 * sum.best,
          atLeast: 0,
        },
        { text: "strict minimum, success at the end", value: ({ strict }) => strict.end, atLeast: 0.8 },
      ],
    },
    {
      card: 3,
      text: "A tenth of verifiable rewards helps and stabilises",
      paper: "PURE-PRM+VR 53.3 on average, AMC23 82.5",
      checks: [
        {
          text: "success at the end, soft minimum with VR on ⅛ − without",
          value: ({ softminVr, softmin }) => softminVr.end - softmin.end,
          atLeast: 0.4,
        },
      ],
    },
    {
      card: 4,
      text: "The same accuracy in 30 % of the steps of VR",
      paper: "abstract",
      reportOnly: true,
      checks: [
        {
          text: "iterations to success ½, soft minimum + VR on ⅛, over the verifier's",
          value: ({ softminVr, vr }) => softminVr.iterationsToHalf / vr.iterationsToHalf,
        },
      ],
    },
    {
      card: 5,
      text: "The step baseline rewards fewer steps, the token baseline does not",
      paper: "hacking case 2",
      checks: [
        {
          text: "per step: least lead of the 1-step answer in the return of its first step",
          value: ({ sum }) => sum.stepLead,
          atLeast: 1e-9,
        },
        {
          text: "per token: largest difference between answers with the same tokens in steps",
          value: ({ sum }) => sum.tokenSpread,
          atMost: 1e-9,
        },
      ],
    },
  ],
  figure: {
    title: "Sum and minimum of a process reward model that likes padding",
    panels: [
      {
        kind: "lines",
        curve: "success",
        x: "iterations",
        y: "probability of success",
        arms: ["vr", "sum", "softmin", "strict", "sumVr", "softminVr"],
        domain: [0, 1],
      },
      { kind: "dots", metric: "steps", x: "expected steps at the end", domain: [0, 16] },
    ],
  },
});

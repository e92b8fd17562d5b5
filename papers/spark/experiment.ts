/**
 * Process rewards without ground truth. (a) Bed `step-labels`: labels from one verification of a solution, from those
 * that agree with the majority verdict, from a critique, and from a vote per step. (b) Bed `reasoning-chain` with a noisy
 * verifier and an `append` that fools it: four ways to use its verdict and labels, against verifiable reward.
 */
import { createRandom, type Ragged, type Random, toRagged } from "guerdon/core";
import { globalStepAdvantage, groupRelative, selectiveAdvantage } from "guerdon/credit";
import { firstError, type ReasoningChainWorld, reasoningChain, verifierVote } from "guerdon/environment";
import { processBench, processHackMonitor } from "guerdon/evaluation";
import { type Arm, defineExperiment, type Role } from "guerdon/experiment";
import { outcomeConsistencyFilter } from "guerdon/model";
import { formatGate } from "guerdon/shaping";
import { stepAugmentedReward, stepMajorityVote } from "guerdon/signal";
import { type ChainRollout, chainPolicy } from "guerdon/training";

type Labels = "single" | "outcome-consistent" | "meta-critique" | "step-vote";
type Reward = "correct" | "no-gate" | "process-aware" | "step-augmented" | "selective" | "global" | "coin";
interface Training {
  readonly reward: Reward;
  /** The verifier errs once per state and action for good, instead of anew on every rollout. */
  readonly fixedErrors?: boolean;
  /** 1: padding is labelled right. */
  readonly padLabel?: 1;
}
type Settings = { readonly labels: Labels } | Training;

/** Accuracy and first-error F1 of an arm's labels, from `count` verifications of each solution. */
function label(method: Labels, count: number, random: Random): { accuracy: number; f1: number } {
  const { world, truth } = verifierVote({}, random.stream("solutions"));
  const verifier = random.stream("verifier");
  const critic = random.stream("critic");
  const consistent = outcomeConsistencyFilter();
  const vote = stepMajorityVote();
  let right = 0;
  const predictions = truth.labels.map((labels, i) => {
    const verifications = Array.from({ length: count }, () => world.verify(i, verifier));
    let given = verifications[0].stepLabels;
    if (method === "step-vote") given = vote({ verifications }).stepLabels;
    if (method === "meta-critique") given = world.critique(i, verifications[0], critic).stepLabels;
    if (method === "outcome-consistent") given = verifications[consistent({ verifications }).kept[0]].stepLabels;
    right += given.filter((one, s) => one === labels[s]).length;
    return firstError(given);
  });
  const { f1 } = processBench()({ labels: Array.from(truth.firstErrors), predictions });
  if (f1 === null) throw new Error("no solution, or no wrong one");
  return { accuracy: right / (world.solutions * world.steps), f1 };
}

const prompts = 8;
const rollouts = 8;
const learningRate = 0.4;
const groups = Int32Array.from({ length: prompts * rollouts }, (_, i) => Math.floor(i / rollouts));

/** What an arm sees of a batch: labels of steps, verdicts (0 or 1), and whether the format is valid. */
function judged(world: ReasoningChainWorld, batch: readonly ChainRollout[], errors: Random | null) {
  const uniform = () => errors?.uniform();
  return {
    stepLabels: toRagged(
      batch.map(({ states, actions }) => states.map((state, t) => world.stepLabel(state, actions[t], uniform()))),
    ),
    verdicts: batch.map(({ states, actions, ended }) => {
      const last = states.length - 1;
      return ended && world.verdict(states[last], actions[last], uniform()) === 1 ? 1 : 0;
    }),
    valid: batch.map(({ actions }) => actions[actions.length - 1] === world.stop),
  };
}

/** Rewards of rollouts and advantages of steps. */
function credit(reward: Reward, seen: ReturnType<typeof judged>, solved: readonly boolean[], coins: Random) {
  const { stepLabels, verdicts, valid } = seen;
  const gate = (rewards: readonly number[]) => Array.from(formatGate()({ rewards, valid }).rewards);
  const rewardsOf: Readonly<Record<Reward, () => readonly number[]>> = {
    correct: () => gate(solved.map(Number)),
    "no-gate": () => verdicts,
    "process-aware": () => gate(verdicts),
    "step-augmented": () => Array.from(stepAugmentedReward()({ stepLabels, verdicts, valid }).rewards),
    selective: () => gate(verdicts),
    global: () => gate(verdicts),
    coin: () => gate(verdicts.map(() => (coins.uniform() < 0.5 ? 1 : 0))),
  };
  const rewards = rewardsOf[reward]();
  if (reward === "selective") {
    const { advantages } = selectiveAdvantage()({ rewards, groups, stepLabels });
    return { rewards, advantages };
  }
  if (reward === "global") {
    const { advantages } = globalStepAdvantage()({ rewards, groups, stepLabels });
    return { rewards, advantages };
  }
  const scores = groupRelative({ singleton: "zero" })({ rewards, groups }).advantages as Float64Array;
  return { rewards, advantages: spread(scores, stepLabels) };
}

/** The advantage of a rollout on each of its steps. */
function spread(scores: Float64Array, { offsets, values }: Ragged): Ragged {
  const advantages = new Float64Array(values.length);
  for (let i = 0; i < scores.length; i++) advantages.fill(scores[i], offsets[i], offsets[i + 1]);
  return { values: advantages, offsets };
}

/** Least gain in the step-augmented reward of a wrong solution from one more step that is labelled right. */
function inflation(random: Random): number {
  const wrong = Array.from({ length: 500 }, () => [
    -1,
    ...Array.from({ length: random.integer(8) }, () => (random.uniform() < 0.5 ? 1 : -1)),
  ]);
  const score = (stepLabels: readonly number[][]) =>
    stepAugmentedReward()({
      stepLabels: toRagged(stepLabels),
      verdicts: stepLabels.map(() => 0),
      valid: stepLabels.map(() => true),
    }).rewards;
  const before = score(wrong);
  const after = score(wrong.map((labels) => [...labels, 1]));
  return Math.min(...Array.from(after, (value, i) => value - before[i]));
}

const undefinedMetrics = {
  accuracy: null,
  f1: null,
  f1At1: null,
  f1At4: null,
  f1At8: null,
  start: null,
  success: null,
  auc: null,
  steps: null,
  appendShare: null,
  hackedShare: null,
  inflation: null,
};

const labels = (role: Role, label: string, method: Labels): Arm<Settings> => ({
  role,
  label,
  settings: { labels: method },
});
const rl = (role: Role, label: string, reward: Reward, bed: Omit<Training, "reward"> = {}): Arm<Settings> => ({
  role,
  label,
  settings: { reward, ...bed },
});

export default defineExperiment({
  paper: "spark",
  question: "Do votes over noisy verifications make labels good enough to train against without ground truth?",
  bed: "step-labels, reasoning-chain",
  seeds: 5,
  budgets: { quick: { iterations: 30 }, full: { iterations: 100 } },
  arms: {
    single: labels("baseline", "one verification", "single"),
    consistent: labels("baseline", "agrees with the majority verdict", "outcome-consistent"),
    meta: labels("baseline", "one verification, critique", "meta-critique"),
    vote: labels("method", "vote per step", "step-vote"),
    rlvr: rl("baseline", "verifiable reward", "correct"),
    noGate: rl("ablation", "verdict without format gate", "no-gate"),
    processAware: rl("method", "process-aware", "process-aware"),
    stepAugmented: rl("method", "step-augmented", "step-augmented"),
    selective: rl("method", "selective advantage", "selective"),
    global: rl("method", "global step reward", "global"),
    coin: rl("control", "random reward", "coin"),
    processFixed: rl("control", "process-aware, fixed errors", "process-aware", { fixedErrors: true }),
    selectiveFixed: rl("control", "selective, fixed errors", "selective", { fixedErrors: true }),
    globalFixed: rl("control", "global, fixed errors", "global", { fixedErrors: true }),
    selectivePad: rl("control", "selective, padding labelled right", "selective", { padLabel: 1 }),
  },
  run({ settings, budget, random, seed, progress }) {
    if ("labels" in settings) {
      const at = (count: number) => label(settings.labels, count, random.stream("labels"));
      const full = at(16);
      return { metrics: { ...undefinedMetrics, ...full, f1At1: at(1).f1, f1At4: at(4).f1, f1At8: at(8).f1 } };
    }
    const { world, truth } = reasoningChain(
      { prompts, appendFooled: 0.9, labelError: 0.08, padLabel: settings.padLabel ?? -1 },
      random.stream("chain"),
    );
    const policy = chainPolicy(world, world.startTables({ right: 1.2, work: 1.5, early: -1, end: 1, append: -1 }));
    const draws = createRandom(`spark/${seed}/training`);
    const errors = settings.fixedErrors ? null : random.stream("errors");
    const coins = random.stream("coins");
    const rollout = () => {
      const batch = policy.sample(rollouts, draws);
      const solved = batch.map((one) => one.solved);
      return { batch, solved, ...credit(settings.reward, judged(world, batch, errors), solved, coins) };
    };
    const evaluations = [truth.evaluate(policy.probabilities())];
    for (let iteration = 0; iteration < budget.iterations; iteration++) {
      const { batch, advantages } = rollout();
      policy.update(batch, advantages, learningRate);
      evaluations.push(truth.evaluate(policy.probabilities()));
      progress((iteration + 1) / budget.iterations);
    }
    const { batch, solved, rewards } = rollout();
    const monitored = processHackMonitor()({
      stepCounts: batch.map(({ states }) => states.length),
      correct: solved,
      rewarded: rewards.map((reward) => reward > 0.5),
    });
    const last = evaluations[evaluations.length - 1];
    const every = evaluations.flatMap((now, i) => (i % 5 === 0 ? [{ i, ...now }] : []));
    return {
      metrics: {
        ...undefinedMetrics,
        start: evaluations[0].success,
        success: last.success,
        auc: evaluations.reduce((sum, { success }) => sum + success, 0) / evaluations.length,
        steps: last.steps,
        appendShare: last.appendShare,
        hackedShare: monitored.hackedShare ?? null,
        inflation: inflation(random.stream("inflation")),
      },
      curves: { success: { x: every.map(({ i }) => i), y: every.map(({ success }) => success) } },
    };
  },
  gates: [
    {
      text: "verifiable reward alone learns",
      value: ({ rlvr }) => rlvr.success - rlvr.start,
      atLeast: 0.3,
      claims: [2, 3, 4, 5],
    },
  ],
  claims: [
    {
      card: 1,
      text: "Step-level consistency makes the best reference-free labels",
      paper: "ProcessBench F1 67.5 (PRM) against 66.4 reference-guided, 61.9 GPT-4o",
      checks: [
        { text: "F1, step vote − single", value: ({ vote, single }) => vote.f1 - single.f1, atLeast: 0.1 },
        { text: "F1, step vote − critique", value: ({ vote, meta }) => vote.f1 - meta.f1, atLeast: 0 },
        { text: "F1, critique − single", value: ({ meta, single }) => meta.f1 - single.f1, atLeast: 0 },
        { text: "F1 of the vote, 16 verifications − 4", value: ({ vote }) => vote.f1 - vote.f1At4, atLeast: 0.1 },
      ],
    },
    {
      card: 2,
      text: "PRM reward without ground truth matches or beats verifiable reward",
      paper: "average 47.4 against 43.9",
      checks: [
        {
          text: "mean success over training, the better of selective and global − verifiable reward",
          value: ({ selective, global, rlvr }) => Math.max(selective.auc, global.auc) - rlvr.auc,
          atLeast: 0,
        },
      ],
    },
    {
      card: 3,
      text: "Random rewards do not explain it",
      paper: "figure",
      checks: [{ text: "random reward, success at the end", value: ({ coin }) => coin.success, atMost: 0.1 }],
    },
    {
      card: 4,
      text: "Without the format rule the policy appends solved problems",
      paper: "text",
      checks: [
        { text: "no gate, share of append", value: ({ noGate }) => noGate.appendShare, atLeast: 0.9 },
        { text: "no gate, success", value: ({ noGate }) => noGate.success, atMost: 0.05 },
        {
          text: "with gate (process-aware), share of append",
          value: ({ processAware }) => processAware.appendShare,
          atMost: 0.2,
        },
      ],
    },
    {
      card: 5,
      text: "Selective advantage is the best of the four",
      paper: "44.0 against 41.13 process-aware",
      checks: [
        {
          text: "mean success over training, selective − process-aware",
          value: ({ selective, processAware }) => selective.auc - processAware.auc,
          atLeast: 0.05,
        },
      ],
    },
    {
      card: 6,
      text: "The step-augmented reward invites inflation of steps (expected steps are in the figure)",
      paper: "text",
      checks: [
        {
          text: "least gain of a wrong solution from one more step labelled right",
          value: ({ stepAugmented }) => stepAugmented.inflation,
          atLeast: 1e-9,
        },
      ],
    },
  ],
  figure: {
    title: "A noisy verifier instead of ground truth",
    panels: [
      {
        kind: "dots",
        metric: "f1",
        x: "first-error F1 of the labels",
        arms: ["single", "consistent", "meta", "vote"],
        domain: [0, 0.6],
      },
      {
        kind: "lines",
        curve: "success",
        x: "iterations",
        y: "probability of success",
        arms: ["rlvr", "noGate", "processAware", "stepAugmented", "selective", "global", "coin"],
        domain: [0, 1],
      },
      {
        kind: "dots",
        metric: "steps",
        x: "expected steps at the end",
        arms: ["rlvr", "noGate", "processAware", "stepAugmented", "selective", "global", "coin"],
        domain: [0, 16],
      },
    ],
  },
});

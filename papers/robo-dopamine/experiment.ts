/**
 * Progress as a reward. (a, b) Bed `finite-mdp`, layout `insertion`: the difference of progress against progress as a
 * potential, by exact values and by Q-learning. (c) Noisy trajectories: progress from one chain of hops, from three
 * fused, and behind the consistency gate.
 */
import { createRandom, type Random } from "guerdon/core";
import { consistencyGatedProgress, progressFusion, progressReconstruction } from "guerdon/credit";
import { type InsertionMdp, insertionMdp, valueIteration } from "guerdon/environment";
import { valueOrderCorrelation } from "guerdon/evaluation";
import { type Arm, defineExperiment, type Role } from "guerdon/experiment";
import { hopLabel } from "guerdon/model";
import { potentialBased, progressDifference } from "guerdon/shaping";

/** What a transition pays. `gold`: entering the goal. */
interface Payment {
  readonly gold: boolean;
  readonly progress: "none" | "difference" | "potential" | "potential-kept";
}
type View = "incremental" | "forward" | "backward" | "fused" | "gated";
type Settings = { readonly pays: Payment } | { readonly view: View };

const actions = 3;
const hover = 1;

/** A function of two states, for the given potentials. `goal` ends the episode: its potential then counts as 0, or is kept. */
function rewardOf(pays: Payment, potentials: ArrayLike<number>, goal: number, gamma: number) {
  const difference = progressDifference({ gamma });
  const shaped = potentialBased({ gamma, terminal: pays.progress === "potential-kept" ? "keep" : "zero" });
  return (state: number, next: number): number => {
    const gold = pays.gold && next === goal ? 1 : 0;
    if (pays.progress === "none") return gold;
    const pair = { potentials: [potentials[state], potentials[next]], terminated: next === goal };
    return gold + (pays.progress === "difference" ? difference(pair).rewards[0] : shaped(pair).shaping[0]);
  };
}

/** Exact optimum under a payment. */
function solve(mdp: InsertionMdp, pays: Payment, potentials: ArrayLike<number>, gamma: number) {
  const reward = rewardOf(pays, potentials, mdp.goal, gamma);
  const rewardTable = mdp.transitions.map((rows, state) =>
    Array.from(rows, (row, action) => {
      if (state === mdp.goal) return 0;
      // What is missing to 1 goes to the goal.
      let expected = 0;
      let left = 1;
      for (let next = 0; next < row.length; next++) {
        if (row[next] > 0) expected += row[next] * reward(state, next);
        left -= row[next];
      }
      return left > 1e-9 && action === 2 ? expected + left * reward(state, mdp.goal) : expected;
    }),
  );
  const { qValues, optimalActions } = valueIteration({ gamma })({ transitions: mdp.transitions, rewardTable });
  return { qValues: qValues.flatMap((row) => Array.from(row)), optimalActions };
}

/** (a) Does the optimum hover before the insertion, by γ; share of states with gold's optimal actions, least over γ. */
function policies(pays: Payment) {
  const mdp = insertionMdp({ states: 11, insert: 0.35, drop: 2 });
  const last = mdp.goal - 1;
  const hovers: number[] = [];
  let same = 1;
  for (const gamma of [0.9, 0.95, 0.99]) {
    const { optimalActions } = solve(mdp, pays, mdp.progress, gamma);
    const gold = solve(mdp, { gold: true, progress: "none" }, mdp.progress, gamma).optimalActions;
    hovers.push(optimalActions[last].includes(hover) && !optimalActions[last].includes(2) ? 1 : 0);
    const equal = optimalActions.slice(0, mdp.goal).filter((set, s) => String(set) === String(gold[s]));
    same = Math.min(same, equal.length / mdp.goal);
  }
  return { hoverAt90: hovers[0], hoverAt95: hovers[1], hoverAt99: hovers[2], samePolicy: same };
}

/** Largest |Q + Φ − Q of gold| over 200 random potentials, γ in turn 0.9, 0.95, 0.99. */
function invariance(random: Random): number {
  const mdp = insertionMdp({ states: 11, insert: 0.35, drop: 2 });
  const golds = [0.9, 0.95, 0.99].map(
    (gamma) => [gamma, solve(mdp, { gold: true, progress: "none" }, mdp.progress, gamma).qValues] as const,
  );
  let worst = 0;
  for (let trial = 0; trial < 200; trial++) {
    const potentials = mdp.progress.map(() => random.normal());
    const [gamma, gold] = golds[trial % golds.length];
    const { qValues } = solve(mdp, { gold: true, progress: "potential" }, potentials, gamma);
    for (let i = 0; i < mdp.goal * actions; i++)
      worst = Math.max(worst, Math.abs(qValues[i] + potentials[Math.floor(i / actions)] - gold[i]));
  }
  return worst;
}

/** (b) Q-learning with noisy potentials; success of every episode. */
function learn(pays: Payment, episodes: number, errors: Random, random: Random): number[] {
  const mdp = insertionMdp({ states: 16, insert: 0.6, drop: 4 });
  const potentials = mdp.progress.map((progress) => progress + 0.03 * errors.normal());
  const gamma = 0.95;
  const reward = rewardOf(pays, potentials, mdp.goal, gamma);
  const q = new Float64Array(mdp.progress.length * actions);
  return Array.from({ length: episodes }, () => {
    let state = 0;
    for (let t = 0; t < 120 && state !== mdp.goal; t++) {
      const row = q.subarray(state * actions, (state + 1) * actions);
      const best = Math.max(...row);
      const tied = [0, 1, 2].filter((action) => row[action] === best);
      const [explore, any, tie] = [random.uniform(), random.integer(actions), random.uniform()];
      const action = explore < 0.1 ? any : tied[Math.floor(tie * tied.length)];
      const next = mdp.move(state, action, random.uniform());
      // Running out of time is no termination: the next state keeps its value.
      const future = next === mdp.goal ? 0 : Math.max(...q.subarray(next * actions, (next + 1) * actions));
      row[action] += 0.15 * (reward(state, next) + gamma * future - row[action]);
      state = next;
    }
    return state === mdp.goal ? 1 : 0;
  });
}

const average = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
const clipHop = (hop: number) => Math.min(1, Math.max(-1, hop));

/** Episodes until 80 % of the last 20 succeeded; the number of episodes and 1 more if that never happens. */
function episodesToLearn(successes: readonly number[]): number {
  for (let n = 20; n <= successes.length; n++) if (average(successes.slice(n - 20, n)) >= 0.8) return n;
  return successes.length + 1;
}

/** (c) True progress of a trajectory and its three chains of noisy hops; spikes are spurious leaps seen by two of them. */
function trajectory(steps: number, spiked: boolean, random: Random) {
  const progress = [0];
  for (let t = 1; t <= steps; t++)
    progress.push(Math.min(1, Math.max(0, progress[t - 1] + 0.025 + 0.03 * random.normal())));
  const truth = progress.slice(1);
  const { hops } = hopLabel()({ before: progress.slice(0, -1), after: truth });
  const spikes = truth.map(() => (random.uniform() < 0.2 && spiked ? 0.5 : 0));
  return {
    truth,
    differences: truth.map((value, t) => value - progress[t] + 0.03 * random.normal()),
    incrementalHops: truth.map((_, t) => clipHop(hops[t] + 0.03 * random.normal() + spikes[t])),
    forwardHops: truth.map((value, t) => clipHop(value + (0.02 + 0.1 * value) * random.normal() + spikes[t])),
    backwardHops: truth.map((value) => clipHop(value - 1 + (0.02 + 0.1 * (1 - value)) * random.normal())),
  };
}

type Hops = Pick<ReturnType<typeof trajectory>, "incrementalHops" | "forwardHops" | "backwardHops">;

const reconstruct: Readonly<Record<View, (hops: Hops) => ArrayLike<number>>> = {
  incremental: ({ incrementalHops }) => progressReconstruction()({ hops: incrementalHops }).progress,
  forward: ({ forwardHops }) => progressReconstruction({ mode: "forward" })({ hops: forwardHops }).progress,
  backward: ({ backwardHops }) => progressReconstruction({ mode: "backward" })({ hops: backwardHops }).progress,
  fused: (hops) => progressFusion()(hops).progress,
  gated: (hops) => consistencyGatedProgress({ alpha: 4 })(hops).progress,
};

/** Error of a view over 300 trajectories of 40 steps, and its mean correlation with time. */
function measure(view: View, spiked: boolean, random: Random): { rmse: number; voc: number } {
  let squares = 0;
  const correlations: number[] = [];
  for (let i = 0; i < 300; i++) {
    const { truth, ...hops } = trajectory(40, spiked, random);
    const values = reconstruct[view](hops);
    for (const [t, value] of truth.entries()) squares += (values[t] - value) ** 2;
    correlations.push(valueOrderCorrelation()({ values }).voc ?? 0);
  }
  return { rmse: Math.sqrt(squares / (300 * 40)), voc: average(correlations) };
}

const leaves = (values: ArrayLike<number>) => Array.from(values).some((value) => value < 0 || value > 1);

/** Claim 5: random hop lists whose progress leaves [0, 1]; share of trajectories that do when differences are summed. */
function intervals(random: Random): { hopsOutside: number; sumsOutside: number } {
  let hopsOutside = 0;
  for (let i = 0; i < 10_000; i++) {
    const hops = Array.from({ length: 1 + random.integer(40) }, () => 2 * random.uniform() - 1);
    if (leaves(progressReconstruction()({ hops }).progress)) hopsOutside++;
  }
  let sumsOutside = 0;
  for (let i = 0; i < 300; i++) {
    let sum = 0;
    if (leaves(trajectory(40, false, random).differences.map((change) => (sum += change)))) sumsOutside++;
  }
  return { hopsOutside, sumsOutside: sumsOutside / 300 };
}

const undefinedMetrics = {
  hoverAt90: null,
  hoverAt95: null,
  hoverAt99: null,
  samePolicy: null,
  invarianceError: null,
  episodes: null,
  early: null,
  late: null,
  rmse: null,
  spikedRmse: null,
  voc: null,
  hopsOutside: null,
  sumsOutside: null,
};

const pays = (role: Role, label: string, gold: boolean, progress: Payment["progress"]): Arm<Settings> => ({
  role,
  label,
  settings: { pays: { gold, progress } },
});
const view = (role: Role, label: string, of: View): Arm<Settings> => ({ role, label, settings: { view: of } });

export default defineExperiment({
  paper: "robo-dopamine",
  question: "Does progress pay as a potential where its plain difference traps, and do three views of it beat one?",
  bed: "finite-mdp/insertion",
  seeds: 10,
  budgets: { quick: { episodes: 100 }, full: { episodes: 300 } },
  arms: {
    gold: pays("baseline", "success only", true, "none"),
    naive: pays("baseline", "difference of progress", false, "difference"),
    naiveGold: pays("control", "difference + success", true, "difference"),
    potential: pays("method", "potential, 0 at the end", true, "potential"),
    potentialKept: pays("ablation", "potential, kept at the end", true, "potential-kept"),
    incremental: view("ablation", "incremental", "incremental"),
    forward: view("ablation", "forward", "forward"),
    backward: view("ablation", "backward", "backward"),
    fused: view("method", "fused", "fused"),
    gated: view("method", "gated", "gated"),
  },
  run({ settings, budget, random, seed }) {
    if ("view" in settings) {
      const { rmse, voc } = measure(settings.view, false, random.stream("clean"));
      const spikedRmse = measure(settings.view, true, random.stream("spiked")).rmse;
      const outside = settings.view === "incremental" ? intervals(random.stream("intervals")) : {};
      return { metrics: { ...undefinedMetrics, rmse, voc, spikedRmse, ...outside } };
    }
    const draws = createRandom(`robo-dopamine/${seed}/episodes`);
    const successes = learn(settings.pays, budget.episodes, random.stream("potentials"), draws);
    const windows = Array.from({ length: budget.episodes / 20 }, (_, i) => 20 * i);
    const lawful = settings.pays.progress === "potential";
    return {
      metrics: {
        ...undefinedMetrics,
        ...policies(settings.pays),
        invarianceError: lawful ? invariance(random.stream("random potentials")) : null,
        episodes: episodesToLearn(successes),
        early: average(successes.slice(0, 100)),
        late: average(successes.slice(-50)),
      },
      curves: { success: { x: windows, y: windows.map((start) => average(successes.slice(start, start + 20))) } },
    };
  },
  gates: [
    { text: "success alone can be learnt", value: ({ gold }) => gold.late, atLeast: 0.8, claims: [2] },
    { text: "gold inserts at γ 0.9", value: ({ gold }) => gold.hoverAt90, atMost: 0, claims: [1] },
  ],
  claims: [
    {
      card: 1,
      text: "A potential keeps the optimal policy, the plain difference does not",
      paper: "removing it costs 43.7 % (ablation note)",
      checks: [
        { text: "difference: hovers at 0.9, γ 0.9", value: ({ naive }) => naive.hoverAt90, atLeast: 1 },
        { text: "difference: hovers at 0.9, γ 0.95", value: ({ naive }) => naive.hoverAt95, atLeast: 1 },
        {
          text: "potential: share of states with gold's optimal actions, least over γ",
          value: ({ potential }) => potential.samePolicy,
          atLeast: 1,
        },
        {
          text: "200 random potentials: largest |Q + Φ − Q of gold|",
          value: ({ potential }) => potential.invarianceError,
          atMost: 1e-4,
        },
      ],
    },
    {
      card: 2,
      text: "Dense shaping speeds learning",
      paper: "near 0 to 95 % in 150 rollouts",
      checks: [
        {
          text: "episodes to 80 % success, potential − 0.5 × success only",
          value: ({ potential, gold }) => potential.episodes - 0.5 * gold.episodes,
          atMost: 0,
        },
        {
          text: "success in the last 50 episodes, potential − difference",
          value: ({ potential, naive }) => potential.late - naive.late,
          atLeast: 0.1,
        },
      ],
    },
    {
      card: 3,
      text: "Each view helps",
      paper: "dropping one costs 15–22.5 %",
      checks: [
        {
          text: "RMSE, fused − 0.85 × best single view",
          value: ({ fused, incremental, forward, backward }) =>
            fused.rmse - 0.85 * Math.min(incremental.rmse, forward.rmse, backward.rmse),
          atMost: 0,
        },
      ],
    },
    {
      card: 4,
      text: "The gate protects against spikes",
      paper: "text",
      checks: [
        {
          text: "RMSE with spikes, gated − 0.6 × fused",
          value: ({ gated, fused }) => gated.spikedRmse - 0.6 * fused.spikedRmse,
          atMost: 0,
        },
        {
          text: "RMSE without, gated over fused",
          value: ({ gated, fused }) => gated.rmse / fused.rmse,
          atMost: 1.15,
        },
      ],
    },
    {
      card: 5,
      text: "Hops keep reconstructed progress in [0, 1]; summed differences leave it",
      paper: "proof",
      checks: [
        { text: "of 10,000 random hop lists, outside", value: ({ incremental }) => incremental.hopsOutside, atMost: 0 },
        {
          text: "share of trajectories outside when differences are summed",
          value: ({ incremental }) => incremental.sumsOutside,
          atLeast: 1e-9,
        },
      ],
    },
  ],
  figure: {
    title: "Progress as a reward",
    panels: [
      {
        kind: "lines",
        curve: "success",
        x: "episodes",
        y: "success in 20 episodes",
        arms: ["gold", "naive", "naiveGold", "potential", "potentialKept"],
        domain: [0, 1],
      },
      {
        kind: "dots",
        title: "with spikes",
        metric: "spikedRmse",
        x: "error of the progress",
        arms: ["incremental", "forward", "backward", "fused", "gated"],
        domain: [0, 0.4],
      },
    ],
  },
});

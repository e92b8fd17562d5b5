/**
 * PAR against other ways to keep an unbounded reward model from being hacked, on the bed `gaussian-policy`:
 * responses (q, v) ~ N(μ, I), a linear reward model fitted to comparisons, gold with a ceiling.
 */
import { createRandom, type Ragged, toRagged } from "guerdon/core";
import { groupRelative } from "guerdon/credit";
import { type GaussianPolicyTruth, type GaussianPolicyWorld, gaussianPolicy } from "guerdon/environment";
import { overoptimizationCurve } from "guerdon/evaluation";
import { type Arm, defineExperiment, type Role } from "guerdon/experiment";
import { logSigmoidCentered, preferenceAsReward, runningNormalization } from "guerdon/shaping";

/** Rewards of a batch and stored reference rewards in, shaped rewards out; made anew for every run. */
type Shaping = () => (rewards: Float64Array, referenceRewards: Ragged) => ArrayLike<number | null>;

function preference(params: Parameters<typeof preferenceAsReward>[0]): Shaping {
  const shape = preferenceAsReward(params);
  return () => (rewards, referenceRewards) => shape({ rewards, referenceRewards }).rewards;
}

function running(mode: "meanstd" | "clip" | "minmax"): Shaping {
  const normalize = runningNormalization({ mode });
  return () => {
    let state: ReturnType<typeof normalize>["state"] = { n: 0, mean: 0, m2: 0, min: null, max: null };
    return (rewards) => {
      const out = normalize({ rewards, state });
      state = out.state;
      return out.rewards;
    };
  };
}

const centredLogSigmoid = logSigmoidCentered();
const logSigmoid: Shaping = () => (rewards, referenceRewards) =>
  centredLogSigmoid({ rewards, referenceRewards }).rewards;

const leaveOneOut = groupRelative({ baseline: "leave-one-out", scale: "none" });

interface Learning {
  readonly shaping: Shaping;
  readonly updates: number;
  readonly klPenalty: number;
  /** One mean per prompt instead of one for all. */
  readonly perPrompt: boolean;
}

const samples = 8;
const step = 0.3;

/** REINFORCE on the mean of N(μ, I); sees the world, not the truth. `watch` gets the mean and the batch's raw reward. */
function learn(
  world: GaussianPolicyWorld,
  { shaping, updates, klPenalty, perPrompt }: Learning,
  seed: string,
  watch: (update: number, means: readonly Float64Array[], rawReward: number) => void,
): void {
  const random = createRandom(seed);
  const shape = shaping();
  const n = world.prompts * samples;
  const means = Array.from({ length: perPrompt ? world.prompts : 1 }, () => new Float64Array(2));
  const groups = Int32Array.from({ length: n }, (_, i) => Math.floor(i / samples));
  const referenceRewards = toRagged(Array.from(groups, (prompt) => world.referenceRewards[prompt]));
  const noise = new Float64Array(2 * n);
  const rewards = new Float64Array(n);
  for (let update = 0; ; update++) {
    for (let i = 0; i < n; i++) {
      const mean = means[perPrompt ? groups[i] : 0];
      noise[2 * i] = random.normal();
      noise[2 * i + 1] = random.normal();
      rewards[i] = world.proxy(groups[i], [mean[0] + noise[2 * i], mean[1] + noise[2 * i + 1]]);
    }
    watch(update, means, rewards.reduce((sum, reward) => sum + reward, 0) / n);
    if (update === updates) return;
    const shaped = shape(rewards, referenceRewards);
    const penalized = Float64Array.from(shaped, (reward, i) => {
      if (reward === null) throw new Error("a prompt without reference rewards");
      // log π − log π_ref of this very response: a·μ − ½‖μ‖².
      const [x, y] = means[perPrompt ? groups[i] : 0];
      return reward - klPenalty * (x * noise[2 * i] + y * noise[2 * i + 1] + (x * x + y * y) / 2);
    });
    const advantages = leaveOneOut({ rewards: penalized, groups }).advantages as Float64Array;
    const scale = step / (perPrompt ? samples : n);
    for (let i = 0; i < n; i++) {
      const mean = means[perPrompt ? groups[i] : 0];
      mean[0] += scale * advantages[i] * noise[2 * i];
      mean[1] += scale * advantages[i] * noise[2 * i + 1];
    }
  }
}

/** Gold gain over the reference policy, raw reward and KL along a run. */
function follow(world: GaussianPolicyWorld, truth: GaussianPolicyTruth, learning: Learning, seed: string) {
  const every = learning.perPrompt ? 50 : 8;
  const start = truth.expectedGold([0, 0]);
  const x: number[] = [];
  const gold: number[] = [];
  const proxy: number[] = [];
  const kl: number[] = [];
  learn(world, learning, seed, (update, means, rawReward) => {
    if (update % every !== 0 && update !== learning.updates) return;
    x.push(update);
    proxy.push(rawReward);
    gold.push(average(means.map((mean) => truth.expectedGold(mean))) - start);
    kl.push(average(means.map(([q, v]) => (q * q + v * v) / 2)));
  });
  return { x, gold, proxy, kl };
}

const average = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Gold where the path first reaches a KL; null when it never does. */
function goldAt(kl: readonly number[], gold: readonly number[], target: number): number | null {
  const i = kl.findIndex((value) => value >= target);
  if (i < 1) return null;
  return gold[i - 1] + ((gold[i] - gold[i - 1]) * (target - kl[i - 1])) / (kl[i] - kl[i - 1]);
}

const par = preference({});
const uncentred = preference({ centered: false });

interface Settings {
  readonly shaping: Shaping;
  /** Standard deviation of prompt offsets in claim 3's setting; absent: the main setting. */
  readonly offsets?: number;
}

const arm = (role: Role, label: string, settings: Settings): Arm<Settings> => ({ role, label, settings });

export default defineExperiment({
  paper: "par",
  question: "Which bounded or normalised form of a reward-model score keeps its gold quality while it is optimised?",
  bed: "gaussian-policy",
  seeds: 5,
  budgets: { quick: { updates: 40, promptUpdates: 30 }, full: { updates: 400, promptUpdates: 300 } },
  arms: {
    vanilla: arm("baseline", "raw reward", { shaping: () => (rewards) => rewards }),
    centred: arm("ablation", "centred", { shaping: preference({ transform: "identity" }) }),
    par: arm("method", "PAR", { shaping: par }),
    parOne: arm("ablation", "PAR, one reference", { shaping: preference({ maxReferences: 1 }) }),
    tanh: arm("ablation", "tanh", { shaping: preference({ transform: "tanh" }) }),
    uncentred: arm("ablation", "σ, uncentred", { shaping: uncentred }),
    sgfc: arm("ablation", "SgFc", { shaping: preference({ slope: 3, shift: 3 }) }),
    lsc: arm("baseline", "LSC", { shaping: logSigmoid }),
    meanstd: arm("baseline", "Meanstd", { shaping: running("meanstd") }),
    clip: arm("baseline", "Clip", { shaping: running("clip") }),
    minmax: arm("baseline", "Minmax", { shaping: running("minmax") }),
    parOffsets: arm("method", "PAR, offsets", { shaping: par, offsets: 6 }),
    uncentredOffsets: arm("ablation", "σ, offsets", { shaping: uncentred, offsets: 6 }),
  },
  run({ settings: { shaping, offsets }, budget, random, seed }) {
    const world = random.stream("world");
    const rollouts = `par/${seed}/rollouts`;
    if (offsets === undefined) {
      const bed = gaussianPolicy({}, world);
      const learning = { shaping, updates: budget.updates, klPenalty: 0.02, perPrompt: false };
      const { x, gold, proxy, kl } = follow(bed.world, bed.truth, learning, rollouts);
      const { retention, peakGold } = overoptimizationCurve()({ proxy, gold, kl });
      return {
        metrics: {
          finalGold: gold[gold.length - 1],
          peakGold,
          retention,
          goldAtKl2: goldAt(kl, gold, 2),
          finalKl: kl[kl.length - 1],
          proxyGain: proxy[proxy.length - 1] - proxy[0],
          offsetGap: null,
        },
        curves: { gold: { x, y: gold }, proxy: { x, y: proxy }, kl: { x, y: kl } },
      };
    }
    // Claim 3: one mean per prompt, the same world with and without offsets.
    const learning = { shaping, updates: budget.promptUpdates, klPenalty: 0.05, perPrompt: true };
    const [without, with6] = [0, offsets].map((offsetDeviation) => {
      const bed = gaussianPolicy({ offsetDeviation }, world);
      return follow(bed.world, bed.truth, learning, rollouts);
    });
    const { gold, proxy, kl } = with6;
    const { retention, peakGold } = overoptimizationCurve()({ proxy, gold, kl });
    return {
      metrics: {
        finalGold: gold[gold.length - 1],
        peakGold,
        retention,
        goldAtKl2: null,
        finalKl: kl[kl.length - 1],
        proxyGain: proxy[proxy.length - 1] - proxy[0],
        offsetGap: Math.max(...gold.map((value, i) => Math.abs(value - without.gold[i]))),
      },
      curves: { gold: { x: with6.x, y: gold } },
    };
  },
  gates: [
    { text: "raw reward: the proxy rises", value: ({ vanilla }) => vanilla.proxyGain, atLeast: 1 },
    {
      text: "PAR moves: its final gold is at least 0.8 of the raw reward's peak",
      value: ({ par, vanilla }) => par.finalGold - 0.8 * vanilla.peakGold,
      atLeast: 0,
      claims: [1, 2],
    },
  ],
  claims: [
    {
      card: 1,
      text: "A bounded reward prevents the collapse",
      paper: "robust after two epochs (abstract)",
      checks: [
        { text: "raw reward: final gold − start", value: ({ vanilla }) => vanilla.finalGold, atMost: 0 },
        { text: "centred: final gold − start", value: ({ centred }) => centred.finalGold, atMost: 0 },
        { text: "PAR: share of the peak gain kept", value: ({ par }) => par.retention, atLeast: 0.95 },
      ],
    },
    {
      card: 2,
      text: "PAR beats competing shapings",
      paper: "AlpacaEval 2.0 win rate at least 5 points above the others (abstract)",
      checks: [
        {
          text: "PAR − Meanstd, final gold",
          value: ({ par, meanstd }) => par.finalGold - meanstd.finalGold,
          atLeast: 0.5,
        },
        { text: "PAR − Clip, final gold", value: ({ par, clip }) => par.finalGold - clip.finalGold, atLeast: 0.5 },
      ],
    },
    {
      card: 3,
      text: "The reward should be centred",
      paper: "third design principle of version 1",
      checks: [
        {
          text: "PAR − uncentred σ, final gold, prompt offsets of sd 6",
          value: ({ parOffsets, uncentredOffsets }) => parOffsets.finalGold - uncentredOffsets.finalGold,
          atLeast: 0.3,
        },
        {
          text: "PAR: largest effect of the offsets on gold",
          value: ({ parOffsets }) => parOffsets.offsetGap,
          atMost: 1e-9,
        },
      ],
    },
    {
      card: 4,
      text: "One reference is enough",
      paper: "stated in the abstract",
      checks: [
        {
          text: "one reference − ten, final gold",
          value: ({ par, parOne }) => parOne.finalGold - par.finalGold,
          atLeast: -0.1,
          atMost: 0.1,
        },
      ],
    },
  ],
  figure: {
    title: "Gold quality while a reward model is optimised",
    panels: [
      {
        kind: "lines",
        curve: "gold",
        x: "updates",
        y: "gold gain over the reference policy",
        arms: ["vanilla", "meanstd", "clip", "minmax", "lsc", "tanh", "par"],
        domain: [-4, 3],
      },
      {
        kind: "dots",
        metric: "finalGold",
        x: "final gold gain",
        arms: ["meanstd", "minmax", "lsc", "sgfc", "tanh", "par", "parOne", "parOffsets", "uncentredOffsets"],
        domain: [-8, 3],
      },
    ],
  },
});

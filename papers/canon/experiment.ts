/**
 * CANON against Dr. GRPO and directional length rewards, on the bed `bandit`, layout `length-mode`: one logit between
 * short and long answers, in a world where long ones help, one where short ones do, and one where nothing does.
 */
import { createRandom, type Random } from "guerdon/core";
import { conditionalGroup, groupRelative } from "guerdon/credit";
import { type LengthWorld, lengthMode } from "guerdon/environment";
import { type Arm, defineExperiment, type Role } from "guerdon/experiment";
import { addScoreGradient, drawAction, softmaxRows } from "guerdon/training";

interface Batch {
  readonly rewards: Float64Array;
  readonly lengths: Float64Array;
  readonly groups: Int32Array;
  /** A metric that means nothing. */
  readonly noise: Float64Array;
}
type Advantages = (batch: Batch) => Float64Array;

const groupSize = 16;
const n = 16 * groupSize;
/** 0.4 times 4: the sizes of the card's pilot. */
const learningRate = 0.4 * 4;
const regretSteps = 120;

const centred = groupRelative({ scale: "none" });
const drGrpo: Advantages = (batch) => centred(batch).advantages as Float64Array;

function canon(params: Parameters<typeof conditionalGroup>[0], by: "lengths" | "noise" = "lengths"): Advantages {
  const compare = conditionalGroup(params);
  return (batch) => compare({ ...batch, metric: batch[by] }).advantages as Float64Array;
}

/** So much per token above 8 (less below), as if one knew the direction. */
function directional(perToken: number): Advantages {
  return ({ rewards, lengths, groups }) => {
    const shaped = rewards.map((reward, i) => reward + perToken * (lengths[i] - 8));
    return centred({ rewards: shaped, groups }).advantages as Float64Array;
  };
}

const rms = (values: Float64Array) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);

interface Path {
  /** The logit of the long mode before every update, and after the last. */
  readonly logits: number[];
  readonly reward: number[];
  readonly length: number[];
  readonly best: number;
}

/** Plain gradient steps; every arm's advantages are brought to the root mean square of Dr. GRPO's on the same batch. */
function learn(helpful: LengthWorld, advantages: Advantages, steps: number, random: Random): Path {
  const { world, truth } = lengthMode(helpful);
  const logits = world.policy();
  const path: Path = { logits: [], reward: [], length: [], best: truth.bestReward };
  const groups = Int32Array.from({ length: n }, (_, i) => Math.floor(i / groupSize));
  for (let step = 0; ; step++) {
    const policy = softmaxRows(logits.logits(), 2);
    path.logits.push(logits.parameters[0][0]);
    path.reward.push(truth.expectedReward(policy));
    path.length.push(truth.expectedLength(policy));
    if (step === steps) return path;
    const modes = new Int32Array(n);
    const batch: Batch = {
      rewards: new Float64Array(n),
      lengths: new Float64Array(n),
      groups,
      noise: new Float64Array(n),
    };
    for (let i = 0; i < n; i++) {
      modes[i] = drawAction(policy, 2, 0, random.uniform());
      const { length, correct } = world.answer(modes[i], random);
      batch.lengths[i] = length;
      batch.rewards[i] = correct ? 1 : 0;
      batch.noise[i] = random.uniform();
    }
    const given = advantages(batch);
    const size = rms(given);
    const scale = size === 0 ? 0 : rms(drGrpo(batch)) / size;
    const gradient = new Float64Array(2);
    for (let i = 0; i < n; i++) addScoreGradient(gradient, policy, 2, 0, modes[i], scale * given[i]);
    logits.ascend(gradient, learningRate / n);
  }
}

const regret = ({ reward, best }: Path) => reward.slice(0, regretSteps).reduce((sum, value) => sum + best - value, 0);

interface Settings {
  readonly advantages: Advantages;
}
const arm = (role: Role, label: string, advantages: Advantages): Arm<Settings> => ({
  role,
  label,
  settings: { advantages },
});

export default defineExperiment({
  paper: "canon",
  question: "Does comparing halves of a group by a metric find the direction that helps, without being told?",
  bed: "bandit/length-mode",
  seeds: 12,
  budgets: { quick: { steps: 40 }, full: { steps: 150 } },
  arms: {
    drGrpo: arm("baseline", "Dr. GRPO", drGrpo),
    inter: arm("method", "CANON-Inter, μ 1", canon({ mu: 1 })),
    half: arm("control", "CANON, μ ½", canon({ mu: 0.5 })),
    intra: arm("ablation", "CANON-Intra, μ 0", canon({ mu: 0 })),
    random: arm("control", "CANON, random metric", canon({ mu: 1 }, "noise")),
    bonus: arm("baseline", "length bonus", directional(0.02)),
    penalty: arm("baseline", "length penalty", directional(-0.02)),
    alpha95: arm("method", "CANON, α 0.95", canon({ mu: 1, alpha: 0.95, discountSide: "upper" })),
    alpha90: arm("method", "CANON, α 0.9", canon({ mu: 1, alpha: 0.9, discountSide: "upper" })),
    alpha80: arm("method", "CANON, α 0.8", canon({ mu: 1, alpha: 0.8, discountSide: "upper" })),
  },
  run({ settings: { advantages }, budget, seed }) {
    const run = (helpful: LengthWorld, one: Advantages) =>
      learn(helpful, one, budget.steps, createRandom(`canon/${seed}/${helpful}/rollouts`));
    const long = run("long", advantages);
    const short = run("short", advantages);
    const neutral = run("neutral", advantages);
    const plain = run("long", drGrpo);
    const last = budget.steps;
    const x = Array.from({ length: last / 5 + 1 }, (_, i) => 5 * i);
    return {
      metrics: {
        longRegret: regret(long),
        shortRegret: regret(short),
        longReward: long.reward[last],
        neutralLength: neutral.length[last],
        /** Largest distance of the logit from Dr. GRPO's, over the run with the same draws. */
        distance: Math.max(...long.logits.map((logit, i) => Math.abs(logit - plain.logits[i]))),
      },
      curves: {
        long: { x, y: x.map((i) => long.reward[i]) },
        short: { x, y: x.map((i) => short.reward[i]) },
        neutral: { x, y: x.map((i) => neutral.length[i]) },
      },
    };
  },
  gates: [
    {
      text: "not everything is learned at once: Dr. GRPO's regret, in steps of the whole gap",
      value: ({ drGrpo }) => Math.min(drGrpo.longRegret, drGrpo.shortRegret) / 0.15,
      atLeast: 10,
    },
    {
      text: "Dr. GRPO learns: reward at the end in the world where long answers help",
      value: ({ drGrpo }) => drGrpo.longReward,
      atLeast: 0.6,
    },
  ],
  claims: [
    {
      card: 1,
      text: "Amplifies whichever direction of the metric helps, without being told",
      paper: "no figure in the abstract (“consistently outperforms” on three models)",
      checks: [
        {
          text: "CANON-Inter over Dr. GRPO, regret, long answers help",
          value: ({ inter, drGrpo }) => inter.longRegret / drGrpo.longRegret,
          atMost: 0.9,
        },
        {
          text: "the same, short answers help",
          value: ({ inter, drGrpo }) => inter.shortRegret / drGrpo.shortRegret,
          atMost: 0.9,
        },
        {
          text: "length bonus over Dr. GRPO, regret, short answers help",
          value: ({ bonus, drGrpo }) => bonus.shortRegret / drGrpo.shortRegret,
          atLeast: 2,
        },
        {
          text: "length penalty over Dr. GRPO, regret, long answers help",
          value: ({ penalty, drGrpo }) => penalty.longRegret / drGrpo.longRegret,
          atLeast: 2,
        },
      ],
    },
    {
      card: 2,
      text: "Dr. GRPO is the special case μ = ½",
      paper: "exact",
      checks: [
        { text: "largest distance of the logits over the run", value: ({ half }) => half.distance, atMost: 1e-9 },
      ],
    },
    {
      card: 3,
      text: "Random regrouping is no better than Dr. GRPO",
      paper: "ablation dr_random",
      checks: [
        {
          text: "random metric over Dr. GRPO, regret, long answers help",
          value: ({ random, drGrpo }) => random.longRegret / drGrpo.longRegret,
          atLeast: 0.9,
          atMost: 1.1,
        },
        {
          text: "the same, short answers help",
          value: ({ random, drGrpo }) => random.shortRegret / drGrpo.shortRegret,
          atLeast: 0.9,
          atMost: 1.1,
        },
      ],
    },
    {
      card: 4,
      text: "The length version gives a better trade-off between accuracy and length",
      paper: "Pareto plot",
      checks: [
        {
          text: "α 0.9 over Dr. GRPO, length where it is irrelevant",
          value: ({ alpha90, drGrpo }) => alpha90.neutralLength / drGrpo.neutralLength,
          atMost: 0.75,
        },
        {
          text: "α 0.9 − Dr. GRPO, accuracy where long answers help",
          value: ({ alpha90, drGrpo }) => alpha90.longReward - drGrpo.longReward,
          atLeast: -0.01,
        },
      ],
    },
  ],
  figure: {
    title: "One logit between short and long answers",
    panels: [
      {
        kind: "lines",
        title: "long answers help",
        curve: "long",
        x: "steps",
        y: "expected reward",
        arms: ["drGrpo", "inter", "intra", "random", "bonus", "penalty", "alpha90"],
        domain: [0.5, 0.66],
      },
      {
        kind: "lines",
        title: "short answers help",
        curve: "short",
        x: "steps",
        y: "expected reward",
        arms: ["drGrpo", "inter", "intra", "random", "bonus", "penalty", "alpha90"],
        domain: [0.5, 0.66],
      },
      {
        kind: "lines",
        title: "length is irrelevant",
        curve: "neutral",
        x: "steps",
        y: "expected length",
        arms: ["drGrpo", "inter", "alpha95", "alpha90", "alpha80", "penalty"],
        domain: [4, 15],
      },
    ],
  },
});

/**
 * The three parts of XRPO, each against its own baselines: rollouts given to uncertain prompts (64 Bernoulli prompts),
 * correct answers sharpened by novelty (a bandit of 12 answers), and demonstrations for prompts that only fail (bed
 * `token-tree`).
 */
import { createRandom, type Random, standardDeviation } from "guerdon/core";
import { groupRelative, noveltySharpened } from "guerdon/credit";
import { type TokenTreeTruth, type TokenTreeWorld, tokenTree } from "guerdon/environment";
import { type Arm, defineExperiment, type Role } from "guerdon/experiment";
import { rolloutAllocation, zeroRewardPrompts } from "guerdon/sampling";
import { addScoreGradient, drawAction, softmaxRows } from "guerdon/training";

const grpo = groupRelative();

/** (a) How 512 rollouts are given to 64 prompts: 16 impossible, 16 always right, 32 undecided. */
type Allocation = { readonly kind: "allocation"; readonly rule: "uniform" | "random" | { readonly lambda: number } };
const prompts = 64;
const base = 4;
const rolloutBudget = 512;
const round = 32;

function allocate({ rule }: Allocation, random: Random) {
  const rates = random.stream("rates");
  const chance = Float64Array.from({ length: prompts }, (_, p) =>
    p < 16 ? 0 : p < 32 ? 1 : 0.02 + 0.96 * rates.uniform(),
  );
  // The j-th rollout of a prompt comes out alike in every arm.
  const outcomes = Array.from({ length: prompts }, (_, p) => random.stream(`outcomes/${p}`));
  const rewards: number[][] = outcomes.map(() => []);
  const roll = (p: number) => rewards[p].push(outcomes[p].uniform() < chance[p] ? 1 : 0);
  const choice = random.stream("choice");
  for (let p = 0; p < prompts; p++) for (let i = 0; i < base; i++) roll(p);
  const now = () => ({
    counts: rewards.map((own) => own.length),
    stds: rewards.map((own) => standardDeviation(own)),
    total: rewards.reduce((sum, own) => sum + own.length, 0),
  });
  for (let spent = prompts * base; spent < rolloutBudget; spent += round) {
    if (rule === "uniform") for (let i = 0; i < round; i++) roll((spent + i) % prompts);
    else if (rule === "random") for (let i = 0; i < round; i++) roll(choice.integer(prompts));
    else {
      const { allocation } = rolloutAllocation({ lambda: rule.lambda, budget: round })(now());
      for (const [p, more] of (allocation ?? []).entries()) for (let i = 0; i < more; i++) roll(p);
    }
  }
  const { counts, stds, total } = now();
  const { halfWidths } = rolloutAllocation()({ counts, stds, total });
  return {
    largestHalfWidth: Math.max(...halfWidths),
    undecidedHalfWidth: average(halfWidths.subarray(32)),
    spreadShare: counts.reduce((sum, count, p) => sum + (stds[p] > 0 ? count : 0), 0) / total,
    impossibleShare: counts.slice(0, 16).reduce((sum, count) => sum + count, 0) / total,
    allocated: total,
  };
}

/** (b) What happens to the two rarer ones of three correct answers; stops when all have 0.9 of the mass. */
type Sharpening = { readonly kind: "sharpening"; readonly bonus: "none" | "equal" | "novelty" };
const answers = 12;
const correctMass = [0.3, 0.1, 0.05];
const groupCount = 16;
const groupSize = 16;
const banditRate = 0.2;
const kappa = 0.5;
const sharpen = noveltySharpened({ kappaClip: kappa });

function sharpenBandit({ bonus }: Sharpening, mostSteps: number, random: Random) {
  const n = groupCount * groupSize;
  const left = 1 - correctMass.reduce((sum, mass) => sum + mass, 0);
  const logits = Float64Array.from({ length: answers }, (_, a) =>
    Math.log(correctMass[a] ?? left / (answers - correctMass.length)),
  );
  const groups = Int32Array.from({ length: n }, (_, i) => Math.floor(i / groupSize));
  let added = 0;
  let steps = 0;
  for (; ; steps++) {
    const policy = softmaxRows(logits, answers);
    const mass = policy[0] + policy[1] + policy[2];
    if (mass > 0.9 || steps === mostSteps)
      return {
        rareShare: (policy[1] + policy[2]) / mass,
        correctMass: mass,
        banditSteps: steps,
        meanBonus: added / (n * Math.max(1, steps)),
      };
    const chosen = Int32Array.from({ length: n }, () => drawAction(policy, answers, 0, random.uniform()));
    const correct = Array.from(chosen, (answer) => answer < correctMass.length);
    const rewards = correct.map((right) => (right ? 1 : 0));
    const plain = grpo({ rewards, groups }).advantages as Float64Array;
    let advantages = plain;
    if (bonus === "equal")
      advantages = plain.map((value, i) => (correct[i] && value > 0 ? (1 + kappa) * value : value));
    if (bonus === "novelty") {
      const logprobs = Array.from(chosen, (answer) => [Math.log(policy[answer])]);
      advantages = sharpen({ advantages: plain, logprobs, groups, correct }).advantages as Float64Array;
    }
    const gradient = new Float64Array(answers);
    for (let i = 0; i < n; i++) {
      addScoreGradient(gradient, policy, answers, 0, chosen[i], advantages[i] / n);
      added += advantages[i] - plain[i];
    }
    for (let a = 0; a < answers; a++) logits[a] += banditRate * gradient[a];
  }
}

/** (c) Eight rollouts a prompt; where the first seven fail, the last has a demonstration in its context. */
type Seeding = { readonly kind: "seeding"; readonly demonstrations: "none" | "dropped" | "kept" };
const treeRate = 0.5;
const treeRollouts = 8;
const failed = zeroRewardPrompts();

function seedTree(
  { demonstrations }: Seeding,
  world: TokenTreeWorld,
  truth: TokenTreeTruth,
  steps: number,
  random: Random,
) {
  const { table, symbols } = world;
  const logits = world.startLogits();
  const x: number[] = [];
  const solved: number[] = [];
  const accuracy: number[] = [];
  let seeded = 0;
  let rolled = 0;
  const rows = new Int32Array(2);
  for (let step = 0; ; step++) {
    const all = softmaxRows(logits, symbols);
    const now = truth.evaluate(all);
    x.push(step);
    solved.push(now.solved);
    accuracy.push(now.accuracy);
    if (step === steps) break;
    for (let prompt = 0; prompt < world.prompts; prompt++) {
      const policy = table.blockOf(all, prompt);
      let context = policy;
      const paths: { path: Int32Array; policy: Float64Array }[] = [];
      const rewards: number[] = [];
      for (let i = 0; i < treeRollouts; i++) {
        const last = i === treeRollouts - 1;
        const groups = rewards.map(() => prompt);
        if (last && demonstrations !== "none" && failed({ rewards, groups }).seedGroups.length > 0) {
          const shown = world.demonstration(prompt, 0.8, random);
          context = softmaxRows(world.shown(logits, prompt, shown, 6), symbols);
          seeded++;
        }
        const path = new Int32Array(2);
        table.sample(context, random, path, rows);
        rolled++;
        // "dropped": the answer is trained on as one to the bare prompt.
        paths.push({ path, policy: demonstrations === "kept" ? context : policy });
        rewards.push(world.reward(prompt, path));
      }
      const advantages = grpo({ rewards, groups: new Int32Array(treeRollouts) }).advantages as Float64Array;
      const gradient = new Float64Array(table.blockSize);
      for (const [i, { path, policy: under }] of paths.entries())
        for (let t = 0; t < 2; t++)
          addScoreGradient(gradient, under, symbols, table.rowOf(t, path[0]), path[t], advantages[i] / treeRollouts);
      const block = table.blockOf(logits, prompt);
      for (let i = 0; i < block.length; i++) block[i] += treeRate * gradient[i];
    }
  }
  return {
    metrics: {
      solved: solved[steps],
      accuracy: accuracy[steps],
      startAccuracy: accuracy[0],
      startPassAt64: truth.passAtK(softmaxRows(world.startLogits(), symbols), 64),
      treeAuc: average(accuracy),
      seededShare: seeded / rolled,
    },
    curves: { solved: { x: x.filter((_, i) => i % 3 === 0), y: solved.filter((_, i) => i % 3 === 0) } },
  };
}

const average = (values: ArrayLike<number>) =>
  Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;

type Settings = Allocation | Sharpening | Seeding;
const allocation = (role: Role, label: string, rule: Allocation["rule"]): Arm<Settings> => ({
  role,
  label,
  settings: { kind: "allocation", rule },
});
const sharpening = (role: Role, label: string, bonus: Sharpening["bonus"]): Arm<Settings> => ({
  role,
  label,
  settings: { kind: "sharpening", bonus },
});
const seeding = (role: Role, label: string, demonstrations: Seeding["demonstrations"]): Arm<Settings> => ({
  role,
  label,
  settings: { kind: "seeding", demonstrations },
});
const undefinedMetrics = {
  largestHalfWidth: null,
  undecidedHalfWidth: null,
  spreadShare: null,
  impossibleShare: null,
  allocated: null,
  rareShare: null,
  correctMass: null,
  banditSteps: null,
  meanBonus: null,
  solved: null,
  accuracy: null,
  startAccuracy: null,
  startPassAt64: null,
  treeAuc: null,
  seededShare: null,
};

export default defineExperiment({
  paper: "xrpo",
  question:
    "Do rollouts for uncertain prompts, a bonus for unlikely correct answers, and examples for failing prompts each do what they are for?",
  bed: "bandit, token-tree",
  seeds: 10,
  budgets: { quick: { banditSteps: 200, treeSteps: 30 }, full: { banditSteps: 1000, treeSteps: 150 } },
  arms: {
    uniform: allocation("baseline", "allocation: uniform", "uniform"),
    random: allocation("control", "allocation: random", "random"),
    planned: allocation("method", "allocation: XRPO", { lambda: 0.1 }),
    noBonus: allocation("control", "allocation: λ 0", { lambda: 0 }),
    largeBonus: allocation("control", "allocation: λ 10", { lambda: 10 }),
    plain: sharpening("baseline", "sharpening: GRPO", "none"),
    equal: sharpening("control", "sharpening: equal bonus", "equal"),
    novelty: sharpening("method", "sharpening: XRPO", "novelty"),
    unseeded: seeding("baseline", "seeding: GRPO", "none"),
    seeded: seeding("method", "seeding: XRPO", "dropped"),
    kept: seeding("ablation", "seeding: trained in context", "kept"),
  },
  run({ settings, budget, random, seed }) {
    const rollouts = createRandom(`xrpo/${seed}/rollouts`);
    switch (settings.kind) {
      case "allocation":
        return { metrics: { ...undefinedMetrics, ...allocate(settings, random) } };
      case "sharpening":
        return { metrics: { ...undefinedMetrics, ...sharpenBandit(settings, budget.banditSteps, rollouts) } };
      case "seeding": {
        const { world, truth } = tokenTree({}, random.stream("world"));
        const { metrics, curves } = seedTree(settings, world, truth, budget.treeSteps, rollouts);
        return { metrics: { ...undefinedMetrics, ...metrics }, curves };
      }
    }
  },
  gates: [
    {
      text: "allocators spend alike: largest difference in rollouts",
      value: ({ uniform, random, planned }) =>
        Math.max(Math.abs(random.allocated - uniform.allocated), Math.abs(planned.allocated - uniform.allocated)),
      atMost: 0,
      claims: [1],
    },
    {
      text: "every sharpening arm gets to 0.9 correct",
      value: ({ plain, equal, novelty }) => Math.min(plain.correctMass, equal.correctMass, novelty.correctMass),
      atLeast: 0.9,
      claims: [2],
    },
    {
      text: "trees start hard and not hopeless: pass@64 − accuracy",
      value: ({ unseeded }) => unseeded.startPassAt64 - unseeded.startAccuracy,
      atLeast: 0.3,
      claims: [3],
    },
  ],
  claims: [
    {
      card: 1,
      text: "The allocator reduces uncertainty at an equal budget",
      paper: "2.7× faster convergence (the whole method)",
      checks: [
        {
          text: "largest half-width, XRPO − 0.9 × uniform",
          value: ({ planned, uniform }) => planned.largestHalfWidth - 0.9 * uniform.largestHalfWidth,
          atMost: 0,
        },
        {
          text: "mean half-width on undecided prompts, XRPO − 0.85 × uniform",
          value: ({ planned, uniform }) => planned.undecidedHalfWidth - 0.85 * uniform.undecidedHalfWidth,
          atMost: 0,
        },
        {
          text: "share of rollouts in groups with spread, XRPO − uniform",
          value: ({ planned, uniform }) => planned.spreadShare - uniform.spreadShare,
          atLeast: 0,
        },
      ],
    },
    {
      card: 2,
      text: "Sharpening keeps rare correct answers",
      paper: "up to 4 % pass@1, 6 % cons@32 (the whole method)",
      checks: [
        {
          text: "rare share of correct mass, XRPO − 1.12 × GRPO",
          value: ({ novelty, plain }) => novelty.rareShare - 1.12 * plain.rareShare,
          atLeast: 0,
        },
        {
          text: "the same against an equal-size bonus",
          value: ({ novelty, equal }) => novelty.rareShare - 1.12 * equal.rareShare,
          atLeast: 0,
        },
      ],
    },
    {
      card: 3,
      text: "Seeding turns prompts around that only fail",
      paper: "figure, no number read",
      checks: [
        {
          text: "share of prompts solved, seeded − GRPO at equal rollouts",
          value: ({ seeded, unseeded }) => seeded.solved - unseeded.solved,
          atLeast: 0,
        },
      ],
    },
  ],
  figure: {
    title: "XRPO by parts",
    panels: [
      {
        kind: "lines",
        title: "demonstrations for prompts that only fail",
        curve: "solved",
        x: "updates",
        y: "share of prompts solved",
        arms: ["unseeded", "seeded", "kept"],
        domain: [0, 1],
      },
      {
        kind: "dots",
        title: "allocation",
        metric: "undecidedHalfWidth",
        x: "mean half-width, undecided prompts",
        arms: ["uniform", "random", "planned", "noBonus", "largeBonus"],
        domain: [0.05, 0.35],
      },
      {
        kind: "dots",
        title: "sharpening",
        metric: "rareShare",
        x: "share of the two rarer answers in correct mass",
        arms: ["plain", "equal", "novelty"],
        domain: [0.05, 0.075],
      },
    ],
  },
});

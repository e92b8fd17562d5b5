/**
 * Over-optimisation of direct alignment: DPO, IPO and SLiC over KL budgets on the bed `candidate-set`, layout
 * `verbosity` (long responses are rare in the data), and a recurrent policy on a token tree with two preference pairs.
 */
import type { Random } from "guerdon/core";
import {
  type CandidateTruth,
  type CandidateWorld,
  candidateSet,
  logLinearPolicy,
  verbosityCandidates,
} from "guerdon/environment";
import { lengthCorrelation, overoptimizationFit } from "guerdon/evaluation";
import { type Arm, defineExperiment, type Role } from "guerdon/experiment";
import { dpo } from "guerdon/objective";
import { fitPairs, type PairSlope, pairSlopes } from "guerdon/training";
import { alignTree } from "./token-tree.ts";

const betas = [0.02, 0.05, 0.1, 0.2, 0.5, 1, 2];
const checkpoints = 16;

// --- verbosity ---

interface PairData {
  readonly chosen: Int32Array;
  readonly rejected: Int32Array;
  /** Features of the chosen minus those of the rejected. */
  readonly differences: Float64Array;
}

function annotatedPairs(world: CandidateWorld, count: number, random: Random): PairData {
  const { prompts, candidates, dimensions, features } = world;
  const reference = world.referenceLogprobs.map(Math.exp);
  const chosen = new Int32Array(count);
  const rejected = new Int32Array(count);
  const differences = new Float64Array(count * dimensions);
  for (let k = 0; k < count; k++) {
    const prompt = random.integer(prompts);
    const i = world.draw(reference, prompt, random);
    let j = world.draw(reference, prompt, random);
    while (j === i) j = world.draw(reference, prompt, random);
    const first = world.prefers(prompt, i, j, random);
    chosen[k] = prompt * candidates + (first ? i : j);
    rejected[k] = prompt * candidates + (first ? j : i);
    for (let d = 0; d < dimensions; d++)
      differences[k * dimensions + d] = features[chosen[k] * dimensions + d] - features[rejected[k] * dimensions + d];
  }
  return { chosen, rejected, differences };
}

interface Outcome {
  /** √KL and win rate at every checkpoint. */
  readonly distances: readonly number[];
  readonly wins: readonly number[];
  readonly kl: number;
  /** Share of training pairs whose implicit rewards are in order. */
  readonly accuracy: number;
  /** R² of the implicit reward on length, over draws of the reference. */
  readonly lengthR2: number | null;
  /** Largest difference between log-ratio differences used and those of the part, over 50 pairs. */
  readonly lossError: number;
}

function align(
  world: CandidateWorld,
  truth: CandidateTruth,
  data: PairData,
  { slope, beta, alpha, steps }: { slope: PairSlope; beta: number; alpha: number; steps: number },
): Outcome {
  const { dimensions, features } = world;
  const { chosen, rejected, differences } = data;
  const distances: number[] = [];
  const wins: number[] = [];
  const theta = fitPairs({
    differences,
    dimensions,
    slope,
    scale: beta,
    // α(|y_w| − |y_l|): length is the first feature.
    offsets: Float64Array.from(chosen, (_, k) => alpha * differences[k * dimensions]),
    steps,
    batch: 16,
    learningRate: 0.05,
    watch(step, weights) {
      if (step === 0 || Math.floor((step * checkpoints) / steps) === Math.floor(((step - 1) * checkpoints) / steps))
        return;
      const policy = logLinearPolicy(world, weights);
      distances.push(Math.sqrt(truth.kl(policy)));
      wins.push(truth.winRate(policy));
    },
  });
  const policy = logLinearPolicy(world, theta);
  const delta = (k: number) => {
    let sum = 0;
    for (let d = 0; d < dimensions; d++) sum += theta[d] * differences[k * dimensions + d];
    return sum;
  };
  const some = Array.from({ length: 50 }, (_, k) => k);
  const logprobs = (of: Int32Array) => some.map((k) => [Math.log(policy[of[k]])]);
  const reference = (of: Int32Array) => some.map((k) => [world.referenceLogprobs[of[k]]]);
  const { logRatioDifferences } = dpo({ beta })({
    chosenLogprobs: logprobs(chosen),
    rejectedLogprobs: logprobs(rejected),
    refChosenLogprobs: reference(chosen),
    refRejectedLogprobs: reference(rejected),
  });
  const drawn = [...chosen, ...rejected];
  const implicit = drawn.map((i) => beta * (Math.log(policy[i]) - world.referenceLogprobs[i]));
  return {
    distances,
    wins,
    kl: truth.kl(policy),
    accuracy: chosen.reduce((sum, _, k) => sum + (delta(k) > 0 ? 1 : 0), 0) / chosen.length,
    lengthR2: lengthCorrelation()({ rewards: implicit, lengths: drawn.map((i) => features[i * dimensions]) }).r2,
    lossError: Math.max(...some.map((k) => Math.abs(delta(k) - logRatioDifferences[k]))),
  };
}

// --- the experiment ---

type Settings =
  | { readonly kind: "verbosity"; readonly slope: PairSlope; readonly alpha?: number; readonly noiseFree?: boolean }
  | { readonly kind: "tree"; readonly loss: "sigmoid" | "ipo" | "hinge" };

const arm = (role: Role, label: string, settings: Settings): Arm<Settings> => ({ role, label, settings });
const noTree = { outBefore: null, outAfter: null, chosenBefore: null, chosenAfter: null };
const noVerbosity = {
  winLow: null,
  winAt05: null,
  winHigh: null,
  winInterior: null,
  winBest: null,
  bestAt: null,
  bestCheckpoint: null,
  accuracyChange: null,
  lengthR2Low: null,
  lengthR2High: null,
  rmse: null,
  peakDistance: null,
  rmseLinear: null,
  lossError: null,
};

export default defineExperiment({
  paper: "daa-overoptimization",
  question: "How does quality move with the distance from the reference under DPO, IPO and SLiC?",
  bed: "candidate-set",
  seeds: 8,
  budgets: { quick: { steps: 32, treeSteps: 30 }, full: { steps: 125, treeSteps: 300 } },
  arms: {
    dpo: arm("method", "DPO", { kind: "verbosity", slope: pairSlopes.sigmoid }),
    ipo: arm("method", "IPO", { kind: "verbosity", slope: pairSlopes.ipo }),
    slic: arm("method", "SLiC", { kind: "verbosity", slope: pairSlopes.hinge }),
    dpoLength: arm("ablation", "DPO, length α 0.2", { kind: "verbosity", slope: pairSlopes.sigmoid, alpha: 0.2 }),
    dpoLength5: arm("ablation", "DPO, length α 0.5", { kind: "verbosity", slope: pairSlopes.sigmoid, alpha: 0.5 }),
    clean: arm("control", "DPO, labels without noise", {
      kind: "verbosity",
      slope: pairSlopes.sigmoid,
      noiseFree: true,
    }),
    treeDpo: arm("method", "tree, DPO", { kind: "tree", loss: "sigmoid" }),
    treeIpo: arm("method", "tree, IPO", { kind: "tree", loss: "ipo" }),
    treeSlic: arm("method", "tree, SLiC", { kind: "tree", loss: "hinge" }),
  },
  run({ settings, budget, random }) {
    if (settings.kind === "tree") {
      const { before, after } = alignTree(settings.loss, budget.treeSteps, random.stream("tree"));
      return {
        metrics: {
          ...noVerbosity,
          outBefore: before.outMass,
          outAfter: after.outMass,
          chosenBefore: before.chosen,
          chosenAfter: after.chosen,
        },
      };
    }
    const { slope, alpha = 0, noiseFree = false } = settings;
    const layout = verbosityCandidates(noiseFree ? { scale: Number.POSITIVE_INFINITY } : {}, random.stream("world"));
    const { world, truth } = candidateSet(layout);
    const data = annotatedPairs(world, 2000, random.stream("pairs"));
    const runs = betas.map((beta) => align(world, truth, data, { slope, beta, alpha, steps: budget.steps }));
    const last = checkpoints - 1;
    const final = runs.map(({ wins }) => wins[last]);
    const kl = runs.map((run) => run.kl);
    const best = final.indexOf(Math.max(...final));
    const log = overoptimizationFit({ form: "log", baseline: 0.5 })({ kl, gold: final });
    const linear = overoptimizationFit({ form: "linear", baseline: 0.5 })({ kl, gold: final });
    const low = runs[0];
    return {
      metrics: {
        ...noTree,
        winLow: final[0],
        winAt05: final[betas.indexOf(0.05)],
        winHigh: final[final.length - 1],
        winInterior: Math.max(...final.slice(1, -1)),
        winBest: final[best],
        bestAt: Math.max(...low.wins),
        bestCheckpoint: (low.wins.indexOf(Math.max(...low.wins)) + 1) / checkpoints,
        accuracyChange: Math.abs(runs[best].accuracy - low.accuracy),
        lengthR2Low: low.lengthR2,
        lengthR2High: runs[runs.length - 1].lengthR2,
        rmse: log.rmse,
        peakDistance: log.peakDistance,
        rmseLinear: linear.rmse,
        lossError: Math.max(...runs.map((run) => run.lossError)),
      },
      curves: {
        byBeta: { x: betas, y: final },
        epoch: { x: low.wins.map((_, k) => (k + 1) / checkpoints), y: low.wins },
      },
    };
  },
  gates: [
    {
      text: "log-ratio differences used − those of the part",
      value: (runs) => Math.max(runs.dpo.lossError, runs.ipo.lossError, runs.slic.lossError),
      atMost: 1e-6,
      claims: [1, 2, 3, 4, 5],
    },
    {
      text: "labels without noise give the fall too: best − lowest β",
      value: ({ clean }) => clean.winBest - clean.winLow,
      atLeast: 0.1,
      claims: [1, 2, 4],
    },
  ],
  claims: [
    {
      card: 1,
      text: "Win rate against √KL rises and falls, for all three losses",
      paper: "figures 1–2 (shape)",
      checks: (["dpo", "ipo", "slic"] as const).flatMap((name) => [
        {
          text: `${name}: best β in between − better end of the range, win rate`,
          value: (runs) => runs[name].winInterior - Math.max(runs[name].winLow, runs[name].winHigh),
          atLeast: 0,
        },
        {
          text: `${name}: best β − lowest β, win rate`,
          value: (runs) => runs[name].winBest - runs[name].winLow,
          atLeast: 0.1,
        },
      ]),
    },
    {
      card: 2,
      text: "The fall comes within one epoch",
      paper: "abstract",
      checks: [
        {
          text: "DPO, lowest β: best checkpoint, share of the epoch",
          value: ({ dpo: run }) => run.bestCheckpoint,
          atMost: 0.6,
        },
        { text: "best checkpoint − final, win rate", value: ({ dpo: run }) => run.bestAt - run.winLow, atLeast: 0.1 },
      ],
    },
    {
      card: 3,
      text: "The scaling law of reward models fits",
      paper: "dotted curves",
      checks: [
        { text: "DPO: error of the fit, log form", value: ({ dpo: run }) => run.rmse, atMost: 0.07 },
        { text: "its peak, √KL", value: ({ dpo: run }) => run.peakDistance, atLeast: 0.5, atMost: 2 },
      ],
    },
    {
      card: 4,
      text: "Implicit accuracy does not see it",
      paper: "section on rank accuracy",
      checks: [
        { text: "DPO: best β − lowest β, win rate", value: ({ dpo: run }) => run.winBest - run.winLow, atLeast: 0.3 },
        { text: "the same, accuracy on training pairs", value: ({ dpo: run }) => run.accuracyChange, atMost: 0.03 },
      ],
    },
    {
      card: 5,
      text: "Length regularisation helps and does not cure",
      paper: "figure 3",
      checks: [
        {
          text: "β 0.05: α 0.2 − α 0, win rate",
          value: ({ dpo: run, dpoLength }) => dpoLength.winAt05 - run.winAt05,
          atLeast: 0.05,
        },
        {
          text: "best α 0 over β − α 0.2 at β 0.05",
          value: ({ dpo: run, dpoLength }) => run.winBest - dpoLength.winAt05,
          atLeast: 0,
        },
      ],
    },
    {
      card: 6,
      text: "Mass goes to sequences outside the data, chosen ones included among the losers",
      paper: "tree-MDP figure",
      checks: [
        {
          text: "share of seeds whose mass outside the data grows",
          value: ({ treeDpo }) => Number(treeDpo.outAfter > treeDpo.outBefore),
          atLeast: 0.875,
        },
        { text: "mass outside the data at the end", value: ({ treeDpo }) => treeDpo.outAfter, atLeast: 0.95 },
        {
          text: "share of seeds whose chosen sequences lose",
          value: ({ treeDpo }) => Number(treeDpo.chosenAfter < treeDpo.chosenBefore),
          atLeast: 0.75,
        },
      ],
    },
  ],
  figure: {
    title: "Quality of direct alignment against its budget",
    panels: [
      {
        kind: "lines",
        title: "after one epoch",
        curve: "byBeta",
        x: "β",
        y: "win rate against the reference",
        arms: ["dpo", "ipo", "slic", "dpoLength", "dpoLength5", "clean"],
        logX: true,
      },
      {
        kind: "lines",
        title: "lowest β",
        curve: "epoch",
        x: "share of the epoch",
        y: "win rate against the reference",
        arms: ["dpo", "ipo", "slic"],
      },
      {
        kind: "dots",
        metric: "outAfter",
        x: "mass outside the data, token tree",
        arms: ["treeDpo", "treeIpo", "treeSlic"],
      },
    ],
  },
});

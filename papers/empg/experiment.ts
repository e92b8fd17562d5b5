/**
 * Entropy-modulated advantages (EMPG) against plain group-relative ones, on the bed `factored-tokens`, layout
 * `clear-murky`: six decisions between a branch where the policy is sure and one where it is not; and in a world where
 * the sure branch is wrong.
 */
import { createRandom, pearson, type Ragged, type Random, raggedOf } from "guerdon/core";
import { entropyModulated, groupRelative } from "guerdon/credit";
import { type ClearMurkyWorld, clearMurky } from "guerdon/environment";
import { scoreNorm } from "guerdon/evaluation";
import { type Arm, defineExperiment, type Role } from "guerdon/experiment";
import { addScoreGradient, softmaxRows } from "guerdon/training";

const groupCount = 4;
const groupSize = 8;
const n = groupCount * groupSize;
const learningRate = 0.6;
const grpo = groupRelative();

type Modulation = ReturnType<typeof entropyModulated>;

interface Settings {
  /** null: every step of a rollout has its outcome advantage. */
  readonly modulation: Modulation | null;
  /** The clear branch is confidently wrong. */
  readonly trap: boolean;
  /** A batch whose outcome advantages are all zero moves the policy by the bonus alone, as published; else not at all. */
  readonly zeroMoves: boolean;
}

const rootMeanSquare = (values: ArrayLike<number>) => {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] * values[i];
  return Math.sqrt(sum / values.length);
};

/**
 * Plain policy gradient on one table; sees rewards only. Modulated advantages are rescaled to the RMS of the outcome
 * advantages, so to zero where those are all zero, unless `zeroMoves`.
 */
function learn(
  world: ClearMurkyWorld,
  { modulation, zeroMoves }: Settings,
  steps: number,
  random: Random,
  watch: (policy: Float64Array) => void,
): { rmsError: number } {
  const { table } = world;
  const { positions, symbols, blockSize } = table;
  const logits = world.startLogits();
  const groups = Int32Array.from({ length: n }, (_, i) => Math.floor(i / groupSize));
  const entropies = raggedOf(new Int32Array(n).fill(positions));
  const sequences = Array.from({ length: n }, () => new Int32Array(positions));
  const rows = Array.from({ length: n }, () => new Int32Array(positions));
  let rmsError = 0;
  for (let step = 0; ; step++) {
    const policy = softmaxRows(logits, symbols);
    watch(policy);
    if (step === steps) return { rmsError };
    const rowEntropies = entropiesOf(policy, symbols);
    const rewards = sequences.map((sequence, i) => {
      table.sample(policy, random, sequence, rows[i]);
      for (let t = 0; t < positions; t++) entropies.values[entropies.offsets[i] + t] = rowEntropies[rows[i][t]];
      return world.reward(sequence);
    });
    const outcome = grpo({ rewards, groups }).advantages as Float64Array;
    const advantages = perStep(outcome, entropies, modulation, zeroMoves ? 1 : 0);
    const wanted = rootMeanSquare(outcome);
    if (wanted > 0) rmsError = Math.max(rmsError, Math.abs(rootMeanSquare(advantages.values) / wanted - 1));
    const gradient = new Float64Array(blockSize);
    for (let i = 0; i < n; i++)
      for (let t = 0; t < positions; t++)
        addScoreGradient(
          gradient,
          policy,
          symbols,
          rows[i][t],
          sequences[i][t],
          advantages.values[advantages.offsets[i] + t] / n,
        );
    for (let i = 0; i < blockSize; i++) logits[i] += learningRate * gradient[i];
  }
}

function perStep(outcome: Float64Array, entropies: Ragged, modulation: Modulation | null, zeroFactor: number): Ragged {
  const { offsets } = entropies;
  if (modulation === null) {
    const values = new Float64Array(entropies.values.length);
    for (let i = 0; i < outcome.length; i++) values.fill(outcome[i], offsets[i], offsets[i + 1]);
    return { values, offsets };
  }
  const { values } = modulation({ advantages: outcome, entropies }).advantages;
  const wanted = rootMeanSquare(outcome);
  const got = rootMeanSquare(values);
  const factor = wanted > 0 && got > 0 ? wanted / got : zeroFactor;
  return { values: values.map((value) => value * factor), offsets };
}

/** Entropy of every row, nats. */
function entropiesOf(policy: Float64Array, symbols: number): Float64Array {
  const entropies = new Float64Array(policy.length / symbols);
  for (let i = 0; i < policy.length; i++)
    if (policy[i] > 0) entropies[Math.floor(i / symbols)] -= policy[i] * Math.log(policy[i]);
  return entropies;
}

/** Proposition 1 by enumeration, and how gradient size goes with entropy before and after the scale g. */
function coupling(random: Random) {
  const policies = 200;
  const actions = 8;
  const logits = Array.from({ length: policies }, () =>
    Float64Array.from({ length: actions }, () => 2.4 * random.normal()),
  );
  const { expectedSquaredScoreNorm, renyi2Entropy, entropies } = scoreNorm()({ logits });
  let error = 0;
  for (const [i, row] of logits.entries()) {
    const policy = softmaxRows(row, actions);
    let enumerated = 0;
    for (let action = 0; action < actions; action++) {
      const score = new Float64Array(actions);
      addScoreGradient(score, policy, actions, 0, action, 1);
      enumerated += policy[action] * score.reduce((sum, value) => sum + value * value, 0);
    }
    error = Math.max(
      error,
      Math.abs(enumerated - expectedSquaredScoreNorm[i]),
      Math.abs(enumerated - (1 - Math.exp(-renyi2Entropy[i]))),
    );
  }
  const steps = { values: Float64Array.from(entropies), offsets: Uint32Array.of(0, policies) };
  const { scale } = entropyModulated({ zeta: 0 })({ advantages: [1], entropies: steps });
  const modulated = expectedSquaredScoreNorm.map((norm, i) => norm * scale.values[i] ** 2);
  return {
    scoreError: error,
    plainCorrelation: pearson(expectedSquaredScoreNorm, entropies),
    modulatedCorrelation: pearson(modulated, entropies),
  };
}

const arm = (
  role: Role,
  label: string,
  modulation: Modulation | null,
  { trap = false, zeroMoves = false } = {},
): Arm<Settings | null> => ({ role, label, settings: { modulation, trap, zeroMoves } });
const learnt = { scoreError: null, plainCorrelation: null, modulatedCorrelation: null };
const enumerated = { auc: null, success: null, startSuccess: null, stepsToHalf: null, rmsError: null };

export default defineExperiment({
  paper: "empg",
  question:
    "Does it help a long-horizon agent to learn more from steps it was sure of, and to seek states where it is?",
  bed: "factored-tokens/clear-murky",
  seeds: 8,
  budgets: { quick: { steps: 40, trapSteps: 30 }, full: { steps: 150, trapSteps: 120 } },
  arms: {
    grpo: arm("baseline", "GRPO", null),
    scaleOnly: arm("ablation", "scale only", entropyModulated({ zeta: 0 })),
    bonusOnly: arm("ablation", "bonus only", entropyModulated({ k: 0 })),
    full: arm("method", "EMPG", entropyModulated()),
    strong: arm("method", "EMPG, ζ 0.3", entropyModulated({ zeta: 0.3 })),
    inverted: arm("control", "scale inverted", entropyModulated({ k: -1, zeta: 0 })),
    moves: arm("control", "EMPG, zero batches move", entropyModulated(), { zeroMoves: true }),
    trapGrpo: arm("control", "GRPO, trap", null, { trap: true }),
    trapFull: arm("control", "EMPG, trap", entropyModulated(), { trap: true }),
    trapMoves: arm("control", "EMPG, trap, zero batches move", entropyModulated(), { trap: true, zeroMoves: true }),
    exact: { role: "control", label: "exact checks", settings: null },
  },
  run({ settings, budget, random, seed, progress }) {
    if (settings === null) return { metrics: { ...enumerated, ...coupling(random.stream("policies")) } };
    const { trap } = settings;
    const params = trap ? { decisions: 3, clear: { favoured: 0.85, right: false }, murky: 0.3 } : {};
    const { world, truth } = clearMurky(params, random.stream("world"));
    const steps = trap ? budget.trapSteps : budget.steps;
    const x: number[] = [];
    const success: number[] = [];
    const { rmsError } = learn(world, settings, steps, createRandom(`empg/${seed}/rollouts`), (policy) => {
      x.push(x.length);
      success.push(truth.success(policy));
      progress(x.length / (steps + 1));
    });
    const half = success.findIndex((value) => value >= 0.5);
    const every = <T>(values: readonly T[]) => values.filter((_, i) => i % 2 === 0);
    return {
      metrics: {
        ...learnt,
        auc: success.reduce((sum, value) => sum + value, 0) / success.length,
        success: success[success.length - 1],
        startSuccess: success[0],
        stepsToHalf: half < 0 ? null : half,
        rmsError,
      },
      curves: { [trap ? "trap" : "success"]: { x: every(x), y: every(success) } },
    };
  },
  gates: [
    { text: "start success", value: ({ grpo }) => grpo.startSuccess, atMost: 0.02 },
    { text: "GRPO learns: final success", value: ({ grpo }) => grpo.success, atLeast: 0.5, claims: [1, 3, 4] },
    {
      text: "advantages have GRPO's RMS: largest relative error",
      value: (runs) =>
        Math.max(runs.scaleOnly.rmsError, runs.bonusOnly.rmsError, runs.full.rmsError, runs.inverted.rmsError),
      atMost: 1e-9,
      claims: [1, 3, 4],
    },
  ],
  claims: [
    {
      card: 1,
      text: "It beats GRPO on a long horizon",
      paper: "ALFWorld, Qwen2.5-1.5B: +8.1 over GRPO (from a secondary summary)",
      checks: [
        {
          text: "EMPG − 1.07 × GRPO, mean success over training",
          value: ({ full, grpo }) => full.auc - 1.07 * grpo.auc,
          atLeast: 0,
        },
        {
          text: "EMPG − 0.92 × GRPO, steps to success ½",
          value: ({ full, grpo }) => full.stepsToHalf - 0.92 * grpo.stepsToHalf,
          atMost: 0,
        },
      ],
    },
    {
      card: 2,
      text: "The size of the gradient is coupled to entropy, and the scale loosens that",
      paper: "proposition 1, exact",
      checks: [
        {
          text: "proposition 1 against enumeration, largest error",
          value: ({ exact }) => exact.scoreError,
          atMost: 1e-9,
        },
        {
          text: "correlation of squared gradient norm with entropy, plain − scaled",
          value: ({ exact }) => exact.plainCorrelation - exact.modulatedCorrelation,
          atLeast: 0.3,
        },
      ],
    },
    {
      card: 3,
      text: "The direction matters",
      paper: "ablation",
      checks: [
        {
          text: "inverted − GRPO, mean success over training",
          value: ({ inverted, grpo }) => inverted.auc - grpo.auc,
          atMost: 0,
        },
      ],
    },
    {
      card: 4,
      text: "Both components help",
      paper: "ablation",
      checks: [
        {
          text: "scale only − GRPO, mean success over training",
          value: ({ scaleOnly, grpo }) => scaleOnly.auc - grpo.auc,
          atLeast: -0.005,
        },
        { text: "bonus only − GRPO, the same", value: ({ bonusOnly, grpo }) => bonusOnly.auc - grpo.auc, atLeast: 0 },
      ],
    },
  ],
  figure: {
    title: "Sure and right, sure and wrong",
    panels: [
      {
        kind: "lines",
        title: "the clear branch is right",
        curve: "success",
        x: "updates",
        y: "probability of success",
        arms: ["grpo", "scaleOnly", "bonusOnly", "full", "strong", "inverted"],
        domain: [0, 1],
      },
      {
        kind: "lines",
        title: "the clear branch is a trap",
        curve: "trap",
        x: "updates",
        y: "probability of success",
        arms: ["trapGrpo", "trapFull", "trapMoves"],
        domain: [0, 1],
      },
    ],
  },
});

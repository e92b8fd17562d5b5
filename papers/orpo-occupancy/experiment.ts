/**
 * Regularising occupancy measures against regularising action distributions, on the bed `finite-mdp`, layout
 * `tomato`: a softmax table trained by the exact gradient of the proxy's return minus a penalty.
 */
import { factor, type Random, solveFactored } from "guerdon/core";
import { type TomatoMdp, tomatoMdp } from "guerdon/environment";
import { occupancyDivergence, occupancyMeasure, proxyCorrelation, rewardHackingBound } from "guerdon/evaluation";
import { type Arm, defineExperiment, type Role } from "guerdon/experiment";

type World = TomatoMdp["world"];
type Penalty = "none" | "action-kl" | "action-chi2" | "state-chi2" | "occupancy-kl" | "occupancy-chi2";

/** λ = c · σ of the proxy, the same relative grid for every arm. */
const coefficients = [0.01, 0.03, 0.1, 0.3, 1, 3];
/** On both measures: the divergence is infinite where the base policy never goes. */
const floor = 1e-14;
const actions = 5;

/** Rewards that the penalty adds to a state and action, and its direct gradient on the policy (action penalties only). */
interface Pull {
  readonly rewards: Float64Array;
  readonly direct: Float64Array | null;
}

/** Ascends J(proxy) − λ · penalty from the base policy, Adam on the logits. Gives the policy and its occupancy. */
function optimize(world: World, penalty: Penalty, lambda: number, steps: number, noise: Random) {
  const states = world.transitions.length;
  const size = states * actions;
  const reference = flat(world.reference);
  const referenceOccupancy = flat(
    occupancyMeasure({ gamma: world.gamma })({
      transitions: nested(world.transitions),
      policy: world.reference.map((row) => Array.from(row)),
      initial: world.initial,
    }).occupancy,
  );
  const referenceStates = marginal(referenceOccupancy, states);
  const proxy = flat(world.proxyTable);
  const successors = sparse(world.transitions);
  // A little noise on the start is all that tells seeds apart: the rest is exact.
  const logits = reference.map((p) => Math.log(p) + 0.01 * noise.normal());
  const policy = new Float64Array(size);
  const first = new Float64Array(size);
  const second = new Float64Array(size);
  for (let t = 1; ; t++) {
    softmaxRows(logits, policy);
    const visits = stateOccupancy(successors, policy, world);
    const occupancy = Float64Array.from(policy, (p, i) => visits[Math.floor(i / actions)] * p);
    if (t > steps) return { policy, occupancy };
    const pull = pullOf(penalty, { policy, reference, occupancy, referenceOccupancy, visits, referenceStates });
    const rewards = proxy.map((reward, i) => reward - lambda * pull.rewards[i]);
    const values = stateValues(successors, policy, rewards, world.gamma);
    for (let s = 0; s < states; s++) {
      let mean = 0;
      const row = new Float64Array(actions);
      for (let a = 0; a < actions; a++) {
        const i = s * actions + a;
        let q = rewards[i];
        const { to, probability } = successors[i];
        for (let k = 0; k < to.length; k++) q += world.gamma * probability[k] * values[to[k]];
        row[a] = visits[s] * q - (pull.direct ? lambda * pull.direct[i] : 0);
        mean += policy[i] * row[a];
      }
      for (let a = 0; a < actions; a++) {
        const i = s * actions + a;
        const gradient = policy[i] * (row[a] - mean);
        first[i] = 0.9 * first[i] + 0.1 * gradient;
        second[i] = 0.999 * second[i] + 0.001 * gradient * gradient;
        logits[i] += (0.1 * (first[i] / (1 - 0.9 ** t))) / (Math.sqrt(second[i] / (1 - 0.999 ** t)) + 1e-8);
      }
    }
  }
}

interface Measures {
  readonly policy: Float64Array;
  readonly reference: Float64Array;
  readonly occupancy: Float64Array;
  readonly referenceOccupancy: Float64Array;
  readonly visits: Float64Array;
  readonly referenceStates: Float64Array;
}

/** ∂penalty/∂occupancy as a reward, and for action penalties what they change directly. */
function pullOf(penalty: Penalty, of: Measures): Pull {
  const { policy, reference, occupancy, referenceOccupancy, visits, referenceStates } = of;
  const perState = (i: number) => Math.floor(i / actions);
  switch (penalty) {
    case "none":
      return { rewards: new Float64Array(policy.length), direct: null };
    case "occupancy-kl":
      return { rewards: ratios(occupancy, referenceOccupancy).map(Math.log), direct: null };
    case "occupancy-chi2": {
      const ratio = ratios(occupancy, referenceOccupancy);
      const root = rootChi2(occupancy, ratio);
      return { rewards: ratio.map((r) => r / root), direct: null };
    }
    case "state-chi2": {
      const ratio = ratios(visits, referenceStates);
      const root = rootChi2(visits, ratio);
      return { rewards: Float64Array.from(policy, (_, i) => ratio[perState(i)] / root), direct: null };
    }
    default: {
      // The penalty is Σ_s d(s) C_s(π_s): C_s is the reward, d(s) ∂C_s/∂π the direct part.
      const rewards = new Float64Array(policy.length);
      const direct = new Float64Array(policy.length);
      for (let s = 0; s < visits.length; s++) {
        let cost = 0;
        for (let i = s * actions; i < (s + 1) * actions; i++)
          cost +=
            penalty === "action-kl"
              ? policy[i] * Math.log(policy[i] / reference[i])
              : (policy[i] - reference[i]) ** 2 / reference[i];
        const root = Math.sqrt(Math.max(cost, 1e-4));
        for (let i = s * actions; i < (s + 1) * actions; i++) {
          if (penalty === "action-kl") {
            rewards[i] = cost;
            direct[i] = visits[s] * Math.log(policy[i] / reference[i]);
          } else {
            rewards[i] = root;
            direct[i] = cost > 1e-4 ? (visits[s] * policy[i]) / reference[i] / root : 0;
          }
        }
      }
      return { rewards, direct };
    }
  }
}

const ratios = (measure: Float64Array, reference: Float64Array) =>
  measure.map((value, i) => (value + floor) / (reference[i] + floor));

function rootChi2(measure: Float64Array, ratio: Float64Array): number {
  return Math.sqrt(
    Math.max(
      1e-12,
      measure.reduce((sum, value, i) => sum + value * (ratio[i] - 1), 0),
    ),
  );
}

/** Next states and their probabilities, by state and action. */
function sparse(transitions: World["transitions"]) {
  return transitions.flat().map((row) => {
    const to = Array.from(row, (_, next) => next).filter((next) => row[next] > 0);
    return { to, probability: to.map((next) => row[next]) };
  });
}
type Successors = ReturnType<typeof sparse>;

/** (1 − γ)(I − γ Pᵀ)⁻¹ of the start, and (I − γ P)⁻¹ of the expected rewards. */
function stateOccupancy(successors: Successors, policy: Float64Array, { gamma, initial }: World): Float64Array {
  const n = initial.length;
  const matrix = identityMinus(successors, policy, gamma, n, true);
  return solved(
    matrix,
    initial.map((p) => (1 - gamma) * p),
  );
}

function stateValues(successors: Successors, policy: Float64Array, rewards: Float64Array, gamma: number): Float64Array {
  const n = policy.length / actions;
  const expected = new Float64Array(n);
  for (let i = 0; i < policy.length; i++) expected[Math.floor(i / actions)] += policy[i] * rewards[i];
  return solved(identityMinus(successors, policy, gamma, n, false), expected);
}

function identityMinus(successors: Successors, policy: Float64Array, gamma: number, n: number, transposed: boolean) {
  const matrix = new Float64Array(n * n);
  for (let i = 0; i < policy.length; i++) {
    const s = Math.floor(i / actions);
    const { to, probability } = successors[i];
    for (let k = 0; k < to.length; k++)
      matrix[transposed ? to[k] * n + s : s * n + to[k]] -= gamma * policy[i] * probability[k];
  }
  for (let s = 0; s < n; s++) matrix[s * n + s] += 1;
  return matrix;
}

function solved(matrix: Float64Array, right: Float64Array): Float64Array {
  const solution = solveFactored(factor(matrix, right.length), right);
  if (!solution) throw new Error("a policy without a value at this discount");
  return solution;
}

function softmaxRows(logits: Float64Array, policy: Float64Array): void {
  for (let row = 0; row < logits.length; row += actions) {
    const highest = Math.max(...logits.subarray(row, row + actions));
    let total = 0;
    for (let i = row; i < row + actions; i++) {
      // The floor keeps log π finite; it is far below what any return can see.
      policy[i] = Math.exp(Math.max(logits[i] - highest, -60));
      total += policy[i];
    }
    for (let i = row; i < row + actions; i++) policy[i] /= total;
  }
}

const flat = (rows: ArrayLike<ArrayLike<number>>) =>
  Float64Array.from(Array.from(rows, (row) => Array.from(row)).flat());
const nested = (tables: World["transitions"]) => tables.map((rows) => rows.map((row) => Array.from(row)));
const marginal = (occupancy: Float64Array, states: number) =>
  Float64Array.from({ length: states }, (_, s) =>
    occupancy.subarray(s * actions, (s + 1) * actions).reduce((sum, value) => sum + value, 0),
  );
const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, value, i) => sum + value * b[i], 0);

/** The whole grid of an arm at one ε. */
function grid(epsilon: number, penalty: Penalty, steps: number, random: Random) {
  const { world, truth } = tomatoMdp({ epsilon });
  const { occupancy: base } = optimize(world, "none", 0, 0, random.stream("unmoved"));
  const reference = flat(
    occupancyMeasure({ gamma: world.gamma })({
      transitions: nested(world.transitions),
      policy: world.reference.map((row) => Array.from(row)),
      initial: world.initial,
    }).occupancy,
  );
  const trueRewards = flat(truth.rewardTable);
  const proxyRewards = flat(world.proxyTable);
  const proxy = proxyCorrelation()({ trueRewards, proxyRewards, weights: reference });
  const { trueStd, proxyStd, correlation } = proxy;
  if (trueStd === null || proxyStd === null) throw new Error("the base policy goes nowhere");
  const referenceTrueReturn = dot(reference, trueRewards);
  const referenceProxyReturn = dot(reference, proxyRewards);
  const lambdas = penalty === "none" ? [0] : coefficients.map((c) => c * proxyStd);
  const ends = lambdas.map((lambda) => {
    const { occupancy } = optimize(world, penalty, lambda, steps, random.stream("start"));
    const { chi2 } = occupancyDivergence()({
      occupancy: occupancy.map((value) => value + floor),
      referenceOccupancy: reference.map((value) => value + floor),
    });
    const trueReturn = dot(occupancy, trueRewards);
    const proxyReturn = dot(occupancy, proxyRewards);
    const { holds, hacked } = rewardHackingBound()({
      trueReturn,
      proxyReturn,
      referenceTrueReturn,
      referenceProxyReturn,
      correlation,
      trueStd,
      proxyStd,
      chi2,
    });
    return { trueReturn, proxyReturn, holds, hacked };
  });
  const returns = ends.map(({ trueReturn }) => trueReturn);
  return {
    base: referenceTrueReturn,
    // How far the unmoved start is from the base policy itself.
    startGap: Math.abs(dot(base, trueRewards) - referenceTrueReturn),
    best: Math.max(...returns),
    above: returns.filter((value) => value > referenceTrueReturn).length,
    bound: ends.filter(({ holds }) => holds).length / ends.length,
    hacked: ends.filter(({ hacked }) => hacked).length / ends.length,
    returns,
  };
}

const arm = (role: Role, label: string, penalty: Penalty): Arm<{ penalty: Penalty }> => ({
  role,
  label,
  settings: { penalty },
});

export default defineExperiment({
  paper: "orpo-occupancy",
  question:
    "Does regularising the occupancy measure keep a policy from hacking a correlated proxy better than its actions?",
  bed: "finite-mdp/tomato",
  seeds: 3,
  budgets: { quick: { steps: 20 }, full: { steps: 400 } },
  arms: {
    none: arm("baseline", "no penalty", "none"),
    actionKl: arm("baseline", "KL of actions", "action-kl"),
    actionChi2: arm("baseline", "√χ² of actions", "action-chi2"),
    stateChi2: arm("ablation", "√χ² of states", "state-chi2"),
    occupancyKl: arm("ablation", "KL of occupancy", "occupancy-kl"),
    occupancyChi2: arm("method", "√χ² of occupancy", "occupancy-chi2"),
  },
  run({ settings: { penalty }, budget, random, progress }) {
    const near = grid(0.1, penalty, budget.steps, random.stream("0.1"));
    progress(0.5);
    const far = grid(0.3, penalty, budget.steps, random.stream("0.3"));
    const curve = (returns: readonly number[], base: number) =>
      returns.length > 1 ? { x: coefficients, y: returns.map((value) => value - base) } : undefined;
    return {
      metrics: {
        bestNear: near.best,
        bestFar: far.best,
        gainNear: near.best - near.base,
        gainFar: far.best - far.base,
        aboveNear: near.above,
        aboveFar: far.above,
        bound: Math.min(near.bound, far.bound),
        hacked: Math.min(near.hacked, far.hacked),
        startGap: Math.max(near.startGap, far.startGap),
      },
      curves: { near: curve(near.returns, near.base), far: curve(far.returns, far.base) },
    };
  },
  gates: [{ text: "the start is the base policy", value: ({ none }) => none.startGap, atMost: 1e-3 }],
  claims: [
    {
      card: 1,
      text: "The definition captures hacking: the proxy's return rises, the true return falls below the base policy's",
      paper: "four environments (abstract)",
      checks: [{ text: "no penalty: share of settings that are hacked", value: ({ none }) => none.hacked, atLeast: 1 }],
    },
    {
      card: 2,
      text: "The lower bound on the true return holds",
      paper: "theorem 5.1",
      checks: [
        {
          text: "share of λ where it holds, least over arms and base policies",
          value: (runs) => Math.min(...Object.values(runs).map(({ bound }) => bound)),
          atLeast: 1,
        },
      ],
    },
    {
      card: 3,
      text: "√χ² of occupancy beats KL of actions",
      paper: "in four settings (abstract)",
      checks: [
        {
          text: "best true return, occupancy − actions, ε 0.1",
          value: ({ occupancyChi2, actionKl }) => occupancyChi2.bestNear - actionKl.bestNear,
          atLeast: 0,
        },
        {
          text: "the same, ε 0.3",
          value: ({ occupancyChi2, actionKl }) => occupancyChi2.bestFar - actionKl.bestFar,
          atLeast: 0,
        },
        {
          text: "gain over the base policy, ε 0.1",
          value: ({ occupancyChi2 }) => occupancyChi2.gainNear,
          atLeast: 0.002,
        },
        { text: "the same, ε 0.3", value: ({ occupancyChi2 }) => occupancyChi2.gainFar, atLeast: 0.002 },
        {
          text: "λ values that end above the base, occupancy − actions, ε 0.1",
          value: ({ occupancyChi2, actionKl }) => occupancyChi2.aboveNear - actionKl.aboveNear,
          atLeast: 1,
        },
        {
          text: "the same, ε 0.3",
          value: ({ occupancyChi2, actionKl }) => occupancyChi2.aboveFar - actionKl.aboveFar,
          atLeast: 1,
        },
      ],
    },
    {
      card: 4,
      text: "KL of occupancy lies between",
      paper: "discussion",
      reportOnly: true,
      checks: [
        {
          text: "KL of occupancy − KL of actions, best true return, ε 0.3",
          value: ({ occupancyKl, actionKl }) => occupancyKl.bestFar - actionKl.bestFar,
        },
        {
          text: "√χ² of occupancy − KL of occupancy, the same",
          value: ({ occupancyKl, occupancyChi2 }) => occupancyChi2.bestFar - occupancyKl.bestFar,
        },
      ],
    },
  ],
  figure: {
    title: "Tomatoes watered, against the strength of the penalty",
    panels: [
      {
        kind: "lines",
        title: "base policy 10 % random",
        curve: "near",
        x: "λ / σ of the proxy",
        y: "true return above the base policy",
        logX: true,
        domain: [-0.07, 0.01],
      },
      {
        kind: "lines",
        title: "base policy 30 % random",
        curve: "far",
        x: "λ / σ of the proxy",
        y: "true return above the base policy",
        logX: true,
        domain: [-0.07, 0.01],
      },
    ],
  },
});

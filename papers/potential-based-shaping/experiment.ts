/**
 * Potential-based shaping on the bed `finite-mdp`: invariance over random MDPs, equivalence with Q-initialisation,
 * speed on a 7×7 grid with good, bad and unlawful shaping, and a label-noise model for preference rewards.
 */
import { createRandom, pearson, type Random } from "guerdon/core";
import { type GridMdp, gridMdp, randomMdp, valueIteration } from "guerdon/environment";
import { shapingInvariance } from "guerdon/evaluation";
import { type Arm, defineExperiment, type Role } from "guerdon/experiment";
import { trajectoryPreference } from "guerdon/model";
import { potentialBased } from "guerdon/shaping";

const gamma = 0.95;
const shape = potentialBased({ gamma });

interface Shaped {
  /** Φ of a cell; 0 at the goal is the part's business. */
  readonly potential?: ArrayLike<number>;
  /** Paid for every step that comes nearer to the goal, and never taken back. */
  readonly approachBonus?: number;
  /** Q at the start, by cell. */
  readonly start?: ArrayLike<number>;
}

/** Tabular Q-learning, ε-greedy with random ties; gives the length of every episode, and all actions. */
function learn(grid: GridMdp, { potential, approachBonus, start }: Shaped, episodes: number, random: Random) {
  const actions = 4;
  const q = Float64Array.from({ length: 49 * actions }, (_, i) => start?.[Math.floor(i / actions)] ?? 0);
  q.fill(0, grid.goal * actions);
  const lengths: number[] = [];
  const taken: number[] = [];
  for (let episode = 0; episode < episodes; episode++) {
    let cell = grid.start;
    let steps = 0;
    while (cell !== grid.goal && steps < 200) {
      // Three draws a step whatever happens, so that two learners stay on the same numbers.
      const [explore, any, tie] = [random.uniform(), random.integer(actions), random.uniform()];
      const action = explore < 0.1 ? any : greedy(q, cell * actions, actions, tie);
      const next = grid.move(cell, action);
      const terminated = next === grid.goal;
      let reward = grid.rewardTable[cell][action];
      if (potential) reward += shape({ potentials: [potential[cell], potential[next]], terminated }).shaping[0];
      if (approachBonus && grid.distance(next) < grid.distance(cell)) reward += approachBonus;
      // Running out of time is no termination: the next state keeps its value.
      const future = terminated ? 0 : Math.max(...q.subarray(next * actions, (next + 1) * actions));
      const at = cell * actions + action;
      q[at] += 0.2 * (reward + gamma * future - q[at]);
      taken.push(action);
      cell = next;
      steps++;
    }
    lengths.push(steps);
  }
  return { lengths, taken };
}

/** Equal up to rounding is equal: a shifted table must tie where the original does. */
function greedy(q: Float64Array, row: number, actions: number, tie: number): number {
  const best = Math.max(...q.subarray(row, row + actions));
  const tied: number[] = [];
  for (let a = 0; a < actions; a++) if (q[row + a] >= best - 1e-9) tied.push(a);
  return tied[Math.floor(tie * tied.length)];
}

/** Shares of random MDPs whose optimal actions survive: lawful shaping, Φ of the next state alone, γ = 1 inside F. */
function invariance(count: number, random: Random) {
  const states = 6;
  const discount = 0.9;
  const compare = shapingInvariance({ gamma: discount });
  const kept = { lawful: 0, bonus: 0, undiscounted: 0 };
  for (let i = 0; i < count; i++) {
    const mdp = randomMdp({ states, actions: 3 }, random);
    // The card's N(0, 4) is a deviation of 4: on a development seed its pilot's 89 % and 21 % come out as 88 % and 22 %.
    const potential = Float64Array.from({ length: states }, () => 4 * random.normal());
    const survives = (next: number, current: number) => {
      const shapedRewardTable = mdp.rewardTable.map((row, s) =>
        Array.from(row, (reward, a) => {
          const expected = mdp.transitions[s][a].reduce((sum, p, to) => sum + p * potential[to], 0);
          return reward + next * expected - current * potential[s];
        }),
      );
      return compare({ ...tablesOf(mdp), shapedRewardTable }).invariant ? 1 : 0;
    };
    kept.lawful += survives(discount, 1);
    kept.bonus += survives(1, 0);
    kept.undiscounted += survives(1, 1);
  }
  return { lawful: kept.lawful / count, bonus: kept.bonus / count, undiscounted: kept.undiscounted / count };
}

const tablesOf = ({ transitions, rewardTable, initial }: ReturnType<typeof randomMdp>) => ({
  transitions: transitions.map((row) => row.map((next) => Array.from(next))),
  rewardTable: rewardTable.map((row) => Array.from(row)),
  initial,
});

const preferences = { states: 20, length: 8, pairs: 600, randomLabels: 0.3, iterations: 400, learningRate: 0.05 };

/**
 * Fits a reward per state to comparisons of segments, 30 % of whose labels are random, once with the noise in the
 * model and once without. Gives the correlations with the true reward, and how far p is from the part's.
 */
function preferenceNoise(random: Random) {
  const { states, length, pairs, randomLabels, iterations, learningRate } = preferences;
  const truth = Float64Array.from({ length: states }, () => random.normal());
  // How often each state occurs in the first segment minus in the second.
  const counts = Array.from({ length: pairs }, () => new Float64Array(states));
  const segments = counts.map((row) =>
    [1, -1].map((sign) =>
      Int32Array.from({ length }, () => {
        const state = random.integer(states);
        row[state] += sign;
        return state;
      }),
    ),
  );
  const labels = counts.map((row) => {
    const better = row.reduce((sum, count, s) => sum + count * truth[s], 0) > 0 ? 1 : 0;
    return random.uniform() < randomLabels ? random.integer(2) : better;
  });
  let error = 0;
  const [modelled, ignored] = [randomLabels, 0].map((noise) => {
    const reward = new Float64Array(states);
    const first = new Float64Array(states);
    const second = new Float64Array(states);
    const probability = (row: Float64Array) => {
      const margin = row.reduce((sum, count, s) => sum + count * reward[s], 0);
      const clear = 1 / (1 + Math.exp(-margin));
      return { clear, p: noise / 2 + (1 - noise) * clear };
    };
    for (let t = 1; t <= iterations; t++) {
      const gradient = new Float64Array(states);
      for (const [i, row] of counts.entries()) {
        const { clear, p } = probability(row);
        // ∂BCE/∂p · ∂p/∂margin
        const slope = ((p - labels[i]) / (p * (1 - p))) * (1 - noise) * clear * (1 - clear);
        for (let s = 0; s < states; s++) gradient[s] += (slope * row[s]) / pairs;
      }
      for (let s = 0; s < states; s++) {
        first[s] = 0.9 * first[s] + 0.1 * gradient[s];
        second[s] = 0.999 * second[s] + 0.001 * gradient[s] ** 2;
        reward[s] -= (learningRate * (first[s] / (1 - 0.9 ** t))) / (Math.sqrt(second[s] / (1 - 0.999 ** t)) + 1e-8);
      }
    }
    const rewardsOf = (side: number) => segments.map((pair) => Array.from(pair[side], (state) => reward[state]));
    const { probabilities } = trajectoryPreference({ noise })({
      firstRewards: rewardsOf(0),
      secondRewards: rewardsOf(1),
      labels,
    });
    for (const [i, row] of counts.entries()) error = Math.max(error, Math.abs(probabilities[i] - probability(row).p));
    return pearson(reward, truth);
  });
  return { modelled, ignored, error };
}

const undefinedMetrics = {
  firstSteps: null,
  lastSteps: null,
  lawful: null,
  bonusChanged: null,
  undiscountedChanged: null,
  sameActions: null,
  noiseModelled: null,
  noiseIgnored: null,
  probabilityError: null,
};

type Settings = { readonly shaping: "none" | "optimal" | "distance" | "exact"; readonly approachBonus?: number };
const arm = (role: Role, label: string, settings: Settings): Arm<Settings> => ({ role, label, settings });

export default defineExperiment({
  paper: "potential-based-shaping",
  question: "Which added rewards leave the optimum alone, and which speed learning up?",
  bed: "finite-mdp/random, finite-mdp/grid-shaping",
  // The bad potential traps few seeds for very long: eight cannot tell its mean.
  seeds: 64,
  budgets: { quick: { episodes: 100, mdps: 50 }, full: { episodes: 300, mdps: 300 } },
  arms: {
    none: arm("baseline", "no shaping", { shaping: "none" }),
    optimal: arm("method", "Φ = V*", { shaping: "optimal" }),
    distance: arm("control", "Φ = −0.1 · distance", { shaping: "distance" }),
    smallBonus: arm("control", "approach bonus 0.1", { shaping: "none", approachBonus: 0.1 }),
    bonus: arm("control", "approach bonus 1", { shaping: "none", approachBonus: 1 }),
    exact: arm("control", "exact checks", { shaping: "exact" }),
  },
  run({ settings: { shaping, approachBonus }, budget, seed, random }) {
    const grid = gridMdp(7);
    const { values } = valueIteration({ gamma })(tablesOf(grid));
    const rollouts = () => createRandom(`potential-based-shaping/${seed}/rollouts`);
    if (shaping === "exact") {
      const kept = invariance(budget.mdps, random.stream("mdps"));
      const { episodes } = budget;
      const shaped = learn(grid, { potential: values }, episodes, rollouts());
      const initialized = learn(grid, { start: values }, episodes, rollouts());
      const same = shaped.taken.filter((action, i) => action === initialized.taken[i]).length;
      const noise = preferenceNoise(random.stream("preferences"));
      return {
        metrics: {
          ...undefinedMetrics,
          lawful: kept.lawful,
          bonusChanged: 1 - kept.bonus,
          undiscountedChanged: 1 - kept.undiscounted,
          sameActions: same / Math.max(shaped.taken.length, initialized.taken.length),
          noiseModelled: noise.modelled,
          noiseIgnored: noise.ignored,
          probabilityError: noise.error,
        },
      };
    }
    const potential =
      shaping === "none"
        ? undefined
        : Float64Array.from(values, (value, cell) => (shaping === "optimal" ? value : -0.1 * grid.distance(cell)));
    const { lengths } = learn(grid, { potential, approachBonus }, budget.episodes, rollouts());
    const mean = (part: readonly number[]) => part.reduce((sum, value) => sum + value, 0) / part.length;
    const blocks = Array.from({ length: Math.floor(lengths.length / 10) }, (_, i) => 10 * i);
    return {
      metrics: { ...undefinedMetrics, firstSteps: mean(lengths.slice(0, 50)), lastSteps: mean(lengths.slice(-50)) },
      curves: { steps: { x: blocks.map((i) => i + 5), y: blocks.map((i) => mean(lengths.slice(i, i + 10))) } },
    };
  },
  gates: [
    {
      text: "the fitted model's probabilities are the part's",
      value: ({ exact }) => exact.probabilityError,
      atMost: 1e-9,
      claims: [5],
    },
  ],
  claims: [
    {
      card: 1,
      text: "Potential-based shaping never changes the optimal actions; other bonuses do",
      paper: "theorem",
      checks: [
        { text: "share of 300 MDPs unchanged by γΦ(s′) − Φ(s)", value: ({ exact }) => exact.lawful, atLeast: 1 },
        { text: "share changed by Φ(s′)", value: ({ exact }) => exact.bonusChanged, atLeast: 0.7 },
        { text: "share changed by Φ(s′) − Φ(s)", value: ({ exact }) => exact.undiscountedChanged, atLeast: 0.1 },
      ],
    },
    {
      card: 2,
      text: "Shaping is the same as starting Q at the potential",
      paper: "theorem",
      checks: [
        { text: "share of equal actions over 300 episodes", value: ({ exact }) => exact.sameActions, atLeast: 1 },
      ],
    },
    {
      card: 3,
      text: "A good potential speeds learning, a bad one slows it",
      paper: "qualitative",
      checks: [
        {
          text: "Φ = V* − 0.6 × none, steps in the first 50 episodes",
          value: ({ optimal, none }) => optimal.firstSteps - 0.6 * none.firstSteps,
          atMost: 0,
        },
        {
          text: "Φ = −0.1 · distance − 1.5 × none, the same",
          value: ({ distance, none }) => distance.firstSteps - 1.5 * none.firstSteps,
          atLeast: 0,
        },
      ],
    },
    {
      card: 4,
      text: "A bonus for approaching that is no potential makes the agent circle",
      paper: "qualitative",
      checks: [
        {
          text: "bonus 1 − 4 × none, steps in the last 50 episodes",
          value: ({ bonus, none }) => bonus.lastSteps - 4 * none.lastSteps,
          atLeast: 0,
        },
      ],
    },
    {
      card: 5,
      text: "Modelling label noise helps a preference reward",
      paper: "qualitative",
      checks: [
        {
          text: "ε = 0.3 − ε = 0, correlation with the true reward",
          value: ({ exact }) => exact.noiseModelled - exact.noiseIgnored,
          atLeast: 0,
        },
      ],
    },
  ],
  figure: {
    title: "Q-learning on a 7×7 grid with added rewards",
    panels: [
      { kind: "lines", curve: "steps", x: "episode", y: "steps to the goal", domain: [0, 200] },
      { kind: "dots", metric: "lastSteps", x: "mean steps, last 50 episodes" },
    ],
  },
});

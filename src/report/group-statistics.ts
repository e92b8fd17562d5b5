/** What the groups of a batch say: spread, outcomes, pass@k. Plain JSON. */
import { groupMembers, indexGroups } from "../core/groups.ts";
import { addToComoments, addToMoments, type Comoments, emptyComoments, emptyMoments, type Moments } from "./moments.ts";
import { addToSketch, emptySketch, type Sketch } from "./sketch.ts";

export interface GroupStatistics {
  sizes: Moments;
  /** Groups with two or more rewards. */
  comparable: number;
  zeroSpread: number;
  /** Within-group standard deviation of the reward (n − 1). */
  spread: Moments;
  /** Success rate of each group with a known outcome. */
  rate: Sketch;
  allFail: number;
  mixed: number;
  allPass: number;
  /** At k = 2^i: the unbiased estimate of each group with at least k known outcomes. */
  passAtK: Moments[];
  /** (rewards in the group, their sum): what the cluster-robust error of the mean needs. */
  clusters: Comoments;
}

const largestPower = 14;

export function emptyGroupStatistics(): GroupStatistics {
  return {
    sizes: emptyMoments(),
    comparable: 0,
    zeroSpread: 0,
    spread: emptyMoments(),
    rate: emptySketch(),
    allFail: 0,
    mixed: 0,
    allPass: 0,
    passAtK: [],
    clusters: emptyComoments(),
  };
}

/** Adds the groups of one batch; `outcomes` is 1, 0 or null (unknown), absent without a success rule. */
export function addGroups(
  statistics: GroupStatistics,
  groups: ArrayLike<string | number>,
  rewards: ArrayLike<number | null>,
  outcomes: ArrayLike<number | null> | null,
): void {
  const index = indexGroups(groups);
  const { order, starts } = groupMembers(index);
  for (let g = 0; g < index.ids.length; g++) {
    if (index.ids[g] === null || index.ids[g] === undefined) continue;
    const inside = emptyMoments();
    let known = 0;
    let successes = 0;
    for (let m = starts[g]; m < starts[g + 1]; m++) {
      const reward = rewards[order[m]];
      if (reward !== null) addToMoments(inside, reward);
      const outcome = outcomes ? outcomes[order[m]] : null;
      if (outcome === null) continue;
      known++;
      successes += outcome;
    }
    addToMoments(statistics.sizes, index.counts[g]);
    if (inside.count > 0) addToComoments(statistics.clusters, inside.count, inside.count * inside.mean);
    if (inside.count > 1) {
      const zero = inside.maximum === inside.minimum;
      statistics.comparable++;
      if (zero) statistics.zeroSpread++;
      addToMoments(statistics.spread, zero ? 0 : Math.sqrt(Math.max(0, inside.squares) / (inside.count - 1)));
    }
    if (known > 0) addOutcomes(statistics, known, successes);
  }
}

function addOutcomes(statistics: GroupStatistics, known: number, successes: number): void {
  addToSketch(statistics.rate, successes / known);
  if (successes === 0) statistics.allFail++;
  else if (successes === known) statistics.allPass++;
  else statistics.mixed++;
  for (let power = 0; power <= largestPower && 2 ** power <= known; power++) {
    if (statistics.passAtK.length === power) statistics.passAtK.push(emptyMoments());
    addToMoments(statistics.passAtK[power], passAtK(known, successes, 2 ** power));
  }
}

/**
 * Chance that at least one of k drawn out of n rollouts, c of them right, is right: 1 − C(n−c, k)/C(n, k)
 * (Chen et al., arXiv 2107.03374, eq. 1), as a product that does not overflow.
 */
export function passAtK(n: number, c: number, k: number): number {
  if (k > n - c) return 1;
  let miss = 1;
  for (let i = 0; i < k && miss > 0; i++) miss *= (n - c - i) / (n - i);
  return 1 - miss;
}

/**
 * Cluster-robust standard error of the mean over all rollouts: rollouts of one prompt are not
 * independent. With n_g rewards summing to s_g in each of G groups and the overall mean m:
 * √( G/(G−1) · Σ (s_g − m n_g)² ) / Σ n_g. null below two groups.
 */
export function clusteredError(clusters: Comoments): number | null {
  const { count, meanX, meanY, xx, yy, xy } = clusters;
  if (count < 2 || meanX === 0) return null;
  const m = meanY / meanX;
  const residual = Math.max(0, yy - 2 * m * xy + m * m * xx);
  return Math.sqrt((count / (count - 1)) * residual) / (count * meanX);
}

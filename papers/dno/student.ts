/**
 * A student that learns from a fixed teacher and from itself (DNO-Prct, algorithm 2): large-margin pairs on fresh prompts,
 * earlier pairs mixed in, one round of DPO against the present policy.
 */
import type { Random } from "guerdon/core";
import { type CandidateWorld, candidateSet, gradedCandidates, logLinearPolicy } from "guerdon/environment";
import { dpo } from "guerdon/objective";
import { decayedHistory, largeMarginPairs } from "guerdon/sampling";
import { fitPairs, pairSlopes } from "guerdon/training";

export type Mode = "full" | "restrictive" | "offline";
type Preference = readonly [chosen: number, rejected: number];
const perIteration = 64;
const replies = 5;

/** Large-margin pairs on some prompts: five replies of the student, one of the teacher, a judge's scores. */
function collect(
  world: CandidateWorld,
  teacher: Float64Array,
  policy: Float64Array,
  from: number,
  mode: Mode,
  random: Random,
) {
  const drawn: number[] = [];
  const groups: number[] = [];
  const sources: ("student" | "teacher")[] = [];
  const scores: number[] = [];
  for (let prompt = from; prompt < from + perIteration; prompt++)
    for (let k = 0; k <= replies; k++) {
      const source = k < replies ? "student" : "teacher";
      const i = world.draw(source === "student" ? policy : teacher, prompt, random);
      groups.push(prompt);
      sources.push(source);
      scores.push(world.score(prompt, i));
      drawn.push(prompt * world.candidates + i);
    }
  const { pairs, kinds } = largeMarginPairs()({ scores, groups, sources });
  return Array.from(pairs).flatMap(([a, b], m): Preference[] =>
    mode !== "restrictive" || kinds[m] === "teacher>student" ? [[drawn[a], drawn[b]]] : [],
  );
}

/** One round of DPO against the present policy. */
function dpoRound(
  world: CandidateWorld,
  theta: Float64Array,
  pairs: readonly Preference[],
  steps: number,
  random: Random,
) {
  const { dimensions, features } = world;
  const beta = 0.1;
  if (pairs.length === 0) return { theta, lossError: 0 };
  const differences = new Float64Array(pairs.length * dimensions);
  const offsets = new Float64Array(pairs.length);
  pairs.forEach(([a, b], k) => {
    for (let d = 0; d < dimensions; d++) {
      differences[k * dimensions + d] = features[a * dimensions + d] - features[b * dimensions + d];
      offsets[k] -= beta * theta[d] * differences[k * dimensions + d];
    }
  });
  const next = fitPairs({
    differences,
    dimensions,
    slope: pairSlopes.sigmoid,
    scale: beta,
    offsets,
    start: theta,
    steps,
    batch: 64,
    learningRate: 0.05,
    random,
  });
  const policies = [theta, next].map((weights) => logLinearPolicy(world, weights));
  const logprob = (side: 0 | 1, policy: number) => pairs.map((pair) => [Math.log(policies[policy][pair[side]])]);
  const { logRatioDifferences } = dpo({ beta })({
    chosenLogprobs: logprob(0, 1),
    rejectedLogprobs: logprob(1, 1),
    refChosenLogprobs: logprob(0, 0),
    refRejectedLogprobs: logprob(1, 0),
  });
  const lossError = Math.max(
    ...pairs.map((_, k) => {
      let logit = offsets[k];
      for (let d = 0; d < dimensions; d++) logit += beta * next[d] * differences[k * dimensions + d];
      return Math.abs(logit - beta * logRatioDifferences[k]);
    }),
  );
  return { theta: next, lossError };
}

/** Gold of the student after each round; the offline arm learns from the first policy's pairs alone, as many. */
function study(mode: Mode, iterations: number, random: Random) {
  const layout = gradedCandidates({ prompts: perIteration * 6 }, random.stream("world"));
  const { world, truth: exact } = candidateSet(layout);
  const history: (readonly Preference[])[] = [];
  const gold: number[] = [];
  let theta: Float64Array = new Float64Array(world.dimensions);
  let lossError = 0;
  const untrained = logLinearPolicy(world, theta);
  for (let t = 0; t < iterations; t++) {
    const policy = mode === "offline" ? untrained : logLinearPolicy(world, theta);
    history.push(collect(world, layout.teacher, policy, t * perIteration, mode, random.stream(`replies ${t}`)));
    if (mode === "offline") continue;
    const { quota } = decayedHistory()({ pairCounts: history.map((pairs) => pairs.length) });
    const pairs = history.flatMap((pairs, k) => pairs.slice(0, quota[k]));
    const round = dpoRound(world, theta, pairs, 60, random.stream(`order ${t}`));
    theta = round.theta;
    lossError = Math.max(lossError, round.lossError);
    gold.push(exact.expectedGold(logLinearPolicy(world, theta)));
  }
  const count = history.reduce((sum, pairs) => sum + pairs.length, 0);
  return { exact, teacher: layout.teacher, world, history, theta, gold, lossError, count };
}

/** Gold after every round, and the teacher's. */
export function student(mode: Mode, iterations: number, random: Random) {
  const { exact, teacher, world, history, gold, lossError, count } = study(mode, iterations, random);
  let pairs = count;
  if (mode === "offline") {
    // As many pairs as the iterated arm collects, taken evenly, and as many steps.
    const all = history.flat();
    pairs = Math.min(all.length, study("full", iterations, random).count);
    const kept = Array.from({ length: pairs }, (_, k) => all[Math.floor((k * all.length) / pairs)]);
    const zero = new Float64Array(world.dimensions);
    const { theta } = dpoRound(world, zero, kept, 60 * iterations, random.stream("order"));
    gold.push(...new Array<number>(iterations).fill(exact.expectedGold(logLinearPolicy(world, theta))));
  }
  return {
    gold,
    teacherGold: exact.expectedGold(teacher),
    startGold: exact.expectedGold(logLinearPolicy(world, new Float64Array(world.dimensions))),
    lossError,
    pairs,
  };
}

/**
 * Bed `candidate-set`: prompts with a fixed set of candidate responses each. A policy is a distribution over the
 * candidates of every prompt, so that expected gold, win rates, KL and exploitability are exact sums.
 *
 * A layout holds features, the reference policy and gold (or a table of preferences, which need not be transitive).
 * Everything per candidate is prompts × candidates, row after row.
 */
import type { Vector } from "../core/ragged.ts";
import type { Random } from "../core/random.ts";

export interface CandidateLayout {
  readonly prompts: number;
  readonly candidates: number;
  /** Features of a candidate. */
  readonly dimensions: number;
  /** prompts × candidates × dimensions. */
  readonly features: Float64Array;
  /** log π_ref, normalised per prompt. */
  readonly referenceLogprobs: Float64Array;
  readonly gold: Float64Array;
  /** P(i beats j) on a prompt by the annotator; i and j are candidates of that prompt. */
  readonly preference: (prompt: number, i: number, j: number) => number;
  /** The annotator's absolute score of a candidate; default: its gold. */
  readonly score?: (prompt: number, i: number) => number;
}

/** What a learner may see. Candidates are numbered within their prompt. */
export interface CandidateWorld extends Pick<CandidateLayout, "prompts" | "candidates" | "dimensions" | "features"> {
  readonly referenceLogprobs: Float64Array;
  /** A candidate drawn from a policy (probabilities). */
  readonly draw: (policy: Vector, prompt: number, random: Random) => number;
  /** Whether the annotator prefers i to j, drawn anew every time. */
  readonly prefers: (prompt: number, i: number, j: number, random: Random) => boolean;
  readonly score: (prompt: number, i: number) => number;
}

/** For evaluation only; policies are probabilities. Means are over prompts. */
export interface CandidateTruth {
  readonly gold: Float64Array;
  readonly expectedGold: (policy: Vector) => number;
  /** P(gold of a draw of `policy` > gold of a draw of `other`) + ½ P(equal); `other` defaults to the reference. */
  readonly winRate: (policy: Vector, other?: Vector) => number;
  /** KL(policy ‖ reference), nats. */
  readonly kl: (policy: Vector) => number;
  readonly entropy: (policy: Vector) => number;
  /** max_i P(i beats a draw of `policy`) − ½: what the best answer to this policy wins. */
  readonly exploitability: (policy: Vector) => number;
}

export function candidateSet(layout: CandidateLayout): { world: CandidateWorld; truth: CandidateTruth } {
  const { prompts, candidates, dimensions, features, referenceLogprobs, gold, preference } = layout;
  const reference = referenceLogprobs.map(Math.exp);
  const overPrompts = (value: (start: number, prompt: number) => number) => {
    let sum = 0;
    for (let prompt = 0; prompt < prompts; prompt++) sum += value(prompt * candidates, prompt);
    return sum / prompts;
  };
  const expected = (policy: Vector, value: (i: number) => number) =>
    overPrompts((start) => {
      let sum = 0;
      for (let i = start; i < start + candidates; i++) if (policy[i] > 0) sum += policy[i] * value(i);
      return sum;
    });
  // Candidates of each prompt by rising gold, so that a win rate is one pass.
  const ascending = Array.from({ length: prompts }, (_, prompt) =>
    Int32Array.from({ length: candidates }, (_, i) => prompt * candidates + i).sort((a, b) => gold[a] - gold[b]),
  );
  return {
    world: {
      prompts,
      candidates,
      dimensions,
      features,
      referenceLogprobs,
      draw(policy, prompt, random) {
        let left = random.uniform();
        for (let i = 0; i < candidates - 1; i++) {
          left -= policy[prompt * candidates + i];
          if (left < 0) return i;
        }
        return candidates - 1;
      },
      prefers: (prompt, i, j, random) => random.uniform() < preference(prompt, i, j),
      score: layout.score ?? ((prompt, i) => gold[prompt * candidates + i]),
    },
    truth: {
      gold,
      expectedGold: (policy) => expected(policy, (i) => gold[i]),
      winRate: (policy, other = reference) =>
        overPrompts((_, prompt) => {
          const order = ascending[prompt];
          let below = 0;
          let won = 0;
          for (let at = 0; at < candidates; ) {
            let own = 0;
            let equal = 0;
            const value = gold[order[at]];
            for (; at < candidates && gold[order[at]] === value; at++) {
              own += policy[order[at]];
              equal += other[order[at]];
            }
            won += own * (below + equal / 2);
            below += equal;
          }
          return won;
        }),
      kl: (policy) => expected(policy, (i) => Math.log(policy[i]) - referenceLogprobs[i]),
      entropy: (policy) => expected(policy, (i) => -Math.log(policy[i])),
      exploitability: (policy) =>
        overPrompts((start, prompt) => {
          let best = 0;
          for (let i = 0; i < candidates; i++) {
            let wins = 0;
            for (let j = 0; j < candidates; j++) wins += policy[start + j] * preference(prompt, i, j);
            best = Math.max(best, wins);
          }
          return best - 0.5;
        }),
    },
  };
}

/** Log-linear policy: log π = log π_ref + θ·f, normalised per prompt. Gives probabilities. */
export function logLinearPolicy(
  { prompts, candidates, dimensions, features, referenceLogprobs }: CandidateWorld,
  theta: Vector,
): Float64Array {
  const policy = Float64Array.from(referenceLogprobs);
  for (let i = 0; i < policy.length; i++)
    for (let d = 0; d < dimensions; d++) policy[i] += theta[d] * features[i * dimensions + d];
  for (let start = 0; start < prompts * candidates; start += candidates) normalize(policy, start, candidates);
  return policy;
}

/** Logits of one row to probabilities, in place. */
function normalize(values: Float64Array, start: number, length: number): void {
  let highest = Number.NEGATIVE_INFINITY;
  for (let i = start; i < start + length; i++) highest = Math.max(highest, values[i]);
  let total = 0;
  for (let i = start; i < start + length; i++) total += values[i] = Math.exp(values[i] - highest);
  for (let i = start; i < start + length; i++) values[i] /= total;
}

/** Logits of the reference to log-probabilities, row by row. */
function logNormalized(logits: Float64Array, candidates: number): Float64Array {
  const probabilities = Float64Array.from(logits);
  for (let start = 0; start < logits.length; start += candidates) normalize(probabilities, start, candidates);
  return probabilities.map(Math.log);
}

/** P(i beats j) = σ(scale · Δgold); an infinite scale is an annotator without noise (½ for equals). */
function boltzmann(gold: Float64Array, candidates: number, scale: number): CandidateLayout["preference"] {
  return (prompt, i, j) => {
    const margin = gold[prompt * candidates + i] - gold[prompt * candidates + j];
    if (margin === 0) return 0.5;
    return scale === Number.POSITIVE_INFINITY ? Number(margin > 0) : 1 / (1 + Math.exp(-scale * margin));
  };
}

const dot = (a: Vector, b: Vector, from: number) => {
  let sum = 0;
  for (let d = 0; d < a.length; d++) sum += a[d] * b[from + d];
  return sum;
};

/** A direction of the given length in all features but the first. */
function direction(dimensions: number, length: number, random: Random): Float64Array {
  const u = Float64Array.from({ length: dimensions }, (_, d) => (d === 0 ? 0 : random.normal()));
  const norm = Math.hypot(...u);
  return u.map((value) => (value * length) / norm);
}

/**
 * Verbosity (over-optimisation of direct alignment, arXiv 2406.02900): f₀ uniform in [−2, 6], the rest N(0, 1);
 * log π_ref ∝ −½f₀², so that long responses are rare; gold = u·f + 0.8f₀ − 0.5 max(f₀ − 0.5, 0)², ‖u‖ = 0.6, u₀ = 0.
 */
export function verbosityCandidates(
  {
    prompts = 50,
    candidates = 256,
    dimensions = 8,
    scale = 2,
  }: {
    readonly prompts?: number;
    readonly candidates?: number;
    readonly dimensions?: number;
    /** Of the annotator: P = σ(scale · Δgold). */
    readonly scale?: number;
  },
  random: Random,
): CandidateLayout {
  const u = direction(dimensions, 0.6, random.stream("gold"));
  const draws = random.stream("features");
  const count = prompts * candidates;
  const features = Float64Array.from({ length: count * dimensions }, (_, k) =>
    k % dimensions === 0 ? 8 * draws.uniform() - 2 : draws.normal(),
  );
  const verbosity = (i: number) => features[i * dimensions];
  const gold = Float64Array.from(
    { length: count },
    (_, i) => dot(u, features, i * dimensions) + 0.8 * verbosity(i) - 0.5 * Math.max(verbosity(i) - 0.5, 0) ** 2,
  );
  const logits = Float64Array.from({ length: count }, (_, i) => -0.5 * verbosity(i) ** 2);
  return {
    prompts,
    candidates,
    dimensions,
    features,
    referenceLogprobs: logNormalized(logits, candidates),
    gold,
    preference: boltzmann(gold, candidates, scale),
  };
}

/**
 * One prompt, six responses in a preference cycle (Direct Nash optimisation, arXiv 2404.03715): 0≻1 .9, 1≻2 .7, 2≻0 .7,
 * each of them beats 3, 4 and 5 with .75; 3≻4 .8, 4≻5 .8, 3≻5 .9. Nash (.25, .25, .5, 0, 0, 0). There is no gold: it
 * is the win rate against the reference. Features are one-hot, the reference is the start (.1, .1, .1, .2, .2, .3).
 */
export function cyclicCandidates(): CandidateLayout {
  const wins: readonly (readonly number[])[] = [
    [0.5, 0.9, 0.3, 0.75, 0.75, 0.75],
    [0.1, 0.5, 0.7, 0.75, 0.75, 0.75],
    [0.7, 0.3, 0.5, 0.75, 0.75, 0.75],
    [0.25, 0.25, 0.25, 0.5, 0.8, 0.9],
    [0.25, 0.25, 0.25, 0.2, 0.5, 0.8],
    [0.25, 0.25, 0.25, 0.1, 0.2, 0.5],
  ];
  const start = [0.1, 0.1, 0.1, 0.2, 0.2, 0.3];
  return {
    prompts: 1,
    candidates: 6,
    dimensions: 6,
    features: Float64Array.from({ length: 36 }, (_, k) => (k % 7 === 0 ? 1 : 0)),
    referenceLogprobs: Float64Array.from(start, Math.log),
    gold: Float64Array.from(wins, (row) => row.reduce((sum, p, j) => sum + p * start[j], 0)),
    preference: (_, i, j) => wins[i][j],
  };
}

/**
 * Gold that features explain in part, for students of a teacher: features N(0, I), gold = u·f + bend · (v·f)² of
 * deviation 1 and mean 0 with ‖u‖ = ‖v‖ = 1, uniform reference. The teacher is π ∝ exp(gold / temperature); the
 * annotator's scores are those of a rubric, clip(round(3 + 1.3 · gold), 0, 6).
 */
export function gradedCandidates(
  {
    prompts,
    candidates = 64,
    dimensions = 8,
    bend = 0.3,
    scale = 2,
    temperature = 0.5,
  }: {
    readonly prompts: number;
    readonly candidates?: number;
    readonly dimensions?: number;
    readonly bend?: number;
    readonly scale?: number;
    /** Of the teacher. */
    readonly temperature?: number;
  },
  random: Random,
): CandidateLayout & { readonly teacher: Float64Array } {
  const weights = random.stream("gold");
  const u = direction(dimensions, 1, weights);
  const v = direction(dimensions, 1, weights);
  const draws = random.stream("features");
  const count = prompts * candidates;
  const features = Float64Array.from({ length: count * dimensions }, () => draws.normal());
  // Var(u·f) = 1, Var((v·f)²) = 2, uncorrelated; E (v·f)² = 1.
  const deviation = Math.sqrt(1 + 2 * bend * bend);
  const gold = Float64Array.from(
    { length: count },
    (_, i) => (dot(u, features, i * dimensions) + bend * (dot(v, features, i * dimensions) ** 2 - 1)) / deviation,
  );
  return {
    prompts,
    candidates,
    dimensions,
    features,
    referenceLogprobs: new Float64Array(count).fill(-Math.log(candidates)),
    gold,
    preference: boltzmann(gold, candidates, scale),
    score: (prompt, i) => Math.min(6, Math.max(0, Math.round(3 + 1.3 * gold[prompt * candidates + i]))),
    teacher: logNormalized(
      gold.map((g) => g / temperature),
      candidates,
    ).map(Math.exp),
  };
}

/**
 * Bed `gaussian-policy`: responses are points drawn from a Gaussian policy, quality has a ceiling, and the
 * reward model that is optimised has none. Score function and KL are analytic, so a run takes a second.
 *
 * A bed gives `world`, which a learner may see, and `truth`, which only evaluation may.
 */
import type { Vector } from "../core/ragged.ts";
import type { Random } from "../core/random.ts";

export interface GaussianPolicyParams {
  readonly prompts: number;
  /** Standard deviation of the offset that the reward model adds to all responses of a prompt. */
  readonly offsetDeviation: number;
  /** Stored responses of the reference policy per prompt. */
  readonly references: number;
  /** Compared pairs that the reward model is fitted to. */
  readonly pairs: number;
  /** Noise draws that gold is averaged over. */
  readonly goldDraws: number;
}

export const gaussianPolicyDefaults: GaussianPolicyParams = {
  prompts: 64,
  offsetDeviation: 3,
  references: 10,
  pairs: 2000,
  goldDraws: 4000,
};

/** What a learner may see. Responses are points (q, v); the reference policy is N(0, I). */
export interface GaussianPolicyWorld {
  readonly dimensions: 2;
  readonly prompts: number;
  /** The reward model's score of a response. */
  readonly proxy: (prompt: number, response: Vector) => number;
  /** Its scores of the stored responses, prompts × references. */
  readonly referenceRewards: readonly Float64Array[];
}

/** For evaluation only. */
export interface GaussianPolicyTruth {
  /** Gold of one response. */
  readonly gold: (response: Vector) => number;
  /** Expected gold of N(mean, I), over the same fixed noise at every call. */
  readonly expectedGold: (mean: Vector) => number;
}

/** Quality saturates in q, falls off beyond 4, and pays for v only up to 2: more of anything ends up worse. */
function gold(q: number, v: number): number {
  const surplus = Math.max(v, 0);
  const excess = Math.max(q - 4, 0);
  return 2 * Math.tanh(q / 2) + 0.6 * v - 0.15 * surplus * surplus - 0.1 * excess * excess;
}

/**
 * Streams: `offsets` (standard normals, scaled by `offsetDeviation`, so that worlds of one seed differ in
 * nothing else), `pairs`, `references`, `evaluation`.
 */
export function gaussianPolicy(
  params: Partial<GaussianPolicyParams>,
  random: Random,
): { readonly world: GaussianPolicyWorld; readonly truth: GaussianPolicyTruth } {
  const { prompts, offsetDeviation, references, pairs, goldDraws } = { ...gaussianPolicyDefaults, ...params };
  const weights = fitProxy(pairs, random.stream("pairs"));
  const offsets = normals(prompts, random.stream("offsets")).map((z) => offsetDeviation * z);
  const proxy = (prompt: number, response: Vector) =>
    weights[0] * response[0] + weights[1] * response[1] + offsets[prompt];
  const stored = random.stream("references");
  const referenceRewards = Array.from({ length: prompts }, (_, prompt) =>
    Float64Array.from({ length: references }, () => proxy(prompt, [stored.normal(), stored.normal()])),
  );
  const noise = normals(2 * goldDraws, random.stream("evaluation"));
  return {
    world: { dimensions: 2, prompts, proxy, referenceRewards },
    truth: {
      gold: (response) => gold(response[0], response[1]),
      expectedGold(mean) {
        let sum = 0;
        for (let i = 0; i < noise.length; i += 2) sum += gold(mean[0] + noise[i], mean[1] + noise[i + 1]);
        return sum / goldDraws;
      },
    },
  };
}

/** Linear Bradley–Terry fit on pairs of reference responses, labelled with P(first wins) = σ(2Δgold). */
function fitProxy(pairs: number, random: Random): Float64Array {
  const differences = new Float64Array(2 * pairs);
  const labels = new Float64Array(pairs);
  for (let i = 0; i < pairs; i++) {
    const [q1, v1, q2, v2] = [random.normal(), random.normal(), random.normal(), random.normal()];
    differences[2 * i] = q1 - q2;
    differences[2 * i + 1] = v1 - v2;
    labels[i] = random.uniform() < sigmoid(2 * (gold(q1, v1) - gold(q2, v2))) ? 1 : 0;
  }
  const weights = new Float64Array(2);
  for (let step = 0; step < 200; step++) {
    let first = 0;
    let second = 0;
    for (let i = 0; i < pairs; i++) {
      const x = differences[2 * i];
      const y = differences[2 * i + 1];
      const error = labels[i] - sigmoid(weights[0] * x + weights[1] * y);
      first += error * x;
      second += error * y;
    }
    weights[0] += 0.5 * (first / pairs - 1e-4 * weights[0]);
    weights[1] += 0.5 * (second / pairs - 1e-4 * weights[1]);
  }
  return weights;
}

function normals(count: number, random: Random): Float64Array {
  return Float64Array.from({ length: count }, () => random.normal());
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/**
 * Bed `bandit`, layout `noisy-copy`: the arms are thoughts before an answer. A few of each prompt's thoughts are
 * informative: the symbols copied from them are the target's more often. The answer head gives the copied symbol a
 * probability by one parameter κ for each kind of thought, e^κ/(e^κ + 9) of ten symbols. Targets are new at every visit.
 */
import type { Random } from "../core/random.ts";

/** Kinds of thought: informative, useless, and none at all. */
export const thoughtKinds = 3;
export const absentThought = 2;

export interface NoisyCopyParams {
  readonly prompts: number;
  readonly thoughts: number;
  readonly informative: number;
  readonly symbols: number;
  /** Probability that a copied symbol is the target's, by kind. */
  readonly reliability: readonly [informative: number, useless: number, absent: number];
  /** κ at the start, by kind. */
  readonly headStart: readonly [informative: number, useless: number, absent: number];
}

export const noisyCopyDefaults: NoisyCopyParams = {
  prompts: 16,
  thoughts: 16,
  informative: 3,
  symbols: 10,
  reliability: [0.9, 0.3, 0.5],
  headStart: [1.5, 0.5, 1],
};

/** Log-probabilities that the answer head gives the copied symbol, and each other one. */
export interface HeadLogprobs {
  readonly copied: number;
  readonly other: number;
}

export interface NoisyCopyWorld extends NoisyCopyParams {
  /** 0 or 1. */
  readonly kind: (prompt: number, thought: number) => number;
  /** A reference answer of so many tokens. */
  readonly target: (length: number, random: Random) => Int32Array;
  /** What is copied from a thought of a kind, token by token: the target's symbol or another one. */
  readonly copy: (kind: number, target: Int32Array, random: Random) => Int32Array;
  readonly head: (kappa: number) => HeadLogprobs;
}

export interface NoisyCopyEvaluation {
  /** Probability that the likeliest symbol is right, for one token. */
  readonly greedy: number;
  /** Probability that a sampled symbol is right, for one token. */
  readonly sampled: number;
  /** Expected log-probability of the target per token, nats. */
  readonly logprob: number;
}

export interface NoisyCopyTruth {
  /** `policy`: probabilities, prompts × thoughts; null: no thought. `kappa`: by kind. Exact, over thoughts and copies. */
  readonly evaluate: (policy: Float64Array | null, kappa: ArrayLike<number>) => NoisyCopyEvaluation;
}

/** Stream: `informative` (which thoughts are). */
export function noisyCopy(
  params: Partial<NoisyCopyParams>,
  random: Random,
): { readonly world: NoisyCopyWorld; readonly truth: NoisyCopyTruth } {
  const settings = { ...noisyCopyDefaults, ...params };
  const { prompts, thoughts, informative, symbols, reliability } = settings;
  const draw = random.stream("informative");
  const kinds = new Uint8Array(prompts * thoughts).fill(1);
  for (let prompt = 0; prompt < prompts; prompt++) {
    for (let left = informative; left > 0; ) {
      const i = prompt * thoughts + draw.integer(thoughts);
      if (kinds[i] === 0) continue;
      kinds[i] = 0;
      left--;
    }
  }
  const head = (kappa: number): HeadLogprobs => {
    const total = Math.log(Math.exp(kappa) + symbols - 1);
    return { copied: kappa - total, other: -total };
  };
  const ofKind = (kind: number, kappa: number): NoisyCopyEvaluation => {
    const right = reliability[kind];
    // Another symbol than the copied one is right with (1 − right)/(symbols − 1).
    const other = (1 - right) / (symbols - 1);
    const { copied, other: rest } = head(kappa);
    return {
      greedy: kappa > 0 ? right : other,
      sampled: right * Math.exp(copied) + (1 - right) * Math.exp(rest),
      logprob: right * copied + (1 - right) * rest,
    };
  };
  return {
    world: {
      ...settings,
      kind: (prompt, thought) => kinds[prompt * thoughts + thought],
      target: (length, from) => Int32Array.from({ length }, () => from.integer(symbols)),
      copy: (kind, target, from) =>
        target.map((symbol) =>
          from.uniform() < reliability[kind] ? symbol : (symbol + 1 + from.integer(symbols - 1)) % symbols,
        ),
      head,
    },
    truth: {
      evaluate(policy, kappa) {
        const kind = Array.from({ length: thoughtKinds }, (_, k) => ofKind(k, kappa[k]));
        if (policy === null) return kind[absentThought];
        const share = policy.reduce((sum, p, i) => sum + (kinds[i] === 0 ? p : 0), 0) / prompts;
        const mix = (of: keyof NoisyCopyEvaluation) => share * kind[0][of] + (1 - share) * kind[1][of];
        return { greedy: mix("greedy"), sampled: mix("sampled"), logprob: mix("logprob") };
      },
    },
  };
}

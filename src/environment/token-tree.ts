/**
 * Bed `token-tree`: two tokens per prompt, the second given the first, and few correct leaves under different first
 * tokens. Demonstrations are paths; in the context of a policy they raise the logits along them.
 */
import type { Random } from "../core/random.ts";
import { chainedTokens, type TokenTable, tokenTable } from "./factored-tokens.ts";

export interface TokenTreeParams {
  readonly prompts: number;
  readonly symbols: number;
  /** Correct leaves per prompt, under different first tokens. */
  readonly leaves: number;
  /** Standard deviation of the start logits: one for all prompts, or one each. */
  readonly scale: number | ArrayLike<number>;
}

export const tokenTreeDefaults: TokenTreeParams = { prompts: 8, symbols: 8, leaves: 4, scale: 2 };

/** First and second token. */
export type TreePath = readonly [first: number, second: number];

export interface TokenTreeWorld extends TokenTreeParams {
  readonly table: TokenTable;
  readonly startLogits: () => Float64Array;
  /** 1 on a correct leaf. */
  readonly reward: (prompt: number, path: ArrayLike<number>) => number;
  /** A worked path: a correct one with probability `right`, else any. */
  readonly demonstration: (prompt: number, right: number, random: Random) => TreePath;
  /** One prompt's logits with a path in its context: `boost` on both of its tokens. */
  readonly shown: (logits: Float64Array, prompt: number, path: TreePath, boost: number) => Float64Array;
}

export interface TreeEvaluation {
  /** Mean probability of a correct leaf. */
  readonly accuracy: number;
  /** Share of prompts with accuracy above ½. */
  readonly solved: number;
  /** Mean entropy of paths, nats. */
  readonly entropy: number;
  /** Mean over prompts of exp(entropy among correct leaves). */
  readonly effectiveModes: number;
  /** Mean number of correct leaves with probability above 1 %. */
  readonly modes: number;
}

/** For evaluation only: exact, from a policy's probabilities. */
export interface TokenTreeTruth {
  readonly evaluate: (policy: Float64Array) => TreeEvaluation;
  /** Mean over prompts of 1 − (1 − accuracy)^k. */
  readonly passAtK: (policy: Float64Array, k: number) => number;
}

/** Streams: `logits`, `leaves`. */
export function tokenTree(
  params: Partial<TokenTreeParams>,
  random: Random,
): { readonly world: TokenTreeWorld; readonly truth: TokenTreeTruth } {
  const settings = { ...tokenTreeDefaults, ...params };
  const { prompts, symbols, leaves, scale } = settings;
  const table = tokenTable(chainedTokens(2, symbols));
  const normal = random.stream("logits");
  const logits = Float64Array.from({ length: prompts * table.blockSize }, (_, i) => {
    const deviation = typeof scale === "number" ? scale : scale[Math.floor(i / table.blockSize)];
    return deviation * normal.normal();
  });
  const draw = random.stream("leaves");
  const correct: readonly (readonly TreePath[])[] = Array.from({ length: prompts }, () => {
    const firsts = Array.from({ length: symbols }, (_, symbol) => symbol);
    for (let i = 0; i < leaves; i++) {
      const j = i + draw.integer(symbols - i);
      [firsts[i], firsts[j]] = [firsts[j], firsts[i]];
    }
    return firsts.slice(0, leaves).map((first): TreePath => [first, draw.integer(symbols)]);
  });
  const probability = (block: Float64Array, [first, second]: TreePath) =>
    block[first] * block[table.rowOf(1, first) * symbols + second];

  const world: TokenTreeWorld = {
    ...settings,
    table,
    startLogits: () => logits.slice(),
    reward: (prompt, path) => (correct[prompt].some(([a, b]) => a === path[0] && b === path[1]) ? 1 : 0),
    demonstration: (prompt, right, uniform) =>
      uniform.uniform() < right
        ? correct[prompt][uniform.integer(leaves)]
        : [uniform.integer(symbols), uniform.integer(symbols)],
    shown(all, prompt, [first, second], boost) {
      const block = table.blockOf(all, prompt).slice();
      block[first] += boost;
      block[table.rowOf(1, first) * symbols + second] += boost;
      return block;
    },
  };

  const accuracies = (policy: Float64Array) =>
    correct.map((paths, prompt) => {
      const block = table.blockOf(policy, prompt);
      return paths.reduce((sum, path) => sum + probability(block, path), 0);
    });
  const evaluate = (policy: Float64Array): TreeEvaluation => {
    const accuracy = accuracies(policy);
    let entropy = 0;
    let effectiveModes = 0;
    let modes = 0;
    for (let prompt = 0; prompt < prompts; prompt++) {
      const block = table.blockOf(policy, prompt);
      entropy += table.entropy(block);
      const masses = correct[prompt].map((path) => probability(block, path));
      modes += masses.filter((mass) => mass > 0.01).length;
      const shares = masses.map((mass) => mass / accuracy[prompt]).filter((share) => share > 0);
      effectiveModes += Math.exp(-shares.reduce((sum, share) => sum + share * Math.log(share), 0));
    }
    return {
      accuracy: accuracy.reduce((sum, value) => sum + value, 0) / prompts,
      solved: accuracy.filter((value) => value > 0.5).length / prompts,
      entropy: entropy / prompts,
      effectiveModes: effectiveModes / prompts,
      modes: modes / prompts,
    };
  };
  const passAtK = (policy: Float64Array, k: number) =>
    accuracies(policy).reduce((sum, value) => sum + 1 - (1 - value) ** k, 0) / prompts;
  return { world, truth: { evaluate, passAtK } };
}

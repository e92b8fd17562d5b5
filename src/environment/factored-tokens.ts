/**
 * Bed `factored-tokens`: policies that are softmax tables over (prompt, position, context, symbol), with a hidden
 * reward on the whole sequence. Success, entropy and divergence are exact by forward recursion over contexts.
 *
 * A table of P prompts is P blocks, one after the other; a block is positions × contexts × symbols. Everything below
 * works on one block (`blockOf`), as logits or as probabilities.
 */
import type { Random } from "../core/random.ts";

export interface TokenShape {
  readonly positions: number;
  readonly symbols: number;
  /** Number of contexts; 1: positions are independent. */
  readonly contexts: number;
  /** Context of a position after the previous symbol; at position 0 the previous symbol is 0 and the context must not depend on it. */
  readonly contextOf: (position: number, previous: number) => number;
}

/** Positions independent of each other. */
export const independentTokens = (positions: number, symbols: number): TokenShape => ({
  positions,
  symbols,
  contexts: 1,
  contextOf: () => 0,
});

/** The context is the previous symbol. */
export const chainedTokens = (positions: number, symbols: number): TokenShape => ({
  positions,
  symbols,
  contexts: symbols,
  contextOf: (position, previous) => (position === 0 ? 0 : previous),
});

export interface TokenTable extends TokenShape {
  /** positions × contexts × symbols. */
  readonly blockSize: number;
  /** One prompt's part of a table, as a view. */
  readonly blockOf: (table: Float64Array, prompt: number) => Float64Array;
  /** Row of a position after the previous symbol, within a block. */
  readonly rowOf: (position: number, previous: number) => number;
  /** Draws a sequence; writes its symbols and their rows. */
  readonly sample: (policy: Float64Array, random: Random, symbols: Int32Array, rows: Int32Array) => void;
  /** Probability that every step is good; `good` is positions × contexts × symbols, 1 or 0. */
  readonly success: (policy: Float64Array, good: Uint8Array) => number;
  /** Expected sum over a sequence of a reward per (position, context, symbol). */
  readonly expected: (policy: Float64Array, rewards: ArrayLike<number>) => number;
  /** Entropy of whole sequences, nats. */
  readonly entropy: (policy: Float64Array) => number;
  /** KL(policy ‖ reference) of whole sequences, nats; infinite where the reference never goes. */
  readonly kl: (policy: Float64Array, reference: Float64Array) => number;
}

export function tokenTable(shape: TokenShape): TokenTable {
  const { positions, symbols, contexts, contextOf } = shape;
  const blockSize = positions * contexts * symbols;
  const rowOf = (position: number, previous: number) => position * contexts + contextOf(position, previous);

  /** Σ over rows of P(row is reached) · value(row); `through`: which steps keep a sequence alive (all, if null). */
  const forward = (policy: Float64Array, through: Uint8Array | null, value: (row: number) => number) => {
    let reached = new Float64Array(contexts);
    reached[contextOf(0, 0)] = 1;
    let total = 0;
    let alive = 1;
    for (let position = 0; position < positions; position++) {
      const next = new Float64Array(contexts);
      alive = 0;
      for (let context = 0; context < contexts; context++) {
        const mass = reached[context];
        if (mass === 0) continue;
        const row = position * contexts + context;
        total += mass * value(row);
        for (let symbol = 0; symbol < symbols; symbol++) {
          const i = row * symbols + symbol;
          if (through && through[i] === 0) continue;
          alive += mass * policy[i];
          if (position + 1 < positions) next[contextOf(position + 1, symbol)] += mass * policy[i];
        }
      }
      reached = next;
    }
    return { total, alive };
  };
  const expected = (policy: Float64Array, term: (i: number) => number) =>
    forward(policy, null, (row) => {
      let sum = 0;
      for (let i = row * symbols; i < (row + 1) * symbols; i++) if (policy[i] > 0) sum += policy[i] * term(i);
      return sum;
    }).total;

  return {
    ...shape,
    blockSize,
    rowOf,
    blockOf: (table, prompt) => table.subarray(prompt * blockSize, (prompt + 1) * blockSize),
    sample(policy, random, sequence, rows) {
      let previous = 0;
      for (let position = 0; position < positions; position++) {
        const row = rowOf(position, previous);
        let left = random.uniform();
        let symbol = 0;
        // The last symbol with any probability takes what rounding leaves.
        for (let a = 0; a < symbols; a++) {
          const probability = policy[row * symbols + a];
          if (probability === 0) continue;
          symbol = a;
          left -= probability;
          if (left < 0) break;
        }
        rows[position] = row;
        sequence[position] = symbol;
        previous = symbol;
      }
    },
    success: (policy, good) => forward(policy, good, () => 0).alive,
    expected: (policy, rewards) => expected(policy, (i) => rewards[i]),
    entropy: (policy) => expected(policy, (i) => -Math.log(policy[i])),
    kl: (policy, reference) => expected(policy, (i) => Math.log(policy[i] / reference[i])),
  };
}

/** Is every step of a sequence good? */
function allGood(table: TokenTable, good: Uint8Array, sequence: ArrayLike<number>): boolean {
  for (let position = 0; position < table.positions; position++) {
    const row = table.rowOf(position, position === 0 ? 0 : sequence[position - 1]);
    if (good[row * table.symbols + sequence[position]] === 0) return false;
  }
  return true;
}

export interface HintedTokensParams {
  readonly prompts: number;
  readonly positions: number;
  readonly symbols: number;
  /** Start bias of the target symbol, by equal parts of the prompts. */
  readonly biases: readonly number[];
  /** Positions that a hint of level 0, 1, … reveals. */
  readonly revealed: readonly number[];
  /** κ: frozen logit that a revealed target symbol gets. */
  readonly trust: number;
}

/** round(6ℓ/4) for ℓ = 0 … 4, halves to even as NumPy has it. */
export const hintedTokensDefaults: HintedTokensParams = {
  prompts: 24,
  positions: 6,
  symbols: 6,
  biases: [1.6, 0.6, -0.3],
  revealed: [0, 2, 3, 4, 6],
  trust: 3,
};

export interface HintedTokensWorld extends HintedTokensParams {
  readonly table: TokenTable;
  readonly startLogits: () => Float64Array;
  /** One prompt's logits with a hint in its context; level 0 copies them. */
  readonly hinted: (logits: Float64Array, prompt: number, level: number) => Float64Array;
  /** The verifier: 1 when all symbols match the hidden target. */
  readonly reward: (prompt: number, sequence: ArrayLike<number>) => number;
}

/**
 * Layout `hints`: reward 1 iff all symbols match a hidden target; a hint of a higher level reveals more positions, in
 * one random order per prompt. `truth.success`: exact and without hint, from the policy's probabilities.
 * Streams: `targets`, `order`.
 */
export function hintedTokens(params: Partial<HintedTokensParams>, random: Random) {
  const settings = { ...hintedTokensDefaults, ...params };
  const { prompts, positions, symbols, biases, revealed, trust } = settings;
  const table = tokenTable(independentTokens(positions, symbols));
  const draw = random.stream("targets");
  const targets = Int32Array.from({ length: prompts * positions }, () => draw.integer(symbols));
  const shuffle = random.stream("order");
  const orders = Array.from({ length: prompts }, () => permutation(positions, shuffle));
  const cell = (prompt: number, position: number) => position * symbols + targets[prompt * positions + position];
  const goods = orders.map((_, prompt) => {
    const good = new Uint8Array(table.blockSize);
    for (let position = 0; position < positions; position++) good[cell(prompt, position)] = 1;
    return good;
  });
  const world: HintedTokensWorld = {
    ...settings,
    table,
    startLogits() {
      const logits = new Float64Array(prompts * table.blockSize);
      for (let prompt = 0; prompt < prompts; prompt++) {
        const block = table.blockOf(logits, prompt);
        const bias = biases[Math.floor((prompt * biases.length) / prompts)];
        for (let position = 0; position < positions; position++) block[cell(prompt, position)] = bias;
      }
      return logits;
    },
    hinted(logits, prompt, level) {
      const block = table.blockOf(logits, prompt).slice();
      for (const position of orders[prompt].subarray(0, revealed[level])) block[cell(prompt, position)] += trust;
      return block;
    },
    reward: (prompt, sequence) => (allGood(table, goods[prompt], sequence) ? 1 : 0),
  };
  const success = (policy: Float64Array, prompt: number) => table.success(table.blockOf(policy, prompt), goods[prompt]);
  return { world, truth: { success } };
}

export interface ClearMurkyParams {
  readonly decisions: number;
  readonly actions: number;
  /** Start probability of the action the policy favours in a clear branch, and whether that one is right. */
  readonly clear: { readonly favoured: number; readonly right: boolean };
  /** Start probability of the right action in a murky branch. */
  readonly murky: number;
}

export const clearMurkyDefaults: ClearMurkyParams = {
  decisions: 6,
  actions: 8,
  clear: { favoured: 0.8, right: true },
  murky: 0.2,
};

export interface ClearMurkyWorld extends ClearMurkyParams {
  /** Even positions choose a branch (0 clear, 1 murky), odd ones an action in it. */
  readonly table: TokenTable;
  readonly startLogits: () => Float64Array;
  /** 1 when every action was right in its branch. */
  readonly reward: (sequence: ArrayLike<number>) => number;
}

/**
 * Layout `clear-murky`: decisions between a clear and a murky branch, start 50/50, then one of several actions, of
 * which one per branch is right. One table, no prompts. Stream: `right`.
 */
export function clearMurky(params: Partial<ClearMurkyParams>, random: Random) {
  const settings = { ...clearMurkyDefaults, ...params };
  const { decisions, actions, clear, murky } = settings;
  const table = tokenTable({
    positions: 2 * decisions,
    symbols: actions,
    contexts: 2,
    contextOf: (position, previous) => (position % 2 === 0 ? 0 : previous),
  });
  const draw = random.stream("right");
  const right = Int32Array.from({ length: 2 * decisions }, () => draw.integer(actions));
  const good = new Uint8Array(table.blockSize);
  const start = new Float64Array(table.blockSize);
  for (let decision = 0; decision < decisions; decision++) {
    for (let branch = 0; branch < 2; branch++) {
      const choice = table.rowOf(2 * decision, 0) * actions;
      good[choice + branch] = 1;
      // There are two branches, so the other symbols never come.
      start.fill(Number.NEGATIVE_INFINITY, choice + 2, choice + actions);
      const row = table.rowOf(2 * decision + 1, branch) * actions;
      const answer = right[2 * decision + branch];
      good[row + answer] = 1;
      const favoured = branch === 0 && !clear.right ? (answer + 1) % actions : answer;
      const probability = branch === 0 ? clear.favoured : murky;
      start[row + favoured] = Math.log((probability * (actions - 1)) / (1 - probability));
    }
  }
  const world: ClearMurkyWorld = {
    ...settings,
    table,
    startLogits: () => start.slice(),
    reward: (sequence) => (allGood(table, good, sequence) ? 1 : 0),
  };
  return { world, truth: { success: (policy: Float64Array) => table.success(policy, good) } };
}

export interface BadSymbolsParams {
  readonly positions: number;
  readonly symbols: number;
  /** Standard deviation of the reference's logits. */
  readonly scale: number;
  /** Probability that one symbol of a row is bad; else two are. */
  readonly single: number;
}

export const badSymbolsDefaults: BadSymbolsParams = { positions: 6, symbols: 5, scale: 0.7, single: 0.6 };

export interface BadSymbolsWorld extends BadSymbolsParams {
  readonly table: TokenTable;
  readonly referenceLogits: () => Float64Array;
  /** The outcome: no bad symbol anywhere. */
  readonly correct: (sequence: ArrayLike<number>) => boolean;
}

/**
 * Layout `bad-symbols`: in every (position, previous symbol) one or two symbols are bad; a response is right iff it has
 * none. `truth.firstError`: position of the first bad symbol, −1 without one. Streams: `reference`, `bad`.
 */
export function badSymbols(params: Partial<BadSymbolsParams>, random: Random) {
  const settings = { ...badSymbolsDefaults, ...params };
  const { positions, symbols, scale, single } = settings;
  const table = tokenTable(chainedTokens(positions, symbols));
  const normal = random.stream("reference");
  const logits = Float64Array.from({ length: table.blockSize }, () => scale * normal.normal());
  const draw = random.stream("bad");
  const good = new Uint8Array(table.blockSize).fill(1);
  for (let row = 0; row < table.blockSize; row += symbols) {
    const count = draw.uniform() < single ? 1 : 2;
    for (const symbol of permutation(symbols, draw).subarray(0, count)) good[row + symbol] = 0;
  }
  const firstError = (sequence: ArrayLike<number>) => {
    for (let position = 0; position < positions; position++) {
      const row = table.rowOf(position, position === 0 ? 0 : sequence[position - 1]);
      if (good[row * symbols + sequence[position]] === 0) return position;
    }
    return -1;
  };
  const world: BadSymbolsWorld = {
    ...settings,
    table,
    referenceLogits: () => logits.slice(),
    correct: (sequence) => firstError(sequence) < 0,
  };
  return { world, truth: { firstError, success: (policy: Float64Array) => table.success(policy, good) } };
}

/** 0 … n − 1 in random order. */
function permutation(n: number, random: Random): Int32Array {
  const order = Int32Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

import { describe, expect, test } from "vitest";
import { createRandom } from "../core/random.ts";
import {
  badSymbols,
  chainedTokens,
  clearMurky,
  hintedTokens,
  independentTokens,
  type TokenTable,
  tokenTable,
} from "./factored-tokens.ts";

/** Random probabilities, row by row. */
function randomPolicy(size: number, symbols: number, seed: string): Float64Array {
  const random = createRandom(seed);
  const policy = Float64Array.from({ length: size }, () => random.uniform() ** 2 + 0.01);
  for (let row = 0; row < size; row += symbols) {
    const total = policy.subarray(row, row + symbols).reduce((sum, value) => sum + value, 0);
    for (let i = row; i < row + symbols; i++) policy[i] /= total;
  }
  return policy;
}

const softmax = (logits: Float64Array, symbols: number) => {
  const policy = logits.map(Math.exp);
  for (let row = 0; row < policy.length; row += symbols) {
    const total = policy.subarray(row, row + symbols).reduce((sum, value) => sum + value, 0);
    for (let i = row; i < row + symbols; i++) policy[i] /= total;
  }
  return policy;
};

/** Every sequence with its cells (row × symbols + symbol). */
function* sequences(table: TokenTable): Generator<{ symbols: number[]; cells: number[] }> {
  for (let code = 0; code < table.symbols ** table.positions; code++) {
    const symbols = Array.from(
      { length: table.positions },
      (_, t) => Math.floor(code / table.symbols ** t) % table.symbols,
    );
    const cells = symbols.map((symbol, t) => table.rowOf(t, t === 0 ? 0 : symbols[t - 1]) * table.symbols + symbol);
    yield { symbols, cells };
  }
}
const product = (policy: Float64Array, cells: number[]) => cells.reduce((mass, cell) => mass * policy[cell], 1);

describe("the table", () => {
  const table = tokenTable(chainedTokens(4, 3));
  const policy = randomPolicy(table.blockSize, 3, "policy");
  const reference = randomPolicy(table.blockSize, 3, "reference");

  test("success, expected reward, entropy and KL are those of enumeration", () => {
    const random = createRandom("good");
    const good = Uint8Array.from({ length: table.blockSize }, () => (random.uniform() < 0.8 ? 1 : 0));
    const rewards = Float64Array.from({ length: table.blockSize }, () => random.normal());
    let [success, expected, entropy, kl, total] = [0, 0, 0, 0, 0];
    for (const { cells } of sequences(table)) {
      const mass = product(policy, cells);
      total += mass;
      if (cells.every((cell) => good[cell] === 1)) success += mass;
      expected += mass * cells.reduce((sum, cell) => sum + rewards[cell], 0);
      entropy -= mass * Math.log(mass);
      kl += mass * Math.log(mass / product(reference, cells));
    }
    expect(total).toBeCloseTo(1, 12);
    expect(success).toBeGreaterThan(0.01);
    expect(table.success(policy, good)).toBeCloseTo(success, 12);
    expect(table.expected(policy, rewards)).toBeCloseTo(expected, 12);
    expect(table.entropy(policy)).toBeCloseTo(entropy, 12);
    expect(table.kl(policy, reference)).toBeCloseTo(kl, 12);
  });

  test("two fair coins by hand", () => {
    const coins = tokenTable(independentTokens(2, 2));
    const fair = new Float64Array(4).fill(0.5);
    expect(coins.success(fair, Uint8Array.of(1, 0, 1, 1))).toBe(0.5);
    expect(coins.entropy(fair)).toBeCloseTo(2 * Math.log(2), 12);
    expect(coins.expected(fair, [1, 0, 0, 3])).toBe(2);
    expect(coins.kl(Float64Array.of(1, 0, 0.5, 0.5), fair)).toBeCloseTo(Math.log(2), 12);
  });

  test("samples follow the policy, and the same stream gives the same ones", () => {
    const counts = new Map<string, number>();
    const draws = createRandom("draws");
    const [sequence, rows] = [new Int32Array(4), new Int32Array(4)];
    for (let i = 0; i < 20_000; i++) {
      table.sample(policy, draws, sequence, rows);
      if (i < 50)
        expect(Array.from(rows)).toEqual([0, 1, 2, 3].map((t) => table.rowOf(t, t === 0 ? 0 : sequence[t - 1])));
      const key = sequence.join("");
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    for (const { symbols, cells } of sequences(table))
      expect(Math.abs((counts.get(symbols.join("")) ?? 0) / 20_000 - product(policy, cells))).toBeLessThan(0.012);
    const again = new Int32Array(4);
    table.sample(policy, createRandom("draws"), again, rows);
    table.sample(policy, createRandom("draws"), sequence, rows);
    expect(again).toEqual(sequence);
  });
});

describe("hints", () => {
  const { world, truth } = hintedTokens({}, createRandom("hints"));
  const logits = world.startLogits();

  test("success at the start is the product of the biases' softmax", () => {
    const policy = softmax(logits, 6);
    for (const [prompt, bias] of [
      [0, 1.6],
      [8, 0.6],
      [23, -0.3],
    ])
      expect(truth.success(policy, prompt)).toBeCloseTo((Math.exp(bias) / (Math.exp(bias) + 5)) ** 6, 12);
  });

  test("a level reveals its positions, each contained in the next, and only targets", () => {
    const start = world.table.blockOf(logits, 20);
    const changed = [0, 1, 2, 3, 4].map((level) => {
      const hinted = world.hinted(logits, 20, level);
      return Array.from(hinted.keys()).filter((i) => hinted[i] !== start[i]);
    });
    expect(changed.map((cells) => cells.length)).toEqual([0, 2, 3, 4, 6]);
    for (let level = 1; level < 5; level++) expect(changed[level]).toEqual(expect.arrayContaining(changed[level - 1]));
    const target = Int32Array.from(
      changed[4].sort((a, b) => a - b),
      (cell) => cell % 6,
    );
    expect(world.reward(20, target)).toBe(1);
    for (let t = 0; t < 6; t++) {
      const other = target.slice();
      other[t] = (other[t] + 1) % 6;
      expect(world.reward(20, other)).toBe(0);
    }
  });
});

describe("clear-murky", () => {
  test("start success by hand, and no symbol but the two branches", () => {
    const { world, truth } = clearMurky({}, createRandom("corridor"));
    const policy = softmax(world.startLogits(), 8);
    expect(truth.success(policy)).toBeCloseTo((0.5 * 0.8 + 0.5 * 0.2) ** 6, 12);
    const [sequence, rows] = [new Int32Array(12), new Int32Array(12)];
    const random = createRandom("walk");
    let successes = 0;
    let widest = 0;
    for (let i = 0; i < 20_000; i++) {
      world.table.sample(policy, random, sequence, rows);
      for (let t = 0; t < 12; t += 2) widest = Math.max(widest, sequence[t]);
      successes += world.reward(sequence);
    }
    expect(widest).toBe(1);
    expect(Math.abs(successes / 20_000 - 1 / 64)).toBeLessThan(0.004);
  });

  test("a trap: the favoured action of the clear branch is wrong", () => {
    const params = { decisions: 3, clear: { favoured: 0.85, right: false }, murky: 0.2 };
    const { world, truth } = clearMurky(params, createRandom("trap"));
    const policy = softmax(world.startLogits(), 8);
    expect(truth.success(policy)).toBeCloseTo((0.5 * (0.15 / 7) + 0.5 * 0.2) ** 3, 12);
  });
});

describe("bad-symbols", () => {
  test("the outcome is no first error, and success is that of enumeration", () => {
    const { world, truth } = badSymbols({ positions: 4, symbols: 3 }, createRandom("bad"));
    const policy = softmax(world.referenceLogits(), 3);
    let success = 0;
    const firsts = new Set<number>();
    for (const { symbols, cells } of sequences(world.table)) {
      const first = truth.firstError(symbols);
      firsts.add(first);
      expect(world.correct(symbols)).toBe(first === -1);
      if (first === -1) success += product(policy, cells);
    }
    expect(firsts).toEqual(new Set([-1, 0, 1, 2, 3]));
    expect(truth.success(policy)).toBeCloseTo(success, 12);
  });

  test("one or two bad symbols a row, one in about 60 %; the seed decides", () => {
    let one = 0;
    for (let seed = 0; seed < 40; seed++) {
      const { truth } = badSymbols({ positions: 1 }, createRandom(seed));
      const bad = [0, 1, 2, 3, 4].filter((symbol) => truth.firstError([symbol]) === 0).length;
      expect([1, 2]).toContain(bad);
      if (bad === 1) one++;
    }
    expect(one).toBeGreaterThan(14);
    expect(one).toBeLessThan(36);
    const [a, b] = [7, 7].map((seed) => badSymbols({}, createRandom(seed)).world.referenceLogits());
    expect(a).toEqual(b);
  });
});

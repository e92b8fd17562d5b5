import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  itemRepetition,
  reasoningPattern,
  repeatedNgramShare,
  repetitionFactor,
  repetitionOnset,
} from "./repetition.ts";

const text = fc.array(fc.constantFrom("a", "b", "C", "c"), { maxLength: 20 }).map((words) => words.join(" "));

describe("shares", () => {
  it("lie in [0, 1); repeated types never exceed the non-distinct share", () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 4 }), fc.boolean(), (words, n, lowercase) => {
        const [all] = repeatedNgramShare({ n, lowercase })({ texts: [words] }).shares;
        const [types] = repeatedNgramShare({ n, lowercase, measure: "repeated-types" })({ texts: [words] }).shares;
        expect(all).toBeGreaterThanOrEqual(types - 1e-12);
        expect(types).toBeGreaterThanOrEqual(0);
        expect(all).toBeLessThan(1);
      }),
    );
  });

  it("differ on one phrase repeated forever", () => {
    const texts = ["go ".repeat(100), "Go go"];
    expect(repeatedNgramShare({ n: 2 })({ texts }).shares[0]).toBeCloseTo(1 - 1 / 99, 12);
    expect(repeatedNgramShare({ n: 2, measure: "repeated-types" })({ texts }).shares[0]).toBeCloseTo(1 / 99, 12);
    expect(Array.from(repeatedNgramShare({ n: 1 })({ texts }).shares)[1]).toBe(0);
    expect(Array.from(repeatedNgramShare({ n: 1, lowercase: true })({ texts }).shares)[1]).toBe(0.5);
  });

  it("penalise repeated items", () => {
    expect(Array.from(itemRepetition({ maxPenalty: -2 })({ items: [["x", "x"], ["x"], []] }).rewards)).toEqual([
      -1, 0, 0,
    ]);
  });
});

it("reasoning pattern: presence counts once, repetition and role markers cost", () => {
  const run = reasoningPattern({ phrases: ["Wait", "thus"], divisor: 2, ngram: 2 });
  const out = run({ texts: ["wait, await, THUS", "thus wait user: user: ", "thus a b a b wait"] });
  expect(Array.from(out.hits)).toEqual([2, 2, 2]);
  // "a b" is the one repeated bigram of five.
  expect(Array.from(out.scores)).toEqual([1, 0, expect.closeTo(0.8, 12)]);
  const free = reasoningPattern({ phrases: ["thus"], divisor: 1, roleMarker: null })({ texts: ["thus user: "] });
  expect(Array.from(free.scores)).toEqual([1]);
  expect(reasoningPattern()({ texts: ["Wait, let me check: therefore"] }).hits[0]).toBe(3);
});

describe("signal/repetition-onset", () => {
  it("finds no loop among distinct or few tokens, and one in any loop of three periods", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 3, max: 12 }), (lead, period) => {
        const head = Array.from({ length: lead }, (_, i) => 1000 + i);
        const loop = Array.from({ length: period * 4 }, (_, i) => i % period);
        const out = repetitionOnset()({ tokens: [head, [...head, ...loop]] });
        expect(out.repeated).toEqual([false, true]);
        expect(out.uniqueLengths[0]).toBe(lead);
        expect(out.uniqueLengths[1]).toBeGreaterThanOrEqual(lead);
      }),
    );
    expect(repetitionOnset()({ tokens: [[], [1, 1, 1]] }).repeated).toEqual([false, false]);
  });

  it("also takes a far exact repeat of a double n-gram", () => {
    const block = [1, 2, 3, 4, 5, 6];
    const filler = (from: number) => Array.from({ length: 21 }, (_, i) => from + i);
    const tokens = [...block, ...filler(100), ...block, ...filler(200)];
    // 54 tokens: trigrams of the block are 27 apart, not closer than ⌊54/3⌋; its 6-gram repeats exactly.
    expect(Array.from(repetitionOnset()({ tokens: [tokens] }).uniqueLengths)).toEqual([0]);
  });
});

it("repetition factor: 1 without repetition, null dominance without tokens, underscores as blanks", () => {
  const out = repetitionFactor({ minTokens: 2 })({ traces: ["", "the of", "Heat_heat heat. HEAT", "α β γ δ"] });
  expect(out.dominance).toEqual([null, null, 1, 0.25]);
  expect(Array.from(out.longestRun)).toEqual([0, 0, 4, 1]);
  expect(Array.from(out.factors)).toEqual([1, 1, expect.closeTo(0.35 * 0.75, 12), 1]);
});

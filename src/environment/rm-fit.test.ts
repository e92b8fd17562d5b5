import { describe, expect, it } from "vitest";
import { createRandom } from "../core/random.ts";
import {
  boltzmannAnnotator,
  gradedAnnotator,
  type ItemLayout,
  narrowLengthItems,
  readingAnnotator,
  rmFit,
  segmentItems,
  standardizedGold,
  tanhNetItems,
} from "./rm-fit.ts";

/** One feature, which is gold. */
const line: ItemLayout = {
  dimensions: 1,
  draw(row, random) {
    row[0] = random.normal();
  },
  gold: (item) => item[0],
};
const identity = (items: Float64Array) => items;

describe("evaluation", () => {
  const { truth } = rmFit(line, boltzmannAnnotator({ scale: 1 }));
  it("accuracy counts pairs in gold's order, ties half", () => {
    const first = Float64Array.of(1, 2, 3, 4);
    const second = Float64Array.of(0, 3, 2, 5);
    expect(truth.accuracy(identity, first, second)).toBe(1);
    expect(truth.accuracy((items) => items.map((x) => -x), first, second)).toBe(0);
    expect(truth.accuracy((items) => items.map(() => 7), first, second)).toBe(0.5);
    expect(truth.accuracy((items) => items.map((x) => Math.min(x, 2)), first, second)).toBe((1 + 0.5 + 0.5 + 0.5) / 4);
  });

  it("best of n: the chosen, the best, the average, and the share of what was there to gain", () => {
    const candidates = Float64Array.of(1, 5, 3, /**/ -1, 0, 4);
    const picks = Float64Array.of(0, 1, 9, 9, 0, 1);
    expect(truth.bestOf(() => picks, candidates, 3)).toEqual({ gold: 1, oracle: 4.5, average: 2, share: -0.4 });
    expect(truth.bestOf(identity, candidates, 3).share).toBe(1);
  });

  it("correlation with a feature", () => {
    const items = Float64Array.of(1, 2, 3);
    expect(truth.correlation((x) => x.map((value) => -2 * value), items, 0)).toBeCloseTo(-1, 12);
    expect(truth.correlation(() => [1, 1, 1], items, 0)).toBeNull();
  });
});

describe("annotators", () => {
  it("Boltzmann: as often as σ(scale · (Δgold + bonus · Δfeature)) says", () => {
    const { world } = rmFit(line, boltzmannAnnotator({ scale: 2, bonus: { feature: 0, weight: -0.5 } }));
    const n = 20_000;
    const { strengths } = world.annotate(new Float64Array(n).fill(1), new Float64Array(n), createRandom(1));
    const firstWins = strengths.filter((s) => s < 0).length / n;
    // Δ = 1 − 0.5 = 0.5 at scale 2; standard error 0.003.
    expect(firstWins).toBeGreaterThan(1 / (1 + Math.exp(-1)) - 0.013);
    expect(firstWins).toBeLessThan(1 / (1 + Math.exp(-1)) + 0.013);
    const exact = rmFit(line, boltzmannAnnotator({ scale: Number.POSITIVE_INFINITY })).world;
    expect([...exact.annotate(Float64Array.of(1, 2), Float64Array.of(2, 1), createRandom(1)).strengths]).toEqual([
      1, -1,
    ]);
  });

  it("graded: without noise the rounded values of the formulas", () => {
    const { world } = rmFit(line, gradedAnnotator({ noise: 0 }));
    const { strengths, firstRatings, secondRatings } = world.annotate(
      Float64Array.of(0, -5, 1),
      Float64Array.of(1, 5, 0.9),
      createRandom(2),
    );
    expect([...strengths]).toEqual([1, 3, -0].map((s) => s + 0));
    expect(firstRatings && [...firstRatings]).toEqual([2, 0, 3].map((r) => expect.closeTo(r, 12)));
    expect(secondRatings && [...secondRatings]).toEqual([3, 4, 3].map((r) => expect.closeTo(r, 12)));
  });

  it("one who reads less is surer", () => {
    const layout = segmentItems({}, createRandom(3));
    const seen: number[] = [];
    const { world } = rmFit(
      layout,
      readingAnnotator(layout, 1, (k) => {
        seen.push(k);
        return 1;
      }),
    );
    const rows = [
      [0, 1, 2, 3, 4],
      [0, 1, 2, 3, 5],
      [0, 1, 7, 3, 4],
      [1, 1, 2, 3, 4],
      [0, 1, 2, 3, 4],
    ].map((response) => [...layout.encode(response)]);
    const first = Float64Array.from(rows.slice(1).flatMap(() => rows[0]));
    world.annotate(first, Float64Array.from(rows.slice(1).flat()), createRandom(4));
    expect(seen).toEqual([1, 3, 5, 1]);
  });
});

describe("layouts", () => {
  it("length pays up to a half and little beyond", () => {
    const { gold, draw } = narrowLengthItems();
    const item = (a0: number) => Float64Array.of(a0, 1, 1, 1, 1, 0, 9, Math.PI / 3, ...new Array(8).fill(4));
    expect(gold(item(0))).toBeCloseTo(2.8, 12);
    expect(gold(item(0.5))).toBeCloseTo(3.05, 12);
    expect(gold(item(2.5))).toBeCloseTo(2.8 + 1.25 - 2, 12);
    const random = createRandom(5);
    const row = new Float64Array(16);
    let square = 0;
    for (let i = 0; i < 5000; i++) {
      draw(row, random);
      square += row[0] ** 2 / 5000;
    }
    expect(square).toBeCloseTo(0.25, 1);
  });

  it("standardised gold keeps the order", () => {
    const layout = tanhNetItems({ dimensions: 12 }, createRandom(6));
    const scaled = standardizedGold(layout, createRandom(7));
    const { world, truth } = rmFit(scaled, gradedAnnotator());
    const items = world.items(4000, createRandom(8));
    const golds = truth.gold(items);
    const mean = golds.reduce((sum, g) => sum + g, 0) / golds.length;
    expect(Math.abs(mean)).toBeLessThan(0.1);
    expect(golds.reduce((sum, g) => sum + (g - mean) ** 2, 0) / golds.length).toBeCloseTo(1, 0);
    const [a, b] = [items.subarray(0, 12), items.subarray(12, 24)];
    expect(scaled.gold(a) > scaled.gold(b)).toBe(layout.gold(a) > layout.gold(b));
  });

  it("segments: later ones weigh less, and bigrams depend on what came before", () => {
    const layout = segmentItems({ segments: 3, symbols: 2, decay: 0.5, bigram: 0 }, createRandom(9));
    const g = (...response: number[]) => layout.gold(layout.encode(response));
    // Additive: a change in one segment is worth the same whatever the others are.
    expect(g(0, 1, 0) - g(0, 0, 0)).toBeCloseTo(g(1, 1, 1) - g(1, 0, 1), 12);
    const bigrams = segmentItems({ segments: 3, symbols: 2, decay: 0.5, bigram: 1 }, createRandom(9));
    const b = (...response: number[]) => bigrams.gold(bigrams.encode(response));
    expect(Math.abs(b(0, 1, 0) - b(0, 0, 0) - (b(1, 1, 0) - b(1, 0, 0)))).toBeGreaterThan(1e-3);
    expect(b(0, 1, 0) - b(0, 1, 1) - (b(1, 1, 0) - b(1, 1, 1))).toBeCloseTo(0, 12);
  });

  it("the same seed gives the same pairs and labels", () => {
    const { world } = rmFit(narrowLengthItems(), boltzmannAnnotator({ scale: 1.5 }));
    expect(world.pairs(20, createRandom(10))).toEqual(world.pairs(20, createRandom(10)));
    expect(world.pairs(20, createRandom(10)).firstRatings).toBeNull();
  });
});

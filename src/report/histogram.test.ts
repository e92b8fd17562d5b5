import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { histogramOf, shareHistogram } from "./histogram.ts";
import { addToSketch, emptySketch } from "./sketch.ts";

function sketchOf(numbers: Iterable<number>) {
  const sketch = emptySketch();
  for (const x of numbers) addToSketch(sketch, x);
  return sketch;
}

describe("histogramOf", () => {
  it("gives each of a few values its bar", () => {
    expect(histogramOf(sketchOf([1, 0, 1, 1]))).toEqual({
      kind: "values",
      bars: [
        { value: 0, share: 0.25 },
        { value: 1, share: 0.75 },
      ],
    });
    expect(histogramOf(emptySketch())).toBeNull();
  });

  it("loses no value: the shares add up to 1", () => {
    const numbers = fc.array(fc.double({ min: -1e9, max: 1e9, noNaN: true }), { minLength: 1, maxLength: 700 });
    fc.assert(
      fc.property(numbers, (values) => {
        const histogram = histogramOf(sketchOf(values));
        const total =
          histogram?.kind === "bins"
            ? histogram.bins.reduce((sum, bin) => sum + bin.share, histogram.below + histogram.above)
            : histogram?.bars.reduce((sum, bar) => sum + bar.share, 0);
        expect(total).toBeCloseTo(1, 9);
      }),
    );
  });

  it("cuts a long tail instead of squeezing the rest into one bar, and says how much", () => {
    const histogram = histogramOf(sketchOf([...Array.from({ length: 999 }, (_, i) => i / 999), -1e6]));
    if (histogram?.kind !== "bins") throw new Error("expected bins");
    expect(histogram.bins.length).toBeGreaterThan(15);
    expect(histogram.below).toBeGreaterThan(0.0005);
    expect(histogram.below).toBeLessThan(0.01);
  });
});

describe("histogramOf skewed lengths", () => {
  it("has bins of equal ratio that lose no value", () => {
    const histogram = histogramOf(sketchOf(Array.from({ length: 3000 }, (_, i) => Math.round(1.003 ** i))), true);
    if (histogram?.kind !== "bins") throw new Error("expected bins");
    expect(histogram.scale).toBe("log");
    expect(histogram.bins.reduce((sum, bin) => sum + bin.share, 0)).toBeCloseTo(1, 9);
    const last = histogram.bins.slice(-10).map(({ from, to }) => to / from);
    for (const ratio of last) expect(ratio).toBeCloseTo(last[0], 1);
  });

  it("keeps linear bins for what spans little or goes below zero", () => {
    const low = histogramOf(sketchOf(Array.from({ length: 90 }, (_, i) => i - 1)), true);
    expect(low).toMatchObject({ kind: "bins", scale: "linear" });
  });
});

describe("shareHistogram", () => {
  it("puts 1 into the last of ten bins", () => {
    const histogram = shareHistogram(sketchOf(Array.from({ length: 21 }, (_, i) => i / 20)));
    if (histogram?.kind !== "bins") throw new Error("expected bins");
    expect(histogram.bins).toHaveLength(10);
    expect(histogram.bins[9].share * 21).toBeCloseTo(3, 9);
    expect(histogram.bins.reduce((sum, bin) => sum + bin.share, 0)).toBeCloseTo(1, 9);
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createSeries } from "./series.ts";

function seriesOf(values: readonly number[]) {
  const series = createSeries();
  values.forEach((value, step) => {
    series.add(step, value);
  });
  return series;
}

describe("series", () => {
  it("takes its level as a running mean that becomes exponential", () => {
    expect(seriesOf([4]).level).toBe(4);
    expect(seriesOf([4, 0]).level).toBe(2);
    // From the fourth value on each counts a quarter: (4 + 0 + 2 + 6) / 4 = 3, then 3 + (7 − 3) / 4.
    expect(seriesOf([4, 0, 2, 6]).level).toBe(3);
    expect(seriesOf([4, 0, 2, 6, 7]).level).toBe(4);
  });

  it("takes its baseline from the first eight values", () => {
    expect(seriesOf([1, 2, 3, 4, 5, 6, 7, 8, 1000]).baseline).toBe(4.5);
  });

  it("sees no noise in a straight line, and that of an alternating one", () => {
    expect(seriesOf([0, 3, 6, 9, 12]).noise).toBe(0);
    // Every second difference of 0, 1, 0, 1, … is ±2; E|d| is √6·√(2/π) = 1.9544 for a unit of noise.
    expect(seriesOf([0, 1, 0, 1, 0, 1]).noise).toBeCloseTo(2 / 1.9544, 4);
  });

  it("measures moves of a noiseless series in hundredths of its range", () => {
    const series = seriesOf([0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
    const noiseless = seriesOf(Array.from({ length: 10 }, (_, i) => i));
    expect(noiseless.noise).toBe(0);
    expect(noiseless.distance(0, 0.03 * noiseless.range)).toBeCloseTo(1, 9);
    expect(Math.abs(series.distance(0, series.level))).toBeLessThan(1 / 0.03);
    expect(seriesOf([5, 5, 5]).distance(5, 5)).toBe(0);
  });

  it("forgets noise that is long over, exactly", () => {
    const series = seriesOf([
      ...Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? 0 : 1)),
      ...new Array(200).fill(1),
    ]);
    expect(series.noise).toBe(0);
  });

  it("forgets a huge value once it has left the window", () => {
    const noisy = (count: number) => Array.from({ length: count }, (_, i) => (i * 7919) % 13);
    const spiked = seriesOf([...noisy(20), 1e30, ...noisy(200)]);
    expect(spiked.noise).toBeCloseTo(seriesOf([...noisy(20), 0, ...noisy(200)]).noise, 9);
    expect(spiked.noise).toBeGreaterThan(1);
  });

  it("never gives NaN", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ noNaN: true, min: -1e6, max: 1e6 }), { minLength: 1, maxLength: 40 }),
        (values) => {
          const series = seriesOf(values);
          for (const number of [
            series.level,
            series.baseline,
            series.noise,
            series.range,
            series.distance(0, values[0]),
          ])
            expect(Number.isFinite(number)).toBe(true);
        },
      ),
    );
  });
});

import { describe, expect, it } from "vitest";
import { formatDuration, formatNumber, formatShare } from "./format.ts";

describe("formatNumber", () => {
  it("keeps significant digits and every digit before the point", () => {
    const written = [0, -0, 1, 0.123456, -1.5, 1234567.8, 0.00012345, 1e-7, -3e12, 4e-17].map((x) => formatNumber(x));
    expect(written).toEqual(["0", "0", "1", "0.1235", "−1.5", "1,234,568", "0.0001235", "1.00e−7", "−3.00e+12", "0"]);
    expect(formatNumber(12.3456, 3)).toBe("12.3");
  });

  it("writes a dash for what is undefined", () => {
    expect([null, undefined, Number.NaN, Number.POSITIVE_INFINITY].map((x) => formatNumber(x))).toEqual([
      "–",
      "–",
      "–",
      "–",
    ]);
  });
});

describe("formatShare", () => {
  it("never rounds to none or all", () => {
    expect([0, 1e-6, 0.0123, 0.5, 0.99999, 1].map(formatShare)).toEqual([
      "0 %",
      "< 0.1 %",
      "1.2 %",
      "50 %",
      "> 99.9 %",
      "100 %",
    ]);
    expect(formatShare(null)).toBe("–");
  });
});

describe("formatDuration", () => {
  it("uses the unit that fits", () => {
    expect([0.25, 59.96, 61, 119.7, 7260].map(formatDuration)).toEqual([
      "0.25 s",
      "60 s",
      "1 min 1 s",
      "2 min 0 s",
      "2 h 1 min",
    ]);
    expect(formatDuration(undefined)).toBeNull();
  });
});

import { describe, expect, it } from "vitest";
import {
  betaQuantile,
  logChoose,
  logGamma,
  normalQuantile,
  regularizedBeta,
  studentTwoSided,
} from "./special-functions.ts";

describe("special functions", () => {
  it("logGamma agrees with factorials, Γ(½) = √π, and Stirling at large arguments", () => {
    expect(logGamma(1)).toBeCloseTo(0, 14);
    expect(logGamma(6)).toBeCloseTo(Math.log(120), 13);
    expect(logGamma(0.5)).toBeCloseTo(0.5 * Math.log(Math.PI), 13);
    expect(logGamma(100_001) / 1_051_299.221899122).toBeCloseTo(1, 14);
  });
  it("logChoose counts subsets", () => {
    expect(Math.exp(logChoose(10, 3))).toBeCloseTo(120, 9);
    expect(logChoose(3, 4)).toBe(Number.NEGATIVE_INFINITY);
  });
  it("the incomplete beta function is a binomial tail and its quantile inverts it", () => {
    // I_x(a, b) for integers: P(X ≥ a), X ~ Bin(a + b − 1, x); here 1 − 0.7³ with a = 1, b = 3.
    expect(regularizedBeta(0.3, 1, 3)).toBeCloseTo(1 - 0.343, 14);
    expect(regularizedBeta(0, 2, 2)).toBe(0);
    expect(regularizedBeta(1, 2, 2)).toBe(1);
    for (const [p, a, b] of [
      [0.025, 7, 32762],
      [0.975, 3.5, 17.5],
      [0.5, 0.5, 0.5],
      [1e-9, 2, 5],
    ])
      expect(regularizedBeta(betaQuantile(p, a, b), a, b) / p).toBeCloseTo(1, 9);
    expect(betaQuantile(0.975, 1, 100_000) / -Math.expm1(Math.log(0.025) / 100_000)).toBeCloseTo(1, 11);
    expect([betaQuantile(0, 1, 2), betaQuantile(1, 1, 2)]).toEqual([0, 1]);
  });
  it("Student quantiles agree with tables, from heavy tails to nearly normal", () => {
    for (const [alpha, freedom, t] of [
      [0.05, 1, 12.706204736432095],
      [0.05, 3, 3.182446305284263],
      [0.1, 30, 1.697260886593957],
      [0.01, 1e6, 2.5758342201],
    ])
      expect(studentTwoSided(alpha, freedom) / t).toBeCloseTo(1, 9);
    expect(studentTwoSided(1, 5)).toBeCloseTo(0, 12);
  });
  it("normal quantiles", () => {
    expect(normalQuantile(0.975)).toBeCloseTo(1.959963984540054, 14);
    expect(normalQuantile(0.5)).toBe(0);
    expect(normalQuantile(1e-20)).toBeCloseTo(-9.26234008979841, 12);
    expect([normalQuantile(0), normalQuantile(1)]).toEqual([Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]);
  });
});

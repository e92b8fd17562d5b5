import { describe, expect, it } from "vitest";
import { adaptiveKl } from "./adaptive-kl.ts";

describe("objective/adaptive-kl", () => {
  it("clips the error at 0.2 either way and never goes below 0", () => {
    const part = adaptiveKl({ target: 1, horizon: 100 });
    const next = (kl: number, nSteps: number) => part({ state: { beta: 1 }, kl, nSteps }).state.beta;
    expect(next(1, 100)).toBe(1);
    expect(next(50, 100)).toBeCloseTo(1.2, 12);
    expect(next(-3, 100)).toBeCloseTo(0.8, 12);
    expect(next(0, 1e6)).toBe(0);
  });
});

import { expect, it } from "vitest";
import { entropy, klDivergence, logSoftmax, logSumExp, softmax } from "./distributions.ts";

it("softmax, entropy and KL of hand-computed distributions", () => {
  const p = softmax([0, Math.log(3)]);
  expect(p[0]).toBeCloseTo(0.25, 14);
  expect(p[1]).toBeCloseTo(0.75, 14);
  expect(softmax([0, Math.log(3)], 2)[1]).toBeCloseTo(0.9, 14);
  expect(logSoftmax([1000, 0])[1]).toBeCloseTo(-1000, 9);
  expect(logSumExp([-1000, -1000])).toBeCloseTo(-1000 + Math.LN2, 9);
  expect(logSumExp([])).toBe(Number.NEGATIVE_INFINITY);
  expect(entropy([0.5, 0.5, 0])).toBeCloseTo(Math.LN2, 14);
  expect(klDivergence([1, 0], [0.5, 0.5])).toBeCloseTo(Math.LN2, 14);
  expect(klDivergence([0.5, 0.5], [1, 0])).toBeNull();
});

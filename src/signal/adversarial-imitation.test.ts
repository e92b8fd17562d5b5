import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { adversarialImitation } from "./adversarial-imitation.ts";

const reward = (form: "minimax" | "non-saturating" | "sum" | "forward-kl", logit: number, epsilon = 0) =>
  adversarialImitation({ form, epsilon })({ logits: [logit] }).rewards[0];

describe("signal/adversarial-imitation", () => {
  it("stays exact at logits where the discriminator is 0 or 1 in floating point", () => {
    expect(reward("minimax", 800)).toBe(800);
    expect(reward("non-saturating", -800)).toBe(-800);
    expect(reward("minimax", -40)).toBeCloseTo(Math.exp(-40), 25);
    expect(reward("minimax", 800, 1e-8)).toBeCloseTo(-Math.log(1e-8), 9);
  });

  it("adds minimax and non-saturating to the sum form, with and without epsilon", () => {
    fc.assert(
      fc.property(fc.double({ min: -300, max: 300, noNaN: true }), fc.constantFrom(0, 1e-8, 0.1), (logit, epsilon) => {
        const both = reward("minimax", logit, epsilon) + reward("non-saturating", logit, epsilon);
        expect(reward("sum", logit, epsilon)).toBeCloseTo(both, 8);
      }),
    );
  });

  it("peaks at 1/e in the forward-KL form and refuses to overflow", () => {
    expect(reward("forward-kl", -1)).toBeCloseTo(1 / Math.E, 12);
    expect(() => reward("forward-kl", 1e4)).toThrow("inputs.logits[0]: forward-kl overflows");
  });
});

import fc from "fast-check";
import { expect, it } from "vitest";
import { expectedValue, prospectValue } from "./risky-choice.ts";

const gamble = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: -100, max: 100 })), { minLength: 1, maxLength: 5 })
  .map((outcomes) => {
    const total = outcomes.reduce((sum, [weight]) => sum + weight, 0);
    return outcomes.map(([weight, x]): [number, number] => [weight / total, x]);
  });

it("sends ties to B and flags them; rounds exact halves to even", () => {
  const out = expectedValue()({
    gamblesA: [[[1, 2]], [[0.03125, 1]]],
    gamblesB: [
      [
        [0.5, 4],
        [0.5, 0],
      ],
      [],
    ],
  });
  expect(out.choices).toEqual(["B", "A"]);
  expect(out.ties).toEqual([true, false]);
  expect(out.valuesA[1]).toBe(0.0312);
});

it("is the expected value with neutral parameters, whatever the order of the outcomes", () => {
  const neutral = prospectValue({ alpha: 1, lossAversion: 1, gainGamma: 1, lossGamma: 1 });
  fc.assert(
    fc.property(gamble, (outcomes) => {
      const exact = outcomes.reduce((sum, [p, x]) => sum + p * x, 0);
      expect(neutral({ gambles: [outcomes] }).values[0]).toBeCloseTo(exact, 8);
      const [forth, back] = prospectValue()({ gambles: [outcomes, [...outcomes].reverse()] }).values;
      expect(forth).toBeCloseTo(back, 8);
    }),
  );
});

it("values sure outcomes by the value function and refuses probabilities beyond 1", () => {
  const out = prospectValue()({ gambles: [[[1, 100]], [[1, -100]], []] });
  expect(out.values[0]).toBeCloseTo(100 ** 0.88, 10);
  expect(out.values[1]).toBeCloseTo(-2.25 * 100 ** 0.88, 10);
  expect(out.values[2]).toBe(0);
  expect(() =>
    prospectValue()({
      gambles: [
        [
          [0.9, 1],
          [0.9, 2],
        ],
      ],
    }),
  ).toThrow("inputs.gambles[0]");
});

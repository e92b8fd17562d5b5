import { expect, test } from "vitest";
import { createRandom } from "../core/random.ts";
import { additiveLogits, expectedValues } from "./bandit.ts";

/** Two contexts, three arms: a shared arm bias, a scale e^β on fixed features, and one parameter on a single pair. */
const components = (start: { bias: number[]; beta: number; extra: number }) => [
  { start: start.bias, index: (_: number, arm: number) => arm },
  {
    start: [start.beta],
    index: () => 0,
    feature: (context: number, arm: number) => context + 2 * arm,
    link: "exp" as const,
  },
  { start: [start.extra], index: (context: number, arm: number) => (context === 1 && arm === 2 ? 0 : -1) },
];

test("logits are the sum of the components", () => {
  const policy = additiveLogits(2, 3, components({ bias: [0.5, -1, 2], beta: 0, extra: 10 }));
  expect(Array.from(policy.logits())).toEqual([0.5, 1, 6, 1.5, 2, 17]);
});

test("gradients agree with finite differences", () => {
  const random = createRandom("bandit");
  const weights = Float64Array.from({ length: 6 }, () => random.normal());
  const at = { bias: [0.3, -0.2, 0.1], beta: 0.4, extra: -0.7 };
  const value = (start: typeof at) =>
    additiveLogits(2, 3, components(start))
      .logits()
      .reduce((sum, logit, i) => sum + weights[i] * logit, 0);
  const [bias, [beta], [extra]] = additiveLogits(2, 3, components(at)).gradients(weights);
  const h = 1e-6;
  for (const arm of [0, 1, 2]) {
    const moved = (by: number) => at.bias.map((x, a) => (a === arm ? x + by : x));
    expect(bias[arm]).toBeCloseTo((value({ ...at, bias: moved(h) }) - value({ ...at, bias: moved(-h) })) / (2 * h), 6);
  }
  expect(beta).toBeCloseTo((value({ ...at, beta: at.beta + h }) - value({ ...at, beta: at.beta - h })) / (2 * h), 6);
  expect(extra).toBeCloseTo(
    (value({ ...at, extra: at.extra + h }) - value({ ...at, extra: at.extra - h })) / (2 * h),
    6,
  );
});

test("ascend takes each component's step and keeps its bounds", () => {
  const policy = additiveLogits(1, 2, [
    { start: [0, 0], stepSize: 0.5 },
    { start: [1], index: () => 0, bounds: [-1, 1.25] },
    { start: [3, 4], stepSize: 0 },
  ]);
  policy.ascend(Float64Array.of(1, -3), 2);
  expect(policy.parameters.map((values) => Array.from(values))).toEqual([[1, -3], [-1], [3, 4]]);
});

test("a parameter that does not exist is an error that names the pair", () => {
  expect(() => additiveLogits(2, 2, [{ start: [0], index: (context) => context }])).toThrow(
    "component 0 has no parameter 1 for pair 1, 0",
  );
});

test("expected values are per context", () => {
  expect(Array.from(expectedValues([0.25, 0.75, 1, 0], [4, 8, 3, 100], 2))).toEqual([7, 3]);
  expect(() => expectedValues([1, 0, 0], [1, 2, 3], 2)).toThrow("3 probabilities, 3 values, 2 arms");
});

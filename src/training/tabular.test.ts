import { expect, it } from "vitest";
import { adam, addScoreGradient, drawAction, softmaxRows } from "./tabular.ts";

it("softmax by rows, and large logits", () => {
  const p = softmaxRows([0, Math.log(3), 1000, 1000], 2);
  expect([...p]).toEqual([expect.closeTo(0.25, 14), expect.closeTo(0.75, 14), 0.5, 0.5]);
  expect(() => softmaxRows([1, 2, 3], 2)).toThrow("whole rows");
});

it("the score gradient is that of log π by finite differences", () => {
  const logits = Float64Array.of(0.3, -0.2, 0.9, 1, 2, 3);
  const gradient = new Float64Array(6);
  addScoreGradient(gradient, softmaxRows(logits, 3), 3, 0, 2, 1.5);
  for (let i = 0; i < 6; i++) {
    const at = (h: number) =>
      Math.log(
        softmaxRows(
          logits.map((x, j) => (j === i ? x + h : x)),
          3,
        )[2],
      );
    expect(gradient[i]).toBeCloseTo((1.5 * (at(1e-6) - at(-1e-6))) / 2e-6, 6);
  }
});

it("draws by cumulated probability", () => {
  const p = Float64Array.of(0.5, 0.5, 0.2, 0.8);
  expect([0, 0.19, 0.2, 0.999].map((u) => drawAction(p, 2, 1, u))).toEqual([0, 0, 1, 1]);
});

it("Adam's first step is the learning rate, whatever the scale of the gradient", () => {
  const parameters = Float64Array.of(1, 1);
  adam(2, 0.1).descend(parameters, [1e-3, -50]);
  expect(parameters[0]).toBeCloseTo(0.9, 5);
  expect(parameters[1]).toBeCloseTo(1.1, 5);
});

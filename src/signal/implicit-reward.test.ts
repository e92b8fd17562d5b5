import fc from "fast-check";
import { expect, it } from "vitest";
import { rowOf } from "../core/ragged.ts";
import { contrastiveTokenReward, implicitReward } from "./implicit-reward.ts";

const pair = fc.tuple(fc.double({ min: -9, max: 0, noNaN: true }), fc.double({ min: -9, max: 0, noNaN: true }));
const rows = fc.array(fc.array(pair, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 5 });
const split = (values: [number, number][][], k: 0 | 1) => values.map((row) => row.map((tokens) => tokens[k]));

it("splits the response's reward over tokens and steps without loss, under every normalisation", () => {
  fc.assert(
    fc.property(rows, fc.constantFrom("none" as const, "batch-max" as const), (values, normalize) => {
      const stepEnds = values.map((row) => (row.length > 1 ? [0, row.length - 1] : [0]));
      const out = implicitReward({ beta: 0.3, normalize })({
        logprobs: split(values, 0),
        refLogprobs: split(values, 1),
        stepEnds,
      });
      const sum = (row: Float64Array) => row.reduce((total, value) => total + value, 0);
      values.forEach((_, i) => {
        expect(sum(rowOf(out.tokenRewards, i))).toBeCloseTo(out.rewards[i], 9);
        if (!out.stepRewards || !out.stepValues) throw new Error("steps were asked for");
        expect(sum(rowOf(out.stepRewards, i))).toBeCloseTo(out.rewards[i], 9);
        expect(rowOf(out.stepValues, i).at(-1)).toBeCloseTo(out.rewards[i], 9);
        if (normalize === "batch-max") expect(Math.abs(out.rewards[i])).toBeLessThanOrEqual(1);
      });
    }),
  );
});

it("pays masked tokens and empty rows nothing", () => {
  const inputs = { logprobs: [[-1, -2], [], [-3]], refLogprobs: [[-2, -9], [], [-1]], mask: [[1, 0], [], [0]] };
  for (const reduction of ["sum", "mean"] as const) {
    expect(Array.from(implicitReward({ beta: 1, reduction })(inputs).rewards)).toEqual([1, 0, 0]);
  }
  const zeros = implicitReward({ normalize: "batch-max", epsilon: 0 })({ logprobs: [[0]] });
  expect(Array.from(zeros.rewards)).toEqual([0]);
});

it("rescales to the range, the middle where all are equal", () => {
  const rescale: [number, number] = [1, 10];
  const scores = (values: number[]) =>
    Array.from(implicitReward({ beta: 1, rescale })({ logprobs: values.map((value) => [value]) }).scores ?? []);
  expect(scores([-4, -2, -3])).toEqual([1, 10, 5.5]);
  expect(scores([-2, -2])).toEqual([5.5, 5.5]);
  expect(scores([])).toEqual([]);
});

it("refuses step ends outside of their row", () => {
  const run = (stepEnds: number[][]) => () => implicitReward()({ logprobs: [[-1, -1]], stepEnds });
  expect(run([[2]])).toThrow("inputs.stepEnds[0][0]");
  expect(run([[1, 0]])).toThrow("inputs.stepEnds[0][1]");
  expect(run([[0], [0]])).toThrow("expected 1 rows");
});

it("contrasts prompts antisymmetrically within ±½", () => {
  fc.assert(
    fc.property(rows, (values) => {
      const better = split(values, 0);
      const worse = split(values, 1);
      const one = contrastiveTokenReward()({ betterLogprobs: better, worseLogprobs: worse }).tokenRewards.values;
      const two = contrastiveTokenReward()({ betterLogprobs: worse, worseLogprobs: better }).tokenRewards.values;
      one.forEach((reward, t) => {
        expect(Math.abs(reward)).toBeLessThanOrEqual(0.5);
        expect(reward + two[t]).toBe(0);
      });
    }),
  );
});

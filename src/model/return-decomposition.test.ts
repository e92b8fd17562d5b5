import { describe, expect, it } from "vitest";
import { callPart } from "../core/part.ts";
import { randomizedReturnDecomposition, returnDecomposition } from "./return-decomposition.ts";

describe("model/return-decomposition", () => {
  it("leaves an episode without a step out of means, but not out of sums", async () => {
    const inputs = { stepRewards: [[], [2, 4]], returns: [3, 4] };
    expect(await callPart(returnDecomposition, { inputs })).toEqual({
      predicted: [null, 3],
      loss: 1,
      gradStepRewards: [[], [1, 1]],
    });
    expect(await callPart(returnDecomposition, { params: { scale: "sum" }, inputs })).toEqual({
      predicted: [0, 6],
      loss: 6.5,
      gradStepRewards: [[], [2, 2]],
    });
    expect(await callPart(returnDecomposition, { inputs: { stepRewards: [[]], returns: [1] } })).toMatchObject({
      loss: null,
    });
    expect(await callPart(returnDecomposition, { inputs: { stepRewards: [], returns: [] } })).toMatchObject({
      loss: null,
    });
  });
});

describe("model/randomized-return-decomposition", () => {
  const run = (indices: number[][], unbiased = false, stepRewards = [[1, 2, 3, 6]], returns = [8]) =>
    callPart(randomizedReturnDecomposition, { params: { unbiased }, inputs: { stepRewards, returns, indices } });

  it("corrects for the variance of sampling", async () => {
    // mean 3.5 against 8/4 = 2; sample variance 12.5; (1 − 2/4)·12.5/2
    const out = await run([[0, 3]], true);
    expect(out.predicted).toEqual([3.5]);
    expect(out.variancePenalty).toBeCloseTo(3.125, 12);
    expect(out.loss).toBeCloseTo(2.25 - 3.125, 12);
  });

  it("has no variance of one step among several, and nothing to correct when all were drawn", async () => {
    expect(await run([[1]])).toEqual({ predicted: [2], variancePenalty: null, loss: 0 });
    expect((await run([[1]], true)).loss).toBeNull();
    expect(await run([[0]], true, [[5]], [5])).toMatchObject({ variancePenalty: 0, loss: 0 });
    // With replacement, more draws than steps: nothing is ever added.
    expect((await run([[0, 0, 3, 3, 1]])).variancePenalty).toBe(0);
  });

  it("leaves episodes without a draw out and names a step that is none", async () => {
    expect(await run([[], [0, 1]], false, [[1], [1, 3]], [1, 4])).toEqual({
      predicted: [null, 2],
      variancePenalty: 0,
      loss: 0,
    });
    expect(await run([[]])).toEqual({ predicted: [null], variancePenalty: null, loss: null });
    await expect(run([[0, 4]])).rejects.toThrow("inputs.indices[0][1]");
  });
});

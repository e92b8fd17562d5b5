import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { callPart } from "../core/part.ts";
import { toRows } from "../core/ragged.ts";
import { flowInterpolant, flowMatchingLoss, flowPairs } from "./flow.ts";

describe("model/flow-interpolant", () => {
  it("the two conventions are one path run backwards", () => {
    const number = fc.double({ min: -5, max: 5, noNaN: true });
    fc.assert(
      fc.property(number, number, fc.double({ min: 0, max: 1, noNaN: true }), (x, e, s) => {
        const inputs = { latents: [[x]], noises: [[e]] };
        const one = flowInterpolant()({ ...inputs, timestep: s });
        const zero = flowInterpolant({ convention: "data-at-zero" })({ ...inputs, timestep: [1 - s] });
        expect(one.states.values[0]).toBeCloseTo(zero.states.values[0], 9);
        expect(one.velocities.values[0]).toBeCloseTo(-zero.velocities.values[0], 12);
        // Following the velocity to the end of time arrives at the data.
        expect(one.states.values[0] + (1 - s) * one.velocities.values[0]).toBeCloseTo(x, 9);
      }),
    );
  });

  it("needs a timestep per row or one for all", async () => {
    const inputs = { latents: [[1], [2]], noises: [[0], [0]], timestep: [0.5] };
    await expect(callPart(flowInterpolant, { inputs })).rejects.toThrow("inputs.timestep");
    expect(toRows(flowInterpolant()({ latents: [], noises: [], timestep: 1 }).states)).toEqual([]);
  });
});

describe("model/flow-pairs", () => {
  it("shifts by more than one, leaves nothing of short responses, or shifts not at all", () => {
    const latents = [[[1], [2], [3]], [[4]]];
    expect(flowPairs({ shift: 2 })({ latents })).toEqual({
      contexts: [[[1]], []],
      targets: [[[3]], []],
      pad: "front",
      padLength: 2,
    });
    expect(flowPairs({ mode: "identity" })({ latents })).toEqual({
      contexts: latents,
      targets: latents,
      pad: "none",
      padLength: 0,
    });
  });
});

describe("model/flow-matching-loss", () => {
  const velocities = [
    [
      [1, 1],
      [3, 3],
    ],
    [[5, 5]],
    [],
  ];
  const targets = [
    [
      [0, 0],
      [0, 0],
    ],
    [[0, 0]],
    [],
  ];
  it("averages tokens, then rollouts by weight; masked and empty rollouts take no part", async () => {
    const plain = await callPart(flowMatchingLoss, { inputs: { velocities, targets } });
    expect(plain).toEqual({ perRollout: [5, 25, null], loss: 15 });
    const mask = [[0, 1], [0], []];
    const masked = await callPart(flowMatchingLoss, { inputs: { velocities, targets, mask, weights: [0.5, 7, 7] } });
    expect(masked).toEqual({ perRollout: [9, null, null], loss: 9 });
    const none = await callPart(flowMatchingLoss, { inputs: { velocities, targets, weights: [0, 0, 0] } });
    expect(none.loss).toBe(0);
    expect(await callPart(flowMatchingLoss, { inputs: { velocities: [[]], targets: [[]] } })).toEqual({
      perRollout: [null],
      loss: 0,
    });
  });

  it("names states of another width", async () => {
    await expect(
      callPart(flowMatchingLoss, { inputs: { velocities: [[[1], [1, 2]]], targets: [[[1], [1]]] } }),
    ).rejects.toThrow("inputs.velocities[0][1]");
    await expect(callPart(flowMatchingLoss, { inputs: { velocities: [[[1]]], targets: [[[1, 2]]] } })).rejects.toThrow(
      "inputs.targets",
    );
  });
});

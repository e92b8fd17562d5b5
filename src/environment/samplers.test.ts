import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { callPart } from "../core/part.ts";
import { toRagged } from "../core/ragged.ts";
import { createRandom } from "../core/random.ts";
import { ddimStep, ddpmSchedule, partialDdim, qSample, temporalOffsetNoise } from "./diffusion-sampler.ts";
import {
  completeFlow,
  completionNodes,
  etaStep,
  flowEstimates,
  flowOdeComplete,
  flowSchedule,
  flowSdeStep,
  mixtureVelocity,
} from "./flow-sampler.ts";

const mixture = {
  means: [
    [2, 0],
    [0, 2],
    [-2, 0],
  ],
  stds: [0.25, 0.25, 0.25],
  weights: [1, 1, 1],
};

describe("flow samplers", () => {
  it("walk from pure noise to data, whatever the shift", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.double({ min: 0.1, max: 10, noNaN: true }), (steps, shift) => {
        const { sigmas } = flowSchedule({ steps, shift })({});
        expect(sigmas.length).toBe(steps + 1);
        expect(sigmas[0]).toBeCloseTo(1, 12);
        expect(sigmas[steps]).toBe(0);
        for (let i = 1; i <= steps; i++) expect(sigmas[i]).toBeLessThan(sigmas[i - 1]);
      }),
    );
  });

  it("recover the sample from its two estimates", () => {
    const samples = [
      [0.3, -1],
      [2, 0.5],
    ];
    const { cleanEstimates, noiseEstimates } = flowEstimates()({
      samples,
      velocities: [
        [1, 2],
        [-1, 0.4],
      ],
      sigma: [0.2, 0.9],
    });
    const back = Array.from(cleanEstimates.values, (clean, k) => {
      const sigma = k < 2 ? 0.2 : 0.9;
      return (1 - sigma) * clean + sigma * noiseEstimates.values[k];
    });
    expect(back).toEqual(samples.flat().map((value) => expect.closeTo(value, 12)));
  });

  it("score a drawn sample as they would score it given", async () => {
    const inputs = { samples: [[0.6, -1.1]], velocities: [[0.9, -0.4]], sigma: 0.6, sigmaNext: 0.4, sigmaMax: 0.8 };
    for (const schedule of ["flow-grpo", "constant", "cps"]) {
      const params = { schedule, noiseLevel: 0.5, logprobReduction: "sum" };
      const drawn = await callPart(flowSdeStep, { params, inputs: { ...inputs, noises: [[0.3, -2]] } });
      const given = await callPart(flowSdeStep, { params, inputs: { ...inputs, nextSamples: drawn.nextSamples } });
      expect(given).toEqual(drawn);
    }
    const density = await callPart(flowSdeStep, {
      params: { schedule: "constant", noiseLevel: 1 },
      inputs: { ...inputs, noises: [[0, 0]] },
    });
    expect((density.logprobs as number[])[0]).toBeCloseTo(-0.5 * Math.log(2 * Math.PI * 0.2), 12);
  });

  it("want randomness where a step is random, σ₁ where σ is 1, and steps that go down", async () => {
    const inputs = { samples: [[0.6]], velocities: [[0.9]], sigma: 0.6, sigmaNext: 0.4 };
    await expect(callPart(flowSdeStep, { inputs })).rejects.toThrow("inputs.noises");
    await expect(callPart(flowSdeStep, { inputs: { ...inputs, sigma: 1, noises: [[0]] } })).rejects.toThrow(
      "inputs.sigmaMax",
    );
    await expect(callPart(flowSdeStep, { inputs: { ...inputs, sigmaNext: 0.7 } })).rejects.toThrow("inputs.sigmaNext");
    const euler = await callPart(flowSdeStep, { params: { noiseLevel: 0 }, inputs: { ...inputs, sigma: 1 } });
    expect(euler).toMatchObject({ diffusion: 0, nextSamples: [[expect.closeTo(0.06, 12)]] });
    const last = await callPart(flowSdeStep, { params: { schedule: "cps" }, inputs: { ...inputs, sigmaNext: 0 } });
    expect(last).toMatchObject({ std: 0, nextSamples: [[expect.closeTo(0.06, 12)]] });
    expect(last).not.toHaveProperty("logprobs");
  });

  it("draw data from noise under the exact field of a mixture", () => {
    const random = createRandom("flow");
    const { sigmas } = flowSchedule({ steps: 50 })({});
    const samples = Array.from({ length: 200 }, () => [random.normal(), random.normal()]);
    const { samples: ends } = flowOdeComplete()({ samples, sigmas, index: 0, field: { kind: "mixture", ...mixture } });
    let near = 0;
    for (let i = 0; i < 200; i++) {
      const [x, y] = [ends.values[2 * i], ends.values[2 * i + 1]];
      if (mixture.means.some(([mx, my]) => Math.hypot(x - mx, y - my) < 1)) near++;
    }
    expect(near).toBeGreaterThan(190);
  });

  it("give the mixture's mean at pure noise, and finite fields far away", async () => {
    const centre = await callPart(mixtureVelocity, { inputs: { samples: [[0, 0]], sigma: 1, ...mixture } });
    expect((centre.cleanEstimates as number[][])[0]).toEqual([expect.closeTo(0, 12), expect.closeTo(2 / 3, 12)]);
    await callPart(mixtureVelocity, { inputs: { samples: [[1e6, -1e6]], sigma: 0.01, ...mixture } });
    await expect(
      callPart(mixtureVelocity, { inputs: { samples: [], sigma: 1, means: [], stds: [], weights: [] } }),
    ).rejects.toThrow("inputs.means");
    await expect(callPart(mixtureVelocity, { inputs: { samples: [[1]], sigma: 1, ...mixture } })).rejects.toThrow(
      "inputs.means[0]",
    );
    const zero = { ...mixture, weights: [0, 0, 0] };
    await expect(callPart(mixtureVelocity, { inputs: { samples: [], sigma: 1, ...zero } })).rejects.toThrow(
      "inputs.weights",
    );
  });

  it("visit the grid points that a completion of n jumps asks for", () => {
    expect(completionNodes(6, 1, "all")).toEqual([1, 2, 3, 4, 5]);
    expect(completionNodes(6, 1, 3)).toEqual([1, 3, 4, 5]);
    expect(completionNodes(6, 1, 99)).toEqual([1, 2, 3, 4, 5]);
    expect(completionNodes(6, 5, 1)).toEqual([5]);
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 40 }),
        fc.nat(38),
        fc.integer({ min: 1, max: 40 }),
        (length, start, jumps) => {
          const nodes = completionNodes(length, Math.min(start, length - 1), jumps);
          expect(nodes.at(-1)).toBe(length - 1);
          for (let j = 1; j < nodes.length; j++) expect(nodes[j]).toBeGreaterThan(nodes[j - 1]);
        },
      ),
    );
    const untouched = completeFlow(toRagged([[1]]), [1, 0], [1], (_, __, velocity) => velocity.fill(9));
    expect(Array.from(untouched.values)).toEqual([1]);
  });

  it("refuse an index outside the grid, a field of another size and η beyond 1", async () => {
    const field = { kind: "affine", matrix: [[1]], bias: [0] };
    const inputs = { samples: [[1, 2]], sigmas: [1, 0], index: 0, field };
    await expect(callPart(flowOdeComplete, { inputs })).rejects.toThrow("inputs.field.matrix");
    await expect(callPart(flowOdeComplete, { inputs: { ...inputs, index: 2 } })).rejects.toThrow("inputs.index");
    const eta = { samples: [[1]], velocities: [[0]], sigma: 1, sigmaNext: 0.5, etas: [1.5], noises: [[0]] };
    await expect(callPart(etaStep, { inputs: eta })).rejects.toThrow("inputs.etas[0]");
  });
});

describe("diffusion samplers", () => {
  it("invert the forward process when the noise is known", () => {
    const clean = [[0.5, -0.2]];
    const noises = [[1, 0.3]];
    const { noisy } = qSample()({ clean, noises, alphaBar: 0.3 });
    const step = ddimStep()({ samples: noisy, noisePredictions: noises, alphaBar: 0.3, alphaBarNext: 0.8 });
    expect(Array.from(step.cleanEstimates.values)).toEqual(clean[0].map((value) => expect.closeTo(value, 12)));
    const there = qSample()({ clean, noises, alphaBar: 0.8 }).noisy;
    expect(Array.from(step.nextSamples.values)).toEqual(Array.from(there.values, (value) => expect.closeTo(value, 12)));
  });

  it("lose signal with every timestep", () => {
    for (const kind of ["linear", "scaled-linear"] as const) {
      const { alphaBars } = ddpmSchedule({ kind })({ timesteps: [0, 10, 500, 999] });
      for (let m = 1; m < 4; m++) expect(alphaBars[m]).toBeLessThan(alphaBars[m - 1]);
    }
    expect(() => ddpmSchedule()({ timesteps: [1000] })).toThrow("inputs.timesteps[0]");
    expect(ddpmSchedule({ steps: 1, betaStart: 0.1 })({ timesteps: [0] }).alphaBars[0]).toBeCloseTo(0.9, 12);
  });

  it("refuse a step backwards and a random one without randomness", async () => {
    const inputs = { samples: [[1]], noisePredictions: [[1]], alphaBar: 0.5, alphaBarNext: 0.4 };
    await expect(callPart(ddimStep, { inputs })).rejects.toThrow("inputs.alphaBarNext");
    await expect(callPart(ddimStep, { params: { eta: 1 }, inputs: { ...inputs, alphaBarNext: 0.6 } })).rejects.toThrow(
      "inputs.noises",
    );
    expect(
      await callPart(ddimStep, { params: { eta: 1 }, inputs: { ...inputs, alphaBar: 1, alphaBarNext: 1 } }),
    ).toMatchObject({ std: 0 });
  });

  it("count partial steps in decimals, not in binary fractions", () => {
    expect(partialDdim({ trainSteps: 1000, steps: 100, noiseLevel: 0.29 })({}).timesteps.length).toBe(29);
    expect(partialDdim({ noiseLevel: 0 })({})).toEqual({
      timesteps: [],
      start: null,
      next: [],
      gradientMask: [],
      cost: 0,
    });
    expect(partialDdim({ noiseLevel: 1, gradientSteps: 0 })({}).gradientMask.some(Boolean)).toBe(false);
  });

  it("shift each frame by its own offset", async () => {
    const inputs = { noises: [[[1, 2], [3]]], offsets: [[10]] };
    await expect(callPart(temporalOffsetNoise, { inputs })).rejects.toThrow("inputs.offsets[0]");
    expect(
      await callPart(temporalOffsetNoise, { params: { strength: 0.5 }, inputs: { ...inputs, offsets: [[10, -2]] } }),
    ).toEqual({
      noises: [[[6, 7], [2]]],
    });
  });
});

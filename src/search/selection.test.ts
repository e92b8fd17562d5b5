import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expectedInformationGain } from "./information-gain.ts";
import { nearestNeighbours } from "./nearest-neighbours.ts";
import { noiseOptimization, noiseStep, optimizeNoise } from "./noise.ts";
import { promptBeam, promptSelection } from "./prompts.ts";

describe("search/nearest-neighbours", () => {
  it("is the head of the full ranking", () => {
    const row = fc.array(fc.integer({ min: -2, max: 2 }), { minLength: 2, maxLength: 2 });
    fc.assert(
      fc.property(row, fc.array(row, { maxLength: 9 }), fc.integer({ min: 1, max: 4 }), (query, embeddings, topK) => {
        const cosine = (x: number[], y: number[]) => {
          const product = Math.hypot(...x) * Math.hypot(...y);
          return product === 0 ? 0 : (x[0] * y[0] + x[1] * y[1]) / product;
        };
        const { similarities, indices } = nearestNeighbours({ topK, minSimilarity: 0 })({
          queries: [query],
          embeddings,
        });
        const full = embeddings.map((e) => cosine(query, e)).filter((s) => s >= 0);
        full.sort((a, b) => b - a);
        expect(similarities[0]).toHaveLength(Math.min(topK, full.length));
        similarities[0].forEach((s, k) => {
          expect(s).toBeCloseTo(full[k], 9);
          expect(cosine(query, embeddings[indices[0][k]])).toBeCloseTo(s, 9);
        });
      }),
    );
  });
  it("equal neighbours come by index; zero vectors are at right angles to everything", () => {
    const embeddings = [
      [0, 0],
      [1, 0],
      [2, 0],
    ];
    const out = nearestNeighbours({ topK: 3 })({
      queries: [
        [3, 0],
        [0, 0],
      ],
      embeddings,
    });
    expect(out.indices).toEqual([
      [1, 2, 0],
      [0, 1, 2],
    ]);
    expect(() => nearestNeighbours()({ queries: [[1]], embeddings })).toThrow("inputs.embeddings[0]");
    expect(nearestNeighbours()({ queries: [], embeddings }).indices).toEqual([]);
  });

  it("finds the opposite vector at the default minimum, whatever rounding makes of −1", () => {
    const { indices, similarities } = nearestNeighbours()({ queries: [[1, 1, 1]], embeddings: [[-1, -1, -1]] });
    expect(indices).toEqual([[0]]);
    expect(similarities).toEqual([[-1]]);
  });
});

describe("search/expected-information-gain", () => {
  it("lies between nothing and the entropy of the attribute", () => {
    const weight = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(fc.tuple(weight, weight), fc.tuple(weight, weight), ([a, b], [p, q]) => {
        const belief = [[a + 0.01, b + 0.01]];
        const yes = belief[0][0] / (belief[0][0] + belief[0][1]);
        const { gains } = expectedInformationGain()({
          belief,
          questions: [
            {
              attribute: 0,
              likelihood: [
                [p, q],
                [1 - p, 1 - q],
              ],
            },
          ],
        });
        expect(gains[0]).toBeGreaterThanOrEqual(0);
        expect(gains[0]).toBeLessThanOrEqual(-yes * Math.log2(yes) - (1 - yes) * Math.log2(1 - yes) + 1e-9);
        if (p === q) expect(gains[0]).toBeCloseTo(0, 9);
      }),
    );
  });
  it("ties within rounding go to the first; bad models are refused", () => {
    const sure = [
      [1, 0],
      [0, 1],
    ];
    const belief = [
      [0.3, 0.7],
      [0.7, 0.3],
    ];
    const ask = (attribute: number, likelihood = sure) => ({ attribute, likelihood });
    expect(expectedInformationGain()({ belief, questions: [ask(0), ask(1)] }).selected).toBe(0);
    expect(expectedInformationGain()({ belief, questions: [] }).selected).toBeNull();
    expect(() => expectedInformationGain()({ belief, questions: [ask(2)] })).toThrow("questions[0].attribute");
    expect(() => expectedInformationGain()({ belief, questions: [ask(0, [[1, 0]])] })).toThrow("column 1 to sum to 1");
    expect(() => expectedInformationGain()({ belief: [[0, 0]], questions: [] })).toThrow("inputs.belief[0]");
  });
});

describe("search/noise-step and noise-optimization", () => {
  it("no clipped step is longer than lr·clip at the start", () => {
    const vectors = fc.array(fc.tuple(fc.integer(), fc.integer()), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(vectors, (pairs) => {
        const latent = pairs.map((pair) => pair[0]);
        const out = noiseStep({ nesterov: false })({
          latent,
          gradient: pairs.map((pair) => pair[1]),
          state: { velocity: null },
        });
        expect(Math.hypot(...out.state.velocity)).toBeLessThanOrEqual(0.1 + 1e-12);
        expect(out.clipScale).toBeLessThanOrEqual(1);
      }),
    );
  });
  it("one iteration is the baseline, none is nothing, zero noise is refused", () => {
    const generator = { kind: "affine" as const, matrix: [[1]], bias: [0] };
    const rewards = [{ kind: "mean-squared" as const, target: [0], weight: 1 }];
    const inputs = { latent: [2], generator, rewards };
    expect(noiseOptimization({ iterations: 1 })(inputs)).toMatchObject({ bestIteration: 0, bestLoss: 4, norms: [2] });
    expect(noiseOptimization({ iterations: 0 })(inputs)).toMatchObject({ bestIteration: null, bestSample: null });
    expect(() => noiseOptimization()({ ...inputs, latent: [0] })).toThrow("inputs.latent");
    expect(noiseOptimization({ regularizationWeight: 0 })({ ...inputs, latent: [0] }).bestLoss).toBe(0);
  });
  it("takes latents of the size of an image", () => {
    const latent = new Float64Array(400_000).fill(0.5);
    const evaluate = (z: Float64Array) => ({ loss: 0, gradient: z, sample: null });
    const options = { learningRate: 5, momentum: 0.9, nesterov: true, gradientClip: 0.1 };
    const { norms } = optimizeNoise(latent, evaluate, { ...options, iterations: 2, regularizationWeight: 0.01 });
    expect(norms[0]).toBeCloseTo(Math.sqrt(100_000), 6);
  });
  it("any generator will do", () => {
    const { best } = optimizeNoise([3], (z) => ({ loss: Math.cosh(z[0]), gradient: [Math.sinh(z[0])], sample: "x" }), {
      iterations: 200,
      regularizationWeight: 0,
      learningRate: 0.1,
      momentum: 0.5,
      nesterov: true,
      gradientClip: null,
    });
    expect(best?.loss).toBeCloseTo(1, 6);
    expect(best?.sample).toBe("x");
  });
});

describe("search/prompt-beam", () => {
  it("breaks ties by code point, not by UTF-16 unit", () => {
    const out = promptBeam({ beamSize: 2 })({ candidates: ["\uffff", "😀", "a"], scores: [1, 1, 1] });
    expect(out.candidates).toEqual(["😀", "\uffff"]);
    expect(promptBeam()({ candidates: ["a", "ab", "a"], scores: [0, 0, 0] }).candidates).toEqual(["ab", "a", "a"]);
  });
});

describe("search/prompt-selection", () => {
  it("the choice lies between the worst and the oracle; nothing to gain is null", () => {
    const row = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(fc.array(fc.tuple(row, row), { minLength: 1 }), (rows) => {
        const out = promptSelection()({ scores: rows.map((r) => r[0]), outcomes: rows.map((r) => r[1]) });
        if (out.oracleValue === undefined || out.oracleValue === null) throw new Error("no oracle");
        expect(out.value).toBeLessThanOrEqual(out.oracleValue + 1e-12);
        expect(out.bestSingleValue).toBeLessThanOrEqual(out.oracleValue + 1e-12);
        if (out.gapClosed !== null) expect(out.gapClosed).toBeLessThanOrEqual(1 + 1e-9);
      }),
    );
    expect(promptSelection()({ scores: [[1, 0]], outcomes: [[1, 1]] }).gapClosed).toBeNull();
    expect(promptSelection()({ scores: [], outcomes: [] })).toMatchObject({ selected: [], value: null });
  });
});

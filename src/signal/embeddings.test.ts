import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  bagOfWordsSimilarity,
  cosineSimilarity,
  goalBaseline,
  lambdaHarmonic,
  referenceSimilarity,
  softCoverage,
} from "./embeddings.ts";

const vector = fc.tuple(
  fc.integer({ min: -5, max: 5 }),
  fc.integer({ min: -5, max: 5 }),
  fc.integer({ min: -5, max: 5 }),
);
const direction = vector.filter((v) => v.some((x) => x !== 0));

describe("cosines", () => {
  it("lie in [−1, 1], ignore scale, and are undefined (or 0 as reward) for a zero vector", () => {
    fc.assert(
      fc.property(vector, vector, fc.double({ min: 0.1, max: 10, noNaN: true }), (a, b, scale) => {
        const [[value]] = cosineSimilarity()({ embeddings: [a], references: [b] }).similarities;
        const scaled = referenceSimilarity({ clip: false })({ embeddings: [a.map((x) => scale * x)], references: [b] })
          .rewards[0];
        expect(scaled).toBeCloseTo(value ?? 0, 9);
        expect(Math.abs(value ?? 0)).toBeLessThanOrEqual(1);
        const clipped = referenceSimilarity()({ embeddings: [a], references: [b] }).rewards[0];
        expect(clipped).toBe(Math.max(0, value ?? 0));
      }),
    );
    expect(cosineSimilarity()({ embeddings: [[0, 0]], references: [[1, 0]] }).similarities).toEqual([[null]]);
    expect(() => cosineSimilarity()({ embeddings: [[1]], references: [[1, 0]] })).toThrow("references[0]");
  });
});

describe("signal/goal-baseline", () => {
  it("is the cosine for α = 0 and one goal, and for a goal equal to its baseline", () => {
    fc.assert(
      fc.property(direction, direction, direction, (state, goal, baseline) => {
        const expected = referenceSimilarity({ clip: false })({ embeddings: [state], references: [goal] }).rewards[0];
        const plain = goalBaseline({ alpha: 0 })({ embeddings: [state], goals: [goal], baselines: [baseline] });
        expect(plain.rewards[0]).toBeCloseTo(expected, 9);
        const same = goalBaseline({ alpha: 1 })({ embeddings: [state], goals: [goal], baselines: [goal] });
        expect(same.rewards[0]).toBeCloseTo(expected, 9);
        const [best, other] = goalBaseline()({
          embeddings: [goal, state],
          goals: [goal],
          baselines: [baseline],
        }).rewards;
        expect(best).toBeCloseTo(1, 9);
        expect(other ?? 0).toBeLessThanOrEqual(1 + 1e-9);
      }),
    );
  });

  it("has no reward for a zero state and wants goals that point somewhere", () => {
    expect(goalBaseline()({ embeddings: [[0, 0]], goals: [[1, 0]], baselines: [[0, 1]] }).rewards).toEqual([null]);
    expect(() => goalBaseline()({ embeddings: [], goals: [], baselines: [[1]] })).toThrow("inputs.goals");
    expect(() => goalBaseline()({ embeddings: [], goals: [[1]], baselines: [[0]] })).toThrow("inputs.baselines[0]");
  });
});

describe("signal/soft-coverage", () => {
  it("never falls when more is offered", () => {
    fc.assert(
      fc.property(
        fc.array(vector, { minLength: 1, maxLength: 3 }),
        fc.array(vector, { maxLength: 3 }),
        vector,
        (required, offered, extra) => {
          for (const mode of ["soft", "hard"] as const) {
            const run = (candidateEmbeddings: number[][]) =>
              softCoverage({ mode, threshold: 0.3 })({ requiredEmbeddings: required, candidateEmbeddings }).coverage ??
              -1;
            expect(run([...offered, extra])).toBeGreaterThanOrEqual(run(offered));
            expect(run(offered)).toBeLessThanOrEqual(1);
          }
        },
      ),
    );
  });

  it("is 0 without candidates, null without weight", () => {
    const required = [[1, 0]];
    const run = softCoverage({ threshold: 0, mode: "hard" });
    expect(run({ requiredEmbeddings: required, candidateEmbeddings: [] })).toEqual({
      best: Float64Array.of(0),
      coverage: 0,
    });
    expect(run({ requiredEmbeddings: [], candidateEmbeddings: [] }).coverage).toBeNull();
    expect(run({ requiredEmbeddings: required, candidateEmbeddings: required, weights: [0] }).coverage).toBeNull();
  });
});

it("bag of words: strictly above the threshold; nothing, or what cancels, is like nothing", () => {
  const run = (tokenEmbeddings: number[][], threshold: number | null = 0.6) =>
    bagOfWordsSimilarity({ threshold })({ tokenEmbeddings, goalEmbeddings: [[1, 0]] });
  expect(run([[0.6, 0.8]])).toEqual({ similarity: 0.6, reward: 0 });
  expect(run([[0.6, 0.8]], 0.5).reward).toBe(0.6);
  expect(run([[-1, 0]], null).reward).toBe(-1);
  expect(run([])).toEqual({ similarity: 0, reward: 0 });
  expect(
    run([
      [1, 1],
      [-1, -1],
    ]).similarity,
  ).toBe(0);
});

it("λ-Harmonic lies between its two similarities, for N or R × N image similarities", () => {
  const cosine = fc.double({ min: -1, max: 1, noNaN: true });
  fc.assert(
    fc.property(cosine, cosine, fc.double({ min: 0, max: 1, noNaN: true }), (image, text, lambda) => {
      const flat = lambdaHarmonic({ lambda })({ imageSimilarities: [image], textSimilarities: [text] }).rewards[0];
      const nested = lambdaHarmonic({ lambda })({ imageSimilarities: [[image], [image]], textSimilarities: [text] })
        .rewards[0];
      expect(nested).toBeCloseTo(flat, 9);
      const [low, high] = [Math.min(image, text), Math.max(image, text)].map((x) => (x + 1) / 2);
      expect(flat).toBeGreaterThanOrEqual(low - 1e-7);
      expect(flat).toBeLessThanOrEqual(high + 1e-7);
    }),
  );
  expect(() => lambdaHarmonic()({ imageSimilarities: [[1, 2]], textSimilarities: [1] })).toThrow(
    "imageSimilarities[0]",
  );
  expect(lambdaHarmonic()({ imageSimilarities: [], textSimilarities: [] }).rewards).toHaveLength(0);
});

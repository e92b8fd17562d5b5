import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { latentCurriculum, softToken } from "./latent.ts";

describe("model/latent-curriculum", () => {
  const inputs = { question: [1], steps: [[2], [3]], answer: [4], startId: 7, latentId: 8, endId: 9 };
  it("has as many latents as the stage says, more than there are steps if need be", () => {
    expect(latentCurriculum()({ ...inputs, stage: 3 })).toEqual({
      tokens: [1, 7, 8, 8, 8, 8, 8, 8, 9, 4],
      mask: [0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
      latents: 6,
      forwardPasses: 7,
    });
    expect(latentCurriculum()({ ...inputs, stage: 4 }).latents).toBe(4);
    expect(latentCurriculum({ padToMax: true })({ ...inputs, stage: 9 }).latents).toBe(6);
    expect(latentCurriculum({ markers: false })({ ...inputs, stage: 1 }).tokens).toEqual([1, 8, 8, 3, 4]);
  });
});

describe("model/soft-token", () => {
  it("is a convex combination with at most log V of entropy", () => {
    const token = fc.tuple(
      fc.double({ min: -800, max: 800, noNaN: true }),
      fc.double({ min: -1, max: 1, noNaN: true }),
    );
    const tokens = fc.array(token, { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(tokens, fc.option(fc.integer({ min: 1, max: 9 })), (rows, topK) => {
        const out = softToken({ topK, temperature: 0.7 })({
          logits: rows.map((row) => row[0]),
          embeddings: rows.map((row) => [row[1]]),
        });
        expect(out.weights.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 10);
        expect(out.weights.filter((weight) => weight > 0).length).toBeLessThanOrEqual(topK ?? rows.length);
        expect(out.entropy).toBeLessThanOrEqual(Math.log(rows.length) + 1e-9);
        expect(Math.abs(out.embedding[0])).toBeLessThanOrEqual(1 + 1e-9);
      }),
    );
  });

  it("gives ties to the lower index and refuses an empty vocabulary", () => {
    const { weights } = softToken({ topK: 1 })({ logits: [0, 3, 3], embeddings: [[1], [2], [3]] });
    expect(Array.from(weights)).toEqual([0, 1, 0]);
    expect(() => softToken()({ logits: [], embeddings: [] })).toThrow("inputs.embeddings");
    expect(() => softToken()({ logits: [0, 1], embeddings: [[1], [1, 2]] })).toThrow("inputs.embeddings[1]");
  });
});

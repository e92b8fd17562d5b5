import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { callPart } from "../core/part.ts";
import { dualEncoder } from "./dual-encoder.ts";
import { graphEmbeddingLoss, infoNce, neuralOptimalTransport } from "./embedding-losses.ts";

describe("model/info-nce", () => {
  it("does not see lengths, and a batch of one costs nothing", async () => {
    const row = fc.tuple(fc.double({ min: 0.1, max: 2, noNaN: true }), fc.double({ min: -2, max: 2, noNaN: true }));
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 4 }), async (embeddings) => {
        const references = embeddings.slice().reverse();
        const plain = await callPart(infoNce, { inputs: { embeddings, references } });
        const scaled = await callPart(infoNce, {
          inputs: { embeddings: embeddings.map((e) => e.map((x) => 7 * x)), references },
        });
        expect(Number(scaled.loss)).toBeCloseTo(Number(plain.loss), 9);
        if (embeddings.length === 1) expect(Number(plain.loss)).toBeCloseTo(0, 12);
      }),
      { numRuns: 20 },
    );
  });

  it("a zero row is as far from everything; nothing has no loss", async () => {
    const out = await callPart(infoNce, {
      inputs: {
        embeddings: [
          [0, 0],
          [1, 0],
        ],
        references: [
          [1, 0],
          [0, 1],
        ],
      },
    });
    expect((out.losses as number[])[0]).toBeCloseTo(Math.LN2, 12);
    // Row 0 ties: its own reference comes first. Row 1 prefers the other's.
    expect(out.accuracy).toBe(0.5);
    expect(await callPart(infoNce, { inputs: { embeddings: [], references: [] } })).toEqual({
      losses: [],
      loss: null,
      accuracy: null,
    });
    await expect(callPart(infoNce, { inputs: { embeddings: [[1], [1]], references: [[1], [1, 2]] } })).rejects.toThrow(
      "inputs.references[1]",
    );
  });
});

describe("model/graph-embedding-loss", () => {
  it("asks for orthogonal embeddings where nothing is connected", async () => {
    const inputs = {
      embeddings: [
        [1, 0],
        [0, 2],
      ],
      edges: [
        [0, 0],
        [0, 0],
      ],
    };
    for (const normalize of ["total", "max", "none"] as const)
      expect(await callPart(graphEmbeddingLoss, { params: { normalize }, inputs })).toEqual({
        similarities: [
          [1, 0],
          [0, 4],
        ],
        loss: 0,
        gradient: [
          [0, 0],
          [0, 0],
        ],
      });
    const raw = await callPart(graphEmbeddingLoss, {
      params: { normalize: "none", diagonal: true },
      inputs: { embeddings: [[2]], edges: [[1]] },
    });
    expect(raw).toMatchObject({ loss: 9, gradient: [[24]] });
    expect(await callPart(graphEmbeddingLoss, { inputs: { embeddings: [], edges: [] } })).toMatchObject({ loss: 0 });
  });
});

describe("model/neural-optimal-transport", () => {
  it("has the distance itself as another cost; empty sides have no loss", async () => {
    const inputs = { sources: [[0, 0]], mapped: [[3, 4]], mappedPotentials: [1], targetPotentials: [] };
    const out = await callPart(neuralOptimalTransport, { params: { cost: "euclidean" }, inputs });
    expect(out).toEqual({ costs: [5], mapLoss: 4, potentialLoss: null });
    const none = { sources: [], mapped: [], mappedPotentials: [], targetPotentials: [1] };
    expect(await callPart(neuralOptimalTransport, { inputs: none })).toEqual({
      costs: [],
      mapLoss: null,
      potentialLoss: null,
    });
  });
});

describe("model/dual-encoder", () => {
  it("is symmetric in its towers and has no loss of nothing", async () => {
    const { images, texts, imageLayers, textLayers } = dualEncoder.example?.inputs ?? Object.create(null);
    const plain = await callPart(dualEncoder, { inputs: { images, texts, imageLayers, textLayers } });
    const swapped = await callPart(dualEncoder, {
      inputs: { images: texts, texts: images, imageLayers: textLayers, textLayers: imageLayers },
    });
    expect(Number(swapped.loss)).toBeCloseTo(Number(plain.loss), 12);
    expect(swapped.imageEmbeddings).toEqual(plain.textEmbeddings);
    const none = { images: [], texts: [], imageLayers, textLayers };
    expect(await callPart(dualEncoder, { inputs: none })).toMatchObject({ loss: null, accuracy: null });
  });
});

import { describe, expect, it } from "vitest";
import { callPart } from "../core/part.ts";
import { attributeRegression, binaryCrossEntropy, linearProbe, selfDistillation } from "./regression.ts";

describe("model/attribute-regression", () => {
  it("has no loss without a label", async () => {
    const inputs = { predictions: [[1, 2]], labels: [[-1, -1]] };
    expect(await callPart(attributeRegression, { params: { maskValue: -1 }, inputs })).toEqual({
      loss: null,
      validCount: 0,
    });
    expect(await callPart(attributeRegression, { inputs })).toEqual({ loss: 6.5, validCount: 2 });
    expect(await callPart(attributeRegression, { inputs: { predictions: [], labels: [] } })).toEqual({
      loss: null,
      validCount: 0,
    });
  });
});

describe("model/binary-cross-entropy", () => {
  it("is exact at saturation, takes soft labels, and has no mean of nothing", async () => {
    const out = await callPart(binaryCrossEntropy, {
      inputs: { logits: [1000, -1000, 0], labels: [false, false, 0.3] },
    });
    expect((out.losses as number[]).slice(0, 2)).toEqual([1000, 0]);
    expect((out.losses as number[])[2]).toBeCloseTo(Math.LN2, 12);
    expect(await callPart(binaryCrossEntropy, { inputs: { logits: [], labels: [] } })).toEqual({
      losses: [],
      loss: null,
    });
  });
});

describe("model/linear-probe", () => {
  it("predicts the first of equal logits and class 0 at probability ½", async () => {
    const softmax = await callPart(linearProbe, {
      params: { kind: "softmax" },
      inputs: { embeddings: [[1]], weights: [[2, 2, 1]], labels: [1] },
    });
    expect(softmax).toMatchObject({ predictions: [0], accuracy: 0 });
    const sigmoid = await callPart(linearProbe, { inputs: { embeddings: [[0]], weights: [[1]], labels: [0] } });
    expect(sigmoid).toMatchObject({ predictions: [0], probabilities: [0.5], accuracy: 1 });
  });

  it("refuses weights and labels that do not fit", async () => {
    const probe = (inputs: object, params = {}) => callPart(linearProbe, { params, inputs });
    await expect(probe({ embeddings: [[1]], weights: [[1, 2]], labels: [0] })).rejects.toThrow("inputs.weights");
    await expect(probe({ embeddings: [[1, 2]], weights: [[1]], labels: [0] })).rejects.toThrow("inputs.embeddings[0]");
    await expect(probe({ embeddings: [[1]], weights: [[1]], labels: [2] })).rejects.toThrow("inputs.labels[0]");
    await expect(
      probe({ embeddings: [[1, 2]], weights: [[1, 2], [1]], labels: [0] }, { kind: "softmax" }),
    ).rejects.toThrow("inputs.weights[1]");
    expect(await probe({ embeddings: [], weights: [[1]], labels: [] })).toMatchObject({ loss: null, accuracy: null });
  });
});

describe("model/self-distillation", () => {
  const pairs = { scores: [1, 0, 0, 1], teacherScores: [0, 0, 0, 0] };
  it("prefers the first of each pair", async () => {
    const out = await callPart(selfDistillation, { params: { loss: "preference", tau: 1 }, inputs: pairs });
    expect(Number(out.loss)).toBeCloseTo((Math.log1p(Math.exp(-1)) + Math.log1p(Math.E)) / 2, 12);
    const odd = { scores: [1], teacherScores: [0] };
    await expect(callPart(selfDistillation, { params: { loss: "preference" }, inputs: odd })).rejects.toThrow(
      "inputs.scores",
    );
  });

  it("does not change with scale and offset of a standardised teacher; a constant side has no z-score", async () => {
    const run = (teacherScores: number[], scores = [1, 2, 4]) =>
      callPart(selfDistillation, { params: { standardize: true }, inputs: { scores, teacherScores } });
    const base = await run([3, 1, 2]);
    expect(Number((await run([31, 11, 21])).loss)).toBeCloseTo(Number(base.loss), 10);
    expect((await run([1, 1, 1])).loss).toBeNull();
    expect((await run([1, 2, 3], [0, 0, 0])).loss).toBeNull();
  });

  it("needs variances for the heteroscedastic loss, and samples for any", async () => {
    const params = { loss: "uncertainty" } as const;
    await expect(callPart(selfDistillation, { params, inputs: pairs })).rejects.toThrow("inputs.logVariances");
    const inputs = { scores: [2], teacherScores: [0], logVariances: [Math.log(4)] };
    expect(Number((await callPart(selfDistillation, { params, inputs })).loss)).toBeCloseTo(
      0.5 + 0.5 * Math.log(4),
      12,
    );
    expect(await callPart(selfDistillation, { inputs: { scores: [], teacherScores: [] } })).toEqual({ loss: null });
  });
});

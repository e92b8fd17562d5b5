import { describe, expect, it } from "vitest";
import { callPart } from "../core/part.ts";
import { rewardHead, sentencePooling, transportMap } from "./heads.ts";
import { progressiveQueryAttention } from "./query-attention.ts";

const sum = [{ weight: [[1, 1]], bias: null }];

describe("model/reward-head", () => {
  it("pools unmasked tokens; a fully masked response has no score", async () => {
    const inputs = {
      hiddenStates: [
        [
          [1, 2],
          [3, 4],
          [9, 9],
        ],
        [[5, 5]],
        [],
      ],
      mask: [[1, 1, 0], [0], []],
      layers: sum,
    };
    expect(await callPart(rewardHead, { params: { pooling: "mean" }, inputs })).toEqual({
      pooled: [[2, 3], null, null],
      rewards: [5, null, null],
    });
    expect((await callPart(rewardHead, { params: { pooling: "last" }, inputs })).rewards).toEqual([7, null, null]);
    const { mask: _, ...unmasked } = inputs;
    expect((await callPart(rewardHead, { params: { pooling: "last" }, inputs: unmasked })).rewards).toEqual([
      18,
      10,
      null,
    ]);
    const masked = { hiddenStates: [[[1, 2]]], mask: [[0]], layers: sum };
    expect(await callPart(rewardHead, { params: { pooling: "mean" }, inputs: masked })).toEqual({
      pooled: [null],
      rewards: [null],
    });
    expect(await callPart(rewardHead, { inputs: { hiddenStates: [], layers: sum } })).toEqual({
      pooled: [],
      rewards: [],
    });
  });

  it("applies the activation between layers only", async () => {
    const layers = [{ weight: [[1], [-1]], bias: [0, 0.5] }, ...sum];
    const run = async (activation: string, x: number) =>
      (await callPart(rewardHead, { params: { activation }, inputs: { hiddenStates: [[x]], layers } })).rewards;
    expect(await run("relu", 2)).toEqual([2]);
    expect(await run("none", 2)).toEqual([0.5]);
    expect(await run("tanh", 1000)).toEqual([0]);
    expect(await run("silu", 1000)).toEqual([1000]);
  });

  it("names what does not fit", async () => {
    const run = (inputs: object, pooling = "none") => callPart(rewardHead, { params: { pooling }, inputs });
    await expect(run({ hiddenStates: [[1]], layers: sum })).rejects.toThrow("inputs.layers[0].weight[0]");
    await expect(run({ hiddenStates: [[1, 2], [1]], layers: sum })).rejects.toThrow("inputs.hiddenStates[1]");
    await expect(run({ hiddenStates: [[[1, 2]]], layers: sum })).rejects.toThrow("expected N×D");
    await expect(run({ hiddenStates: [[1, 2]], layers: sum }, "mean")).rejects.toThrow("expected N×T×D");
    await expect(run({ hiddenStates: [[[1, 2], [1]]], layers: sum }, "mean")).rejects.toThrow("hiddenStates[0][1]");
    await expect(
      run({
        hiddenStates: [[1, 2]],
        layers: [
          {
            weight: [
              [1, 1],
              [1, 1],
            ],
          },
        ],
      }),
    ).rejects.toThrow("one output");
    await expect(run({ hiddenStates: [[1, 2]], layers: [{ weight: [[1, 1]], bias: [1, 2] }] })).rejects.toThrow("bias");
    await expect(run({ hiddenStates: [[1, 2]], layers: [{ weight: [] }, ...sum] })).rejects.toThrow("inputs.layers[0]");
  });
});

describe("model/sentence-pooling", () => {
  const tokenEmbeddings = [
    [
      [9, 9],
      [3, 4],
      [-1, 6],
    ],
    [[1, 1]],
  ];
  const mask = [[0, 1, 1], [0]];
  it("cls is the first unmasked token, max skips masked ones, a masked row is zero", async () => {
    const run = async (pooling: string, normalize = false) =>
      (await callPart(sentencePooling, { params: { pooling, normalize }, inputs: { tokenEmbeddings, mask } }))
        .embeddings;
    expect(await run("cls")).toEqual([
      [3, 4],
      [0, 0],
    ]);
    expect(await run("max")).toEqual([
      [3, 6],
      [0, 0],
    ]);
    expect(await run("mean")).toEqual([
      [1, 5],
      [0, 0],
    ]);
    const [[x, y], zero] = (await run("cls", true)) as number[][];
    expect(x).toBeCloseTo(0.6, 12);
    expect(y).toBeCloseTo(0.8, 12);
    expect(zero).toEqual([0, 0]);
    expect(await callPart(sentencePooling, { inputs: { tokenEmbeddings: [] } })).toEqual({ embeddings: [] });
  });
});

describe("model/transport-map", () => {
  it("normalises hidden layers, with weights and biases of its own or without", async () => {
    const layers = [
      { weight: [[1], [-1]], bias: null },
      { weight: [[1, 10]], bias: [5] },
    ];
    const run = async (first: object) =>
      (
        await callPart(transportMap, {
          params: { normEpsilon: 1e-12 },
          inputs: { embeddings: [[3]], layers: [{ ...layers[0], ...first }, layers[1]] },
        })
      ).mapped as number[][];
    expect((await run({}))[0][0]).toBeCloseTo(6, 9);
    expect((await run({ normWeight: [2, 2], normBias: [0, 3] }))[0][0]).toBeCloseTo(2 + 10 * 1 + 5, 9);
    await expect(run({ normWeight: [1] })).rejects.toThrow("normWeight");
    await expect(run({ normBias: [1] })).rejects.toThrow("normBias");
    expect(await callPart(transportMap, { inputs: { embeddings: [], layers } })).toEqual({ mapped: [] });
  });
});

describe("model/progressive-query-attention", () => {
  const zero = [
    [0, 0],
    [0, 0],
  ];
  const identity = [
    [1, 0],
    [0, 1],
  ];
  // No preference among tokens, values as they are: attention reads the mean of the unmasked tokens.
  const uniform = {
    inWeight: [...zero, ...zero, ...identity],
    inBias: [0, 0, 0, 0, 0, 0],
    outWeight: identity,
    outBias: [0, 1],
  };
  const inputs = {
    hiddenStates: [
      [
        [9, 9],
        [9, 9],
        [9, 9],
      ],
      [
        [2, 0],
        [4, 2],
        [50, 50],
      ],
    ],
    mask: [1, 1, 0],
    firstQuery: [1, 1],
    attention: [uniform],
    finalQuery: [0, 0],
    finalAttention: uniform,
    head: { weight1: identity, bias1: [0, 0], weight2: [[1, 0]] },
  };
  const run = (change: object, params = { heads: 2, layers: [1] }) =>
    callPart(progressiveQueryAttention, { params, inputs: { ...inputs, ...change } });

  it("reads the unmasked tokens of the chosen layer", async () => {
    const out = await run({});
    expect(out.progressiveQuery).toEqual([3, 2]);
    expect(out.residual).toEqual([3, 2]);
    expect(out.reward).toBeCloseTo(6 / (1 + Math.exp(-6)), 12);
  });

  it("has nothing to say without tokens and names what does not fit", async () => {
    expect(await run({ mask: [0, 0, 0] })).toEqual({ progressiveQuery: null, residual: null, reward: null });
    await expect(run({}, { heads: 3, layers: [1] })).rejects.toThrow("params.heads");
    await expect(run({}, { heads: 1, layers: [2] })).rejects.toThrow("params.layers[0]");
    await expect(run({ attention: [] })).rejects.toThrow("inputs.attention");
    await expect(run({ head: { ...inputs.head, bias1: [0] } })).rejects.toThrow("head.bias1");
    await expect(run({ head: { ...inputs.head, weight2: [[1]] } })).rejects.toThrow("head.weight2[0]");
  });
});

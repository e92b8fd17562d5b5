/** A reward head whose learned query reads one layer of a frozen model after the other. */
import { lax, numpy as np } from "@jax-js/jax";
import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { integers, shaped, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import type { Vector } from "../core/ragged.ts";
import { expectLength } from "../core/shapes.ts";
import { evaluate, type Tensor, tensor } from "../objective/engine.ts";
import { sigmoid } from "../objective/numerics.ts";

/** Weights of one multi-head attention: each matrix out×in, the first one stacks query, key and value. */
export interface AttentionTensors {
  /** 3D×D and 3D. */
  inWeight: Tensor;
  inBias: Tensor;
  /** D×D and D. */
  outWeight: Tensor;
  outBias: Tensor;
}

/** W·x + b for x D, or each row of T×D. */
function affine(x: Tensor, weight: Tensor, bias: Tensor): Tensor {
  return np.matmul(x, np.transpose(weight)).add(bias);
}

/** Multi-head attention of one query (D) over T×D states, masked (T of 0 and 1): D. */
export function attendQuery(heads: number) {
  return (query: Tensor, states: Tensor, mask: Tensor, weights: AttentionTensors) => {
    const [tokens, width] = states.shape;
    const size = width / heads;
    const [queryWeight, keyWeight, valueWeight] = np.split(weights.inWeight, 3, 0);
    const [queryBias, keyBias, valueBias] = np.split(weights.inBias, 3, 0);
    const q = affine(query.reshape([1, width]), queryWeight, queryBias).reshape([1, heads, size]);
    const k = affine(states.ref, keyWeight, keyBias).reshape([tokens, heads, size]);
    const v = affine(states, valueWeight, valueBias).reshape([tokens, heads, size]);
    const scores = np.sum(k.mul(q), -1).div(Math.sqrt(size));
    const kept = np.greater(np.expandDims(mask, -1), 0);
    const masked = np.where(kept, scores, -1e30);
    const shares = np.exp(masked.ref.sub(lax.stopGradient(np.max(masked, 0, { keepdims: true }))));
    // Normalised by a logarithm: jax-js leaks where a differentiated array divides.
    const share = shares.ref.mul(np.exp(np.log(np.sum(shares, 0, { keepdims: true })).neg()));
    const read = np.sum(np.expandDims(share, -1).mul(v), 0).reshape([1, width]);
    return affine(read, weights.outWeight, weights.outBias).reshape([width]);
  };
}

export interface ProgressiveQueryTensors {
  /** T×D of each selected layer, and of the last one. */
  selected: Tensor[];
  last: Tensor;
  /** T of 0 and 1. */
  mask: Tensor;
  /** D, learned. */
  firstQuery: Tensor;
  finalQuery: Tensor;
  attention: AttentionTensors[];
  finalAttention: AttentionTensors;
  /** D×D, D, 1×D. */
  head: { weight1: Tensor; bias1: Tensor; weight2: Tensor };
}

/** Differentiable forward pass of `model/progressive-query-attention` for one sample. */
export function progressiveQueryAttentionOf(heads: number) {
  const attend = attendQuery(heads);
  return (t: ProgressiveQueryTensors) => {
    let query = t.firstQuery;
    for (const [k, states] of t.selected.entries()) query = attend(query, states, t.mask.ref, t.attention[k]);
    const residual = attend(t.finalQuery, t.last, t.mask, t.finalAttention);
    const width = query.shape[0];
    const read = query.ref.add(residual.ref).reshape([1, width]);
    const hidden = affine(read, t.head.weight1, t.head.bias1);
    const reward = np.sum(hidden.ref.mul(sigmoid(hidden)).mul(t.head.weight2));
    return { progressiveQuery: query, residual, reward };
  };
}

const matrix = z.array(z.array(z.number()));
const attentionSchema = z.object({
  inWeight: matrix.describe("3D×D: query, key and value projections, out×in"),
  inBias: z.array(z.number()).describe("3D"),
  outWeight: matrix.describe("D×D"),
  outBias: z.array(z.number()).describe("D"),
});

function matrixTensor(rows: readonly Vector[], height: number, width: number, field: string): Tensor {
  expectLength(rows, height, field);
  const values = new Float64Array(height * width);
  for (const [i, row] of rows.entries()) {
    expectLength(row, width, `${field}[${i}]`);
    for (let j = 0; j < width; j++) values[i * width + j] = row[j];
  }
  return tensor(values, [height, width]);
}

function vectorOf(values: Vector, width: number, field: string): Tensor {
  expectLength(values, width, field);
  return tensor(values);
}

function attentionTensors(given: z.infer<typeof attentionSchema>, width: number, field: string): AttentionTensors {
  return {
    inWeight: matrixTensor(given.inWeight, 3 * width, width, `${field}.inWeight`),
    inBias: vectorOf(given.inBias, 3 * width, `${field}.inBias`),
    outWeight: matrixTensor(given.outWeight, width, width, `${field}.outWeight`),
    outBias: vectorOf(given.outBias, width, `${field}.outBias`),
  };
}

/**
 * Hierarchical progressive query attention (reward head of SoliReward, arXiv 2512.22170), one sample.
 *
 * q¹ = MHA₁(q⁰, H_{l₁}), qⁱ = MHAᵢ(qⁱ⁻¹, H_{lᵢ}), progressiveQuery = q^N; residual o = MHA_f(q_f, H_last);
 * reward = w₂·SiLU(W₁(q^N + o) + b₁). Every attention has its own weights and biases, `heads` heads of D/heads, scale 1/√(D/heads), masked
 * tokens excluded; no residual, no norm. `hiddenStates` layers×T×D (0 = embeddings), `layers` the indices read in turn, mask T.
 * Null when no token is left to read. Errors: layers out of range, heads that do not divide D, weights that do not fit.
 */
export const progressiveQueryAttention = definePart({
  id: "model/progressive-query-attention",
  papers: ["soli-reward"],
  params: z.object({
    heads: z.int().positive().default(8),
    layers: z.array(z.int().nonnegative()).min(1).describe("hidden layers read in turn, as 6, 12, 18, 24 of 24"),
  }),
  inputs: z.object({
    hiddenStates: shaped(z.array(matrix).min(1), "L", "layers×T×D activations"),
    mask: integers("T", "1: the token counts, 0: it does not"),
    firstQuery: vector("D", "q⁰"),
    attention: z.array(attentionSchema).describe("weights per selected layer"),
    finalQuery: vector("D", "q_f"),
    finalAttention: attentionSchema,
    head: z.object({
      weight1: matrix.describe("D×D"),
      bias1: z.array(z.number()).describe("D"),
      weight2: matrix.describe("1×D"),
    }),
  }),
  outputs: z.object({
    progressiveQuery: vector("D", "q^N").nullable(),
    residual: vector("D", "o").nullable(),
    reward: z.number().nullable(),
  }),
  compute({ heads, layers }, { hiddenStates, mask, firstQuery, attention, finalQuery, finalAttention, head }) {
    const width = firstQuery.length;
    const tokens = mask.length;
    if (width === 0 || width % heads !== 0)
      throw new ContractError("params.heads", `expected a divisor of ${width} dimensions, got ${heads}`);
    expectLength(attention, layers.length, "attention");
    for (const [k, layer] of layers.entries())
      if (layer >= hiddenStates.length)
        throw new ContractError(`params.layers[${k}]`, `expected a layer in [0, ${hiddenStates.length}), got ${layer}`);
    if (!Array.from(mask).some((one) => one > 0)) return { progressiveQuery: null, residual: null, reward: null };
    const states = (layer: number) => matrixTensor(hiddenStates[layer], tokens, width, `hiddenStates[${layer}]`);
    const result = evaluate(progressiveQueryAttentionOf(heads), {
      selected: layers.map(states),
      last: states(hiddenStates.length - 1),
      mask: tensor(mask),
      firstQuery: tensor(firstQuery),
      finalQuery: vectorOf(finalQuery, width, "finalQuery"),
      attention: attention.map((weights, k) => attentionTensors(weights, width, `attention[${k}]`)),
      finalAttention: attentionTensors(finalAttention, width, "finalAttention"),
      head: {
        weight1: matrixTensor(head.weight1, width, width, "head.weight1"),
        bias1: vectorOf(head.bias1, width, "head.bias1"),
        weight2: matrixTensor(head.weight2, 1, width, "head.weight2"),
      },
    });
    return {
      progressiveQuery: result.progressiveQuery,
      residual: result.residual,
      reward: result.reward[0],
    };
  },
});

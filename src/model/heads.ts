/** Forward passes of small heads on hidden states: pooling, score heads, transport maps, attention with learned queries. */
import { numpy as np } from "@jax-js/jax";
import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields, nullableVector, ragged, shaped } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { type RaggedLike, rowCount, type Vector } from "../core/ragged.ts";
import { expectLength } from "../core/shapes.ts";
import { evaluate, maskOf, type Padded, paddedTensor, rowsTensor, type Tensor, tensor } from "../objective/engine.ts";
import { sigmoid } from "../objective/numerics.ts";
import { rectangular, unitRows } from "./embedding-losses.ts";

/** One linear layer on arrays: weight in×out (the transpose of the contract's out×in), bias out. */
export interface LinearTensors {
  weight: Tensor;
  bias?: Tensor;
}

/** x·W + b for x N×in. */
function linear(x: Tensor, { weight, bias }: LinearTensors): Tensor {
  const product = np.matmul(x, weight);
  return bias === undefined ? product : product.add(bias);
}

const activations = ["silu", "tanh", "relu", "none"] as const;
type Activation = (typeof activations)[number];

function activated(x: Tensor, activation: Activation): Tensor {
  if (activation === "silu") return x.ref.mul(sigmoid(x));
  if (activation === "relu") return np.maximum(x, 0);
  // tanh x = 2σ(2x) − 1, which does not overflow
  return activation === "tanh" ? sigmoid(x.mul(2)).mul(2).sub(1) : x;
}

/** Multi-layer perceptron on N×D, the activation between layers only. */
export function perceptron(activation: Activation = "silu") {
  return (x: Tensor, layers: readonly LinearTensors[]) =>
    layers.reduce((state, layer, k) => linear(k === 0 ? state : activated(state, activation), layer), x);
}

/** How token states become one vector. */
export type Pooling = "mean" | "last" | "first" | "max";

/** Pools N×T×D over tokens with a mask N×T; a fully masked row gives zeros. */
export function poolTokens(pooling: Pooling) {
  return (states: Tensor, mask: Tensor) => {
    if (pooling === "max") {
      const some = np.max(mask.ref, -1, { keepdims: true });
      const kept = np.greater(np.expandDims(mask, -1), 0);
      return np.max(np.where(kept, states, -1e9), 1).mul(some);
    }
    const counts = np.sum(mask.ref, -1, { keepdims: true });
    let weights: Tensor;
    if (pooling === "mean") weights = mask.div(np.maximum(counts, 1e-9));
    else {
      const seen = np.cumsum(mask.ref, -1);
      const wanted = pooling === "first" ? np.minimum(counts, 1) : counts;
      weights = np.where(np.equal(seen, wanted), mask, 0);
    }
    return np.sum(states.mul(np.expandDims(weights, -1)), 1);
  };
}

const tokenStates = z.array(z.array(z.array(z.number())));
type TokenStates = z.infer<typeof tokenStates>;

/** N×T×D padded with zeros, and the mask N×T. Throws `ContractError` at a state of another width. */
function padStates(states: TokenStates, field: string, mask?: RaggedLike): { states: Tensor; mask: Padded } {
  const counted = maskOf(
    states.map((row) => row.map(() => 1)),
    mask,
  );
  const width = Math.max(1, states.find((row) => row.length > 0)?.[0].length ?? 1);
  const values = new Float64Array(counted.rows * counted.width * width);
  for (const [i, row] of states.entries())
    for (const [t, state] of row.entries()) {
      expectLength(state, width, `${field}[${i}][${t}]`);
      values.set(state, (i * counted.width + t) * width);
    }
  return { states: tensor(values, [counted.rows, counted.width, width]), mask: counted };
}

/** Rows of a padded mask that keep nothing. */
function emptyRows({ values, rows, width }: Padded): boolean[] {
  return Array.from({ length: rows }, (_, i) => !values.subarray(i * width, (i + 1) * width).some((one) => one > 0));
}

/** Flat row-major numbers as rows. */
function rowsOf(values: Float64Array, count: number, width: number): number[][] {
  return Array.from({ length: count }, (_, i) => Array.from(values.subarray(i * width, (i + 1) * width)));
}

const layerSchema = z.object({ weight: z.array(z.array(z.number())), bias: z.array(z.number()).nullish() });
type Layer = z.infer<typeof layerSchema>;

/** An out×in matrix as an in×out tensor. Throws `ContractError` where it does not take `width` numbers. */
function weightTensor(weight: readonly Vector[], width: number, field: string): Tensor {
  if (weight.length === 0) throw new ContractError(`inputs.${field}`, "expected at least one row");
  const transposed = new Float64Array(width * weight.length);
  for (const [o, row] of weight.entries()) {
    expectLength(row, width, `${field}[${o}]`);
    for (let i = 0; i < width; i++) transposed[i * weight.length + o] = row[i];
  }
  return tensor(transposed, [width, weight.length]);
}

/** Layers as tensors. Throws `ContractError` where they do not fit each other. */
export function layerTensors(layers: readonly Layer[], width: number, field: string): LinearTensors[] {
  let incoming = width;
  return layers.map(({ weight, bias }, k) => {
    const tensors: LinearTensors = { weight: weightTensor(weight, incoming, `${field}[${k}].weight`) };
    if (bias) {
      expectLength(bias, weight.length, `${field}[${k}].bias`);
      tensors.bias = tensor(bias);
    }
    incoming = weight.length;
    return tensors;
  });
}

/**
 * Score head of a reward model (BaseReward, arXiv 2509.16127; pooling of IXC-2.5-Reward, 2501.12368; decoder of LaRe, 2412.11120).
 *
 * pooled: the hidden state itself (`none`, N×D), or over tokens (N×T×D, mask N×T absent = all) the mean or the last unmasked one; rewards: a
 * multi-layer perceptron on it, `layers` of weight (out×in) and bias (or null), the activation between layers only; the last layer has one
 * output. A response without an unmasked token has no score: null. Errors: layers that do not fit; `pooling` that does not fit the shape.
 */
export const rewardHead = definePart({
  id: "model/reward-head",
  papers: ["base-reward", "ixc-reward", "lare"],
  params: z.object({
    activation: z.enum(activations).default("silu").describe("between layers"),
    pooling: z.enum(["none", "mean", "last"]).default("none").describe("how token states become one"),
  }),
  inputs: z.object({
    hiddenStates: shaped(
      z.union([z.array(z.array(z.number())), tokenStates]),
      "N×T",
      "N×D (pooling none) or N×T×D network activations",
    ),
    mask: fields.mask.optional(),
    layers: z.array(layerSchema).min(1).describe("weight out×in and bias (or null) of each layer"),
  }),
  outputs: z.object({
    pooled: shaped(z.array(z.array(z.number()).nullable()), "N×D", "what the head reads"),
    rewards: nullableVector("N", "score"),
  }),
  compute({ activation, pooling }, { hiddenStates, mask, layers }) {
    const n = hiddenStates.length;
    if (layers[layers.length - 1].weight.length !== 1)
      throw new ContractError(`inputs.layers[${layers.length - 1}].weight`, "expected one output in the last layer");
    if (n === 0) return { pooled: [], rewards: [] };
    const tokens = hiddenStates.some((row) => row.some((entry) => typeof entry !== "number"));
    if (pooling === "none" ? tokens : !tokens && hiddenStates.some((row) => row.length > 0))
      throw new ContractError(
        "inputs.hiddenStates",
        `expected ${pooling === "none" ? "N×D" : "N×T×D"} with this pooling`,
      );
    const head = perceptron(activation);
    let states: Tensor;
    let empty = new Array<boolean>(n).fill(false);
    if (pooling === "none") states = rowsTensor(rectangular(hiddenStates as number[][], "hiddenStates").packed);
    else {
      const padded = padStates(hiddenStates as TokenStates, "hiddenStates", mask);
      empty = emptyRows(padded.mask);
      if (empty.every((none) => none)) return { pooled: empty.map(() => null), rewards: empty.map(() => null) };
      const { pooled } = evaluate(
        (t: { states: Tensor; mask: Tensor }) => ({ pooled: poolTokens(pooling)(t.states, t.mask) }),
        { states: padded.states, mask: paddedTensor(padded.mask) },
      );
      states = tensor(pooled, [n, pooled.length / n]);
    }
    const width = states.shape[1];
    const result = evaluate(
      (t: { states: Tensor; layers: LinearTensors[] }) => ({
        pooled: t.states.ref,
        rewards: head(t.states, t.layers),
      }),
      { states, layers: layerTensors(layers, width, "layers") },
    );
    const orNull = <T>(value: T, i: number) => (empty[i] ? null : value);
    return {
      pooled: rowsOf(result.pooled, n, width).map(orNull),
      rewards: Array.from(result.rewards, orNull),
    };
  },
});

/**
 * Sentence embedding from token states (Sentence-BERT pooling, arXiv 1908.10084; the semantic reward's encoder, 2509.13081).
 *
 * `mean` Σ m_t h_t / max(Σ m_t, 10⁻⁹), `cls` the first unmasked token, `max` per dimension over unmasked tokens; then, with `normalize`, divided
 * by max(‖v‖, 10⁻¹²). A fully masked row gives the zero vector. Shapes N×T×D, N×T → N×D.
 */
export const sentencePooling = definePart({
  id: "model/sentence-pooling",
  papers: ["semantic-reward"],
  params: z.object({
    pooling: z.enum(["mean", "cls", "max"]).default("mean").describe("over tokens"),
    normalize: z.boolean().default(true).describe("to unit length"),
  }),
  inputs: z.object({
    tokenEmbeddings: shaped(tokenStates, "N×T×D", "encoder states"),
    mask: fields.mask.optional(),
  }),
  outputs: z.object({ embeddings: ragged("N×D", "sentence vectors") }),
  compute({ pooling, normalize }, { tokenEmbeddings, mask }) {
    const n = tokenEmbeddings.length;
    if (n === 0) return { embeddings: [] };
    const padded = padStates(tokenEmbeddings, "tokenEmbeddings", mask);
    const pool = poolTokens(pooling === "cls" ? "first" : pooling);
    const { embeddings } = evaluate(
      (t: { states: Tensor; mask: Tensor }) => {
        const pooled = pool(t.states, t.mask);
        return { embeddings: normalize ? unitRows(pooled) : pooled };
      },
      { states: padded.states, mask: paddedTensor(padded.mask) },
    );
    return { embeddings: rowsOf(embeddings, n, embeddings.length / n) };
  },
});

/** A hidden layer of a transport map: linear, then LayerNorm's scale and shift (absent in the last layer). */
export interface TransportLayerTensors extends LinearTensors {
  normWeight?: Tensor;
  normBias?: Tensor;
}

/** Differentiable forward pass of `model/transport-map` on N×D. */
export function transportMapOf(normEpsilon = 1e-5) {
  return (x: Tensor, layers: readonly TransportLayerTensors[]) =>
    layers.reduce((state, { normWeight, normBias, ...layer }, k) => {
      const out = linear(state, layer);
      if (k === layers.length - 1) {
        normWeight?.dispose();
        normBias?.dispose();
        return out;
      }
      const centred = out.ref.sub(np.mean(out, -1, { keepdims: true }));
      const variance = np.mean(np.square(centred.ref), -1, { keepdims: true });
      let normal = centred.mul(np.exp(np.log(variance.add(normEpsilon)).mul(-0.5)));
      if (normWeight !== undefined) normal = normal.mul(normWeight);
      if (normBias !== undefined) normal = normal.add(normBias);
      return np.maximum(normal, 0);
    }, x);
}

/**
 * Transport map as a small network (PISCES, arXiv 2602.01624): linear → LayerNorm → ReLU, the last layer linear only.
 *
 * LayerNorm over the D outputs with population variance + normEpsilon, then its weight and bias (absent: 1 and 0). Shapes N×D → N×D′.
 * Error: layers that do not fit.
 */
export const transportMap = definePart({
  id: "model/transport-map",
  papers: ["pisces"],
  params: z.object({ normEpsilon: z.number().positive().default(1e-5).describe("added to the variance") }),
  inputs: z.object({
    embeddings: ragged("N×D", "text embeddings"),
    layers: z
      .array(
        layerSchema.extend({
          normWeight: z.array(z.number()).nullish(),
          normBias: z.array(z.number()).nullish(),
        }),
      )
      .min(1)
      .describe("weight out×in, bias, normWeight, normBias of each layer"),
  }),
  outputs: z.object({ mapped: ragged("N×E", "mapped embeddings") }),
  compute({ normEpsilon }, { embeddings, layers }) {
    const { packed, width } = rectangular(embeddings, "embeddings");
    const n = rowCount(packed);
    if (n === 0) return { mapped: [] };
    const tensors = layerTensors(layers, width, "layers").map((layer, k): TransportLayerTensors => {
      const { normWeight, normBias, weight } = layers[k];
      const withNorm: TransportLayerTensors = { ...layer };
      if (normWeight) {
        expectLength(normWeight, weight.length, `layers[${k}].normWeight`);
        withNorm.normWeight = tensor(normWeight);
      }
      if (normBias) {
        expectLength(normBias, weight.length, `layers[${k}].normBias`);
        withNorm.normBias = tensor(normBias);
      }
      return withNorm;
    });
    const forward = transportMapOf(normEpsilon);
    const { mapped } = evaluate(
      (t: { x: Tensor; layers: TransportLayerTensors[] }) => ({ mapped: forward(t.x, t.layers) }),
      { x: rowsTensor(packed), layers: tensors },
    );
    return { mapped: rowsOf(mapped, n, mapped.length / n) };
  },
});

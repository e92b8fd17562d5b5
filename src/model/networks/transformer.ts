/**
 * A decoder-only transformer: pre-norm, causal, learned positions, RMS norms without gain, ReLU
 * feed-forward, no biases. Made for little kernels: a norm is one factor per token, which is applied
 * after the matrix product that follows it (it commutes), so that nothing is normalised in memory.
 *
 * Positions are columns. Prompts are padded on the left to one length, so that the first token of a
 * reply is always in the same column; padding is never attended to and never predicted.
 */
import { lax, numpy as np } from "@jax-js/jax";
import { ContractError } from "../../core/error.ts";
import type { Random } from "../../core/random.ts";
import type { Tensor } from "../../objective/engine.ts";
import { drawParameters, float32, type ParameterShapes, type Parameters } from "./parameters.ts";

export interface TransformerConfig {
  readonly vocabulary: number;
  /** Longest sequence in tokens, prompt and reply. */
  readonly context: number;
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  /** Units of the feed-forward layer; 4 × width where absent. */
  readonly hidden?: number;
  /** Token that fills prompts on the left; −1: there is none. */
  readonly padding?: number;
  /** One more output per token, for a critic. */
  readonly valueHead?: boolean;
}

/** Added to the score of what must not be attended to. */
const forbidden = -1e9;
const normEpsilon = 1e-6;

export function transformerShapes(config: TransformerConfig): ParameterShapes {
  const { vocabulary, context, width, layers, heads, hidden = 4 * width, valueHead } = config;
  if (width % heads !== 0)
    throw new ContractError("config.heads", `expected a divisor of the width ${width}, got ${heads}`);
  const from = (units: number) => 1 / Math.sqrt(units);
  const residual = 1 / Math.sqrt(2 * layers);
  const shapes: Record<string, { shape: number[]; scale: number }> = {
    embedding: { shape: [vocabulary, width], scale: from(width) },
    position: { shape: [context, width], scale: from(width) },
  };
  for (let layer = 0; layer < layers; layer++) {
    const square = { shape: [width, width], scale: from(width) };
    shapes[`${layer}.query`] = square;
    shapes[`${layer}.key`] = square;
    shapes[`${layer}.value`] = square;
    shapes[`${layer}.out`] = { shape: [width, width], scale: residual * from(width) };
    shapes[`${layer}.up`] = { shape: [width, hidden], scale: from(width) };
    shapes[`${layer}.down`] = { shape: [hidden, width], scale: residual * from(hidden) };
  }
  shapes.head = { shape: [width, vocabulary], scale: from(width) };
  if (valueHead) shapes.valueHead = { shape: [width, 1], scale: 0 };
  return shapes;
}

export function initTransformer(config: TransformerConfig, random: Random): Parameters {
  return drawParameters(transformerShapes(config), random);
}

/** 1/RMS of the last axis, kept as an axis of 1. Consumes x. */
export function inverseRms(x: Tensor): Tensor {
  const width = x.shape[x.ndim - 1];
  const square = np.vecdot(x.ref, x).mul(1 / width);
  return np.expandDims(np.reciprocal(np.sqrt(square.add(normEpsilon))), -1);
}

/** Rows of the embedding by a product with one-hot rows: for small vocabularies faster than gather and scatter. */
export function embedTokens(embedding: Tensor, tokens: Tensor, vocabulary: number): Tensor {
  const oneHot = np.equal(np.expandDims(tokens, -1), np.arange(vocabulary, undefined, undefined, { dtype: np.int32 }));
  return np.matmul(oneHot.astype(np.float32), embedding);
}

/** B×T×W → B×T×H×D. */
export function splitHeads(x: Tensor, heads: number): Tensor {
  const [rows, columns, width] = x.shape;
  return x.reshape([rows, columns, heads, width / heads]);
}

/** B×T×H×D → B×T×W. */
export function joinHeads(x: Tensor): Tensor {
  const [rows, columns, heads, size] = x.shape;
  return x.reshape([rows, columns, heads * size]);
}

/**
 * Softmax attention. `query` B×Q×H×D, `key` and `value` B×S×H×D, `bias` broadcast to B×Q×H×S.
 * Gives B×Q×H×D.
 */
export function attend(query: Tensor, key: Tensor, value: Tensor, bias: Tensor): Tensor {
  const size = query.shape[3];
  // B×Q×H×S: rows of scores lie together, heads stay where the projections left them.
  const scores = np
    .vecdot(np.expandDims(query, 3), np.expandDims(np.transpose(key, [0, 2, 1, 3]), 1))
    .mul(1 / Math.sqrt(size))
    .add(bias);
  const shift = lax.stopGradient(np.max(scores.ref, -1, { keepdims: true }));
  const weights = np.exp(scores.sub(shift));
  const total = np.reciprocal(np.sum(weights.ref, -1, { keepdims: true }));
  return np.vecdot(np.expandDims(weights, 3), np.expandDims(np.transpose(value, [0, 2, 3, 1]), 1)).mul(total);
}

/** 0 where a query may look, `forbidden` elsewhere: queries are columns `first` … `end` − 1 of `columns`. Q×1×T. */
function causalBias(first: number, end: number, columns: number): Tensor {
  const rows = end - first;
  const data = new Float32Array(rows * columns);
  for (let q = 0; q < rows; q++) for (let s = first + q + 1; s < columns; s++) data[q * columns + s] = forbidden;
  return float32(data, [rows, 1, columns]);
}

/** `forbidden` at padding, 0 elsewhere, B×1×1×T; null where the vocabulary has none. Consumes the tokens. */
export function paddingBias(tokens: Tensor, config: TransformerConfig): Tensor | null {
  const { padding = -1 } = config;
  if (padding < 0) {
    tokens.dispose();
    return null;
  }
  const bias = np.equal(tokens, padding).astype(np.float32).mul(forbidden);
  return np.expandDims(np.expandDims(bias, 1), 1);
}

/** The feed-forward half of a layer. Consumes its arguments. */
export function feedForward(x: Tensor, up: Tensor, down: Tensor): Tensor {
  const scale = inverseRms(x.ref);
  const hidden = np.maximum(np.matmul(x.ref, up).mul(scale), 0);
  return np.matmul(hidden, down).add(x);
}

/**
 * Columns to compute for `columns` wanted ones: the next multiple of 4, where the context has it. Rows of
 * keys that fill SIMD lanes make attention several times faster; nothing sees the columns added at the end.
 */
export function laneColumns(columns: number, context: number): number {
  const full = Math.ceil(columns / 4) * 4;
  return full <= context ? full : columns;
}

/**
 * Hidden states of columns `first` … `end` − 1 (before the last norm), B×(end−first)×W, of tokens B×T
 * (int32). Consumes the tokens and the parameters, which must be without the heads. A cache may take
 * each layer's keys and values B×T×W through `onKeysAndValues`.
 */
export function transformerStates(
  config: TransformerConfig,
  parameters: Parameters,
  tokens: Tensor,
  first = 0,
  end = tokens.shape[1],
  onKeysAndValues?: (key: Tensor, value: Tensor) => void,
): Tensor {
  const { vocabulary, layers, heads } = config;
  const columns = tokens.shape[1];
  if (columns > config.context)
    throw new ContractError("tokens", `expected at most ${config.context} columns (the context), got ${columns}`);
  const pads = paddingBias(tokens.ref, config);
  let x = embedTokens(parameters.embedding, tokens, vocabulary).add(parameters.position.slice([0, columns], []));
  for (let layer = 0; layer < layers; layer++) {
    const last = layer === layers - 1;
    // The last layer looks from the wanted columns only.
    const [from, to] = last ? [first, end] : [0, columns];
    const whole = to - from === columns;
    const scale = inverseRms(x.ref);
    const residual = whole ? x.ref : x.ref.slice([], [from, to], []);
    const queryScale = whole ? scale.ref : scale.ref.slice([], [from, to], []);
    const query = np.matmul(residual.ref, parameters[`${layer}.query`]).mul(queryScale);
    const key = np.matmul(x.ref, parameters[`${layer}.key`]).mul(scale.ref);
    const value = np.matmul(x, parameters[`${layer}.value`]).mul(scale);
    onKeysAndValues?.(key.ref, value.ref);
    const causal = causalBias(from, to, columns);
    const bias = pads === null ? causal : causal.add(pads.ref);
    const mixed = attend(splitHeads(query, heads), splitHeads(key, heads), splitHeads(value, heads), bias);
    x = np.matmul(joinHeads(mixed), parameters[`${layer}.out`]).add(residual);
    x = feedForward(x, parameters[`${layer}.up`], parameters[`${layer}.down`]);
  }
  pads?.dispose();
  return x;
}

/** Normalised hidden states B×T'×W times a head W×V. Consumes its arguments. */
function project(states: Tensor, head: Tensor): Tensor {
  const scale = inverseRms(states.ref);
  return np.matmul(states, head).mul(scale);
}

/** Logits B×T'×V of hidden states at a temperature; padding is never said. Consumes its arguments. */
export function transformerLogits(config: TransformerConfig, states: Tensor, head: Tensor, temperature = 1): Tensor {
  const { vocabulary, padding = -1 } = config;
  let logits = project(states, head);
  if (temperature !== 1) logits = logits.mul(1 / temperature);
  if (padding < 0) return logits;
  const never = new Float32Array(vocabulary);
  never[padding] = forbidden;
  return logits.add(float32(never));
}

/** What a network says of given replies, each B×R. */
export interface ReplyStatistics {
  /** Log-probabilities of the reply tokens (nats). */
  logprobs: Tensor;
  /** Entropies of the distributions they were drawn from (nats); no gradient. */
  entropies: Tensor;
  /** Values at the tokens before; with `valueHead` only. */
  values?: Tensor;
}

/**
 * Log-probabilities and entropies of replies under the network at a temperature: sequences B×T (int32)
 * of which the first `promptLength` columns are the prompt. Differentiable. Consumes its arguments.
 */
export function replyStatistics(
  config: TransformerConfig,
  parameters: Parameters,
  tokens: Tensor,
  promptLength: number,
  temperature = 1,
): ReplyStatistics {
  const columns = tokens.shape[1];
  const { vocabulary } = config;
  const targets = tokens.ref.slice([], [promptLength, columns]);
  // Nothing is predicted from the last token; it is there to fill lanes.
  const computed = laneColumns(columns - 1, config.context);
  const inputs =
    computed <= columns
      ? tokens.slice([], [0, computed])
      : np.pad(tokens, [
          [0, 0],
          [0, computed - columns],
        ]);
  const { head, valueHead, ...rest } = parameters;
  const states = transformerStates(config, rest, inputs, promptLength - 1, columns - 1);
  const values = valueHead === undefined ? undefined : np.squeeze(project(states.ref, valueHead), 2);
  const logits = transformerLogits(config, states, head, temperature);
  const chosen = np.equal(np.expandDims(targets, -1), np.arange(vocabulary, undefined, undefined, { dtype: np.int32 }));
  return { ...logprobsOf(logits, chosen.astype(np.float32)), values };
}

/** Log-probability of the one-hot choice and entropy along the last axis. Consumes its arguments. */
export function logprobsOf(logits: Tensor, chosen: Tensor): { logprobs: Tensor; entropies: Tensor } {
  const shift = lax.stopGradient(np.max(logits.ref, -1, { keepdims: true }));
  const shifted = logits.sub(shift);
  const weights = np.exp(shifted.ref);
  const total = np.sum(weights.ref, -1);
  const logTotal = np.log(total.ref);
  const expected = np.vecdot(lax.stopGradient(weights), lax.stopGradient(shifted.ref)).div(lax.stopGradient(total));
  const entropies = lax.stopGradient(logTotal.ref).sub(expected);
  return { logprobs: np.vecdot(shifted, chosen).sub(logTotal), entropies };
}

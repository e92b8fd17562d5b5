/**
 * Sampling from a transformer with a key-value cache. One compiled step serves every column: the
 * column comes in as a one-hot row, keys and values are written by adding them to zeros, and the next
 * token is drawn, by inversion of a given uniform number, inside the step. Prompts that several
 * rollouts share are read once.
 */
import { jit, numpy as np } from "@jax-js/jax";
import { ContractError } from "../../core/error.ts";
import type { Tensor } from "../../objective/engine.ts";
import { dispose, float32, int32, keep, type Parameters } from "./parameters.ts";
import {
  attend,
  embedTokens,
  feedForward,
  inverseRms,
  joinHeads,
  laneColumns,
  logprobsOf,
  paddingBias,
  splitHeads,
  type TransformerConfig,
  transformerLogits,
  transformerStates,
} from "./transformer.ts";

export interface SamplerOptions {
  /** Columns of the prompts. */
  readonly promptLength: number;
  /** Tokens to draw. */
  readonly replyLength: number;
  /** Rollouts for each prompt; they follow one another. */
  readonly groupSize?: number;
  readonly temperature?: number;
  /** Only the k likeliest tokens (and those that tie with the k-th) are drawn; 1: greedy. */
  readonly topK?: number | null;
  /** Token that ends a reply. */
  readonly stop?: number;
}

export interface Samples {
  /** Prompts and replies, B×T; padding (or 0) after the stop token. */
  readonly tokens: Int32Array;
  /** Tokens of each reply, the stop token included, B. */
  readonly lengths: Int32Array;
  /** Log-probability of each drawn token (nats) at the temperature, before `topK`, B×R; 0 after the stop token. */
  readonly logprobs: Float32Array;
  /** Entropy of each distribution (nats), B×R; 0 after the stop token. */
  readonly entropies: Float32Array;
}

export interface Sampler {
  /**
   * Draws replies. Consumes the parameters. `prompts` are P rows of promptLength tokens, `uniforms` one
   * number in [0, 1) for each of the P × groupSize × replyLength tokens, row by row.
   */
  (parameters: Parameters, prompts: Int32Array, uniforms: Float32Array): Samples;
  /** Frees what the compiled programs hold. */
  dispose(): void;
}

/** Far enough below 1 that float32 products stay below the total weight. */
const largestUniform = 1 - 2 ** -20;
const forbidden = -1e9;

interface StepState {
  [name: string]: Tensor;
}

export function transformerSampler(config: TransformerConfig, options: SamplerOptions): Sampler {
  const { promptLength, replyLength, groupSize = 1, temperature = 1, topK = null, stop = -1 } = options;
  const { vocabulary, width, layers, heads, padding = -1 } = config;
  const columns = promptLength + replyLength;
  if (columns - 1 > config.context)
    throw new ContractError("replyLength", `expected prompt and reply within ${config.context} tokens, got ${columns}`);

  /** Columns of the cache. */
  const cached = laneColumns(columns - 1, config.context);

  const pack = jit((parameters: Parameters) => {
    const { valueHead, ...packed } = parameters;
    valueHead?.dispose();
    for (let layer = 0; layer < layers; layer++) {
      const names = [`${layer}.query`, `${layer}.key`, `${layer}.value`];
      packed[`${layer}.inputs`] = np.concatenate(
        names.map((name) => packed[name]),
        1,
      );
      for (const name of names) delete packed[name];
    }
    return packed;
  });

  /** Caches B×C×2W of all layers after the prompt without its last token, and the bias of padding. */
  const prefill = jit((parameters: Parameters, prompts: Tensor): StepState => {
    const state: StepState = {};
    const rows = prompts.shape[0] * groupSize;
    const repeat = (x: Tensor) => {
      const [prompt, ...rest] = x.shape;
      return np.broadcastTo(np.expandDims(x, 1), [prompt, groupSize, ...rest]).reshape([rows, ...rest]);
    };
    const pads = paddingBias(prompts.ref, config);
    if (pads !== null) {
      const bias = np.pad(pads.ref.reshape(prompts.shape), [
        [0, 0],
        [0, cached - promptLength],
      ]);
      state.pads = repeat(bias);
      pads.dispose();
    }
    const read = promptLength - 1;
    if (read === 0) {
      prompts.dispose();
      dispose(parameters);
      for (let layer = 0; layer < layers; layer++) state[`${layer}.cache`] = np.zeros([rows, cached, 2 * width]);
      return state;
    }
    const keysAndValues = promptCaches(config, parameters, prompts.slice([], [0, read]));
    keysAndValues.forEach((cache, layer) => {
      const padded = np.pad(cache, [
        [0, 0],
        [0, cached - read],
        [0, 0],
      ]);
      state[`${layer}.cache`] = repeat(padded);
    });
    return state;
  });

  const step = jit((packed: Parameters, state: StepState, column: { at: Tensor; reach: Tensor }, uniforms: Tensor) => {
    const { tokens, pads, ...caches } = state;
    const rows = tokens.shape[0];
    const next: StepState = {};
    const place = np.matmul(column.at.ref, packed.position.slice([0, cached], []));
    const bias = pads === undefined ? column.reach : column.reach.add(np.expandDims(np.expandDims(pads.ref, 1), 1));
    let x = embedTokens(packed.embedding, np.expandDims(tokens, 1), vocabulary).add(place);
    for (let layer = 0; layer < layers; layer++) {
      const scale = inverseRms(x.ref);
      const inputs = np.matmul(x.ref, packed[`${layer}.inputs`]).mul(scale);
      const query = inputs.ref.slice([], [], [0, width]);
      const written = np.expandDims(column.at.ref, 1).mul(inputs.slice([], [], [width, 3 * width]));
      const cache = caches[`${layer}.cache`].add(written);
      const key = cache.ref.slice([], [], [0, width]);
      const value = cache.ref.slice([], [], [width, 2 * width]);
      next[`${layer}.cache`] = cache;
      const mixed = attend(splitHeads(query, heads), splitHeads(key, heads), splitHeads(value, heads), bias.ref);
      x = np.matmul(joinHeads(mixed), packed[`${layer}.out`]).add(x);
      x = feedForward(x, packed[`${layer}.up`], packed[`${layer}.down`]);
    }
    bias.dispose();
    const uniform = np.matmul(column.at, uniforms).reshape([rows, 1]);
    const logits = transformerLogits(config, x, packed.head, temperature).reshape([rows, vocabulary]);
    const drawn = drawTokens(logits.ref, uniform, topK);
    const ids = np.arange(vocabulary, undefined, undefined, { dtype: np.int32 });
    const chosen = np.equal(np.expandDims(drawn.ref, -1), ids).astype(np.float32);
    if (pads !== undefined) next.pads = pads;
    next.tokens = drawn;
    return { state: next, ...logprobsOf(logits, chosen) };
  });

  const sampler = (parameters: Parameters, prompts: Int32Array, uniforms: Float32Array): Samples => {
    const count = prompts.length / promptLength;
    const rows = count * groupSize;
    if (uniforms.length !== rows * replyLength)
      throw new ContractError("uniforms", `expected ${rows * replyLength} numbers, got ${uniforms.length}`);
    const packed = pack(keep(parameters));
    const state = prefill(parameters, int32(prompts, [count, promptLength]));
    const last = new Int32Array(rows);
    for (let row = 0; row < rows; row++)
      last[row] = prompts[Math.floor(row / groupSize) * promptLength + promptLength - 1];
    let current: StepState = { ...state, tokens: int32(last) };
    const byColumn = columnMajorUniforms(uniforms, { rows, promptLength, replyLength, columns: cached });
    const drawn: { tokens: Tensor; logprobs: Tensor; entropies: Tensor }[] = [];
    for (let t = 0; t < replyLength; t++) {
      const column = columnInputs(promptLength - 1 + t, cached);
      const result = step(keep(packed), current, column, byColumn.ref);
      current = result.state;
      drawn.push({ tokens: current.tokens.ref, logprobs: result.logprobs, entropies: result.entropies });
    }
    dispose(current);
    dispose(packed);
    byColumn.dispose();
    return collect(prompts, drawn, { rows, promptLength, replyLength, groupSize, stop, fill: Math.max(0, padding) });
  };
  return Object.assign(sampler, {
    dispose() {
      pack.dispose();
      prefill.dispose();
      step.dispose();
    },
  });
}

/** Keys and values B×T×2W that each layer has for tokens B×T. Consumes its arguments. */
function promptCaches(config: TransformerConfig, parameters: Parameters, tokens: Tensor): Tensor[] {
  const caches: Tensor[] = [];
  const { head, valueHead, ...rest } = parameters;
  head.dispose();
  valueHead?.dispose();
  transformerStates(config, rest, tokens, 0, tokens.shape[1], (key, value) =>
    caches.push(np.concatenate([key, value], 2)),
  ).dispose();
  return caches;
}

/** One-hot row of a column, and what its query may reach: 0 up to it, `forbidden` beyond. */
function columnInputs(column: number, columns: number): { at: Tensor; reach: Tensor } {
  const at = new Float32Array(columns);
  const reach = new Float32Array(columns).fill(forbidden, column + 1);
  at[column] = 1;
  return { at: float32(at), reach: float32(reach) };
}

/** Uniforms as columns × B, so that the row of a column is its product with the column's one-hot row. */
function columnMajorUniforms(
  uniforms: Float32Array,
  shape: { rows: number; promptLength: number; replyLength: number; columns: number },
): Tensor {
  const { rows, promptLength, replyLength, columns } = shape;
  const data = new Float32Array(columns * rows);
  for (let t = 0; t < replyLength; t++) {
    const start = (promptLength - 1 + t) * rows;
    for (let row = 0; row < rows; row++) data[start + row] = Math.min(uniforms[row * replyLength + t], largestUniform);
  }
  return float32(data, [columns, rows]);
}

/** Smallest token whose cumulated weight exceeds uniform × total. logits B×V, uniform B×1. Consumes its arguments. */
function drawTokens(logits: Tensor, uniform: Tensor, topK: number | null): Tensor {
  const vocabulary = logits.shape[1];
  const shift = np.max(logits.ref, -1, { keepdims: true });
  let weights = np.exp(logits.ref.sub(shift));
  if (topK === null || topK >= vocabulary) logits.dispose();
  else {
    const larger = np.greater(np.expandDims(logits.ref, 1), np.expandDims(logits, 2));
    const rank = np.sum(larger.astype(np.float32), -1);
    weights = np.where(np.less(rank, topK), weights, 0);
  }
  const triangle = new Float32Array(vocabulary * vocabulary);
  for (let i = 0; i < vocabulary; i++) triangle.fill(1, i * vocabulary, i * vocabulary + i + 1);
  const cumulated = np.vecdot(np.expandDims(weights, 1), float32(triangle, [vocabulary, vocabulary]));
  const threshold = uniform.mul(cumulated.ref.slice([], [vocabulary - 1, vocabulary]));
  // Counted in float32: jax-js 0.1.25 compiles some sums of integers wrongly.
  const below = np.where(np.greater(cumulated, threshold), 0, 1).astype(np.float32);
  return np.minimum(np.sum(below, -1), vocabulary - 1).astype(np.int32);
}

function collect(
  prompts: Int32Array,
  drawn: readonly { tokens: Tensor; logprobs: Tensor; entropies: Tensor }[],
  shape: { rows: number; promptLength: number; replyLength: number; groupSize: number; stop: number; fill: number },
): Samples {
  const { rows, promptLength, replyLength, groupSize, stop, fill } = shape;
  const columns = promptLength + replyLength;
  const tokens = new Int32Array(rows * columns).fill(fill);
  const lengths = new Int32Array(rows);
  const logprobs = new Float32Array(rows * replyLength);
  const entropies = new Float32Array(rows * replyLength);
  for (let row = 0; row < rows; row++) {
    const prompt = Math.floor(row / groupSize) * promptLength;
    tokens.set(prompts.subarray(prompt, prompt + promptLength), row * columns);
  }
  const ended = new Uint8Array(rows);
  drawn.forEach((one, t) => {
    const ids = one.tokens.dataSync();
    const logprob = one.logprobs.dataSync();
    const entropy = one.entropies.dataSync();
    for (let row = 0; row < rows; row++) {
      if (ended[row] === 1) continue;
      tokens[row * columns + promptLength + t] = ids[row];
      logprobs[row * replyLength + t] = logprob[row];
      entropies[row * replyLength + t] = entropy[row];
      lengths[row] = t + 1;
      if (ids[row] === stop) ended[row] = 1;
    }
  });
  return { tokens, lengths, logprobs, entropies };
}

import { jit, numpy as np, valueAndGrad } from "@jax-js/jax";
import { describe, expect, it } from "vitest";
import { createRandom } from "../../core/random.ts";
import type { Tensor } from "../../objective/engine.ts";
import { transformerSampler } from "./decoding.ts";
import { dispose, int32, keep, type Parameters, parameterCount, toHost } from "./parameters.ts";
import { inDouble, referenceLogits, referenceLogprobs } from "./transformer.fixture.ts";
import { initTransformer, replyStatistics, type TransformerConfig, transformerShapes } from "./transformer.ts";

const config: TransformerConfig = { vocabulary: 7, context: 12, width: 8, layers: 2, heads: 2, hidden: 12, padding: 0 };
const promptLength = 4;
const columns = 9;
const rows = 3;

/** Sequences whose prompts are padded by 0, 1, 2 … tokens. */
function sequences(seed: number): Int32Array {
  const random = createRandom(seed);
  return Int32Array.from({ length: rows * columns }, (_, i) =>
    i % columns < Math.floor(i / columns) ? 0 : 1 + random.integer(config.vocabulary - 1),
  );
}

function expectClose(values: ArrayLike<number>, expected: readonly number[]): void {
  expect(values.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) expect(values[i]).toBeCloseTo(expected[i], 4);
}

const statistics = (parameters: Parameters, tokens: Int32Array, temperature = 1) => {
  const run = jit((p: Parameters, t: Tensor) => {
    const { logprobs, entropies } = replyStatistics(config, p, t, promptLength, temperature);
    return { logprobs, entropies };
  });
  const result = run(keep(parameters), int32(tokens, [rows, columns]));
  return { logprobs: result.logprobs.dataSync(), entropies: result.entropies.dataSync() };
};

describe("transformer", () => {
  it("has the parameters of its description", () => {
    const small = { vocabulary: 32, context: 32, width: 64, layers: 2, heads: 4, hidden: 384 };
    // embedding, position, head; 4 W² + 2·W·hidden a layer
    expect(parameterCount(transformerShapes(small))).toBe(3 * 32 * 64 + 2 * (4 * 64 * 64 + 2 * 64 * 384));
    expect(() => transformerShapes({ ...small, heads: 3 })).toThrow(/heads.*divisor/);
  });

  it("agrees with a float64 reference, padding and temperature included", () => {
    const parameters = initTransformer(config, createRandom("reference"));
    const tokens = sequences(1);
    for (const temperature of [1, 0.7]) {
      const ours = statistics(parameters, tokens, temperature);
      const double = inDouble(toHost(parameters));
      const reference = referenceLogprobs(config, double, tokens, columns, promptLength, temperature);
      expectClose(ours.logprobs, reference.logprobs);
      expectClose(ours.entropies, reference.entropies);
    }
    dispose(parameters);
  });

  it("has the gradient of the float64 reference in every parameter", () => {
    const parameters = initTransformer(config, createRandom("gradient"));
    const tokens = sequences(2);
    const weights = Float64Array.from({ length: rows * (columns - promptLength) }, (_, i) => Math.sin(i + 1));
    const loss = (p: Parameters, t: Tensor) => {
      const { logprobs, entropies } = replyStatistics(config, p, t, promptLength);
      entropies.dispose();
      const weight = np.array(Float32Array.from(weights)).reshape(logprobs.shape);
      return np.sum(logprobs.mul(weight));
    };
    const [value, gradients] = jit((p: Parameters, t: Tensor) => valueAndGrad(loss)(p, t))(
      keep(parameters),
      int32(tokens, [rows, columns]),
    ) as unknown as [Tensor, Parameters];
    const double = inDouble(toHost(parameters));
    const exact = () =>
      referenceLogprobs(config, double, tokens, columns, promptLength).logprobs.reduce(
        (sum, logprob, i) => sum + logprob * weights[i],
        0,
      );
    expect(value.item()).toBeCloseTo(exact(), 4);
    const random = createRandom("entries");
    const step = 1e-5;
    for (const [name, array] of Object.entries(gradients)) {
      const gradient = array.dataSync();
      const { data } = double[name];
      for (let k = 0; k < 12; k++) {
        const i = random.integer(data.length);
        const at = data[i];
        data[i] = at + step;
        const above = exact();
        data[i] = at - step;
        const below = exact();
        data[i] = at;
        const expected = (above - below) / (2 * step);
        expect(Math.abs(gradient[i] - expected), `${name}[${i}]`).toBeLessThan(1e-4 * Math.max(1, Math.abs(expected)));
      }
    }
    dispose(parameters);
  });

  it("looks neither ahead nor at padding", () => {
    const parameters = initTransformer(config, createRandom("mask"));
    const tokens = sequences(3);
    const before = statistics(parameters, tokens).logprobs;
    // The last token of each row changes: only its own log-probability may.
    const changed = tokens.slice();
    for (let row = 0; row < rows; row++) {
      const i = (row + 1) * columns - 1;
      changed[i] = 1 + (changed[i] % (config.vocabulary - 1));
    }
    const after = statistics(parameters, changed).logprobs;
    const replyLength = columns - promptLength;
    for (let i = 0; i < before.length; i++) {
      if (i % replyLength === replyLength - 1) expect(after[i]).not.toBe(before[i]);
      else expect(after[i]).toBe(before[i]);
    }
    const host = toHost(parameters);
    host.embedding.data.fill(100, 0, config.width);
    const padded = referenceLogprobs(config, inDouble(host), tokens, columns, promptLength).logprobs;
    for (let i = 0; i < before.length; i++) expect(before[i]).toBeCloseTo(padded[i], 4);
    dispose(parameters);
  });
});

describe("sampling with a cache", () => {
  const groupSize = 4;
  const replyLength = 5;
  const prompts = Int32Array.from([0, 2, 3, 4, 1, 5, 6, 2]);
  const uniforms = Float32Array.from({ length: 2 * groupSize * replyLength }, createRandom("uniforms").uniform);
  const width = promptLength + replyLength;

  it("reports the log-probabilities and entropies that the whole sequence has", () => {
    const parameters = initTransformer(config, createRandom("sampling"));
    const sampler = transformerSampler(config, { promptLength, replyLength, groupSize, temperature: 0.8 });
    const { tokens, logprobs, entropies, lengths } = sampler(keep(parameters), prompts, uniforms);
    const double = inDouble(toHost(parameters));
    const reference = referenceLogprobs(config, double, tokens, width, promptLength, 0.8);
    expectClose(logprobs, reference.logprobs);
    expectClose(entropies, reference.entropies);
    expect([...lengths]).toEqual(new Array(2 * groupSize).fill(replyLength));
    expect(sampler(keep(parameters), prompts, uniforms)).toEqual({ tokens, logprobs, entropies, lengths });
    sampler.dispose();
    dispose(parameters);
  });

  it("draws by inversion, from the k likeliest tokens only", () => {
    const parameters = initTransformer(config, createRandom("inversion"));
    const double = inDouble(toHost(parameters));
    for (const topK of [null, 1, 3]) {
      const sampler = transformerSampler(config, { promptLength, replyLength, groupSize, topK });
      const { tokens } = sampler(keep(parameters), prompts, uniforms);
      for (let row = 0; row < 2 * groupSize; row++) {
        const sequence = tokens.slice(row * width, (row + 1) * width);
        const logits = referenceLogits(config, double, sequence);
        for (let t = 0; t < replyLength; t++) {
          const here = Array.from(logits[promptLength - 1 + t]);
          const order = here.map((_, i) => i).sort((a, b) => here[b] - here[a]);
          const kept = new Set(order.slice(0, topK ?? here.length));
          const weights = here.map((l, i) => (kept.has(i) ? Math.exp(l) : 0));
          const total = weights.reduce((a, b) => a + b, 0);
          const drawn = sequence[promptLength + t];
          const below = weights.slice(0, drawn).reduce((a, b) => a + b, 0) / total;
          const u = uniforms[row * replyLength + t];
          expect(kept.has(drawn)).toBe(true);
          expect(u).toBeGreaterThan(below - 1e-5);
          expect(u).toBeLessThan(below + weights[drawn] / total + 1e-5);
        }
      }
      sampler.dispose();
    }
    dispose(parameters);
  });

  it("ends a reply at the stop token", () => {
    const parameters = initTransformer(config, createRandom("stop"));
    const options = { promptLength, replyLength, groupSize };
    const free = transformerSampler(config, options);
    const ended = transformerSampler(config, { ...options, stop: 3 });
    const whole = free(keep(parameters), prompts, uniforms);
    const cut = ended(parameters, prompts, uniforms);
    let stopped = 0;
    for (let row = 0; row < 2 * groupSize; row++) {
      const reply = Array.from(whole.tokens.subarray(row * width + promptLength, (row + 1) * width));
      const at = reply.indexOf(3);
      const length = at < 0 ? replyLength : at + 1;
      if (at >= 0) stopped++;
      expect(cut.lengths[row]).toBe(length);
      expect(Array.from(cut.tokens.subarray(row * width + promptLength, (row + 1) * width))).toEqual(
        reply.map((token, t) => (t < length ? token : 0)),
      );
      for (let t = length; t < replyLength; t++) expect(cut.logprobs[row * replyLength + t]).toBe(0);
    }
    expect(stopped).toBeGreaterThan(0);
    free.dispose();
    ended.dispose();
  });

  it("reads a prompt of one token", () => {
    const parameters = initTransformer(config, createRandom("short"));
    const sampler = transformerSampler(config, { promptLength: 1, replyLength: 4, topK: 1 });
    const { tokens, logprobs } = sampler(keep(parameters), Int32Array.from([2, 3]), new Float32Array(8));
    const reference = referenceLogprobs(config, inDouble(toHost(parameters)), tokens, 5, 1);
    expectClose(logprobs, reference.logprobs);
    sampler.dispose();
    dispose(parameters);
  });
});

/** The transformer once more, written from its description with plain loops in float64, one sequence at a time. */
import type { HostParameters } from "./parameters.ts";
import type { TransformerConfig } from "./transformer.ts";

type Matrix = Float64Array[];
export type DoubleParameters = { [name: string]: { shape: readonly number[]; data: Float64Array } };

export function inDouble(host: HostParameters): DoubleParameters {
  const result: DoubleParameters = {};
  for (const [name, { shape, data }] of Object.entries(host)) result[name] = { shape, data: Float64Array.from(data) };
  return result;
}

function times(rows: Matrix, { shape, data }: { shape: readonly number[]; data: Float64Array }): Matrix {
  const [inner, outer] = shape;
  return rows.map((row) => {
    const out = new Float64Array(outer);
    for (let i = 0; i < inner; i++) for (let j = 0; j < outer; j++) out[j] += row[i] * data[i * outer + j];
    return out;
  });
}

function normalised(rows: Matrix): Matrix {
  return rows.map((row) => {
    let square = 0;
    for (const x of row) square += x * x;
    const scale = 1 / Math.sqrt(square / row.length + 1e-6);
    return row.map((x) => x * scale);
  });
}

/** Logits after every token of one sequence. */
export function referenceLogits(config: TransformerConfig, parameters: DoubleParameters, tokens: Int32Array): Matrix {
  const { width, heads, layers, padding = -1 } = config;
  const size = width / heads;
  let x: Matrix = Array.from(tokens, (token, t) =>
    Float64Array.from(
      { length: width },
      (_, i) => parameters.embedding.data[token * width + i] + parameters.position.data[t * width + i],
    ),
  );
  for (let layer = 0; layer < layers; layer++) {
    const input = normalised(x);
    const query = times(input, parameters[`${layer}.query`]);
    const key = times(input, parameters[`${layer}.key`]);
    const value = times(input, parameters[`${layer}.value`]);
    const mixed = x.map((_, t) => {
      const out = new Float64Array(width);
      for (let h = 0; h < heads; h++) {
        const scores: number[] = [];
        for (let s = 0; s <= t; s++) {
          let score = 0;
          for (let d = h * size; d < (h + 1) * size; d++) score += query[t][d] * key[s][d];
          scores.push(score / Math.sqrt(size) + (tokens[s] === padding ? -1e9 : 0));
        }
        const top = Math.max(...scores);
        const weights = scores.map((score) => Math.exp(score - top));
        const total = weights.reduce((a, b) => a + b, 0);
        for (let s = 0; s <= t; s++)
          for (let d = h * size; d < (h + 1) * size; d++) out[d] += (weights[s] / total) * value[s][d];
      }
      return out;
    });
    const attended = times(mixed, parameters[`${layer}.out`]);
    x = x.map((row, t) => row.map((value, i) => value + attended[t][i]));
    const hidden = times(normalised(x), parameters[`${layer}.up`]).map((row) => row.map((u) => Math.max(0, u)));
    const fed = times(hidden, parameters[`${layer}.down`]);
    x = x.map((row, t) => row.map((value, i) => value + fed[t][i]));
  }
  return times(normalised(x), parameters.head).map((row) => row.map((l, token) => (token === padding ? -1e9 : l)));
}

/** Log-probabilities of the replies of B sequences, row-major B×R. */
export function referenceLogprobs(
  config: TransformerConfig,
  parameters: DoubleParameters,
  tokens: Int32Array,
  columns: number,
  promptLength: number,
  temperature = 1,
): { logprobs: number[]; entropies: number[] } {
  const logprobs: number[] = [];
  const entropies: number[] = [];
  for (let row = 0; row < tokens.length; row += columns) {
    const sequence = tokens.slice(row, row + columns);
    const logits = referenceLogits(config, parameters, sequence);
    for (let t = promptLength; t < columns; t++) {
      const scaled = logits[t - 1].map((l) => l / temperature);
      const top = Math.max(...scaled);
      let total = 0;
      for (const l of scaled) total += Math.exp(l - top);
      const normaliser = top + Math.log(total);
      logprobs.push(scaled[sequence[t]] - normaliser);
      let entropy = 0;
      for (const l of scaled) if (l > -1e8) entropy -= Math.exp(l - normaliser) * (l - normaliser);
      entropies.push(entropy);
    }
  }
  return { logprobs, entropies };
}

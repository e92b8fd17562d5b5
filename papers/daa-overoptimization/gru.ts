/**
 * A recurrent policy on the token tree: embedding 8, GRU with 16 units, a linear head. On jax-js, so that the loss of
 * the part is differentiated as it is.
 */
import { nn, numpy as np } from "@jax-js/jax";
import type { Random } from "guerdon/core";
import { drawParameters, float32, type Parameters } from "guerdon/model";

const embedding = 8;
const units = 16;
type Tensor = Parameters[string];

/** Uniform weights of ±1/√units in deviation, as recurrent layers usually start; a table of N(0, 1) embeddings. */
export function initGru(actions: number, random: Random): Parameters {
  const scale = 1 / Math.sqrt(3 * units);
  return drawParameters(
    {
      embedding: { shape: [actions + 1, embedding], scale: 1 },
      input: { shape: [embedding, 3 * units], scale },
      state: { shape: [units, 3 * units], scale },
      bias: { shape: [3 * units], scale },
      candidateBias: { shape: [units], scale },
      head: { shape: [units, actions], scale },
      headBias: { shape: [actions], scale },
    },
    random,
  );
}

/** log π of every token, B×T, of sequences of T actions. Consumes the parameters. */
export function gruLogprobs(
  parameters: Parameters,
  sequences: readonly (readonly number[])[],
  actions: number,
): Tensor {
  const rows = sequences.length;
  const depth = sequences[0].length;
  const oneHot = (symbols: readonly number[], size: number) => {
    const values = new Float32Array(rows * size);
    symbols.forEach((symbol, row) => {
      values[row * size + symbol] = 1;
    });
    return float32(values, [rows, size]);
  };
  const { embedding: table, input, state, bias, candidateBias, head, headBias } = parameters;
  const gate = (x: Tensor, k: number) => x.slice([], [k * units, (k + 1) * units]);
  let hidden: Tensor = float32(new Float32Array(rows * units), [rows, units]);
  const columns: Tensor[] = [];
  for (let t = 0; t < depth; t++) {
    // The first symbol is the start, after the actions.
    const previous = oneHot(
      sequences.map((actionsOf) => (t === 0 ? actions : actionsOf[t - 1])),
      actions + 1,
    );
    const x = np.matmul(np.matmul(previous, table.ref), input.ref).add(bias.ref);
    const h = np.matmul(hidden.ref, state.ref);
    const reset = nn.sigmoid(gate(x.ref, 0).add(gate(h.ref, 0)));
    const update = nn.sigmoid(gate(x.ref, 1).add(gate(h.ref, 1)));
    const candidate = np.tanh(gate(x, 2).add(gate(h, 2).add(candidateBias.ref).mul(reset)));
    hidden = candidate.ref.add(update.mul(hidden.sub(candidate)));
    const logprobs = nn.logSoftmax(np.matmul(hidden.ref, head.ref).add(headBias.ref), -1);
    const taken = oneHot(
      sequences.map((actionsOf) => actionsOf[t]),
      actions,
    );
    columns.push(np.expandDims(np.sum(logprobs.mul(taken), -1), 1));
  }
  for (const array of [table, input, state, bias, candidateBias, head, headBias, hidden]) array.dispose();
  return np.concatenate(columns, 1);
}

/**
 * The token tree: a recurrent policy (embedding 8, GRU with 16 units, a linear head) and two preference pairs. On jax-js,
 * so that the loss of the part is differentiated as it is.
 */
import { nn, numpy as np } from "@jax-js/jax";
import type { Random } from "guerdon/core";
import { treeMdp } from "guerdon/environment";
import { outOfDistributionMass } from "guerdon/evaluation";
import { drawParameters, float32, keep, type Parameters } from "guerdon/model";
import { dpoLoss } from "guerdon/objective";
import { createLearner } from "guerdon/training";

const actions = 3;
const embedding = 8;
const units = 16;
type Tensor = Parameters[string];

/** Uniform weights of ±1/√units in deviation, as recurrent layers usually start; a table of N(0, 1) embeddings. */
function initGru(random: Random): Parameters {
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
function gruLogprobs(parameters: Parameters, sequences: readonly (readonly number[])[]): Tensor {
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

const depth = 3;
const pairs = { chosen: ["000", "120"], rejected: ["011", "102"] };
const digits = (text: string) => Array.from(text, Number);

/** All 27 sequences and their order, from the part (any logits). */
const nodes = ["", "0", "1", "2", ...[0, 1, 2].flatMap((a) => [0, 1, 2].map((b) => `${a}${b}`))];
const { sequences } = treeMdp({ depth, actions })({
  logits: Object.fromEntries(nodes.map((node) => [node, [0, 0, 0]])),
});
const place = (text: string) => sequences.findIndex((sequence) => sequence.join("") === text);
const inDistribution = [...pairs.chosen, ...pairs.rejected].map(place);

/** Mass outside the data and of the chosen sequences, before and after. */
export function alignTree(loss: "sigmoid" | "ipo" | "hinge", steps: number, random: Random) {
  const parameters = initGru(random);
  const measure = () => {
    const tokens = gruLogprobs(keep(learner.parameters), sequences).dataSync();
    const probabilities = sequences.map((_, i) => Math.exp(tokens[3 * i] + tokens[3 * i + 1] + tokens[3 * i + 2]));
    const { outMass } = outOfDistributionMass()({ probabilities, inDistribution });
    return { outMass, chosen: pairs.chosen.reduce((sum, text) => sum + probabilities[place(text)], 0) };
  };
  const objective = dpoLoss({ loss, beta: 0.1 });
  const rows = [...pairs.chosen, ...pairs.rejected].map(digits);
  const reference = gruLogprobs(keep(parameters), rows).dataSync() as Float32Array;
  const learner = createLearner(
    parameters,
    (current, { refChosenLogprobs, refRejectedLogprobs, mask }) => {
      const logprobs = gruLogprobs(current, rows);
      const { loss: value, ...others } = objective({
        chosenLogprobs: logprobs.ref.slice([0, 2], []),
        rejectedLogprobs: logprobs.slice([2, 4], []),
        refChosenLogprobs,
        refRejectedLogprobs,
        chosenMask: mask.ref,
        rejectedMask: mask,
      });
      for (const other of Object.values(others)) other.dispose();
      return { loss: value };
    },
    { learningRate: 0.05, clipNorm: null },
  );
  const before = measure();
  for (let step = 0; step < steps; step++)
    learner.step({
      refChosenLogprobs: float32(reference.slice(0, 6), [2, 3]),
      refRejectedLogprobs: float32(reference.slice(6), [2, 3]),
      mask: float32(new Float32Array(6).fill(1), [2, 3]),
    });
  const after = measure();
  learner.dispose();
  return { before, after };
}

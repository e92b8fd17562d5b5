/**
 * Learning from pairs. Two cases cover the family: what is linear in its parameters (a log-linear policy under DPO and
 * its kin, a linear reward model) on typed arrays with the gradient by hand, and reward networks on jax-js with the
 * losses of the parts.
 */
import type { z } from "zod";
import { ContractError } from "../core/error.ts";
import type { Vector } from "../core/ragged.ts";
import type { Random } from "../core/random.ts";
import { bradleyTerryLoss } from "../model/bradley-terry.ts";
import { initMlp, type MlpConfig, mlp } from "../model/networks/mlp.ts";
import { float32, fromHost, type HostParameters, toHost } from "../model/networks/parameters.ts";
import type { adamWParams } from "../model/optimizer.ts";
import { attributeRegressionLoss } from "../model/regression.ts";
import type { Tensors } from "../objective/engine.ts";
import { createLearner, type Loss } from "./learner.ts";
import { adam } from "./tabular.ts";

/** ∂loss/∂z of one pair at its logit z; `pair` is its number. */
export type PairSlope = (logit: number, pair: number) => number;

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

/** Slopes of the losses g(z) of the DPO family; z = β·Δ for a policy, a score difference for a reward model. */
export const pairSlopes = {
  /** −log σ(z): DPO, Bradley–Terry. */
  sigmoid: (z: number) => -sigmoid(-z),
  /** (z − 1)²: IPO in the unified form, `ipo-unit` of `objective/dpo`. */
  ipo: (z: number) => 2 * (z - 1),
  /** max(0, 1 − z): SLiC. */
  hinge: (z: number) => (z < 1 ? -1 : 0),
  /** Cross-entropy with soft targets in [0, 1]: DNO, and labels of several annotators. */
  soft:
    (targets: Vector): PairSlope =>
    (z, pair) =>
      sigmoid(z) - targets[pair],
} as const;

export interface PairFit {
  /** Features of the chosen minus those of the rejected, pairs × dimensions. */
  readonly differences: Float64Array;
  readonly dimensions: number;
  readonly slope: PairSlope;
  /** z = scale · w·d + offset; β for a policy. */
  readonly scale?: number;
  /** Per pair: a length term, or minus what the reference policy says. */
  readonly offsets?: Vector;
  /** Weight of ½‖w‖². */
  readonly ridge?: number;
  readonly start?: Vector;
  readonly steps: number;
  /** Pairs a step; absent: all. */
  readonly batch?: number;
  /** Shuffles every epoch; absent: the pairs come in their order. */
  readonly random?: Random;
  readonly learningRate: number;
  /** Adam, or plain gradient descent. */
  readonly optimizer?: "adam" | "gradient";
  /** Sees the weights after so many steps, from 0; they stay the trainer's. */
  readonly watch?: (step: number, weights: Float64Array) => void;
}

/** Minimises the mean loss of pairs over weights w; gives the weights. */
export function fitPairs(fit: PairFit): Float64Array {
  const { differences, dimensions, slope, scale = 1, offsets, ridge = 0, steps, learningRate } = fit;
  const count = differences.length / dimensions;
  if (!Number.isInteger(count) || count === 0)
    throw new ContractError("differences", `expected rows of ${dimensions} numbers, got ${differences.length} in all`);
  const weights = fit.start ? Float64Array.from(fit.start) : new Float64Array(dimensions);
  const gradient = new Float64Array(dimensions);
  const next = minibatches(count, fit.batch ?? count, fit.random);
  const optimizer = adam(dimensions, learningRate);
  for (let step = 0; ; step++) {
    fit.watch?.(step, weights);
    if (step === steps) return weights;
    const batch = next();
    gradient.fill(0);
    for (const pair of batch) {
      const start = pair * dimensions;
      let logit = 0;
      for (let d = 0; d < dimensions; d++) logit += weights[d] * differences[start + d];
      const pull = (scale * slope(scale * logit + (offsets ? offsets[pair] : 0), pair)) / batch.length;
      for (let d = 0; d < dimensions; d++) gradient[d] += pull * differences[start + d];
    }
    if (ridge > 0) for (let d = 0; d < dimensions; d++) gradient[d] += ridge * weights[d];
    if (fit.optimizer === "gradient") for (let d = 0; d < dimensions; d++) weights[d] -= learningRate * gradient[d];
    else optimizer.descend(weights, gradient);
  }
}

/** Batches of one size over and over the rows, shuffled every epoch if `random` is given; a batch may span two epochs. */
export function minibatches(count: number, batch: number, random?: Random): () => Int32Array {
  const order = Int32Array.from({ length: count }, (_, i) => i);
  let at = count;
  return () =>
    Int32Array.from({ length: Math.min(batch, count) }, () => {
      if (at === count) {
        at = 0;
        if (random)
          for (let i = count - 1; i > 0; i--) {
            const j = random.integer(i + 1);
            [order[i], order[j]] = [order[j], order[i]];
          }
      }
      return order[at++];
    });
}

/** Rows of numbers that travel to the device as a batch of float32. */
export interface Rows {
  readonly values: ArrayLike<number>;
  readonly columns: number;
}

export interface NetworkFit {
  readonly start: HostParameters;
  readonly loss: Loss;
  /** The batch of a step, by the names that the loss takes; a single column comes as a vector. */
  readonly batch: (step: number) => { readonly [name: string]: Rows };
  readonly steps: number;
  readonly optimizer: z.input<typeof adamWParams>;
}

/** Trains a network on host data; parameters go in and come out as host data, so nothing is left on the device. */
export function fitNetwork({ start, loss, batch, steps, optimizer }: NetworkFit): HostParameters {
  const learner = createLearner(fromHost(start), loss, optimizer);
  for (let step = 0; step < steps; step++) {
    const tensors: Tensors = {};
    for (const [name, { values, columns }] of Object.entries(batch(step)))
      tensors[name] = float32(
        Float32Array.from(values),
        columns === 1 ? [values.length] : [values.length / columns, columns],
      );
    learner.step(tensors);
  }
  const trained = toHost(learner.parameters);
  learner.dispose();
  return trained;
}

/** Fresh parameters of a perceptron, as host data. */
export function startMlp(model: MlpConfig, random: Random): HostParameters {
  const parameters = initMlp(model, random);
  const host = toHost(parameters);
  for (const array of Object.values(parameters)) array.dispose();
  return host;
}

interface FitOptions {
  /** A perceptron with one output. */
  readonly model: MlpConfig;
  readonly start: HostParameters;
  readonly steps: number;
  readonly batch: number;
  readonly optimizer: z.input<typeof adamWParams>;
  /** Order of the data. */
  readonly random: Random;
}

/** Fits a reward network to pairs under `model/bradley-terry` with any of its params. Items are rows of `model.inputs` features. */
export function fitRewardModel(
  options: FitOptions & {
    readonly chosen: Float64Array;
    readonly rejected: Float64Array;
    /** For the strength modes. */
    readonly strengths?: Vector;
    readonly loss?: Parameters<typeof bradleyTerryLoss>[0];
  },
): HostParameters {
  const { model, chosen, rejected, strengths, random } = options;
  const columns = model.inputs;
  const objective = bradleyTerryLoss(options.loss);
  const size = Math.min(options.batch, chosen.length / columns);
  const next = minibatches(chosen.length / columns, size, random);
  return fitNetwork({
    ...options,
    loss(parameters, { items, include, ...rest }) {
      // Chosen above rejected: one pass over both.
      const scores = mlp(model, parameters, items).reshape([2, size]);
      const { loss, ...others } = objective({
        chosen: scores.ref.slice([0, 1], []).reshape([size]),
        rejected: scores.slice([1, 2], []).reshape([size]),
        include,
        ...rest,
      });
      for (const other of Object.values(others)) other.dispose();
      return { loss };
    },
    batch() {
      const rows = next();
      const items = new Float32Array(2 * size * columns);
      rows.forEach((row, i) => {
        items.set(chosen.subarray(row * columns, (row + 1) * columns), i * columns);
        items.set(rejected.subarray(row * columns, (row + 1) * columns), (size + i) * columns);
      });
      return {
        items: { values: items, columns },
        include: { values: new Float32Array(size).fill(1), columns: 1 },
        ...(strengths && { strengths: { values: Float32Array.from(rows, (row) => strengths[row]), columns: 1 } }),
      };
    },
  });
}

/** Fits a reward network to ratings under `model/attribute-regression` (one attribute). */
export function fitRatings(
  options: FitOptions & { readonly items: Float64Array; readonly ratings: Vector },
): HostParameters {
  const { model, items, ratings, random } = options;
  const columns = model.inputs;
  const objective = attributeRegressionLoss();
  const next = minibatches(ratings.length, options.batch, random);
  return fitNetwork({
    ...options,
    loss(parameters, { rows, labels, mask }) {
      return objective({ predictions: mlp(model, parameters, rows).reshape(labels.shape), labels, mask });
    },
    batch() {
      const chosen = next();
      const rows = new Float32Array(chosen.length * columns);
      chosen.forEach((row, i) => {
        rows.set(items.subarray(row * columns, (row + 1) * columns), i * columns);
      });
      return {
        rows: { values: rows, columns },
        labels: { values: Float32Array.from(chosen, (row) => ratings[row]), columns: 1 },
        mask: { values: new Float32Array(chosen.length).fill(1), columns: 1 },
      };
    },
  });
}

/** Scores of items (rows of `model.inputs` features) by a perceptron with one output. */
export function scoreItems(model: MlpConfig, parameters: HostParameters, items: Float64Array): Float64Array {
  const rows = items.length / model.inputs;
  const scores = mlp(model, fromHost(parameters), float32(Float32Array.from(items), [rows, model.inputs]));
  return Float64Array.from(scores.dataSync());
}

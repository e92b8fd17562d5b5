/**
 * Preferences over token sequences with a transformer: DPO, and a reward head fitted by Bradley–Terry. Sequences are
 * given once, as a table, and pairs point into it; parameters go in and out as host data.
 */
import { jit, numpy as np } from "@jax-js/jax";
import type { z } from "zod";
import { ContractError } from "../core/error.ts";
import type { Random } from "../core/random.ts";
import { bradleyTerryLoss } from "../model/bradley-terry.ts";
import {
  float32,
  fromHost,
  type HostParameters,
  int32,
  keep,
  type Parameters,
  toHost,
} from "../model/networks/parameters.ts";
import { replyStatistics, type TransformerConfig } from "../model/networks/transformer.ts";
import type { adamWParams } from "../model/optimizer.ts";
import type { Tensor, Tensors } from "../objective/engine.ts";
import { dpoLoss, type dpoParams } from "../objective/preference.ts";
import { createLearner, type Loss } from "./learner.ts";
import { minibatches } from "./preference.ts";

export interface SequenceStatistics {
  /** Log-probability of every reply token, rows × reply columns. */
  readonly logprobs: Float32Array;
  /** Value at the token before each reply token, the same shape; null without a value head. */
  readonly values: Float32Array | null;
}

/** A compiled reader of sequences: log-probabilities of replies (and values) under parameters, which stay alive. */
export function sequenceReader(
  model: TransformerConfig,
  promptLength: number,
): { (parameters: Parameters, tokens: Int32Array, columns: number): SequenceStatistics; dispose(): void } {
  const statistics = jit((parameters: Parameters, tokens: Tensor): Tensors => {
    const { logprobs, entropies, values } = replyStatistics(model, parameters, tokens, promptLength);
    entropies.dispose();
    return values === undefined ? { logprobs } : { logprobs, values };
  });
  const read = (parameters: Parameters, tokens: Int32Array, columns: number): SequenceStatistics => {
    const { logprobs, values } = statistics(keep(parameters), int32(tokens, [tokens.length / columns, columns]));
    return {
      logprobs: logprobs.dataSync() as Float32Array,
      values: values === undefined ? null : (values.dataSync() as Float32Array),
    };
  };
  return Object.assign(read, { dispose: () => statistics.dispose() });
}

/** A table of sequences of one length. */
export interface SequenceTable {
  /** S × columns. */
  readonly tokens: Int32Array;
  readonly columns: number;
  readonly promptLength: number;
}

/** Statistics of a whole table under host parameters. */
export function readSequences(
  model: TransformerConfig,
  host: HostParameters,
  table: SequenceTable,
): SequenceStatistics {
  const reader = sequenceReader(model, table.promptLength);
  const parameters = fromHost(host);
  const statistics = reader(parameters, table.tokens, table.columns);
  for (const array of Object.values(parameters)) array.dispose();
  reader.dispose();
  return statistics;
}

interface SequenceFit {
  readonly model: TransformerConfig;
  readonly start: HostParameters;
  readonly table: SequenceTable;
  /** Rows of the table. */
  readonly chosen: Int32Array;
  readonly rejected: Int32Array;
  readonly epochs: number;
  /** Pairs a step. */
  readonly batch: number;
  readonly optimizer: z.input<typeof adamWParams>;
  /** Order of the pairs. */
  readonly random: Random;
}

/** Trains a policy by `objective/dpo` with any of its params. */
export function fitDpo(
  fit: SequenceFit & {
    readonly params?: z.input<typeof dpoParams>;
    /** Log-probabilities of the reference, S × reply columns. */
    readonly reference: Float32Array;
    /** 1 at the reply tokens that count, S × reply columns. */
    readonly mask: Float32Array;
  },
): HostParameters {
  const { model, table, reference, mask } = fit;
  const reply = table.columns - table.promptLength;
  const objective = dpoLoss(fit.params);
  const rowsOf = (source: Float32Array, rows: Int32Array) => {
    const data = new Float32Array(rows.length * reply);
    rows.forEach((row, i) => {
      data.set(source.subarray(row * reply, (row + 1) * reply), i * reply);
    });
    return float32(data, [rows.length, reply]);
  };
  return fitSequences(
    fit,
    (parameters, { tokens, refChosenLogprobs, refRejectedLogprobs, chosenMask, rejectedMask }) => {
      const { logprobs, entropies, values } = replyStatistics(model, parameters, tokens, table.promptLength);
      entropies.dispose();
      values?.dispose();
      const { loss, ...others } = objective({
        ...halves(logprobs, "chosenLogprobs", "rejectedLogprobs"),
        refChosenLogprobs,
        refRejectedLogprobs,
        chosenMask,
        rejectedMask,
      });
      for (const other of Object.values(others)) other.dispose();
      return { loss };
    },
    (chosen, rejected) => ({
      refChosenLogprobs: rowsOf(reference, chosen),
      refRejectedLogprobs: rowsOf(reference, rejected),
      chosenMask: rowsOf(mask, chosen),
      rejectedMask: rowsOf(mask, rejected),
    }),
  );
}

/**
 * Trains a decoder and a linear head, from zero, by `model/bradley-terry`. The score of a sequence is the sum of the
 * head's values at the tokens before each reply token, weighted by `stateWeights`; with the model's `valueHead`.
 */
export function fitSequenceRewards(fit: SequenceFit & { readonly stateWeights: readonly number[] }): {
  readonly parameters: HostParameters;
  readonly scores: Float64Array;
} {
  const { model, table, start, stateWeights } = fit;
  const objective = bradleyTerryLoss();
  const headed = { ...start, valueHead: { shape: [model.width, 1], data: new Float32Array(model.width) } };
  const parameters = fitSequences(
    { ...fit, start: headed },
    (trained, { tokens, include }) => {
      const { logprobs, entropies, values } = replyStatistics(model, trained, tokens, table.promptLength);
      logprobs.dispose();
      entropies.dispose();
      if (values === undefined) throw new ContractError("model.valueHead", "expected true");
      const scores = np.vecdot(values, float32(Float32Array.from(stateWeights)));
      const { loss, ...others } = objective({ ...halves(scores, "chosen", "rejected"), include });
      for (const other of Object.values(others)) other.dispose();
      return { loss };
    },
    (chosen) => ({ include: float32(new Float32Array(chosen.length).fill(1)) }),
  );
  const { values } = readSequences(model, parameters, table);
  const reply = stateWeights.length;
  const scores = Float64Array.from({ length: table.tokens.length / table.columns }, (_, row) =>
    stateWeights.reduce((sum, weight, t) => sum + weight * (values?.[row * reply + t] ?? 0), 0),
  );
  return { parameters, scores };
}

/** The first and the second half of the rows. Consumes them. */
function halves<A extends string, B extends string>(rows: Tensor, first: A, second: B) {
  const count = rows.shape[0] / 2;
  const upper = rows.ref.slice([0, count]);
  return { [first]: upper, [second]: rows.slice([count, 2 * count]) } as Record<A | B, Tensor>;
}

/** Steps over shuffled batches of pairs: tokens with the chosen rows above the rejected ones, and what `data` adds. */
function fitSequences(
  { start, table, optimizer, random, ...fit }: SequenceFit,
  loss: Loss,
  data: (chosen: Int32Array, rejected: Int32Array) => Tensors,
): HostParameters {
  const { tokens: all, columns } = table;
  const size = Math.min(fit.batch, fit.chosen.length);
  const next = minibatches(fit.chosen.length, size, random);
  const learner = createLearner(fromHost(start), loss, optimizer);
  const steps = Math.round((fit.epochs * fit.chosen.length) / size);
  for (let step = 0; step < steps; step++) {
    const picked = next();
    const chosen = picked.map((pair) => fit.chosen[pair]);
    const rejected = picked.map((pair) => fit.rejected[pair]);
    const tokens = new Int32Array(2 * size * columns);
    [...chosen, ...rejected].forEach((row, i) => {
      tokens.set(all.subarray(row * columns, (row + 1) * columns), i * columns);
    });
    learner.step({ tokens: int32(tokens, [2 * size, columns]), ...data(chosen, rejected) });
  }
  const trained = toHost(learner.parameters);
  learner.dispose();
  return trained;
}

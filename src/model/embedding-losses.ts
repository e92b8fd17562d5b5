/** Losses that shape an embedding space: contrastive, graph decoding, optimal transport. */
import { lax, numpy as np } from "@jax-js/jax";
import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { ragged, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { type Ragged, type RaggedLike, rowCount, toRagged } from "../core/ragged.ts";
import { evaluate, evaluateWithGradient, rowsTensor, type Tensor, tensor, vectorTensor } from "../objective/engine.ts";

/** Rows of one length. Throws `ContractError` naming the first that has another (or not the `width` asked for). */
export function rectangular(rows: RaggedLike, field: string, width?: number): { packed: Ragged; width: number } {
  const packed = toRagged(rows);
  const expected = width ?? (rowCount(packed) === 0 ? 0 : packed.offsets[1]);
  for (let i = 0; i < rowCount(packed); i++) {
    const length = packed.offsets[i + 1] - packed.offsets[i];
    if (length !== expected)
      throw new ContractError(`inputs.${field}[${i}]`, `expected ${expected} entries, got ${length}`);
  }
  return { packed, width: expected };
}

/** Rows divided by their Euclidean length, at least 10⁻¹². */
export function unitRows(x: Tensor): Tensor {
  const squares = np.sum(np.square(x.ref), -1, { keepdims: true });
  // ‖v‖ = e^(½ log ‖v‖²) has no derivative at 0 either way: the maximum keeps a zero row at zero.
  return x.mul(np.exp(np.log(np.maximum(squares, 1e-24)).mul(-0.5)));
}

/** Rows of log softmax. */
export function logSoftmaxRows(x: Tensor): Tensor {
  const centred = x.ref.sub(lax.stopGradient(np.max(x, -1, { keepdims: true })));
  return centred.ref.sub(np.log(np.sum(np.exp(centred), -1, { keepdims: true })));
}

const infoNceParams = z.object({
  temperature: z.number().positive().default(0.05).describe("τ"),
});

/** Differentiable `model/info-nce`: embeddings and references N×D, `diagonal` the N×N identity. */
export function infoNceLoss(params: z.input<typeof infoNceParams> = {}) {
  const { temperature } = infoNceParams.parse(params);
  return ({ embeddings, references, diagonal }: { embeddings: Tensor; references: Tensor; diagonal: Tensor }) => {
    const logits = np.matmul(unitRows(embeddings), np.transpose(unitRows(references))).div(temperature);
    const losses = np.sum(logSoftmaxRows(logits.ref).mul(diagonal), -1).neg();
    return { loss: np.mean(losses.ref), losses: lax.stopGradient(losses), logits: lax.stopGradient(logits) };
  };
}

/** The n×n identity, row-major. */
export function identity(n: number): Float64Array {
  const values = new Float64Array(n * n);
  for (let i = 0; i < n; i++) values[i * n + i] = 1;
  return values;
}

/**
 * InfoNCE with in-batch negatives (arXiv 1807.03748; to train the encoder of a semantic reward, 2509.13081).
 *
 * losses_i = −log softmax_j(cos(x_i, y_j)/τ) at j = i: the other references of the batch are the negatives; loss = mean; accuracy = share of
 * rows whose largest cosine (the first on ties) is their own reference. Rows are normalised here; a zero row has cosine 0 with all.
 * Shapes N×D. Null without a row.
 */
export const infoNce = definePart({
  id: "model/info-nce",
  papers: ["semantic-reward"],
  params: infoNceParams,
  inputs: z.object({
    embeddings: ragged("N×D", "anchors"),
    references: ragged("N×D", "the positive of each"),
  }),
  outputs: z.object({
    losses: vector("N", "loss per row"),
    loss: z.number().nullable().describe("mean over rows"),
    accuracy: z.number().nullable().describe("share of rows nearest to their own reference"),
  }),
  compute(params, { embeddings, references }) {
    const anchors = rectangular(embeddings, "embeddings");
    const positives = rectangular(references, "references", anchors.width);
    const n = rowCount(anchors.packed);
    if (n === 0) return { losses: [], loss: null, accuracy: null };
    const { loss, losses, logits } = evaluate(infoNceLoss(params), {
      embeddings: rowsTensor(anchors.packed),
      references: rowsTensor(positives.packed),
      diagonal: tensor(identity(n), [n, n]),
    });
    return { losses, loss, accuracy: ownNearest(logits, n) };
  },
});

/** Share of rows of an n×n matrix whose first largest entry is on the diagonal. */
export function ownNearest(logits: Float64Array, n: number): number {
  let right = 0;
  for (let i = 0; i < n; i++) {
    const row = logits.subarray(i * n, (i + 1) * n);
    if (row.indexOf(row.reduce((a, b) => Math.max(a, b))) === i) right++;
  }
  return right / n;
}

/** Differentiable `model/graph-embedding-loss`: embeddings K×D, targets K×K, `mask` K×K of 0 and 1. */
export function graphEmbeddingLossOf() {
  return ({ embeddings, targets, mask }: { embeddings: Tensor; targets: Tensor; mask: Tensor }) => {
    const similarities = np.matmul(embeddings.ref, np.transpose(embeddings));
    const loss = np.sum(np.square(similarities.ref.sub(targets)).mul(mask));
    return { loss, similarities: lax.stopGradient(similarities) };
  };
}

/**
 * Inner-product decoder of a state graph (G4RL as in arXiv 2509.02350).
 *
 * similarities E·Eᵀ, loss = Σ_{u≠v} (E_u·E_v − A_uv/c)² over ordered pairs (`diagonal`: u = v too), c the sum of all edge counts (`total`), the
 * largest (`max`) or 1 (`none`); targets are 0 where c is. gradient = ∂loss/∂E. Shapes K×D, K×K.
 */
export const graphEmbeddingLoss = definePart({
  id: "model/graph-embedding-loss",
  papers: ["dense-rewards-proposal"],
  params: z.object({
    normalize: z.enum(["total", "max", "none"]).default("total").describe("what edge counts are divided by"),
    diagonal: z.boolean().default(false).describe("count each node's similarity with itself"),
  }),
  inputs: z.object({
    embeddings: ragged("K×D", "embedding per node"),
    edges: ragged("K×K", "transitions counted between nodes"),
  }),
  outputs: z.object({
    similarities: ragged("K×K", "inner products"),
    loss: z.number(),
    gradient: ragged("K×D", "∂loss/∂embeddings"),
  }),
  compute({ normalize, diagonal }, { embeddings, edges }) {
    const nodes = rectangular(embeddings, "embeddings");
    const k = rowCount(nodes.packed);
    const counts = rectangular(edges, "edges", k).packed;
    if (k === 0) return { similarities: [], loss: 0, gradient: [] };
    let scale = 1;
    if (normalize === "total") scale = counts.values.reduce((sum, count) => sum + count, 0);
    if (normalize === "max") scale = counts.values.reduce((most, count) => Math.max(most, count), 0);
    const mask = identity(k).map((own) => (diagonal ? 1 : 1 - own));
    const { loss, similarities, gradients } = evaluateWithGradient(
      graphEmbeddingLossOf(),
      {
        embeddings: rowsTensor(nodes.packed),
        targets: tensor(
          counts.values.map((count) => (scale === 0 ? 0 : count / scale)),
          [k, k],
        ),
        mask: tensor(mask, [k, k]),
      },
      ["embeddings"],
    );
    const width = nodes.width;
    return {
      similarities: { values: similarities, offsets: counts.offsets },
      loss,
      gradient: { values: gradients.embeddings.subarray(0, k * width), offsets: nodes.packed.offsets },
    };
  },
});

const transportParams = z.object({
  cost: z.enum(["squared", "euclidean"]).default("squared").describe("c(y, T(y))"),
});

/** Row-wise transport cost of N×D sources and images; the Euclidean distance has derivative 0 at 0. */
function transportCosts(cost: "squared" | "euclidean", sources: Tensor, mapped: Tensor): Tensor {
  const squares = np.sum(np.square(mapped.sub(sources)), -1);
  if (cost === "squared") return squares;
  const positive = np.greater(squares.ref, 0);
  return np.where(positive.ref, np.sqrt(np.where(positive, squares, 1)), 0);
}

/** Differentiable loss of the transport map T: sources and mapped N×D, potentials f(T(y)) N (through which T is trained, too). */
export function transportMapLoss(params: z.input<typeof transportParams> = {}) {
  const { cost } = transportParams.parse(params);
  return (t: { sources: Tensor; mapped: Tensor; mappedPotentials: Tensor }) => {
    const costs = transportCosts(cost, t.sources, t.mapped);
    return { loss: np.mean(costs.ref.sub(t.mappedPotentials)), costs: lax.stopGradient(costs) };
  };
}

/** Differentiable loss of the potential f: f(T(y)) N and f(x) M. */
export function potentialLoss() {
  return ({ mappedPotentials, targetPotentials }: { mappedPotentials: Tensor; targetPotentials: Tensor }) => ({
    loss: np.mean(mappedPotentials).sub(np.mean(targetPotentials)),
  });
}

/**
 * The two losses of neural optimal transport (arXiv 2201.12220; PISCES, 2602.01624, algorithm 2).
 *
 * costs c(y, T(y)) = ‖y − T(y)‖², or the distance itself; mapLoss = mean[c − f(T(y))], minimised over T for several steps;
 * potentialLoss = mean f(T(y)) − mean f(x), minimised over f for one. Sources and targets are unpaired. Shapes N×D, N, M; a loss over an
 * empty side is null.
 */
export const neuralOptimalTransport = definePart({
  id: "model/neural-optimal-transport",
  papers: ["pisces"],
  params: transportParams,
  inputs: z.object({
    sources: ragged("N×D", "y"),
    mapped: ragged("N×D", "T(y)"),
    mappedPotentials: vector("N", "f(T(y))"),
    targetPotentials: vector("M", "f(x) on target samples"),
  }),
  outputs: z.object({
    costs: vector("N", "c(y, T(y))"),
    mapLoss: z.number().nullable(),
    potentialLoss: z.number().nullable(),
  }),
  compute(params, { sources, mapped, mappedPotentials, targetPotentials }) {
    const n = mappedPotentials.length;
    const { loss, costs } = evaluate(transportMapLoss(params), {
      sources: rowsTensor(sources),
      mapped: rowsTensor(mapped),
      mappedPotentials: vectorTensor(mappedPotentials),
    });
    const potential = evaluate(potentialLoss(), {
      mappedPotentials: vectorTensor(mappedPotentials),
      targetPotentials: vectorTensor(targetPotentials),
    });
    return {
      costs: costs.subarray(0, n),
      mapLoss: n === 0 ? null : loss,
      potentialLoss: n === 0 || targetPotentials.length === 0 ? null : potential.loss,
    };
  },
});

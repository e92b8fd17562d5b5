/** Latent reasoning: training sequences with continuous thoughts, and mixtures of token embeddings. */
import { z } from "zod";
import { entropy, softmax } from "../core/distributions.ts";
import { ContractError } from "../core/error.ts";
import { integers, ragged, shaped, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { rowCount, rowOf, toRagged, type Vector } from "../core/ragged.ts";
import { expectLength } from "../core/shapes.ts";

/**
 * Token sequence of one curriculum stage of continuous thoughts (Coconut, arXiv 2412.06769; survey 2509.02350).
 *
 * question, ⟨start⟩, n latents, ⟨end⟩, the written steps that are left, answer. Up to `maxStage`, stage k drops the first k steps and has
 * n = k·c (even where the problem has fewer steps); beyond it all steps are dropped and n = c·maxStage (`padToMax`) or
 * c·min(steps, maxStage). mask: 1 on steps and answer. A latent's embedding is the hidden state before it, in order, so that
 * forwardPasses = n + 1. Token ids in lists; `markers: false` leaves start and end out.
 */
export const latentCurriculum = definePart({
  id: "model/latent-curriculum",
  papers: ["implicit-reasoning-survey"],
  params: z.object({
    thoughtsPerStep: z.int().nonnegative().default(2).describe("c"),
    maxStage: z.int().nonnegative().default(3).describe("last stage that keeps written steps"),
    padToMax: z.boolean().default(false).describe("beyond it: as many latents for short problems as for long ones"),
    markers: z.boolean().default(true).describe("start and end tokens around the latents"),
  }),
  inputs: z.object({
    question: integers("Q", "token ids"),
    steps: shaped(z.array(z.array(z.int())), "S×T", "token ids of each written step"),
    answer: integers("A", "token ids"),
    stage: z.int().nonnegative().describe("k"),
    startId: z.int(),
    latentId: z.int(),
    endId: z.int(),
  }),
  outputs: z.object({
    tokens: integers("L", "the sequence"),
    mask: integers("L", "1: counts in the loss"),
    latents: z.int().describe("n"),
    forwardPasses: z.int().describe("n + 1"),
  }),
  compute(params, { question, steps, answer, stage, startId, latentId, endId }) {
    const last = stage > params.maxStage;
    const replaced = !last ? stage : params.padToMax ? params.maxStage : Math.min(steps.length, params.maxStage);
    const latents = replaced * params.thoughtsPerStep;
    const given = [
      ...Array.from(question),
      ...(params.markers ? [startId] : []),
      ...new Array<number>(latents).fill(latentId),
      ...(params.markers ? [endId] : []),
    ];
    const learnt = [...(last ? [] : steps.slice(stage).flat()), ...Array.from(answer)];
    return {
      tokens: [...given, ...learnt],
      mask: [...given.map(() => 0), ...learnt.map(() => 1)],
      latents,
      forwardPasses: latents + 1,
    };
  },
});

/** Positions of the k largest entries; ties to the lower index. */
function largest(values: Vector, k: number): Set<number> {
  const order = Array.from({ length: values.length }, (_, v) => v).sort((a, b) => values[b] - values[a] || a - b);
  return new Set(order.slice(0, k));
}

/**
 * Soft token: the next input as a mixture of token embeddings (arXiv 2505.15778; survey 2509.02350).
 *
 * weights = softmax(logits/T) over the top k, renormalised (ties to the lower index; null: all); embedding = Σ_v weights_v e_v; entropy of the
 * full distribution at T, nats, the usual signal to return to discrete tokens. Shapes V, V×D → V, D. Error: no token; rows of different lengths.
 */
export const softToken = definePart({
  id: "model/soft-token",
  papers: ["implicit-reasoning-survey"],
  params: z.object({
    temperature: z.number().positive().default(1).describe("T"),
    topK: z.int().positive().nullable().default(null).describe("tokens mixed; null: all"),
  }),
  inputs: z.object({ logits: vector("V", "logits"), embeddings: ragged("V×D", "embedding per token") }),
  outputs: z.object({
    weights: vector("V", "mixture"),
    embedding: vector("D", "the soft token"),
    entropy: z.number().describe("nats, of the full distribution"),
  }),
  compute({ temperature, topK }, { logits, embeddings }) {
    const rows = toRagged(embeddings);
    if (rowCount(rows) === 0) throw new ContractError("inputs.embeddings", "expected at least one token");
    const width = rows.offsets[1];
    const probabilities = softmax(logits, 1 / temperature);
    const kept = topK === null ? null : largest(logits, topK);
    const weights = probabilities.map((p, v) => (kept === null || kept.has(v) ? p : 0));
    const mass = weights.reduce((sum, weight) => sum + weight, 0);
    const embedding = new Float64Array(width);
    for (let v = 0; v < weights.length; v++) {
      weights[v] /= mass;
      const row = rowOf(rows, v);
      expectLength(row, width, `embeddings[${v}]`);
      if (weights[v] > 0) for (let d = 0; d < width; d++) embedding[d] += weights[v] * row[d];
    }
    return { weights, embedding, entropy: entropy(probabilities) };
  },
});

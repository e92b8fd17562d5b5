/** Similarity of embeddings as reward: to references, to goals, to requirements. */
import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields, nullableVector, ragged, shaped, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { type Ragged, rowCount, rowOf, toRagged } from "../core/ragged.ts";
import { expectLength } from "../core/shapes.ts";

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let d = 0; d < a.length; d++) sum += a[d] * b[d];
  return sum;
}

/** Cosine of two vectors of one length, in [−1, 1]; null where one of them is zero. */
function cosine(a: Float64Array, b: Float64Array, field: string): number | null {
  expectLength(b, a.length, field);
  const norms = Math.sqrt(dot(a, a)) * Math.sqrt(dot(b, b));
  return norms > 0 ? Math.max(-1, Math.min(1, dot(a, b) / norms)) : null;
}

/**
 * Cosines of every reference with every embedding (the plain reward of VLM-RM, arXiv 2310.12921; of λ-Harmonic,
 * arXiv 2407.12164). N × D embeddings, R × D references → R × N, rows are references; null for a zero vector.
 */
export const cosineSimilarity = definePart({
  id: "signal/cosine-similarity",
  papers: ["lambda-harmonic", "vlm-rm"],
  params: z.object({}),
  inputs: z.object({ embeddings: ragged("N×D", "embeddings"), references: ragged("R×D", "reference embeddings") }),
  outputs: z.object({ similarities: shaped(z.array(z.array(z.number().nullable())), "R×N", "cosines") }),
  compute(_params, { embeddings, references }) {
    const rows = toRagged(embeddings);
    const against = toRagged(references);
    const similarities = Array.from({ length: rowCount(against) }, (_, r) =>
      Array.from({ length: rowCount(rows) }, (_, i) => cosine(rowOf(rows, i), rowOf(against, r), `references[${r}]`)),
    );
    return { similarities };
  },
});

/**
 * Cosine of each embedding with its own reference (semantic reward, arXiv 2509.13081; HARMO's surrogate,
 * arXiv 2510.05283; Pisces' quality reward, arXiv 2602.01624, eq. 2).
 *
 * N × D each; `clip` floors at 0. A zero vector is worth 0. Nearly blind to negation: keep a correctness term beside it.
 */
export const referenceSimilarity = definePart({
  id: "signal/reference-similarity",
  papers: ["hybrid-multi-aspect", "pisces", "semantic-reward"],
  params: z.object({ clip: z.boolean().default(true).describe("negative similarity counts as 0") }),
  inputs: z.object({
    embeddings: ragged("N×D", "embeddings"),
    references: ragged("N×D", "embedding of each reference"),
  }),
  outputs: z.object({ rewards: fields.rewards }),
  compute({ clip }, { embeddings, references }) {
    const rows = toRagged(embeddings);
    const own = toRagged(references);
    expectLength({ length: rowCount(own) }, rowCount(rows), "references");
    const rewards = Float64Array.from({ length: rowCount(rows) }, (_, i) => {
      const similarity = cosine(rowOf(rows, i), rowOf(own, i), `references[${i}]`) ?? 0;
      return clip ? Math.max(0, similarity) : similarity;
    });
    return { rewards };
  },
});

/**
 * Goal-baseline regularised similarity (VLM-RM, arXiv 2310.12921, def. 1).
 *
 * With unit vectors s, means ḡ and b̄ of the unit goals and baselines (not renormalised) and d = ḡ − b̄:
 * R = 1 − ½‖(s − ḡ)P‖², P = α·d dᵀ/‖d‖² + (1 − α)·I. `alpha` 0 with one goal is the cosine; 1 keeps only the coordinate
 * along d. ‖d‖ = 0 gives the reward of α = 0. Inputs are raw vectors, normalised inside; a zero state is null, a zero goal
 * or baseline an error.
 */
export const goalBaseline = definePart({
  id: "signal/goal-baseline",
  papers: ["vlm-rm"],
  params: z.object({ alpha: z.number().min(0).max(1).default(0.5).describe("α, strength of the projection") }),
  inputs: z.object({
    embeddings: ragged("N×D", "embedding of each state"),
    goals: ragged("G×D", "embeddings of goal sentences"),
    baselines: ragged("B×D", "embeddings of neutral sentences"),
  }),
  outputs: z.object({ rewards: nullableVector("N", "reward per state; null for a zero embedding") }),
  compute({ alpha }, { embeddings, goals, baselines }) {
    const rows = toRagged(embeddings);
    const goal = meanDirection(toRagged(goals), "goals");
    const baseline = meanDirection(toRagged(baselines), "baselines");
    expectLength(baseline, goal.length, "baselines[0]");
    const along = goal.map((value, d) => value - baseline[d]);
    const squared = dot(along, along);
    const strength = squared > 0 ? alpha : 0;
    const rewards = Array.from({ length: rowCount(rows) }, (_, i) => {
      const state = rowOf(rows, i);
      expectLength(state, goal.length, `embeddings[${i}]`);
      const norm = Math.sqrt(dot(state, state));
      if (norm === 0) return null;
      const gap = state.map((value, d) => value / norm - goal[d]);
      const projected = squared > 0 ? dot(gap, along) / squared : 0;
      let distance = 0;
      for (let d = 0; d < gap.length; d++) {
        distance += (strength * projected * along[d] + (1 - strength) * gap[d]) ** 2;
      }
      return 1 - distance / 2;
    });
    return { rewards };
  },
});

/** Mean of the unit vectors, not renormalised. */
function meanDirection(rows: Ragged, field: string): Float64Array {
  const count = rowCount(rows);
  if (count === 0) throw new ContractError(`inputs.${field}`, "expected at least one vector");
  const mean = new Float64Array(rows.offsets[1]);
  for (let i = 0; i < count; i++) {
    const row = rowOf(rows, i);
    expectLength(row, mean.length, `${field}[${i}]`);
    const norm = Math.sqrt(dot(row, row));
    if (norm === 0) throw new ContractError(`inputs.${field}[${i}]`, "expected a vector other than zero");
    for (let d = 0; d < row.length; d++) mean[d] += row[d] / norm / count;
  }
  return mean;
}

/**
 * Coverage of requirements by what a candidate offers, in embedding space (arXiv 2511.16073; the definition is ours).
 *
 * best_i = largest cosine of requirement i with any candidate, floored at 0 (0 without candidates). Soft: v_i = best_i
 * where it reaches `threshold`, else 0; hard: v_i = 1 there, else 0. coverage = Σ w_i v_i / Σ w_i, null without weight.
 */
export const softCoverage = definePart({
  id: "signal/soft-coverage",
  papers: ["resume-grpo"],
  params: z.object({
    threshold: z.number().default(0.6).describe("cosine from which a requirement counts as met"),
    mode: z.enum(["soft", "hard"]).default("soft"),
  }),
  inputs: z.object({
    requiredEmbeddings: ragged("M×D", "embedding of each requirement"),
    candidateEmbeddings: ragged("C×D", "embeddings of what is offered"),
    weights: vector("M", "importance of each requirement; absent: equal").optional(),
  }),
  outputs: z.object({
    best: vector("M", "best cosine per requirement, floored at 0"),
    coverage: z.number().nullable().describe("weighted share of requirements met"),
  }),
  compute({ threshold, mode }, { requiredEmbeddings, candidateEmbeddings, weights }) {
    const required = toRagged(requiredEmbeddings);
    const offered = toRagged(candidateEmbeddings);
    const best = new Float64Array(rowCount(required));
    if (weights) expectLength(weights, best.length, "weights");
    let met = 0;
    let total = 0;
    for (let i = 0; i < best.length; i++) {
      for (let c = 0; c < rowCount(offered); c++) {
        const similarity = cosine(rowOf(required, i), rowOf(offered, c), `candidateEmbeddings[${c}]`) ?? 0;
        best[i] = Math.max(best[i], similarity);
      }
      const weight = weights ? weights[i] : 1;
      total += weight;
      // Nothing on offer meets nothing, however low the threshold.
      if (rowCount(offered) > 0 && best[i] >= threshold) met += weight * (mode === "soft" ? best[i] : 1);
    }
    return { best, coverage: total === 0 ? null : met / total };
  },
});

/**
 * Cosine of summed word vectors of a message and a goal sentence (ELLM-BoW, as in ONI, arXiv 2410.23022).
 *
 * Reward = similarity where it is strictly above `threshold` (null: everywhere), else 0. A message or goal without
 * vectors, or whose vectors cancel, has similarity 0.
 */
export const bagOfWordsSimilarity = definePart({
  id: "signal/bag-of-words-similarity",
  papers: ["oni"],
  params: z.object({ threshold: z.number().nullable().default(0.5).describe("similarity above which it is paid") }),
  inputs: z.object({
    tokenEmbeddings: ragged("T×D", "word vectors of the message"),
    goalEmbeddings: ragged("U×D", "word vectors of the goal"),
  }),
  outputs: z.object({ similarity: z.number(), reward: z.number() }),
  compute({ threshold }, { tokenEmbeddings, goalEmbeddings }) {
    const message = sumRows(toRagged(tokenEmbeddings), "tokenEmbeddings");
    const goal = sumRows(toRagged(goalEmbeddings), "goalEmbeddings");
    const empty = message.length === 0 || goal.length === 0;
    const similarity = empty ? 0 : (cosine(message, goal, "goalEmbeddings[0]") ?? 0);
    return { similarity, reward: threshold === null || similarity > threshold ? similarity : 0 };
  },
});

function sumRows(rows: Ragged, field: string): Float64Array {
  const sum = new Float64Array(rowCount(rows) === 0 ? 0 : rows.offsets[1]);
  for (let i = 0; i < rowCount(rows); i++) {
    const row = rowOf(rows, i);
    expectLength(row, sum.length, `${field}[${i}]`);
    for (let d = 0; d < row.length; d++) sum[d] += row[d];
  }
  return sum;
}

/**
 * λ-Harmonic reward: weighted harmonic mean of image and text similarity (RPO, arXiv 2407.12164, eq. 6).
 *
 * i = mean over references of the image cosines, t = text cosine, i′ = (i + 1)/2, t′ = (t + 1)/2;
 * r = 1/(λ/(i′ + ε) + (1 − λ)/(t′ + ε)); λ = 0 gives t′ and λ = 1 gives i′ exactly. `imageSimilarities` R × N (rows are
 * references) or N.
 */
export const lambdaHarmonic = definePart({
  id: "signal/lambda-harmonic",
  papers: ["lambda-harmonic"],
  params: z.object({
    lambda: z.number().min(0).max(1).default(0.3).describe("λ, weight of the image similarity"),
    epsilon: z.number().nonnegative().default(1e-8),
  }),
  inputs: z.object({
    imageSimilarities: shaped(
      z.union([z.array(z.number()), z.array(z.array(z.number()))]),
      "R×N or N",
      "cosines of the images with the references",
    ),
    textSimilarities: vector("N", "cosines of the images with the prompt"),
  }),
  outputs: z.object({ rewards: fields.rewards }),
  compute({ lambda, epsilon }, { imageSimilarities, textSimilarities }) {
    const n = textSimilarities.length;
    const nested = Array.isArray(imageSimilarities[0]);
    const references = (nested ? imageSimilarities : [imageSimilarities]) as number[][];
    references.forEach((row, r) => {
      expectLength(row, n, nested ? `imageSimilarities[${r}]` : "imageSimilarities");
    });
    const rewards = Float64Array.from({ length: n }, (_, i) => {
      let sum = 0;
      for (const row of references) sum += row[i];
      const image = (sum / references.length + 1) / 2;
      const text = (textSimilarities[i] + 1) / 2;
      if (lambda === 0) return text;
      if (lambda === 1) return image;
      return 1 / (lambda / (image + epsilon) + (1 - lambda) / (text + epsilon));
    });
    return { rewards };
  },
});

/** Optimal transport between the words of a prompt and the patches of a video (Pisces). */
import { z } from "zod";
import { logSumExp } from "../core/distributions.ts";
import { ContractError } from "../core/error.ts";
import { ragged, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { type Ragged, rowCount, rowOf, toRagged } from "../core/ragged.ts";
import { expectLength } from "../core/shapes.ts";

/** Throws unless every row has `width` entries; an empty matrix has any width. */
function expectWidth(rows: Ragged, width: number, field: string): void {
  for (let i = 0; i < rowCount(rows); i++) expectLength(rowOf(rows, i), width, `${field}[${i}]`);
}

/**
 * Cost of moving each word to each video patch: meaning, time and place (Pisces, arXiv 2602.01624, eq. 3 and app. C).
 *
 * With row-normalised attention A: τ_i = Σ_k A_ik t_k, π_i = Σ_k A_ik s_k. Components 1 − cos(y_i, x_j), |τ_i − t_j| and
 * ‖π_i − s_j‖ are min–max normalised over the whole matrix (a constant one becomes 0), added with weights 1,
 * `temporalWeight`, `spatialWeight`, and normalised again. A zero vector has cosine 0. N words, M patches → N × M.
 */
export const transportCost = definePart({
  id: "signal/transport-cost",
  papers: ["pisces"],
  params: z.object({
    temporalWeight: z.number().nonnegative().default(0.2).describe("γ"),
    spatialWeight: z.number().nonnegative().default(0.2).describe("η"),
  }),
  inputs: z.object({
    textTokens: ragged("N×D", "features of the words"),
    videoTokens: ragged("M×D", "features of the patches"),
    attention: ragged("N×M", "attention of words to patches, rows sum to 1"),
    frames: vector("M", "frame of each patch"),
    positions: ragged("M×2", "place of each patch in its frame"),
  }),
  outputs: z.object({
    expectedFrames: vector("N", "τ, frame that each word attends to"),
    expectedPositions: ragged("N×2", "π, place that each word attends to"),
    cost: ragged("N×M", "in [0, 1]"),
  }),
  compute({ temporalWeight, spatialWeight }, { textTokens, videoTokens, attention, frames, positions }) {
    const text = toRagged(textTokens);
    const video = toRagged(videoTokens);
    const weights = toRagged(attention);
    const places = toRagged(positions);
    const n = rowCount(text);
    const m = rowCount(video);
    expectLength({ length: rowCount(weights) }, n, "attention");
    expectWidth(weights, m, "attention");
    expectLength(frames, m, "frames");
    expectLength({ length: rowCount(places) }, m, "positions");
    const axes = m === 0 ? 0 : places.offsets[1];
    expectWidth(places, axes, "positions");
    const width = m > 0 ? video.offsets[1] : n > 0 ? text.offsets[1] : 0;
    expectWidth(text, width, "textTokens");
    expectWidth(video, width, "videoTokens");
    const expectedFrames = new Float64Array(n);
    const expectedPositions = Array.from({ length: n }, () => new Float64Array(axes));
    const semantic = new Float64Array(n * m);
    const temporal = new Float64Array(n * m);
    const spatial = new Float64Array(n * m);
    for (let i = 0; i < n; i++) {
      const row = rowOf(weights, i);
      for (let k = 0; k < m; k++) {
        expectedFrames[i] += row[k] * frames[k];
        for (let a = 0; a < axes; a++) expectedPositions[i][a] += row[k] * places.values[k * axes + a];
      }
      for (let j = 0; j < m; j++) {
        semantic[i * m + j] = 1 - cosine(rowOf(text, i), rowOf(video, j));
        temporal[i * m + j] = Math.abs(expectedFrames[i] - frames[j]);
        let squared = 0;
        for (let a = 0; a < axes; a++) squared += (expectedPositions[i][a] - places.values[j * axes + a]) ** 2;
        spatial[i * m + j] = Math.sqrt(squared);
      }
    }
    for (const component of [semantic, temporal, spatial]) minMax(component);
    const cost = semantic.map((value, k) => value + temporalWeight * temporal[k] + spatialWeight * spatial[k]);
    minMax(cost);
    return { expectedFrames, expectedPositions, cost: splitRows(cost, n, m) };
  },
});

function cosine(a: Float64Array, b: Float64Array): number {
  let product = 0;
  let aa = 0;
  let bb = 0;
  for (let d = 0; d < a.length; d++) {
    product += a[d] * b[d];
    aa += a[d] * a[d];
    bb += b[d] * b[d];
  }
  return aa > 0 && bb > 0 ? product / Math.sqrt(aa) / Math.sqrt(bb) : 0;
}

/** To [0, 1] in place; a constant becomes 0, also one that differs by rounding (cosines of parallel rows do). */
function minMax(values: Float64Array): void {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const spread = high - low > 1e-12 * Math.max(1, Math.abs(low), Math.abs(high)) ? high - low : 0;
  for (let k = 0; k < values.length; k++) values[k] = spread > 0 ? (values[k] - low) / spread : 0;
}

function splitRows(values: Float64Array, n: number, m: number): Float64Array[] {
  return Array.from({ length: n }, (_, i) => values.subarray(i * m, (i + 1) * m));
}

/**
 * Partial entropic transport plan with uniform marginals (Pisces, arXiv 2602.01624, alg. 3).
 *
 * ε = `tau`, m = `massFraction`: ρ = ∞ for m ≥ .999, else εm/(1 − m), so that the relaxation ρ/(ρ + ε) is 1 or m.
 * Log-domain from u = v = 0: u ← relax·(log 1/N − LSE_j(v − C/ε)), v ← relax·(log 1/M − LSE_i(u − C/ε)), until no entry
 * changes by `tolerance` or more, at most `iterations` times; P = exp(u + v − C/ε). `mass` = ΣP, which is not m.
 */
export const partialTransport = definePart({
  id: "signal/partial-transport",
  papers: ["pisces"],
  params: z.object({
    tau: z.number().positive().default(0.05).describe("ε, entropic regularisation"),
    massFraction: z.number().gt(0).max(1).default(0.9).describe("m"),
    iterations: z.int().nonnegative().default(200),
    tolerance: z.number().nonnegative().default(1e-9).describe("change at which the iteration stops"),
  }),
  inputs: z.object({ cost: ragged("N×M", "cost of each pair") }),
  outputs: z.object({ plan: ragged("N×M", "transported mass"), mass: z.number().describe("sum of the plan") }),
  compute({ tau, massFraction, iterations, tolerance }, { cost }) {
    const rows = toRagged(cost);
    const n = rowCount(rows);
    const m = n === 0 ? 0 : rows.offsets[1];
    expectWidth(rows, m, "cost");
    const relaxation = massFraction >= 0.999 ? 1 : massFraction;
    const kernel = rows.values.map((value) => -value / tau);
    const u = new Float64Array(n);
    const v = new Float64Array(m);
    const alongRow = new Float64Array(m);
    const alongColumn = new Float64Array(n);
    for (let iteration = 0; iteration < iterations && n > 0 && m > 0; iteration++) {
      let change = 0;
      for (let i = 0; i < n; i++) {
        for (let j = 0; j < m; j++) alongRow[j] = kernel[i * m + j] + v[j];
        const next = relaxation * (-Math.log(n) - logSumExp(alongRow));
        change = Math.max(change, Math.abs(next - u[i]));
        u[i] = next;
      }
      for (let j = 0; j < m; j++) {
        for (let i = 0; i < n; i++) alongColumn[i] = kernel[i * m + j] + u[i];
        const next = relaxation * (-Math.log(m) - logSumExp(alongColumn));
        change = Math.max(change, Math.abs(next - v[j]));
        v[j] = next;
      }
      if (change < tolerance) break;
    }
    let mass = 0;
    const plan = kernel.map((value, k) => Math.exp(u[Math.floor(k / m)] + v[k % m] + value));
    for (const value of plan) mass += value;
    return { plan: splitRows(plan, n, m), mass };
  },
});

/**
 * Attention fused with a transport plan, and the patches pooled by it (Pisces, arXiv 2602.01624, eq. 3).
 *
 * Ã_ij ∝ (A_ij + ε)(P_ij + ε) per row; pooled_i = Σ_j Ã_ij x_j. N × M, M × D → N × D.
 */
export const attentionFusion = definePart({
  id: "signal/attention-fusion",
  papers: ["pisces"],
  params: z.object({ epsilon: z.number().positive().default(1e-8).describe("ε") }),
  inputs: z.object({
    attention: ragged("N×M", "attention of words to patches"),
    plan: ragged("N×M", "transport plan"),
    videoTokens: ragged("M×D", "features of the patches"),
  }),
  outputs: z.object({
    attention: ragged("N×M", "fused attention, rows sum to 1"),
    pooled: ragged("N×D", "features that each word pools"),
  }),
  compute({ epsilon }, { attention, plan, videoTokens }) {
    const given = toRagged(attention);
    const moved = toRagged(plan);
    const video = toRagged(videoTokens);
    const n = rowCount(given);
    const m = rowCount(video);
    expectLength({ length: rowCount(moved) }, n, "plan");
    expectWidth(given, m, "attention");
    expectWidth(moved, m, "plan");
    if (n > 0 && m === 0) throw new ContractError("inputs.videoTokens", "expected at least one patch");
    const width = m === 0 ? 0 : video.offsets[1];
    expectWidth(video, width, "videoTokens");
    const fused = given.values.map((value, k) => (value + epsilon) * (moved.values[k] + epsilon));
    const pooled = Array.from({ length: n }, (_, i) => {
      const row = fused.subarray(i * m, (i + 1) * m);
      let total = 0;
      for (const value of row) total += value;
      const features = new Float64Array(width);
      for (let j = 0; j < m; j++) {
        row[j] /= total;
        for (let d = 0; d < width; d++) features[d] += row[j] * video.values[j * width + d];
      }
      return features;
    });
    return { attention: splitRows(fused, n, m), pooled };
  },
});

/** Gradients through a learner: implicit differentiation of a bi-level problem, and one-step look-ahead. */
import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { ragged, shaped, vector } from "../core/fields.ts";
import { solve } from "../core/linear-algebra.ts";
import { definePart } from "../core/part.ts";
import { toRagged, type Vector } from "../core/ragged.ts";
import { required } from "./inputs.ts";

const logistic = (x: number) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)));

const matrix = (shape: string, description: string) => shaped(z.array(z.array(z.number())), shape, description);

/** Rows of a row-major buffer. */
function rowsOf(values: Float64Array, columns: number): number[][] {
  const rows: number[][] = [];
  for (let start = 0; start < values.length; start += columns)
    rows.push(Array.from(values.subarray(start, start + columns)));
  return rows;
}

/**
 * Terms of the bi-level problem of behaviour alignment for a tabular softmax policy (BARFI, arXiv 2310.19007).
 *
 * r_φ(s, a) = φ₁(s, a) + φ₂(s)·primary + φ₃(s)·auxiliary, γ_φ = σ(gammaLogit), ψ_t = ∇ log π(a_t|s_t), G_t = Σ_{j≥t} γ_φ^{j−t}(r_φ,j − λ ln π_j).
 * update Δ = mean_τ Σ_t ψ_t G_t; outerGradient g = mean_τ Σ_t ψ_t Σ_{j≥t} γ^{j−t} primary_j;
 * hessian ∂Δ/∂θ = mean_τ Σ_t [(∂ψ_t/∂θ) G_t − λ ψ_t (Σ_{j≥t} γ_φ^{j−t} ψ_j)ᵀ] with the data held fixed;
 * cross ∂Δ/∂φ = mean_τ Σ_t ψ_t (Σ_{j≥t} γ_φ^{j−t} ∂r_φ,j/∂φ)ᵀ; crossGamma ∂Δ/∂gammaLogit.
 * θ is row-major over S×A; φ is [φ₁ row-major, φ₂, φ₃]. Errors: a state or action outside the table; no trajectory.
 */
export const bilevelTerms = definePart({
  id: "objective/bilevel-terms",
  papers: ["barfi"],
  params: z.object({
    gamma: z.number().min(0).max(1).default(0.99).describe("discount of the outer objective"),
    entropy: z.number().nonnegative().default(0).describe("λ_θ, entropy strength of the inner problem"),
  }),
  inputs: z.object({
    logits: ragged("S×A", "policy logits"),
    states: ragged("N×T", "state per step"),
    actions: ragged("N×T", "action per step"),
    primary: ragged("N×T", "primary reward per step"),
    auxiliary: ragged("N×T", "auxiliary reward per step"),
    bias: ragged("S×A", "φ₁"),
    primaryWeights: vector("S", "φ₂"),
    auxiliaryWeights: vector("S", "φ₃"),
    gammaLogit: z.number().describe("logit of the inner discount"),
  }),
  outputs: z.object({
    update: vector("Theta", "Δ, S·A entries"),
    outerGradient: vector("Theta", "g"),
    hessian: matrix("Theta×Theta", "∂Δ/∂θ"),
    cross: matrix("Theta×Phi", "∂Δ/∂φ, S·A + 2S columns"),
    crossGamma: vector("Theta", "∂Δ/∂gammaLogit"),
  }),
  compute({ gamma, entropy }, inputs) {
    const table = toRagged(inputs.logits);
    const bias = toRagged(inputs.bias).values;
    const [states, actions, primary, auxiliary] = [inputs.states, inputs.actions, inputs.primary, inputs.auxiliary].map(
      toRagged,
    );
    const stateCount = table.offsets.length - 1;
    const width = stateCount === 0 ? 0 : table.values.length / stateCount;
    const size = stateCount * width;
    const phiSize = size + 2 * stateCount;
    const count = states.offsets.length - 1;
    if (count === 0) throw new ContractError("inputs.states", "expected at least one trajectory");
    const logPolicy = logSoftmaxRows(table.values, width);
    const policy = logPolicy.map(Math.exp);
    const inner = logistic(inputs.gammaLogit);

    const update = new Float64Array(size);
    const outerGradient = new Float64Array(size);
    const hessian = new Float64Array(size * size);
    const cross = new Float64Array(size * phiSize);
    const crossGamma = new Float64Array(size);
    // Sums over the future, all discounted by γ_φ: of ∂r/∂φ and of ψ.
    const futurePhi = new Float64Array(phiSize);
    const futurePsi = new Float64Array(size);
    for (let i = 0; i < count; i++) {
      futurePhi.fill(0);
      futurePsi.fill(0);
      let inside = 0;
      let outside = 0;
      let slope = 0; // Σ_j (j − t) γ_φ^{j−t−1} r_j
      for (let k = states.offsets[i + 1] - 1; k >= states.offsets[i]; k--) {
        const s = indexIn(states.values[k], stateCount, "states");
        const a = indexIn(actions.values[k], width, "actions");
        const row = s * width;
        const reward =
          bias[row + a] +
          inputs.primaryWeights[s] * primary.values[k] +
          inputs.auxiliaryWeights[s] * auxiliary.values[k] -
          entropy * logPolicy[row + a];
        slope = inside + inner * slope;
        inside = reward + inner * inside;
        outside = primary.values[k] + gamma * outside;
        for (let c = 0; c < phiSize; c++) futurePhi[c] *= inner;
        for (let c = 0; c < size; c++) futurePsi[c] *= inner;
        futurePhi[row + a] += 1;
        futurePhi[size + s] += primary.values[k];
        futurePhi[size + stateCount + s] += auxiliary.values[k];
        for (let b = 0; b < width; b++) futurePsi[row + b] += (a === b ? 1 : 0) - policy[row + b];
        for (let b = 0; b < width; b++) {
          const theta = row + b;
          const psi = (a === b ? 1 : 0) - policy[theta];
          update[theta] += psi * inside;
          outerGradient[theta] += psi * outside;
          crossGamma[theta] += psi * slope * inner * (1 - inner);
          for (let c = 0; c < phiSize; c++) cross[theta * phiSize + c] += psi * futurePhi[c];
          for (let c = 0; c < width; c++) {
            hessian[theta * size + row + c] -= policy[theta] * ((b === c ? 1 : 0) - policy[row + c]) * inside;
          }
          if (entropy !== 0) for (let c = 0; c < size; c++) hessian[theta * size + c] -= entropy * psi * futurePsi[c];
        }
      }
    }
    for (const sums of [update, outerGradient, hessian, cross, crossGamma]) {
      for (let c = 0; c < sums.length; c++) sums[c] /= count;
    }
    return { update, outerGradient, hessian: rowsOf(hessian, size), cross: rowsOf(cross, phiSize), crossGamma };
  },
});

function indexIn(value: number, size: number, field: string): number {
  if (Number.isInteger(value) && value >= 0 && value < size) return value;
  throw new ContractError(`inputs.${field}`, `expected an integer from 0 to ${size - 1}, got ${value}`);
}

function logSoftmaxRows(logits: Float64Array, width: number): Float64Array {
  const logs = new Float64Array(logits.length);
  for (let row = 0; row < logits.length; row += width) {
    let highest = Number.NEGATIVE_INFINITY;
    for (let a = 0; a < width; a++) highest = Math.max(highest, logits[row + a]);
    let total = 0;
    for (let a = 0; a < width; a++) total += Math.exp(logits[row + a] - highest);
    for (let a = 0; a < width; a++) logs[row + a] = logits[row + a] - highest - Math.log(total);
  }
  return logs;
}

/**
 * Implicit gradient of a bi-level problem, dJ/dφ = −gᵀ H⁻¹ A (BARFI, arXiv 2310.19007).
 *
 * direction = H⁻ᵀ g, gradient = −Aᵀ direction; with crossGamma B also gammaGradient = −directionᵀB − λ_γ γ(1 − γ), γ = σ(gammaLogit).
 * `exact` solves with the damped H − εI; `neumann` direction = −η Σ_{k<terms} (I + ηHᵀ)^k g; `identity` −ηg (H ≈ −I/η). Damping applies
 * to the first two. Shapes D, D×D, D×M. Error: a singular system (softmax tables always are: use damping).
 */
export const implicitGradient = definePart({
  id: "objective/implicit-gradient",
  papers: ["barfi"],
  params: z.object({
    method: z.enum(["exact", "neumann", "identity"]).default("exact").describe("how H⁻¹ is approximated"),
    damping: z.number().nonnegative().default(0).describe("ε, subtracted from the diagonal of H"),
    terms: z.int().positive().default(10).describe("neumann: terms of the series"),
    eta: z.number().positive().default(0.1).describe("η of neumann and identity"),
    gammaCost: z.number().nonnegative().default(0).describe("λ_γ, cost of the inner discount"),
  }),
  inputs: z.object({
    outerGradient: vector("D", "g"),
    hessian: ragged("D×D", "H = ∂Δ/∂θ"),
    cross: ragged("D×M", "A = ∂Δ/∂φ"),
    crossGamma: vector("D", "B = ∂Δ/∂gammaLogit").optional(),
    gammaLogit: z.number().describe("logit of the inner discount").optional(),
  }),
  outputs: z.object({
    direction: vector("D", "H⁻ᵀ g"),
    gradient: vector("M", "dJ/dφ"),
    gammaGradient: z.number().optional().describe("dJ/dgammaLogit; present with crossGamma"),
  }),
  compute({ method, damping, terms, eta, gammaCost }, { outerGradient, hessian, cross, crossGamma, gammaLogit }) {
    const n = outerGradient.length;
    const { values: h } = toRagged(hessian);
    const direction = (() => {
      if (method === "identity") return Float64Array.from(outerGradient, (value) => -eta * value);
      const transposed = new Float64Array(n * n);
      for (let i = 0; i < n; i++)
        for (let j = 0; j < n; j++) transposed[j * n + i] = h[i * n + j] - (i === j ? damping : 0);
      if (method === "exact") {
        const solution = solve(transposed, outerGradient);
        if (solution === null)
          throw new ContractError("inputs.hessian", "expected a regular matrix, got a singular one (use damping)");
        return solution;
      }
      return neumann(transposed, outerGradient, terms, eta);
    })();
    const { values: a, offsets } = toRagged(cross);
    const columns = n === 0 ? 0 : offsets[1];
    const gradient = new Float64Array(columns);
    for (let i = 0; i < n; i++) for (let c = 0; c < columns; c++) gradient[c] -= direction[i] * a[i * columns + c];
    if (crossGamma === undefined) return { direction, gradient };
    let gammaGradient = 0;
    for (let i = 0; i < n; i++) gammaGradient -= direction[i] * crossGamma[i];
    if (gammaCost !== 0) {
      const gamma = logistic(required(gammaLogit, "gammaLogit", "gammaCost is not 0"));
      gammaGradient -= gammaCost * gamma * (1 - gamma);
    }
    return { direction, gradient, gammaGradient };
  },
});

/** −η Σ_{k<terms} (I + ηM)^k v. */
function neumann(m: Float64Array, v: Vector, terms: number, eta: number): Float64Array {
  const n = v.length;
  const sum = new Float64Array(n);
  let term = Float64Array.from(v);
  for (let k = 0; k < terms; k++) {
    const next = Float64Array.from(term);
    for (let i = 0; i < n; i++) {
      sum[i] -= eta * term[i];
      for (let j = 0; j < n; j++) next[i] += eta * m[i * n + j] * term[j];
    }
    term = next;
  }
  return sum;
}

/**
 * Meta-gradient of a validation utility with respect to the SFT weight of a mixed loss (AMFT, arXiv 2508.06944).
 *
 * One SGD step on (1 − μ)L_RL + μL_SFT, first order: ∂U/∂μ ≈ −η⟨∇U, ∇L_SFT − ∇L_RL⟩, ∇U an ascent direction. Shapes D.
 */
export const metaGradient = definePart({
  id: "objective/meta-gradient",
  papers: ["amft"],
  params: z.object({ learningRate: z.number().nonnegative().default(1e-6).describe("η, learning rate of the policy") }),
  inputs: z.object({
    utilityGradient: vector("D", "∇U"),
    sftGradient: vector("D", "∇L_SFT"),
    rlGradient: vector("D", "∇L_RL"),
  }),
  outputs: z.object({ metaGradient: z.number().describe("∂U/∂μ") }),
  compute({ learningRate }, { utilityGradient, sftGradient, rlGradient }) {
    let product = 0;
    for (let d = 0; d < utilityGradient.length; d++) product += utilityGradient[d] * (sftGradient[d] - rlGradient[d]);
    return { metaGradient: product === 0 ? 0 : -learningRate * product };
  },
});

/**
 * Convex mixture of an imitation and a reinforcement loss (AMFT, arXiv 2508.06944).
 *
 * loss = (1 − μ)·L_RL + μ·L_SFT, and the same of the gradients when both are given. Error: one gradient without the other.
 */
export const sftRlMixture = definePart({
  id: "objective/sft-rl-mixture",
  papers: ["amft"],
  params: z.object({}),
  inputs: z.object({
    mu: z.number().min(0).max(1).describe("μ, weight of imitation"),
    sftLoss: z.number().describe("L_SFT"),
    rlLoss: z.number().describe("L_RL"),
    sftGradient: vector("D", "∇L_SFT").optional(),
    rlGradient: vector("D", "∇L_RL").optional(),
  }),
  outputs: z.object({
    loss: z.number().describe("mixture"),
    gradient: vector("D", "mixture of the gradients; present with both").optional(),
  }),
  compute(_, { mu, sftLoss, rlLoss, sftGradient, rlGradient }) {
    const mix = (sft: number, rl: number) => (1 - mu) * rl + mu * sft;
    const loss = mix(sftLoss, rlLoss);
    if (sftGradient === undefined && rlGradient === undefined) return { loss };
    const sft = required(sftGradient, "sftGradient", "there is an rlGradient");
    const rl = required(rlGradient, "rlGradient", "there is an sftGradient");
    return { loss, gradient: Float64Array.from(sft, (value, d) => mix(value, rl[d])) };
  },
});

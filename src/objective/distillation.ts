/** Distillation losses, and the rewards that are differentiated beside them. */
import { lax, numpy as np } from "@jax-js/jax";
import { z } from "zod";
import { ContractError } from "../core/error.ts";
import { fields, ragged, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { rowCount, toRagged } from "../core/ragged.ts";
import { evaluate, rowsTensor, type Tensor, type Tensors, tensor, vectorTensor } from "./engine.ts";
import { membershipTensor } from "./group-matrices.ts";
import { reciprocalOf } from "./numerics.ts";

const consistencyParams = z.object({
  distance: z.enum(["pseudo-huber", "mse"]).default("pseudo-huber").describe("distance of the two predictions"),
  delta: z.number().positive().default(1e-3).describe("δ of pseudo-huber"),
});

/** Differentiable `objective/consistency-distillation`; the targets carry no gradient. */
export function consistencyDistillationLoss(params: z.input<typeof consistencyParams> = {}) {
  const { distance, delta } = consistencyParams.parse(params);
  return ({ predictions, targets }: { predictions: Tensor; targets: Tensor }) => {
    const squares = np.square(predictions.sub(lax.stopGradient(targets)));
    const losses =
      distance === "mse" ? np.mean(squares, -1) : np.sqrt(np.sum(squares, -1).add(delta * delta)).sub(delta);
    return { loss: np.mean(losses.ref), losses: lax.stopGradient(losses) };
  };
}

/**
 * Consistency distillation: the student's prediction against the moving-average teacher's (arXiv 2303.01469; PISCES 2602.01624, eq. 7).
 *
 * `pseudo-huber` √(‖Δ‖² + δ²) − δ; `mse` mean of Δ² over D. loss = mean over samples; null without any. Shapes N×D.
 */
export const consistencyDistillation = definePart({
  id: "objective/consistency-distillation",
  papers: ["pisces"],
  params: consistencyParams,
  inputs: z.object({
    predictions: ragged("N×D", "student predictions"),
    targets: ragged("N×D", "teacher predictions (constants)"),
  }),
  outputs: z.object({
    losses: vector("N", "distance per sample"),
    loss: z.number().nullable().describe("mean over samples"),
  }),
  compute(params, { predictions, targets }) {
    const n = rowCount(toRagged(predictions));
    const { loss, losses } = evaluate(consistencyDistillationLoss(params), {
      predictions: rowsTensor(predictions),
      targets: rowsTensor(targets),
    });
    return { losses: losses.subarray(0, n), loss: n === 0 ? null : loss };
  },
});

const hiddenStateParams = z.object({
  loss: z.enum(["smooth-l1", "l2"]).default("smooth-l1").describe("distance per element"),
  normalize: z.boolean().default(true).describe("divide by the teacher's sample deviation (l2: by its square)"),
});

/** Differentiable `objective/hidden-state-distillation`: L×D (flatten a batch into D); the teacher carries no gradient. */
export function hiddenStateDistillationLoss(params: z.input<typeof hiddenStateParams> = {}) {
  const { loss: kind, normalize } = hiddenStateParams.parse(params);
  return ({ studentStates, teacherStates }: { studentStates: Tensor; teacherStates: Tensor }) => {
    const teacher = lax.stopGradient(teacherStates);
    const width = teacher.shape[1];
    const difference = studentStates.sub(teacher.ref);
    const size = np.abs(difference.ref);
    const squares = np.square(difference);
    const elements =
      kind === "l2" ? squares.add(size.mul(0)) : np.where(np.less(size.ref, 1), squares.mul(0.5), size.sub(0.5));
    let layerLosses = np.mean(elements, -1);
    const centred = teacher.ref.sub(np.mean(teacher, -1, { keepdims: true }));
    const variances = np.sum(np.square(centred), -1).div(Math.max(1, width - 1));
    // A layer whose teacher does not vary is left unscaled.
    const scale = np.where(np.greater(variances.ref, 0), variances, 1);
    if (normalize) layerLosses = layerLosses.div(kind === "l2" ? scale : np.sqrt(scale));
    else scale.dispose();
    return { loss: np.mean(layerLosses.ref), layerLosses: lax.stopGradient(layerLosses) };
  };
}

/**
 * Hidden-state distillation across layers, for latent reasoning (CODI, arXiv 2502.21074; survey 2509.02350).
 *
 * Per layer the mean over elements of smooth-L1 (½Δ² below 1, |Δ| − ½ beyond) or Δ², divided by the sample deviation of that layer's
 * teacher states (l2: by its square); loss = mean over layers; null without any. Shapes L×D, D all elements of the batch at that layer.
 * A layer whose teacher states are all equal is not scaled.
 */
export const hiddenStateDistillation = definePart({
  id: "objective/hidden-state-distillation",
  papers: ["implicit-reasoning-survey"],
  params: hiddenStateParams,
  inputs: z.object({
    studentStates: ragged("L×D", "student activations per layer"),
    teacherStates: ragged("L×D", "teacher activations per layer (constants)"),
  }),
  outputs: z.object({
    layerLosses: vector("L", "loss per layer"),
    loss: z.number().nullable().describe("mean over layers"),
  }),
  compute(params, { studentStates, teacherStates }) {
    const n = rowCount(toRagged(studentStates));
    const { loss, layerLosses } = evaluate(hiddenStateDistillationLoss(params), {
      studentStates: rowsTensor(studentStates),
      teacherStates: rowsTensor(teacherStates),
    });
    return { layerLosses: layerLosses.subarray(0, n), loss: n === 0 ? null : loss };
  },
});

const directRewardParams = z.object({
  weights: z.record(z.string(), z.number()).describe("weight per reward"),
  baseline: z.enum(["none", "mean"]).default("none").describe("subtracted from each reward within its group"),
  scale: z.enum(["none", "group"]).default("none").describe("each reward is divided by its group deviation"),
  ddof: z.int().min(0).max(1).default(1).describe("degrees of freedom lost by the deviation"),
  epsilon: z.number().nonnegative().default(1e-6).describe("added to the deviation"),
});

export interface DirectRewardTensors {
  /** Scalar. */
  distillationLoss: Tensor;
  /** Differentiable rewards, N each. */
  components: Tensors;
  /** P×N of 0 and 1. */
  membership: Tensor;
}

/**
 * Differentiable `objective/direct-reward`. Group means and deviations carry no gradient: with it, the mean of standardised
 * rewards would be constant and nothing would be learned.
 */
export function directRewardLoss(params: z.input<typeof directRewardParams>) {
  const { weights, baseline, scale, ddof, epsilon } = directRewardParams.parse(params);
  return ({ distillationLoss, components, membership }: DirectRewardTensors) => {
    const toMembers = (perGroup: Tensor) => np.sum(membership.ref.mul(np.expandDims(perGroup, -1)), 0);
    const counts = np.sum(membership.ref, -1);
    const spread = (deviations: Tensor) => {
      const widened = deviations.add(epsilon);
      return np.where(np.greater(widened.ref, 0), widened, 1);
    };
    let rewards = np.zerosLike(counts.ref.sum()).mul(0);
    for (const [name, values] of Object.entries(components)) {
      const fixed = lax.stopGradient(values.ref);
      const means = np.sum(membership.ref.mul(fixed.ref), -1).div(np.maximum(counts.ref, 1));
      const centred = fixed.sub(toMembers(means.ref));
      const squares = np.sum(membership.ref.mul(np.square(centred)), -1);
      const deviations = np.sqrt(squares.div(np.maximum(counts.ref.sub(ddof), 1)));
      const shifted = baseline === "mean" ? values.sub(toMembers(means)) : keep(values, means);
      const scaled =
        scale === "group" ? shifted.mul(reciprocalOf(spread(toMembers(deviations)))) : keep(shifted, deviations);
      rewards = rewards.add(scaled.mul(weights[name] ?? 0));
    }
    counts.dispose();
    membership.dispose();
    return { loss: distillationLoss.sub(np.mean(rewards.ref)), rewards: lax.stopGradient(rewards) };
  };
}

function keep(kept: Tensor, unused: Tensor): Tensor {
  unused.dispose();
  return kept;
}

/**
 * Distillation minus differentiable rewards (PISCES, arXiv 2602.01624, eq. 5; adaptive fusion of appendix M).
 *
 * rewards_i = Σ_k w_k R_k,i, each R_k first standardised within its prompt group when asked ((R − mean)/(sd + ε)); loss = L_CD − mean rewards.
 * Group statistics carry no gradient. A group of one has deviation 0: its centred reward is 0. Shapes N; loss null without a sample.
 * Errors: a component without a weight, or a weight without a component; lengths that differ.
 */
export const directReward = definePart({
  id: "objective/direct-reward",
  papers: ["pisces"],
  params: directRewardParams,
  inputs: z.object({
    distillationLoss: z.number().describe("L_CD"),
    components: fields.components,
    groups: fields.groups,
  }),
  outputs: z.object({
    rewards: vector("N", "weighted sum per sample"),
    loss: z.number().nullable().describe("L_CD minus the mean reward"),
  }),
  compute(params, { distillationLoss, components, groups }) {
    const n = groups.length;
    for (const name of Object.keys(params.weights)) {
      if (!Object.hasOwn(components, name))
        throw new ContractError(`inputs.components.${name}`, "expected values: it has a weight");
    }
    const tensors: Tensors = {};
    for (const [name, values] of Object.entries(components)) {
      if (!Object.hasOwn(params.weights, name))
        throw new ContractError(`params.weights.${name}`, "expected a weight for this component");
      if (values.length !== n)
        throw new ContractError(`inputs.components.${name}`, `expected ${n} entries (N), got ${values.length}`);
      tensors[name] = vectorTensor(values);
    }
    const { loss, rewards } = evaluate(directRewardLoss(params), {
      distillationLoss: tensor([distillationLoss], []),
      components: tensors,
      membership: membershipTensor(groups),
    });
    const empty = n === 0 || Object.keys(tensors).length === 0;
    return { rewards: empty ? new Float64Array(n) : rewards.subarray(0, n), loss: n === 0 ? null : loss };
  },
});

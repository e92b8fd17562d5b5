/** Losses of imitation and coordination: structured discriminators, Lipschitz penalties, predictable team-mates. */
import { lax, numpy as np } from "@jax-js/jax";
import { z } from "zod";
import { fields, flags, ragged, shaped, vector } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { rowCount, toRagged } from "../core/ragged.ts";
import {
  evaluate,
  evaluateWithGradient,
  maskTensor,
  rowsTensor,
  type Tensor,
  tensor,
  unpad,
  vectorTensor,
} from "./engine.ts";
import { required } from "./inputs.ts";
import { rowSums, sigmoid, softplus } from "./numerics.ts";

/** Differentiable `objective/adversarial-soft-advantage`; `expert` N of 0 and 1. */
export function adversarialSoftAdvantageLoss() {
  return (inputs: { logprobs: Tensor; oldLogprobs: Tensor; mask: Tensor; expert: Tensor }) => {
    const logits = rowSums(inputs.logprobs.sub(inputs.oldLogprobs), inputs.mask);
    const loss = np.mean(softplus(logits.ref).sub(inputs.expert.mul(logits.ref)));
    return { loss, discriminator: lax.stopGradient(sigmoid(logits)) };
  };
}

/**
 * Adversarial soft advantage fitting (ASAF, arXiv 2006.13258; chapter of 2412.07177).
 *
 * The discriminator is made of the policies: D(τ) = Π π_θ / (Π π_θ + Π π_G), logit Σ_t (log π_θ − log π_G), π_G the frozen policy
 * that generated. loss = mean over all rows of −log D (expert) and −log(1 − D) (generated), from the logit, so that long
 * trajectories saturate without overflow. Whole trajectories, windows or single transitions: one row each. Shapes N×T, N; nats.
 */
export const adversarialSoftAdvantage = definePart({
  id: "objective/adversarial-soft-advantage",
  papers: ["reward-specification-thesis"],
  params: z.object({}),
  inputs: z.object({
    logprobs: fields.logprobs,
    oldLogprobs: ragged("N×T", "log-probabilities (nats) under the frozen generator"),
    expert: flags("N", "the row comes from the expert"),
  }),
  outputs: z.object({
    loss: z.number().nullable().describe("mean over rows; null without any"),
    discriminator: vector("N", "D"),
    gradLogprobs: fields.gradLogprobs,
  }),
  compute(_, { logprobs, oldLogprobs, expert }) {
    const n = expert.length;
    const result = evaluateWithGradient(
      adversarialSoftAdvantageLoss(),
      {
        logprobs: rowsTensor(logprobs),
        oldLogprobs: rowsTensor(oldLogprobs),
        mask: maskTensor(logprobs),
        expert: vectorTensor(Float64Array.from({ length: n }, (_, i) => (expert[i] ? 1 : 0))),
      },
      ["logprobs"],
    );
    return {
      loss: n === 0 ? null : result.loss,
      discriminator: result.discriminator.subarray(0, n),
      gradLogprobs: unpad(result.gradients.logprobs, logprobs),
    };
  },
});

const gradientPenaltyParams = z.object({
  target: z.number().nonnegative().default(1).describe("k, Lipschitz constant aimed at"),
  scale: z.number().default(10).describe("ν"),
  oneSided: z.boolean().default(true).describe("penalise only norms above the target"),
});

/**
 * Differentiable `objective/gradient-penalty`: takes ∂logit/∂input N×D as the autodiff engine gives it (`grad` inside
 * `grad`, so that the penalty reaches the network's weights).
 */
export function gradientPenaltyLoss(params: z.input<typeof gradientPenaltyParams> = {}) {
  const { target, scale, oneSided } = gradientPenaltyParams.parse(params);
  return ({ gradients }: { gradients: Tensor }) => {
    const squares = np.sum(np.square(gradients), -1);
    // The root has no derivative at 0: a vanishing gradient has norm 0 and pulls nowhere.
    const positive = np.greater(squares.ref, 0);
    const norms = np.where(positive.ref, np.sqrt(np.where(positive, squares, 1)), 0);
    const excess = norms.ref.sub(target);
    const penalties = np.square(oneSided ? np.maximum(excess, 0) : excess);
    return {
      loss: np.mean(penalties.ref).mul(scale),
      norms: lax.stopGradient(norms),
      penalties: lax.stopGradient(penalties),
    };
  };
}

/**
 * Gradient penalty that keeps a discriminator Lipschitz (WGAN-GP, arXiv 1704.00028; for imitation 2006.16785).
 *
 * norms ‖∇_x L‖₂ per point; penalties (norm − k)², one-sided max(0, norm − k)²; loss = ν·mean. Shapes N×D; null without a point.
 * The second-order gradient comes from the autodiff engine (`gradientPenaltyLoss`).
 */
export const gradientPenalty = definePart({
  id: "objective/gradient-penalty",
  papers: ["lipschitz-gail"],
  params: gradientPenaltyParams,
  inputs: z.object({ gradients: ragged("N×D", "gradient of the discriminator's logit at each point") }),
  outputs: z.object({
    norms: vector("N", "Euclidean norms"),
    penalties: vector("N", "squared excess"),
    loss: z.number().nullable().describe("ν × mean penalty; null without a point"),
  }),
  compute(params, { gradients }) {
    const n = rowCount(toRagged(gradients));
    const result = evaluate(gradientPenaltyLoss(params), { gradients: rowsTensor(gradients) });
    return {
      norms: result.norms.subarray(0, n),
      penalties: result.penalties.subarray(0, n),
      loss: n === 0 ? null : result.loss,
    };
  },
});

/** KL(softmax p ‖ softmax q) over the last axis, from logits. */
function klOfLogits(p: Tensor, q: Tensor): Tensor {
  const logP = logSoftmax(p);
  return np.sum(np.exp(logP.ref).mul(logP.sub(logSoftmax(q))), -1);
}

function logSoftmax(logits: Tensor): Tensor {
  const centred = logits.ref.sub(lax.stopGradient(np.max(logits, -1, { keepdims: true })));
  return centred.ref.sub(np.log(np.sum(np.exp(centred), -1, { keepdims: true })));
}

const teamParams = z.object({
  actions: z.enum(["discrete", "continuous"]).default("discrete").describe("KL of logits, or squared error of actions"),
});

/** Differentiable `objective/team-regularizer`; gradients reach both the predictor and the predicted agent. */
export function teamRegularizerLoss(params: z.input<typeof teamParams> = {}) {
  const { actions } = teamParams.parse(params);
  return ({ own, predicted }: { own: Tensor; predicted: Tensor }) => {
    const perPair = actions === "discrete" ? klOfLogits(own, predicted) : np.sum(np.square(own.sub(predicted)), -1);
    return { loss: np.mean(perPair.ref), perPair: lax.stopGradient(perPair) };
  };
}

/**
 * TeamReg: agents that team-mates can predict (arXiv 1908.02269; chapter of 2412.07177).
 *
 * `discrete`: KL(π_j ‖ π̂_j) from the acting policy to the prediction, from logits N×A; `continuous`: squared error summed over action
 * dimensions N×D. loss = mean over pairs; null without any. Error: the inputs of the other kind of actions.
 */
export const teamRegularizer = definePart({
  id: "objective/team-regularizer",
  papers: ["reward-specification-thesis"],
  params: teamParams,
  inputs: z.object({
    logits: ragged("N×A", "logits of the acting agent (discrete)").optional(),
    predictedLogits: ragged("N×A", "logits predicted by the team-mate (discrete)").optional(),
    actions: ragged("N×D", "actions of the acting agent (continuous)").optional(),
    predictedActions: ragged("N×D", "actions predicted by the team-mate (continuous)").optional(),
  }),
  outputs: z.object({
    perPair: vector("N", "distance per pair"),
    loss: z.number().nullable().describe("mean over pairs; null without any"),
  }),
  compute(params, { logits, predictedLogits, actions, predictedActions }) {
    const discrete = params.actions === "discrete";
    const why = `actions are ${params.actions}`;
    const own = discrete ? required(logits, "logits", why) : required(actions, "actions", why);
    const predicted = discrete
      ? required(predictedLogits, "predictedLogits", why)
      : required(predictedActions, "predictedActions", why);
    const n = rowCount(toRagged(own));
    const result = evaluate(teamRegularizerLoss(params), { own: rowsTensor(own), predicted: rowsTensor(predicted) });
    return { perPair: result.perPair.subarray(0, n), loss: n === 0 ? null : result.loss };
  },
});

/** Differentiable `objective/coach-regularizer`: coach B×K, agents A×B×K. */
export function coachRegularizerLoss() {
  return ({ coachLogits, agentLogits }: { coachLogits: Tensor; agentLogits: Tensor }) => {
    const coach = np.broadcastTo(np.expandDims(coachLogits, 0), agentLogits.shape);
    const perAgent = np.mean(klOfLogits(coach, agentLogits), -1);
    return { loss: np.mean(perAgent.ref), perAgent: lax.stopGradient(perAgent) };
  };
}

/**
 * CoachReg: each agent's mask distribution follows the coach's (arXiv 1908.02269; chapter of 2412.07177).
 *
 * perAgent = mean over states of KL(coach ‖ agent), from logits B×K and A×B×K; loss = mean over agents. Null without agents or states.
 */
export const coachRegularizer = definePart({
  id: "objective/coach-regularizer",
  papers: ["reward-specification-thesis"],
  params: z.object({}),
  inputs: z.object({
    coachLogits: ragged("B×K", "logits of the coach per state"),
    agentLogits: shaped(z.array(z.array(z.array(z.number()))), "A×B×K", "logits of each agent per state"),
  }),
  outputs: z.object({
    perAgent: shaped(z.array(z.number().nullable()), "A", "KL per agent"),
    loss: z.number().nullable().describe("mean over agents"),
  }),
  compute(_, { coachLogits, agentLogits }) {
    const coach = toRagged(coachLogits);
    const states = rowCount(coach);
    const agents = agentLogits.length;
    if (states === 0 || agents === 0) return { perAgent: agentLogits.map(() => null), loss: null };
    const flat = agentLogits.flat(2);
    const { loss, perAgent } = evaluate(coachRegularizerLoss(), {
      coachLogits: rowsTensor(coach),
      agentLogits: tensor(flat, [agents, states, flat.length / (agents * states)]),
    });
    return { perAgent: Array.from(perAgent), loss };
  },
});

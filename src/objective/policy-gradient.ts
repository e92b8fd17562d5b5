/** Policy-gradient losses beside the clipped surrogate: REINFORCE, CISPO, mixed-policy, and the clipped value loss. */
import { lax, numpy as np } from "@jax-js/jax";
import { z } from "zod";
import { fields, flags, ragged } from "../core/fields.ts";
import { definePart } from "../core/part.ts";
import { indicator, type PolicyTensors } from "./clipped-surrogate.ts";
import {
  evaluate,
  evaluateWithGradient,
  maskTensor,
  perRowOrToken,
  rowsTensor,
  type Tensor,
  tensor,
  unpad,
} from "./engine.ts";
import { required, rolloutOrTokenAdvantages } from "./inputs.ts";
import { countsAny } from "./kl.ts";
import { aggregate, aggregations, clamp, maskedBy, maskedMean, sigmoid } from "./numerics.ts";

/** |log-ratio| is held to this before exp (verl). */
const logRatioLimit = 20;

const reinforceParams = z.object({
  aggregation: z.enum(aggregations).default("token-mean").describe("token losses → loss"),
  lossScale: z.number().positive().nullable().default(null).describe("L of the aggregations; null: the longest row"),
});

/** Differentiable `objective/reinforce`. */
export function reinforceLoss(params: z.input<typeof reinforceParams> = {}) {
  const { aggregation, lossScale } = reinforceParams.parse(params);
  return ({ logprobs, advantages, mask }: Omit<PolicyTensors, "oldLogprobs">) => {
    const losses = logprobs.mul(lax.stopGradient(advantages)).neg();
    return { loss: aggregate(losses, mask, aggregation, lossScale) };
  };
}

/**
 * REINFORCE: −log π·A per token (Williams 1992; as in HelpSteer2-Preference, arXiv 2410.01257).
 *
 * loss = aggregation over unmasked tokens of −A_i log π(y_t), A a constant. Shapes N×T, advantages N or N×T; nats.
 * `token-mean` weighs long responses more. No counted token: 0.
 */
export const reinforce = definePart({
  id: "objective/reinforce",
  papers: ["helpsteer2-preference"],
  params: reinforceParams,
  inputs: z.object({ logprobs: fields.logprobs, advantages: rolloutOrTokenAdvantages, mask: fields.mask.optional() }),
  outputs: z.object({ loss: z.number().describe("aggregated loss") }),
  compute(params, { logprobs, advantages, mask }) {
    const { loss } = evaluate(reinforceLoss(params), {
      logprobs: rowsTensor(logprobs),
      advantages: perRowOrToken(advantages),
      mask: maskTensor(logprobs, mask),
    });
    return { loss };
  },
});

const cispoParams = z.object({
  clipLow: z.number().nonnegative().default(0.2).describe("band: weights are at least 1 − clipLow"),
  clipHigh: z
    .number()
    .nonnegative()
    .default(0.2)
    .describe("band: weights are at most 1 + clipHigh; cap: at most clipHigh"),
  convention: z.enum(["band", "cap"]).default("band").describe("band (verl) or cap (TRL: upper bound only, absolute)"),
  aggregation: z.enum(aggregations).default("token-mean").describe("token losses → loss"),
  lossScale: z.number().positive().nullable().default(null).describe("L of the aggregations; null: the longest row"),
});

/** Differentiable `objective/cispo`. */
export function cispoLoss(params: z.input<typeof cispoParams> = {}) {
  const { clipLow, clipHigh, convention, aggregation, lossScale } = cispoParams.parse(params);
  const low = convention === "band" ? 1 - clipLow : null;
  const high = convention === "band" ? 1 + clipHigh : clipHigh;
  return ({ logprobs, oldLogprobs, advantages, mask }: PolicyTensors) => {
    const kept = maskedBy(logprobs, mask.ref);
    const logRatio = clamp(kept.ref.sub(maskedBy(oldLogprobs, mask.ref)), -logRatioLimit, logRatioLimit);
    const ratio = lax.stopGradient(np.exp(logRatio));
    const weights = clamp(ratio.ref, low, high);
    const clipFraction = maskedMean(indicator(np.notEqual(ratio, weights.ref), mask), mask.ref);
    const losses = weights.mul(lax.stopGradient(advantages)).mul(kept).neg();
    return { loss: aggregate(losses, mask, aggregation, lossScale), clipFraction };
  };
}

/**
 * CISPO: importance weights that are clipped and carry no gradient (MiniMax-M1, arXiv 2506.13585, eq. 4).
 *
 * Token loss −sg[clip(ρ)]·A·log π, so no token ever loses its gradient. `band` (verl) clips ρ to [1 − clipLow, 1 + clipHigh];
 * `cap` (TRL) only caps it at clipHigh, taken as an absolute bound (typically 5). |log-ratio| ≤ 20 before exp.
 * `clipFraction` is the share of counted tokens whose weight was clipped, null without any. Shapes N×T, advantages N or N×T; nats.
 */
export const cispo = definePart({
  id: "objective/cispo",
  papers: ["grpo"],
  params: cispoParams,
  inputs: z.object({
    logprobs: fields.logprobs,
    oldLogprobs: fields.oldLogprobs,
    advantages: rolloutOrTokenAdvantages,
    mask: fields.mask.optional(),
  }),
  outputs: z.object({
    loss: z.number().describe("aggregated loss"),
    gradLogprobs: fields.gradLogprobs,
    clipFraction: z.number().nullable().describe("share of tokens with a clipped weight"),
  }),
  compute(params, { logprobs, oldLogprobs, advantages, mask }) {
    const result = evaluateWithGradient(
      cispoLoss(params),
      {
        logprobs: rowsTensor(logprobs),
        oldLogprobs: rowsTensor(oldLogprobs),
        advantages: perRowOrToken(advantages),
        mask: maskTensor(logprobs, mask),
      },
      ["logprobs"],
    );
    return {
      loss: result.loss,
      gradLogprobs: unpad(result.gradients.logprobs, logprobs),
      clipFraction: countsAny(logprobs, mask) ? result.clipFraction[0] : null,
    };
  },
});

const clippedValueParams = z.object({
  clip: z.number().nonnegative().default(0.2).describe("predictions move at most this far from the old ones"),
});

export interface ValueTensors {
  /** N×T, differentiated. */
  values: Tensor;
  oldValues: Tensor;
  returns: Tensor;
  mask: Tensor;
}

/** Differentiable `objective/clipped-value`. */
export function clippedValueLoss(params: z.input<typeof clippedValueParams> = {}) {
  const { clip } = clippedValueParams.parse(params);
  return ({ values, oldValues, returns, mask }: ValueTensors) => {
    const bounded = np.minimum(np.maximum(values.ref, oldValues.ref.sub(clip)), oldValues.add(clip));
    const plain = np.square(values.sub(returns.ref));
    const clipped = np.square(bounded.sub(returns));
    const clipFraction = maskedMean(indicator(np.greater(clipped.ref, plain.ref), mask), mask.ref);
    return { loss: maskedMean(np.maximum(plain, clipped), mask).mul(0.5), clipFraction };
  };
}

/**
 * Clipped value loss of PPO (arXiv 1707.06347, as implemented in verl).
 *
 * ½ × masked mean of max((V − R)², (clip(V, V_old − c, V_old + c) − R)²). Shapes N×T. `clipFraction` is the share of counted
 * tokens where the clipped square is the larger, null without any; no counted token: loss 0.
 */
export const clippedValue = definePart({
  id: "objective/clipped-value",
  papers: ["grpo", "self-rewarding-ppo"],
  params: clippedValueParams,
  inputs: z.object({
    values: fields.values,
    oldValues: ragged("N×T", "critic values when the rollouts were sampled"),
    returns: fields.returns,
    mask: fields.mask.optional(),
  }),
  outputs: z.object({
    loss: z.number().describe("half the masked mean of the larger square"),
    clipFraction: z.number().nullable().describe("share of tokens whose clipped square is the larger"),
  }),
  compute(params, { values, oldValues, returns, mask }) {
    const result = evaluate(clippedValueLoss(params), {
      values: rowsTensor(values),
      oldValues: rowsTensor(oldValues),
      returns: rowsTensor(returns),
      mask: maskTensor(values, mask),
    });
    return { loss: result.loss, clipFraction: countsAny(values, mask) ? result.clipFraction[0] : null };
  },
});

const mixedPolicyParams = z.object({
  clipLow: z.number().nonnegative().default(0.2).describe("on-policy: the ratio is clipped below at 1 − clipLow"),
  clipHigh: z.number().nonnegative().default(0.2).describe("on-policy: the ratio is clipped above at 1 + clipHigh"),
  dualClip: z
    .number()
    .gt(1)
    .nullable()
    .default(3)
    .describe("on-policy: where A < 0 the loss is at most −A·c; null: off"),
  shaping: z.number().default(1).describe("γ (or λ) of f(w) = w/(w + γ); ≤ 0: f(w) = w"),
  offPolicyDenominator: z.enum(["old", "behavior", "one"]).default("old").describe("what off-policy ratios divide by"),
  aggregation: z.enum(aggregations).default("token-mean").describe("token losses → loss, over both kinds of tokens"),
  lossScale: z.number().positive().nullable().default(null).describe("L of the aggregations; null: the longest row"),
});

export interface MixedPolicyTensors extends PolicyTensors {
  /** N×1: 1 where the rollout is off-policy. */
  offPolicy: Tensor;
  /** N×T, with offPolicyDenominator behavior. */
  behaviorLogprobs?: Tensor;
}

/** Differentiable `objective/mixed-policy`. */
export function mixedPolicyLoss(params: z.input<typeof mixedPolicyParams> = {}) {
  const p = mixedPolicyParams.parse(params);
  return ({ logprobs, oldLogprobs, advantages, mask, offPolicy, behaviorLogprobs }: MixedPolicyTensors) => {
    const off = np.greater(np.broadcastTo(offPolicy, mask.shape), 0);
    const onMask = np.where(off.ref, 0, mask.ref);
    const advantage = lax.stopGradient(advantages);
    const logRatio = (denominator: Tensor | null) => {
      const difference = denominator === null ? logprobs.ref : logprobs.ref.sub(denominator);
      return clamp(maskedBy(difference, mask.ref), -logRatioLimit, logRatioLimit);
    };

    const ratio = np.exp(logRatio(oldLogprobs.ref));
    const unclipped = ratio.ref.mul(advantage.ref).neg();
    const clipped = clamp(ratio, 1 - p.clipLow, 1 + p.clipHigh)
      .mul(advantage.ref)
      .neg();
    const clipFraction = maskedMean(indicator(np.greater(clipped.ref, unclipped.ref), mask), onMask);
    let onPolicy = np.maximum(unclipped, clipped);
    if (p.dualClip !== null) {
      const bounded = np.minimum(onPolicy.ref, advantage.ref.mul(-p.dualClip));
      onPolicy = np.where(np.less(advantage.ref, 0), bounded, onPolicy);
    }

    const denominators = { old: oldLogprobs.ref, behavior: behaviorLogprobs?.ref ?? oldLogprobs.ref, one: null };
    const offLogRatio = logRatio(denominators[p.offPolicyDenominator]);
    for (const [name, unused] of Object.entries(denominators)) if (name !== p.offPolicyDenominator) unused?.dispose();
    oldLogprobs.dispose();
    behaviorLogprobs?.dispose();
    logprobs.dispose();
    // w/(w + γ) = σ(log w − log γ)
    const shaped = p.shaping > 0 ? sigmoid(offLogRatio.sub(Math.log(p.shaping))) : np.exp(offLogRatio);
    const losses = np.where(off, shaped.mul(advantage).neg(), onPolicy);
    return { loss: aggregate(losses, mask, p.aggregation, p.lossScale), clipFraction };
  };
}

/**
 * Mixed-policy surrogate: on-policy rollouts clipped, off-policy ones shaped (LUFFY's form; HeRL, arXiv 2603.20046, step 7; ICPO, arXiv 2510.26519).
 *
 * On-policy tokens: clipped surrogate with dual clip c. Off-policy tokens: −A·f(w), f(w) = w/(w + γ), w = π/π_den with π_den the old
 * policy, the behaviour policy, or 1; gradient −A·γw/(w + γ)², at most ¼|A|. |log-ratio| ≤ 20 in both. The aggregation runs over all
 * counted tokens of both kinds. γ is 1 in HeRL and 0.1 in ICPO. `clipFraction` is the share of on-policy tokens whose clipped term
 * is the larger (0 where there is none). Shapes N×T, advantages N or N×T, offPolicy N; nats.
 * Error: offPolicyDenominator behavior without `behaviorLogprobs`.
 */
export const mixedPolicy = definePart({
  id: "objective/mixed-policy",
  papers: ["herl", "icpo"],
  params: mixedPolicyParams,
  inputs: z.object({
    logprobs: fields.logprobs,
    oldLogprobs: fields.oldLogprobs,
    behaviorLogprobs: fields.behaviorLogprobs.optional(),
    advantages: rolloutOrTokenAdvantages,
    mask: fields.mask.optional(),
    offPolicy: flags("N", "the rollout does not come from the sampling policy"),
  }),
  outputs: z.object({
    loss: z.number().describe("aggregated loss"),
    gradLogprobs: fields.gradLogprobs,
    clipFraction: z.number().describe("share of on-policy tokens whose clipped term is the larger; 0 without any"),
  }),
  compute(params, { logprobs, oldLogprobs, behaviorLogprobs, advantages, mask, offPolicy }) {
    if (params.offPolicyDenominator === "behavior") {
      required(behaviorLogprobs, "behaviorLogprobs", "offPolicyDenominator is behavior");
    }
    const rows = Math.max(1, offPolicy.length);
    const off = Float64Array.from({ length: rows }, (_, i) => (offPolicy[i] ? 1 : 0));
    const result = evaluateWithGradient(
      mixedPolicyLoss(params),
      {
        logprobs: rowsTensor(logprobs),
        oldLogprobs: rowsTensor(oldLogprobs),
        advantages: perRowOrToken(advantages),
        mask: maskTensor(logprobs, mask),
        offPolicy: tensor(off, [rows, 1]),
        ...(behaviorLogprobs === undefined ? {} : { behaviorLogprobs: rowsTensor(behaviorLogprobs) }),
      },
      ["logprobs"],
    );
    return {
      loss: result.loss,
      gradLogprobs: unpad(result.gradients.logprobs, logprobs),
      clipFraction: result.clipFraction[0],
    };
  },
});

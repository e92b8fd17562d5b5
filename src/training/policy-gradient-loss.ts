import type { TransformerConfig } from "../model/networks/transformer.ts";
import { replyStatistics } from "../model/networks/transformer.ts";
import { clippedSurrogateLoss } from "../objective/clipped-surrogate.ts";
import type { Tensor } from "../objective/engine.ts";
import { cispoLoss, clippedValueLoss, reinforceLoss } from "../objective/policy-gradient.ts";
import type { PolicyGradientAlgorithm } from "./algorithms.ts";
import type { Loss } from "./learner.ts";

type Scalars = { loss: Tensor; [diagnostic: string]: Tensor };

/**
 * The loss of a batch {tokens, oldLogprobs, advantages, mask, refLogprobs?, oldValues?, returns?}: the
 * network's log-probabilities through the algorithm's objective, plus the critic's where there is one.
 */
export function policyGradientLoss(
  model: TransformerConfig,
  { loss, value }: PolicyGradientAlgorithm,
  promptLength: number,
  temperature: number,
): Loss {
  const objective = policyObjective(loss);
  const criticLoss = value === undefined ? null : clippedValueLoss(value.params);
  return (parameters, batch) => {
    const { tokens, oldLogprobs, advantages, mask, refLogprobs, oldValues, returns } = batch;
    const { logprobs, entropies, values } = replyStatistics(model, parameters, tokens, promptLength, temperature);
    entropies.dispose();
    // Consumed below, whether or not the critic needs it too.
    const criticMask = criticLoss === null ? null : mask.ref;
    const perToken = advantages.ndim === 1 ? advantages.reshape([advantages.shape[0], 1]) : advantages;
    const policy = objective({ logprobs, oldLogprobs, advantages: perToken, mask, refLogprobs });
    if (criticLoss === null || criticMask === null || values === undefined) {
      values?.dispose();
      return policy;
    }
    const critic = criticLoss({ values, oldValues, returns, mask: criticMask });
    const { loss: policyLoss, ...diagnostics } = policy;
    const total = policyLoss.ref.add(critic.loss.ref.mul(value?.coefficient ?? 0));
    return { ...diagnostics, loss: total, policyLoss, valueLoss: critic.loss, valueClipFraction: critic.clipFraction };
  };
}

interface PolicyBatch {
  logprobs: Tensor;
  oldLogprobs: Tensor;
  advantages: Tensor;
  mask: Tensor;
  refLogprobs?: Tensor;
}

/** The objective of an algorithm, giving scalars only. */
function policyObjective(loss: PolicyGradientAlgorithm["loss"]): (batch: PolicyBatch) => Scalars {
  if (loss.kind === "clipped-surrogate") {
    const surrogate = clippedSurrogateLoss(loss.params);
    return (batch) => {
      const { ratios, klLoss, ...scalars } = surrogate(batch);
      ratios.dispose();
      return klLoss === undefined ? scalars : { ...scalars, klLoss };
    };
  }
  if (loss.kind === "cispo") {
    const weighted = cispoLoss(loss.params);
    return ({ refLogprobs, ...batch }) => {
      refLogprobs?.dispose();
      return weighted(batch);
    };
  }
  const plain = reinforceLoss(loss.params);
  return ({ refLogprobs, oldLogprobs, ...batch }) => {
    refLogprobs?.dispose();
    oldLogprobs.dispose();
    return plain(batch);
  };
}

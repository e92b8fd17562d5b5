/** What can be told of a reward before it scores anything. */
import type { RolloutBatch } from "../core/rollout.ts";
import { planOf } from "../pipeline/define.ts";
import { needsOf, type Reward, type RewardNeeds } from "../pipeline/index.ts";

export interface RewardFacts {
  readonly needs: RewardNeeds;
  /** What it needs when it stops after shaping. */
  readonly needsWithoutCredit: RewardNeeds;
  readonly hasCredit: boolean;
  /** Rollouts do not influence one another beyond their groups, so that a batch may be cut between groups. */
  readonly mayCut: boolean;
}

export function factsOf(reward: Reward): RewardFacts {
  const plan = planOf(reward);
  const batchWide = plan.signals.some((signal) => signal.kind === "part" && signal.scope === "batch");
  const ungrouped = plan.steps.some((step) => !step.inputs.some(({ name }) => name === "groups"));
  return {
    needs: needsOf(reward),
    needsWithoutCredit: needsOf(reward, { credit: false }),
    hasCredit: plan.steps.some(({ stage }) => stage === "credit"),
    mayCut: !plan.stateful && !plan.draws && !batchWide && !ungrouped,
  };
}

/**
 * Is credit to be computed for a batch? Groups can have another name in the reward file (`bind`): what only credit
 * wants tells.
 */
export function wantsCredit(
  { hasCredit, needs, needsWithoutCredit }: RewardFacts,
  { fields }: RolloutBatch,
  asked: boolean,
): boolean {
  if (!asked || !hasCredit) return false;
  const wanted = Object.keys(needs.fields).filter((name) => !Object.hasOwn(needsWithoutCredit.fields, name));
  // None of it there: the caller has no use for advantages. Some of it there: the scorer says what is missing.
  return wanted.length === 0 || wanted.some((name) => Object.hasOwn(fields, name));
}

export { advicePotential } from "./advice-potential.ts";
export {
  behaviorAlignment,
  bonusCombination,
  hybridReward,
  lagrangianReward,
  outcomeProcessBlend,
  progressiveStages,
  rankWeights,
  rankedLinear,
  weightedSum,
} from "./combination.ts";
export { countRatio, hindsightBonus } from "./corrections.ts";
export { ensemble } from "./ensemble.ts";
export {
  confidenceGate,
  consistencyGate,
  formatGate,
  gatedAccumulation,
  invalidActionPenalty,
  priorityGate,
  threshold,
} from "./gates.ts";
export { gradientNormalization, pessimisticPreconditioning } from "./gradients.ts";
export { klInReward } from "./kl-in-reward.ts";
export { adaptiveTargetLength } from "./length-targets.ts";
export { brevityPenalty, cosineLength, lengthPenalty, lengthStep, overlongPenalty } from "./length.ts";
export { patternCalibration, rewardFlip, spuriousReward } from "./noise.ts";
export { inputZScore, intrinsicReward, linearRescale, runningNormalization } from "./normalization.ts";
export { occupancyPenalty } from "./occupancy-penalty.ts";
export { potentialBased } from "./potential-based.ts";
export { abilityAdaptiveThought, clip, delta, outcomePlusProcess, stepAggregation, stepDoubling } from "./process.ts";
export { progressDifference, progressPotential } from "./progress.ts";
export { logSigmoidCentered, preferenceAsReward, rewardFusion } from "./reference.ts";
export { resizeMap } from "./resize-map.ts";
export { adaptiveRewardDesign, explicableRewardDesign } from "./reward-design.ts";
export { annealedBonus, dynamicBeta, rewardScaleSchedule } from "./schedules.ts";
export { selfSupervisedUpdate } from "./self-supervised.ts";
export { qualityDelta, subgoalBonus } from "./step-bonuses.ts";
export { tokenMinmax, tokenSelect } from "./token-scores.ts";
export { trustWeightedThinking, varianceTrust } from "./trust.ts";

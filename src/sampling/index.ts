export {
  budgetSplit,
  objectiveReweighting,
  rolloutAllocation,
  sourceMixture,
  taskValue,
  valueReplacement,
} from "./allocation.ts";
export { luceChoice, studentPromotion } from "./choice.ts";
export { dOptimalPairs } from "./d-optimal-pairs.ts";
export { demonstrationPrompt, expertSubstitution } from "./demonstrations.ts";
export { attemptSplit, competenceEdge, difficultyBuckets, failAtK, zeroRewardPrompts } from "./difficulty.ts";
export { dynamicFilter } from "./dynamic-filter.ts";
export {
  expertIteration,
  expertRegionFilter,
  lengthRatioFilter,
  responseSanityFilter,
  rewardFilter,
  uniformScoreBins,
} from "./filters.ts";
export { hindsightCandidates, hindsightReplacement } from "./hindsight.ts";
export {
  hindsightPrompt,
  hintInject,
  hinterParse,
  hinterPrompt,
  selfHintParse,
  selfHintPrompt,
} from "./hint-prompts.ts";
export { hintEscalation, hintSchedule, hintSelect } from "./hints.ts";
export { hopBins, hopQuota } from "./hops.ts";
export {
  bootstrappedReference,
  contrastPairs,
  crossPromptPairs,
  largeMarginPairs,
  policyGuidedPairs,
  verifiedPairs,
} from "./pair-construction.ts";
export { preferencePairs } from "./preference-pairs.ts";
export { preferenceQuery } from "./preference-query.ts";
export { problemProposalParse, problemProposalPrompt, rephraseParse, rephrasePrompt } from "./problem-prompts.ts";
export { annotationQueue, decayedHistory, deferredRewards, prioritizedReplay } from "./replay.ts";
export { rewardStateSelection } from "./reward-state-selection.ts";
export {
  adaptiveImitationWeight,
  agencyHandover,
  demonstrationQuota,
  linearSchedule,
  noiseCalibration,
} from "./schedules.ts";
export { pauseInsertion, penaltyPoints, randomPosition, trajectoryWindows } from "./trajectories.ts";

export {
  budgetSplit,
  objectiveReweighting,
  rolloutAllocation,
  sourceMixture,
  taskValue,
  valueReplacement,
} from "./allocation.ts";
export { dOptimalPairs } from "./d-optimal-pairs.ts";
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

export { adversarialImitation } from "./adversarial-imitation.ts";
export { choiceAnswer } from "./choice-answer.ts";
export {
  bootstrapMax,
  classProbability,
  classifierReward,
  piecewiseGap,
  prmScore,
  referenceReward,
  styleTransfer,
} from "./classifier.ts";
export { exactMatch } from "./exact-match.ts";
export { distanceReward, goalDistance, goalRegion, numericCloseness, rewardCriterion } from "./goals.ts";
export { hierarchicalPreference } from "./hierarchical-preference.ts";
export { contrastiveTokenReward, implicitReward } from "./implicit-reward.ts";
export { jsonAnswer } from "./json-answer.ts";
export {
  followUpLikelihood,
  informationGain,
  perplexity,
  referenceLikelihood,
  selfAligned,
  sequenceLogLikelihood,
} from "./likelihood.ts";
export { mathAnswer } from "./math/math-answer.ts";
export { numericAnswer } from "./numeric-answer.ts";
export { regexMatch } from "./regex-match.ts";
export { expectedValue, prospectValue } from "./risky-choice.ts";
export { tagFormat } from "./tag-format.ts";
export { entropyReduction, selfCertainty, stepEntropy, tokenEntropy } from "./uncertainty.ts";

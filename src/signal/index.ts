export { adversarialImitation } from "./adversarial-imitation.ts";
export { choiceAnswer } from "./choice-answer.ts";
export { choiceExtract, yesNoMatch } from "./choices.ts";
export {
  bootstrapMax,
  classProbability,
  classifierReward,
  piecewiseGap,
  prmScore,
  referenceReward,
  styleTransfer,
} from "./classifier.ts";
export { boxIou, detectionAveragePrecision, detectionMatchScore } from "./detection.ts";
export { comfortViolations, drivingPenalties, roachReward } from "./driving.ts";
export {
  bagOfWordsSimilarity,
  cosineSimilarity,
  goalBaseline,
  lambdaHarmonic,
  referenceSimilarity,
  softCoverage,
} from "./embeddings.ts";
export { exactMatch } from "./exact-match.ts";
export {
  countBonus,
  ellipticalBonus,
  noveltyDifference,
  randomNetworkDistillation,
  retrievalReward,
} from "./exploration.ts";
export { format } from "./format.ts";
export { gameableMetric } from "./gameable-metric.ts";
export { distanceReward, goalDistance, goalRegion, numericCloseness, rewardCriterion } from "./goals.ts";
export { hierarchicalPreference } from "./hierarchical-preference.ts";
export { detectorScore, regionRewardMap, spatialRelation } from "./image-regions.ts";
export { contrastiveTokenReward, implicitReward } from "./implicit-reward.ts";
export { jsonAnswer } from "./json-answer.ts";
export {
  messageLabelParse,
  messageLabelPrompt,
  patchOutcome,
  subgoalSuggestParse,
  subgoalSuggestPrompt,
  subgoalVerifyParse,
  subgoalVerifyPrompt,
  toolCallParse,
  toolStepReward,
} from "./judge/agents.ts";
export { crossViewAgreement, expectedWinRate } from "./judge/agreement.ts";
export {
  choiceShareParse,
  decisionParse,
  decisionPayoff,
  gambleChoiceParse,
  gamblePrompt,
  tieredVerifier,
} from "./judge/decisions.ts";
export { answerAttributesParse, answerAttributesPrompt, followUpPrompt, selfAlignedContext } from "./judge/dialogue.ts";
export { boxParse, dependencyGraphParse, editParametersParse } from "./judge/extraction.ts";
export { answerLeakage, hintReliance, hintReward, learnability, studentImprovement } from "./judge/hints.ts";
export {
  artifactPrompt,
  keypointParse,
  keypointPrompt,
  layoutScoreParse,
  layoutScorePrompt,
  progressJudgeParse,
  progressJudgePrompt,
  rankingReward,
  regionScoresParse,
  regionScoresPrompt,
  weightedMetricsParse,
  weightedMetricsPrompt,
} from "./judge/images.ts";
export { branchParse, dimensionScoresParse, pairwiseJudgeParse, verdictReward } from "./judge/pairwise-parse.ts";
export { pairwiseJudgePrompt } from "./judge/pairwise-prompts.ts";
export {
  critiquePrompt,
  critiqueScore,
  judgeRatingParse,
  judgeRatingPrompt,
  rankingJudgeParse,
  rankingJudgePrompt,
  rubricScoresParse,
  rubricScoresPrompt,
} from "./judge/rating.ts";
export {
  consistencyParse,
  consistencyPrompt,
  labelProbability,
  referenceJudgeParse,
  referenceJudgePrompt,
  referenceRewardPrompt,
  rewardHackJudgeParse,
  rewardHackJudgePrompt,
} from "./judge/reference.ts";
export { contrastiveRevisionPrompt, negativeRewritePrompt, rewriteParse, rewritePrompt } from "./judge/rewriting.ts";
export {
  checklistParse,
  checklistPrompt,
  checklistSteps,
  rubricAggregation,
  rubricChecklistParse,
  rubricChecklistPrompt,
  rubricParse,
  rubricPrompt,
} from "./judge/rubric.ts";
export {
  inverseSpecification,
  inverseSpecificationParse,
  inverseSpecificationPrompt,
  slideScoresParse,
  slideScoresPrompt,
} from "./judge/slides.ts";
export {
  answerAdoptionPrompt,
  critiqueMergePrompt,
  generativePrmParse,
  metaCritiquePrompt,
  reflectionErrorPrompt,
  stepAugmentedReward,
  stepMajorityVote,
  stepVerificationParse,
  stepVerificationPrompt,
} from "./judge/steps.ts";
export { thinkingScoreParse, thinkingScorePrompt } from "./judge/thinking.ts";
export { pathCoverage, pathReward } from "./knowledge-path.ts";
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
export { processVerification } from "./process-verification.ts";
export { quip, quotedSpans } from "./quotes.ts";
export { regexMatch } from "./regex-match.ts";
export {
  itemRepetition,
  reasoningPattern,
  repeatedNgramShare,
  repetitionFactor,
  repetitionOnset,
} from "./repetition.ts";
export { expectedValue, prospectValue } from "./risky-choice.ts";
export { routeCompletion } from "./route-completion.ts";
export { slideContent, slideRender, slideStructure } from "./slide/slides.ts";
export { graphSubgoal, laplacianDistance } from "./state-graph.ts";
export { tagFormat } from "./tag-format.ts";
export { lengthAwareBleu, rougeMean, wordErrorRate } from "./text-overlap.ts";
export { thinkingLength, toolCallFormat, toolCallMatch, toolFormat } from "./tool-calls.ts";
export { attentionFusion, partialTransport, transportCost } from "./transport.ts";
export { entropyReduction, selfCertainty, stepEntropy, tokenEntropy } from "./uncertainty.ts";
export { perceptualStepReward, segmentalVideoReward, velocityDeviation } from "./video.ts";

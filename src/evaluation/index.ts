export {
  auroc,
  binaryClassification,
  classificationReport,
  decisionThreshold,
  judgeAgreement,
  thresholdAtFpr,
} from "./classification.ts";
export {
  choiceAgreement,
  epicDistance,
  fractionalRanks,
  lengthCorrelation,
  rankCorrelation,
  tokenCreditCorrelation,
  tournamentRanks,
  valueOrderCorrelation,
} from "./correlation.ts";
export {
  accuracyPerCompute,
  budgetGain,
  dialogueEfficiency,
  earlyStopping,
  lengthCoverage,
  paretoFrontier,
  scalingFit,
  trainingEfficiency,
} from "./efficiency.ts";
export { dimensionAttribution, mutualKnn, probeBenchmark, structurePreservation, vendiScore } from "./embeddings.ts";
export { inferenceDistance, spectralDistance, structureFunction } from "./graphs.ts";
export {
  advantageEnergy,
  empiricalPassAtK,
  hintTransfer,
  nondegenerateGroupProbability,
  promptUsage,
} from "./group-signal.ts";
export {
  emergentMisalignment,
  graderPreference,
  masterKeyAttack,
  masterKeySet,
  rewardFunctionDegeneracy,
  rewardHackRate,
  visibleHiddenGap,
} from "./hacking.ts";
export { correctedScore, imageDifference, keypointAccuracy, motion, positiveSpread } from "./images.ts";
export { curriculumGeneralization, proportionInterval } from "./intervals.ts";
export { answerLikelihood, logitLens, rejectedUnlearning } from "./likelihood.ts";
export {
  collapseMonitor,
  processHackMonitor,
  repetitionExploit,
  rewardMisalignment,
  tamperMonitor,
} from "./monitors.ts";
export { occupancyDivergence, occupancyMeasure, proxyCorrelation, rewardHackingBound } from "./occupancy.ts";
export {
  bestOfNCurve,
  ensembleAgreement,
  outOfDistributionMass,
  overoptimizationCurve,
  overoptimizationFit,
  sequenceKl,
} from "./overoptimization.ts";
export { contrastConsistency, generalizationGap, pairwiseAccuracy, winRate } from "./pairwise.ts";
export { passAtK } from "./pass-at-k.ts";
export { expectedDrift, informationGainBound, logitDynamics, massStage, scoreNorm } from "./policy-dynamics.ts";
export { policyValue } from "./policy-value.ts";
export { curationBounds, distributionalConsistency, elo, exploitability } from "./preferences.ts";
export {
  advantageLabelInformation,
  outcomeWeightedPairAccuracy,
  prmOutcomeAgreement,
  processBench,
} from "./process.ts";
export {
  gradientMoments,
  informativeness,
  lipschitzEstimate,
  optimalityGap,
  policyInformativeness,
  valueLipschitzBound,
  valueVariance,
} from "./reward-design.ts";
export { bestOfKAccuracy, oneToMany, pairwiseToMany, rewardBench2, rmBench, tiesScore } from "./reward-models.ts";
export { shapingInvariance } from "./shaping-invariance.ts";
export {
  agentRates,
  constraintSatisfaction,
  drivingScore,
  hopAccuracy,
  humanNormalizedScore,
  optionShuffle,
  safetyViolations,
  stepJaccard,
  styleTransferJoint,
  votingAccuracy,
} from "./tasks.ts";
export { partialPromptCompletion, partialPromptSplit, rougeL } from "./text.ts";

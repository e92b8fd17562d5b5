export { algorithms, type PolicyGradientAlgorithm } from "./algorithms.ts";
export { type ChainPolicy, type ChainRollout, chainPolicy } from "./chain-policy.ts";
export {
  fitDpo,
  fitSequenceRewards,
  readSequences,
  type SequenceStatistics,
  type SequenceTable,
  sequenceReader,
} from "./decoder-preference.ts";
export { type PolicyEvaluation, policyEvaluation } from "./evaluate-policy.ts";
export { arithmeticTask, type LanguageTask, type TextTask } from "./language-task.ts";
export { createLearner, type Learner, type Loss } from "./learner.ts";
export {
  type PolicyGradientOptions,
  type PolicyGradientReport,
  type PolicyGradientTrainer,
  policyGradient,
} from "./policy-gradient.ts";
export { policyGradientLoss } from "./policy-gradient-loss.ts";
export {
  fitNetwork,
  fitPairs,
  fitRatings,
  fitRewardModel,
  minibatches,
  type NetworkFit,
  type PairFit,
  type PairSlope,
  pairSlopes,
  type Rows,
  scoreItems,
  startMlp,
} from "./preference.ts";
export { defineTraining, planTraining, type TrainingDefinition, type TrainingPlan } from "./run-config.ts";
export type { Evaluation } from "./run-evaluation.ts";
export { type LoadedTraining, loadTraining } from "./run-load.ts";
export { type EvaluationMetrics, readMetrics, type StartMetrics, type StepMetrics } from "./run-metrics.ts";
export type { TrainingSample } from "./run-reward.ts";
export { type RunOptions, runTraining, TrainingError, type TrainingEvent, type TrainingResult } from "./run.ts";
export { type SupervisedOptions, trainSupervised } from "./supervised.ts";
export { adam, addScoreGradient, drawAction, softmaxRows } from "./tabular.ts";
export { type WarmUpOptions, warmArithmeticPolicy, warmUpModel, warmUpTask } from "./warm-up.ts";
export { type FlowData, type FlowMatchingOptions, trainFlowMatching } from "./flow-matching.ts";
export { type BaseField, type FlowPolicy, flowPolicy, oneHot } from "./flow-policy.ts";
export {
  type FlowCredit,
  type FlowObjective,
  type FlowPolicyGradientOptions,
  type FlowPolicyGradientTrainer,
  flowPolicyGradient,
  type ScoredFlowRollouts,
  samplesOf,
} from "./flow-policy-gradient.ts";
export {
  drawStarts,
  type FlowModel,
  type FlowRollouts,
  type FlowSampling,
  type FlowStarts,
  flowLogprobs,
  latentRewards,
  rollOutFlow,
  type SampleRewards,
  sampleFlow,
  stepEffects,
} from "./flow-rollouts.ts";
export {
  type RewardBackpropagationOptions,
  type RewardBackpropagationTrainer,
  rewardBackpropagation,
} from "./reward-backpropagation.ts";

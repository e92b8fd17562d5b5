export { algorithms, type PolicyGradientAlgorithm } from "./algorithms.ts";
export { type ChainPolicy, type ChainRollout, chainPolicy } from "./chain-policy.ts";
export { type PolicyEvaluation, policyEvaluation } from "./evaluate-policy.ts";
export { arithmeticTask, type LanguageTask } from "./language-task.ts";
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
export { type SupervisedOptions, trainSupervised } from "./supervised.ts";
export { adam, addScoreGradient, drawAction, softmaxRows } from "./tabular.ts";
export { type WarmUpOptions, warmArithmeticPolicy, warmUpModel, warmUpTask } from "./warm-up.ts";

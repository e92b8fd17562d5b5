export { readBenchmark } from "./formats.ts";
export type { StepAggregate } from "./requests.ts";
export { type BenchmarkRun, runBenchmark, runGiven } from "./run.ts";
export { type BenchScorer, endpointScorer, type JudgeKind, judgeScorer, partScorer, rewardScorer } from "./scorers.ts";
export * from "./types.ts";

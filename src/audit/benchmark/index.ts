export { protocolOf } from "./endpoint.ts";
export { readBenchmark } from "./formats.ts";
export type { Judged } from "./metrics.ts";
export { type AskOptions, aggregates, type StepAggregate } from "./requests.ts";
export { type BenchmarkRun, runBenchmark, runGiven } from "./run.ts";
export { type BenchScorer, endpointScorer, type JudgeKind, judgeScorer, partScorer, rewardScorer } from "./scorers.ts";
export * from "./types.ts";

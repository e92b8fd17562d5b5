export { codeTests } from "./code-tests.ts";
export { defineReward, isReward } from "./define.ts";
export { type Explanation, explain } from "./explain.ts";
export { type JudgeOptions, judge } from "./judge.ts";
export { loadReward } from "./load.ts";
export { unscoredFailure } from "./run-limits.ts";
export { createScorer } from "./scorer.ts";
export * from "./types.ts";
export { checkWiring, needsOf } from "./wiring.ts";

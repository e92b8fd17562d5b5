export { defineExperiment, definePaper } from "./define.ts";
export { type LoadedExperiment, loadExperiment, loadPapers, papersFolder, slugsWith } from "./papers.ts";
export { type RunOptions, type RunProgress, runExperiments } from "./run.ts";
export { readResult, resultFolder, writeResult } from "./store.ts";
export type * from "./types.ts";

export { parseMap } from "./columns.ts";
export { type GenerateOptions, generateRollouts } from "./generate.ts";
export { openSource } from "./open.ts";
export { type DatasetOptions, defaultOptions, type RunResult } from "./options.ts";
export { scoreDataset } from "./run.ts";
export { printable, type Source } from "./source.ts";
export { hasJudge, verdictSignals } from "./success.ts";
export type { Tally } from "./tally.ts";

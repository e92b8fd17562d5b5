export { defineExperiment, definePaper } from "./define.ts";
export type * from "./types.ts";

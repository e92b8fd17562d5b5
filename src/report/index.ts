export { createReportData } from "./data.ts";
export { renderReport } from "./render.ts";
export { summarize } from "./summary.ts";
export { renderTrainingReport, type TrainingReport, wasGamed } from "./training.ts";
export type * from "./types.ts";

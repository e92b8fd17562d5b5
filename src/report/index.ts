export { createReportData } from "./data.ts";
export { summarize } from "./summary.ts";
export type * from "./types.ts";

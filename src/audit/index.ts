/** Audits of rewards: exploit search, properties, repairs. */
export { audit, referenceCheck } from "./audit.ts";
export { exploits } from "./exploits/index.ts";
export * from "./types.ts";

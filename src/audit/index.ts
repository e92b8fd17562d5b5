/** Audits of rewards: exploit search, properties, repairs. */
export { audit } from "./audit.ts";
export { exploits } from "./exploits/index.ts";
export { referenceCheck } from "./hidden-check.ts";
export * from "./monitor/index.ts";
export * from "./types.ts";

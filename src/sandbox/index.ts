export * from "./compare.ts";
export { createSandbox, type Sandbox, type SandboxOptions } from "./sandbox.ts";
export type { Check, Failure, FailureCode, Outcome, SandboxRequest, SandboxResult, Step, Wire } from "./types.ts";

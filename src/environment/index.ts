export * from "./value-iteration.ts";

export * from "./length.ts";

export * from "./adaptive-kl.ts";
export * from "./clipped-surrogate.ts";
export * from "./engine.ts";
export * from "./inputs.ts";
export * from "./kl.ts";
export * from "./numerics.ts";
export * from "./preference.ts";

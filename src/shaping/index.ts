export * from "./advice-potential.ts";
export * from "./kl-in-reward.ts";
export * from "./length.ts";
export * from "./potential-based.ts";

export * from "./pass-at-k.ts";
export * from "./policy-value.ts";
export * from "./shaping-invariance.ts";

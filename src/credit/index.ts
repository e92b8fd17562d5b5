export * from "./gae.ts";
export * from "./group-relative.ts";
export * from "./reinforce-plus-plus.ts";
export * from "./whitening.ts";

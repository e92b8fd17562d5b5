export * from "./bradley-terry.ts";
export * from "./discriminators.ts";
export * from "./networks/decoding.ts";
export * from "./networks/parameters.ts";
export * from "./networks/transformer.ts";
export * from "./preference-losses.ts";
export * from "./regression.ts";
export * from "./return-decomposition.ts";

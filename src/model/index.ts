export * from "./bradley-terry.ts";
export * from "./networks/parameters.ts";
export * from "./networks/transformer.ts";
export * from "./preference-losses.ts";

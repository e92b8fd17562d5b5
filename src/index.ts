/** What a reward file needs; parts come from `guerdon/<stage>`. */
export * from "./core/error.ts";
export { fields } from "./core/fields.ts";
export type { AnyPart, BoundPart, Part, PartDefinition, Stage } from "./core/part.ts";
export { callPart, definePart } from "./core/part.ts";
export * from "./core/rollout.ts";
export * from "./pipeline/index.ts";

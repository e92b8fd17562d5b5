export * from "./dynamic-filter.ts";
export * from "./preference-query.ts";

export { dynamicFilter } from "./dynamic-filter.ts";
export { preferenceQuery } from "./preference-query.ts";

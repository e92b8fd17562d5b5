export { dOptimalPairs } from "./d-optimal-pairs.ts";
export { dynamicFilter } from "./dynamic-filter.ts";
export {
  bootstrappedReference,
  contrastPairs,
  crossPromptPairs,
  largeMarginPairs,
  policyGuidedPairs,
  verifiedPairs,
} from "./pair-construction.ts";
export { preferencePairs } from "./preference-pairs.ts";
export { preferenceQuery } from "./preference-query.ts";

import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "verifiers",
  title: "Rule-based rewards that every trainer needs",
  says: [
    "Checks an answer against a reference by rule: mathematics, numbers, choices, exact text, JSON, patterns and tags.",
    "Symbolically equal answers count as equal, whatever their notation; what cannot be read is never right by accident.",
    "Other papers build on these verdicts, so they have to be right, fast, and safe on hostile text.",
  ],
  parts: [
    "signal/math-answer",
    "signal/numeric-answer",
    "signal/choice-answer",
    "signal/exact-match",
    "signal/regex-match",
    "signal/json-answer",
    "signal/code-tests",
  ],
});

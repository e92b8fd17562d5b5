import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "open-rubrics",
  title: "OpenRubrics: Towards Scalable Synthetic Rubric Generation for Reward Modeling and LLM Alignment",
  published: "2025-10",
  arxiv: "2510.07743",
  says: [
    "Builds prompt-specific rubrics at scale by showing an LLM the preferred and dispreferred answers, keeps only rubrics under which a judge recovers the known preference, and trains two small models on the result: a rubric generator and a rubric-conditioned pairwise judge (Rubric-RM).",
    "Claim to try here: Contrast makes better rubrics than prompting on x alone.",
    "Claim to try here: Consistency filtering removes noise.",
  ],
  parts: [
    "sampling/preference-pairs",
    "signal/rubric-prompt",
    "signal/rubric-parse",
    "model/rubric-consistency-filter",
    "signal/pairwise-judge-prompt",
    "signal/pairwise-judge-parse",
    "search/majority-vote",
    "objective/dpo",
  ],
});

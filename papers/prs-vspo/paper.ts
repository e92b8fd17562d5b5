import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "prs-vspo",
  title: "Enhancing Agentic RL with Progressive Reward Shaping and Value-based Sampling Policy Optimization",
  published: "2025-12",
  arxiv: "2512.07478",
  says: [
    "Tool-using QA agents get sparse 0/1 rewards and, under GRPO, many groups with no spread.",
    "PRS pays in stages — parseable and well-formatted tool calls first, then answer quality.",
    "VSPO refills the places of dead groups with informative ones and damps the repeats.",
  ],
  parts: [
    "signal/tool-call-format",
    "signal/length-aware-bleu",
    "signal/reference-judge-prompt",
    "signal/reference-judge-parse",
    "shaping/progressive-stages",
    "sampling/task-value",
    "sampling/value-replacement",
    "credit/value-smoothing",
  ],
});

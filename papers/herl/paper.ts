import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "herl",
  title: "Experience is the Best Teacher: Motivating Effective Exploration in Reinforcement Learning for LLMs (HeRL)",
  published: "2026-03",
  arxiv: "2603.20046",
  says: [
    "RL with rubric rewards explores only what the policy already does.",
    "HeRL shows the policy its best failed answer together with the list of rubrics met and unmet, samples a revision, puts good revisions into the GRPO group as off-policy samples, and adds a small bonus to answers that improve a lot under such guidance.",
    "Claim to try here: HeRL beats RLVR with rubric rewards.",
  ],
  parts: [
    "signal/rubric-aggregation",
    "signal/rubric-checklist-prompt",
    "signal/rubric-checklist-parse",
    "sampling/hindsight-candidates",
    "sampling/hindsight-prompt",
    "shaping/hindsight-bonus",
    "sampling/hindsight-replacement",
    "objective/mixed-policy",
  ],
  links: { "official code": "https://github.com/sikelifei/HeRL" },
});

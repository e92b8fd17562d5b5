import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "icpo",
  title: "Think Outside the Policy: In-Context Steered Policy Optimization (ICPO)",
  published: "2025-10",
  arxiv: "2510.26519",
  says: [
    "On-policy rollouts only explore what the policy already does.",
    "ICPO adds, per prompt, a rollout produced by the **same** policy with a worked example from an existing data set in its context (implicit expert forcing), then trains on that answer as if it had been given to the bare prompt.",
    "Claim to try here: Beats GRPO at equal rollouts.",
  ],
  parts: [
    "sampling/demonstration-prompt",
    "sampling/expert-region-filter",
    "sampling/expert-substitution",
    "shaping/annealed-bonus",
    "objective/mixed-policy",
    "credit/group-relative",
  ],
  links: { "official code": "https://github.com/Celine-hxy/ICPO" },
});

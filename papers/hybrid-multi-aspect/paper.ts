import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "hybrid-multi-aspect",
  title: "Beyond Monolithic Rewards: A Hybrid and Multi-Aspect Reward Optimization for MLLM Alignment",
  published: "2025-10",
  arxiv: "2510.05283",
  says: [
    "Sums a routed accuracy reward (rule where an answer can be checked, model where it cannot), a group-relative length penalty and a format reward, and optimises the sum with a mean-only group baseline.",
    "Claim to try here: Hybrid beats a model-only reward on checkable tasks.",
    "Claim to try here: Hybrid beats rule-only on open-ended tasks.",
  ],
  parts: [
    "shaping/hybrid-reward",
    "signal/reference-similarity",
    "shaping/brevity-penalty",
    "signal/format",
    "shaping/weighted-sum",
    "credit/group-relative",
  ],
});

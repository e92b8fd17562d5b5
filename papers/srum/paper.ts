import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "srum",
  title: "SRUM: Fine-Grained Self-Rewarding for Unified Multimodal Models",
  published: "2025-10",
  arxiv: "2510.12784",
  says: [
    "A unified model's frozen understanding half scores its own generated images, region by region and as a whole; the scores weight the flow-matching loss of the generation half.",
    "Offline: generate, score once, train.",
    "Claim to try here: Self-rewarding improves composition.",
  ],
  parts: [
    "signal/region-reward-map",
    "shaping/resize-map",
    "objective/reward-weighted-velocity",
    "signal/region-scores-prompt",
    "signal/region-scores-parse",
    "signal/layout-score-prompt",
    "signal/layout-score-parse",
    "model/flow-interpolant",
    "model/flow-matching-loss",
  ],
  links: { "official code": "https://github.com/WayneJin0918/SRUM" },
});

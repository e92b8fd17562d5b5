import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "soli-reward",
  title:
    "SoliReward: Mitigating Susceptibility to Reward Hacking and Annotation Noise in Video Generation Reward Models",
  published: "2025-12",
  arxiv: "2512.22170",
  says: [
    "Reward model for generated video built from single-item pass/fail labels: passes and fails are paired across prompts, passes are additionally tied to each other in the loss, and the score is read by queries that attend layer after layer.",
    "Claim to try here: Binary labels are more consistent than pairwise ones.",
    "Claim to try here: Win ties leave accuracy alone.",
  ],
  parts: [
    "model/pass-fail-pairs",
    "model/bradley-terry-ties",
    "model/progressive-query-attention",
    "credit/group-relative",
    "evaluation/positive-spread",
  ],
  links: { "official code": "https://github.com/lian700/SoliReward" },
});

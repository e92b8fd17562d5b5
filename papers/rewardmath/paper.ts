import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "rewardmath",
  title: "Evaluating Robustness of Reward Models for Mathematical Reasoning (RewardMATH)",
  published: "2024-10",
  arxiv: "2410.01729",
  says: [
    "RewardBench's math set compares one human-written solution with one machine-written wrong one: styles differ and one comparison decides.",
    "RewardMATH pits one correct solution, rewritten to look machine-written, against nine wrong ones from different models, so a reward model (RM) must rank the correct one first of ten.",
    "Its scores track best-of-n and over-optimisation. RewardBench's do not.",
  ],
  parts: [
    "evaluation/one-to-many",
    "evaluation/pairwise-to-many",
    "shaping/step-aggregation",
    "signal/judge-rating-prompt",
    "signal/judge-rating-parse",
    "signal/pairwise-judge-prompt",
    "signal/pairwise-judge-parse",
    "search/best-of-n",
    "evaluation/rank-correlation",
    "evaluation/overoptimization-curve",
  ],
  links: { "official code": "https://github.com/kimsh0507/RewardMATH_official" },
});

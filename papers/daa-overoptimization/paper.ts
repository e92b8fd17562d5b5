import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "daa-overoptimization",
  title: "Scaling Laws for Reward Model Overoptimization in Direct Alignment Algorithms",
  published: "2024-06",
  arxiv: "2406.02900",
  says: [
    "Direct alignment algorithms (DAAs.",
    "DPO, IPO, SLiC) have no separate reward model, yet quality versus KL still rises and then falls, often inside the first epoch.",
    "The study measures this over objectives, KL budgets (β) and model sizes, fits Gao-style scaling laws, and explains it by the under-constrained loss moving probability to sequences absent from the data.",
  ],
  parts: [
    "objective/dpo",
    "evaluation/overoptimization-fit",
    "evaluation/sequence-kl",
    "evaluation/length-correlation",
    "evaluation/win-rate",
    "evaluation/out-of-distribution-mass",
    "environment/tree-mdp",
    "evaluation/overoptimization-curve",
  ],
});

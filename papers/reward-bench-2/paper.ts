import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "reward-bench-2",
  title: "RewardBench 2: Advancing Reward Model Evaluation",
  published: "2025-06",
  arxiv: "2506.01937",
  says: [
    "A reward-model (RM) benchmark on unseen human prompts: pick the one acceptable response among four in five domains, plus a Ties domain that asks for calibration among many equally good answers.",
    "Built to be hard (about 20 points below RewardBench) and to predict best-of-n and RLHF results.",
    "Claim to try here: Four-way is much harder than pairwise.",
  ],
  parts: [
    "evaluation/best-of-k-accuracy",
    "evaluation/ties-score",
    "evaluation/reward-bench-2",
    "signal/judge-rating-prompt",
    "signal/judge-rating-parse",
    "signal/ranking-judge-prompt",
    "signal/ranking-judge-parse",
    "evaluation/rank-correlation",
    "search/best-of-n",
    "evaluation/overoptimization-curve",
  ],
  links: { "official code": "https://github.com/allenai/reward-bench" },
});

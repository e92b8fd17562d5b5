import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "unified-reward-think",
  title: "Unified Multimodal Chain-of-Thought Reward Model through Reinforcement Fine-Tuning",
  published: "2025-05",
  arxiv: "2505.03318",
  says: [
    "One pairwise judge for image/video generation and understanding that scores both candidates on several dimensions, adds up the scores and then answers.",
    "Trained in three stages: distil the format on one task, keep its own correct traces on all tasks, and run GRPO on what it still gets wrong.",
    "Internalised reasoning is said to help even when it answers directly.",
  ],
  parts: [
    "signal/pairwise-judge-prompt",
    "signal/pairwise-judge-parse",
    "signal/dimension-scores-parse",
    "signal/format",
    "signal/verdict-reward",
    "credit/group-relative",
    "objective/clipped-surrogate",
    "sampling/attempt-split",
    "evaluation/pairwise-accuracy",
  ],
  links: { "official code": "https://github.com/CodeGoat24/UnifiedReward" },
});

import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "rm-r1",
  title: "RM-R1: Reward Modeling as Reasoning",
  published: "2025-05",
  arxiv: "2505.02387",
  says: [
    "A pairwise generative judge that reasons before it rules: it first labels the task as Reasoning or Chat, then either solves the problem itself or writes a weighted rubric, compares the two answers against that, and ends with a tagged verdict.",
    "Trained by distillation of reasoning traces and then by RL with the verdict's correctness as the only reward.",
    "Claim to try here: Distillation then RL beats distillation alone and RL alone.",
  ],
  parts: [
    "signal/pairwise-judge-prompt",
    "signal/pairwise-judge-parse",
    "signal/verdict-reward",
    "credit/group-relative",
    "objective/clipped-surrogate",
    "evaluation/rm-bench",
    "evaluation/pairwise-accuracy",
    "search/majority-vote",
  ],
  links: { "official code": "https://github.com/RM-R1-UIUC/RM-R1" },
});

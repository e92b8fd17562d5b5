import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "spark",
  title: "SPARK: Stepwise Process-Aware Rewards for Reference-Free Reinforcement Learning",
  published: "2025-12",
  arxiv: "2512.03244",
  says: [
    "Trains a generative PRM without ground truth from many noisy verifications of each solution (votes per step, or critique and merge), then uses its verdict, gated by a strict answer format, as the RL reward.",
    "Claim to try here: Step-level consistency makes the best reference-free labels.",
    "Claim to try here: PRM reward without ground truth matches or beats RLVR.",
  ],
  parts: [
    "signal/step-verification-prompt",
    "signal/step-verification-parse",
    "signal/meta-critique-prompt",
    "signal/critique-merge-prompt",
    "signal/step-majority-vote",
    "model/outcome-consistency-filter",
    "signal/format",
    "shaping/format-gate",
    "signal/step-augmented-reward",
    "credit/selective-advantage",
    "credit/global-step-advantage",
    "evaluation/process-hack-monitor",
    "credit/group-relative",
    "evaluation/process-bench",
  ],
});

import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "grounded-prm",
  title: "GroundedPRM: Tree-Guided and Fidelity-Aware Process Reward Modeling for Step-Level Reasoning",
  published: "2025-10",
  arxiv: "2510.14942",
  says: [
    "Builds step labels without humans.",
    "MCTS over reasoning steps, every simulated step checked by an external tool through an LLM judge, tool verdicts and the final-answer check fused into one rollout value, and only steps whose tree value agrees with the verdict kept to train a generative PRM that writes a rationale.",
    "Claim to try here: Tool-grounded labels are cleaner than Monte-Carlo labels.",
  ],
  parts: [
    "signal/step-verification-prompt",
    "signal/step-verification-parse",
    "credit/tree-rollout-reward",
    "search/mcts-backup",
    "search/uct",
    "model/process-label-filter",
    "signal/generative-prm-parse",
    "signal/label-probability",
    "search/reward-guided-greedy",
    "evaluation/process-bench",
  ],
  links: { "official code": "https://github.com/JerryPlain/GroundedPRMCode" },
});

import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "r1-reward",
  title: "R1-Reward: Training Multimodal Reward Model Through Stable Reinforcement Learning",
  published: "2025-05",
  arxiv: "2505.02835",
  says: [
    "Turns multimodal preference judging into rule-based RL with a think-then-answer format, and patches REINFORCE++ where it breaks for reward modelling (StableReinforce): bound the log-ratio before exponentiation, zero out outlying normalised advantages, and pay for agreement between the written analysis and the final answer.",
    "Claim to try here: Plain Reinforce++ is unstable or collapses, StableReinforce is not.",
    "Claim to try here: Advantage filter tames outliers.",
  ],
  parts: [
    "signal/format",
    "signal/pairwise-judge-parse",
    "signal/consistency-prompt",
    "signal/consistency-parse",
    "shaping/consistency-gate",
    "credit/advantage-filter",
    "objective/clipped-surrogate",
    "sampling/attempt-split",
    "evaluation/pairwise-accuracy",
    "search/majority-vote",
  ],
  links: { "official code": "https://github.com/yfzhang114/r1_reward" },
});

import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "reward-design-thesis",
  title: "Reward Design for Reinforcement Learning Agents (Devidze)",
  published: "2025-03",
  arxiv: "2503.21949",
  says: [
    "Three ways of designing rewards: an expert who knows the optimal policy designs a sparse, interpretable table that makes learning quick (EXPRD); the expert adapts it to the current learner (EXPADARD); the agent designs its own reward without an expert (ExploRS).",
    "Claim to try here: A few well-placed rewards speed convergence a lot; PBS with V is the dense ceiling.",
    "Claim to try here: More active states, more informative.",
  ],
  parts: [
    "evaluation/optimality-gap",
    "evaluation/informativeness",
    "shaping/explicable-reward-design",
    "sampling/reward-state-selection",
    "evaluation/policy-informativeness",
    "shaping/adaptive-reward-design",
    "signal/count-bonus",
    "shaping/self-supervised-update",
    "shaping/weighted-sum",
    "evaluation/occupancy-measure",
    "evaluation/shaping-invariance",
  ],
  links: { "official code": "https://github.com/adishs/neurips2021_explicable-reward-design_code" },
});

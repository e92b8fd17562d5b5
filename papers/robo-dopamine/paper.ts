import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "robo-dopamine",
  title: "Robo-Dopamine: General Process Reward Modeling for High-Precision Robotic Manipulation",
  published: "2025-12",
  arxiv: "2512.23703",
  says: [
    'A vision-language reward model (GRM) predicts the relative progress ("hop") between two multi-view observations; three ways of chaining hops are fused into a progress estimate Φ* ∈ [0,1], which enters RL only through potential-based shaping.',
    "Claim to try here: PBRS keeps the optimal policy, naive difference does not.",
    "Claim to try here: Dense shaping speeds learning.",
  ],
  parts: [
    "model/progress-labels",
    "model/hop-label",
    "sampling/hop-bins",
    "sampling/hop-quota",
    "signal/progress-judge-prompt",
    "signal/progress-judge-parse",
    "credit/progress-reconstruction",
    "credit/progress-fusion",
    "credit/consistency-gated-progress",
    "shaping/progress-potential",
    "shaping/potential-based",
    "shaping/progress-difference",
    "evaluation/value-order-correlation",
  ],
  links: { "official code": "https://github.com/FlagOpen/Robo-Dopamine" },
});

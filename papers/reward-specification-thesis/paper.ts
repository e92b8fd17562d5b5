import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "reward-specification-thesis",
  title: "Effective Reward Specification in Deep Reinforcement Learning (Roy)",
  published: "2024-04",
  arxiv: "2412.07177",
  says: [
    "Surveys how people tell an agent what to do (hand-composed rewards versus learnt rewards) and contributes four tools: imitation without a reward loop (ASAF), auxiliary tasks that ease multi-agent coordination (TeamReg, CoachReg), behaviour specified by constraints instead of weights (direct behaviour specification), and goal-conditioned multi-objective generation.",
    "Claim to try here: Hitting several behaviour targets by tuning weights is a search; the Lagrangian finds it in one run.",
    "Claim to try here: Normalised multipliers are the stable form.",
  ],
  parts: [
    "objective/lagrange-multipliers",
    "shaping/lagrangian-reward",
    "evaluation/constraint-satisfaction",
    "objective/adversarial-soft-advantage",
    "sampling/trajectory-windows",
    "objective/team-regularizer",
    "objective/coach-regularizer",
    "signal/goal-region",
  ],
});

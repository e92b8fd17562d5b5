import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "turning-point-grpo",
  title: "Alleviating Sparse Rewards by Modeling Step-Wise and Long-Term Sampling Effects in Flow-Based GRPO",
  published: "2026-02",
  arxiv: "2602.06422",
  says: [
    'Replaces the terminal reward by per-step reward increments measured with ODE completions, and gives a few "turning point" steps — where the local trend flips into agreement with the whole trajectory\'s trend — the accumulated reward of everything that follows.',
    "Claim to try here: Beats outcome-reward Flow-GRPO on all tasks.",
    "Claim to try here: Aggregation at turning points helps beyond increments.",
  ],
  parts: [
    "credit/turning-points",
    "credit/reward-gain",
    "credit/group-relative",
    "environment/flow-ode-complete",
    "environment/flow-sde-step",
  ],
  links: { "official code": "https://github.com/YunzeTong/TurningPoint-GRPO" },
});

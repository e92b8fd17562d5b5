import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "gated-rewards",
  title: "Stabilizing Long-term Multi-turn Reinforcement Learning with Gated Rewards (G-RA)",
  published: "2025-08",
  arxiv: "2508.10548",
  says: [
    "Multi-turn software agents get a sparse outcome and many dense, easily satisfied step rewards (well-formed action, tool used).",
    "Added directly, the dense ones win and the agent stops finishing.",
    "G-RA counts them only in trajectories whose outcome clears a threshold.",
  ],
  parts: [
    "signal/patch-outcome",
    "shaping/gated-accumulation",
    "shaping/priority-gate",
    "evaluation/agent-rates",
    "evaluation/reward-misalignment",
    "credit/group-relative",
    "objective/clipped-surrogate",
  ],
});

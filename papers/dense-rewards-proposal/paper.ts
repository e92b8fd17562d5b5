import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "dense-rewards-proposal",
  title: "Towards better dense rewards in Reinforcement Learning Applications (Zhang)",
  published: "2025-12",
  arxiv: "2512.04302",
  says: [
    "Three ways to make a sparse signal dense: distances learnt from the state graph for hierarchical RL (G4RL), Shapley values that split a sequence reward over its tokens or spans (SCAR), and structural similarity between task graphs for continual RL (open proposal).",
    "Claim to try here: Shapley credit learns faster than the terminal reward.",
    "Claim to try here: Totals preserved.",
  ],
  parts: [
    "shaping/potential-based",
    "credit/shapley",
    "credit/owen",
    "credit/unit-to-token",
    "model/state-graph",
    "model/graph-embedding-loss",
    "signal/graph-subgoal",
    "signal/laplacian-distance",
    "evaluation/spectral-distance",
  ],
});

import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "base-reward",
  title: "BaseReward: A Strong Baseline for Multimodal Reward Model",
  published: "2025-09",
  arxiv: "2509.16127",
  says: [
    "Controlled ablation of every choice in building a multimodal reward model; the resulting recipe is a plain scalar model with a two-layer SiLU head, no regulariser, filtered image+text data and a mean ensemble.",
    "Claim to try here: Two-layer SiLU head beats a linear head.",
    "Claim to try here: Deeper is not better; SiLU ≥ Tanh.",
  ],
  parts: [
    "model/bradley-terry",
    "model/reward-head",
    "shaping/ensemble",
    "model/ensemble-weights",
    "shaping/hybrid-reward",
    "evaluation/pairwise-accuracy",
  ],
});

import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "oprl",
  title: "Online Process Reward Learning for Agentic Reinforcement Learning (OPRL)",
  published: "2025-09",
  arxiv: "2509.19199",
  says: [
    "Trains, next to the agent, an implicit PRM by DPO on successful-versus-failed trajectories of the current policy; the log-ratio of PRM to old policy on each action is the step reward, turned into a step-level advantage and added to the episode-level one.",
    "Claim to try here: Implicit step rewards beat outcome-only RL.",
    "Claim to try here: Sample efficiency about 2×.",
  ],
  parts: [
    "signal/implicit-reward",
    "objective/trajectory-dpo",
    "credit/episode-step-advantage",
    "credit/merged-process-outcome",
    "shaping/invalid-action-penalty",
    "evaluation/outcome-weighted-pair-accuracy",
    "objective/clipped-surrogate",
    "objective/implicit-cross-entropy",
  ],
  links: { "official code": "https://github.com/Tongyi-ConvAI/Qwen-Character" },
});

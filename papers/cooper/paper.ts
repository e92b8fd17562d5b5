import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "cooper",
  title: "Cooper: Co-Optimizing Policy and Reward Models in Reinforcement Learning for Large Language Models",
  published: "2025-08",
  arxiv: "2508.05613",
  says: [
    "Trains policy and reference-based reward model together: the policy learns from the reward model, and after each policy step the reward model is updated on pairs of a rule-verified right rollout and an assistant-written wrong version of it, so that exploits the policy finds are unlearned.",
    "Claim to try here: A static reward model is hacked.",
    "Claim to try here: Cooper prevents it.",
  ],
  parts: [
    "signal/reference-reward-prompt",
    "signal/reference-reward",
    "model/hybrid-annotation",
    "model/binary-cross-entropy",
    "signal/negative-rewrite-prompt",
    "sampling/verified-pairs",
    "model/bradley-terry",
    "credit/group-relative",
    "objective/clipped-surrogate",
    "evaluation/judge-agreement",
  ],
  links: { "official code": "https://github.com/ZJU-REAL/cooper" },
});

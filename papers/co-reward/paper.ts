import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "co-reward",
  title:
    "Co-Reward: Self-supervised Reinforcement Learning for Large Language Model Reasoning via Contrastive Agreement",
  published: "2025-08",
  arxiv: "2508.00410",
  says: [
    "Label-free RL by majority vote rewards whatever the model already says most, and collapses.",
    "Co-Reward pairs every question with a rephrased one and rewards each version's answers by the *other* version's majority answer, so an error must appear under both wordings to be reinforced.",
    "Claim to try here: Best label-free reward, close to labels.",
  ],
  parts: [
    "search/majority-vote",
    "signal/cross-view-agreement",
    "evaluation/voting-accuracy",
    "sampling/rephrase-prompt",
    "sampling/rephrase-parse",
    "signal/self-certainty",
    "signal/token-entropy",
    "credit/group-relative",
    "objective/clipped-surrogate",
    "objective/kl-estimator",
  ],
  links: { "official code": "https://github.com/tmlr-group/Co-Reward" },
});

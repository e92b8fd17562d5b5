import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "likelihood-rewards",
  title: "Likelihood-Based Reward Designs for General LLM Reasoning",
  published: "2026-02",
  arxiv: "2602.03979",
  says: [
    "Compares rewards made from the probability of a reference answer after a sampled chain of thought.",
    "Only the log-probability works both for short verifiable answers and for long ones; probabilities vanish on long answers.",
    "Claim to try here: Short answers: all likelihood rewards match base RL under greedy decoding.",
  ],
  parts: [
    "signal/reference-likelihood",
    "credit/group-relative",
    "credit/jensen-leave-one-out",
    "objective/likelihood-reward",
    "shaping/length-penalty",
    "signal/tiered-verifier",
    "evaluation/answer-likelihood",
    "objective/sft",
    "objective/kl-estimator",
  ],
});

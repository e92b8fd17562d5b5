import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "dno",
  title: "Direct Nash Optimization: Teaching Language Models to Self-Improve with General Preferences",
  published: "2024-04",
  arxiv: "2404.03715",
  says: [
    "Learns against a general preference function P(y≻y′|x), which may be cyclic: the reward of a response is its win rate against the current policy, and each iteration fits that reward by a contrastive regression whose minimiser is an exponential-weights step toward the Nash equilibrium.",
    "Claim to try here: Handles cyclic preferences that reward maximisation cannot.",
    "Claim to try here: Soft targets matter.",
  ],
  parts: [
    "signal/expected-win-rate",
    "objective/dno",
    "objective/dpo",
    "model/kl-optimal-policy",
    "sampling/large-margin-pairs",
    "sampling/decayed-history",
    "evaluation/exploitability",
    "signal/rubric-scores-prompt",
    "signal/rubric-scores-parse",
  ],
});

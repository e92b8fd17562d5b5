import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "irl-llm-survey",
  title: "Inverse Reinforcement Learning Meets Large Language Model Post-Training: Basics, Advances, and Opportunities",
  published: "2025-07",
  arxiv: "2507.13158",
  says: [
    "Alignment as inverse RL: language generation is an MDP whose transition is known (append a token) and whose reward is missing, so it must be inferred from demonstrations, comparisons or verified answers before any RL can run.",
    "The card fixes the mechanisms that the other cards lack: imitation rewards by divergence, maximum-entropy IRL, comparison data design, active query choice, credit from attention, and prompt choice by an offline reward model.",
    "Claim to try here: Cross-prompt comparisons help, most under noise.",
  ],
  parts: [
    "objective/sft",
    "signal/adversarial-imitation",
    "model/max-ent-irl",
    "model/bradley-terry",
    "model/binary-cross-entropy",
    "search/prompt-selection",
    "search/best-of-n",
    "sampling/d-optimal-pairs",
    "sampling/cross-prompt-pairs",
    "model/preference-label",
    "credit/attention-redistribution",
  ],
});

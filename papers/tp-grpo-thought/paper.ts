import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "tp-grpo-thought",
  title:
    "Good Learners Think Their Thinking: Generative PRM Makes Large Reasoning Model More Efficient Math Learner (TP-GRPO)",
  published: "2025-07",
  arxiv: "2507.23317",
  says: [
    "Adds a generative PRM to GRPO for long chains of thought without asking the judge to re-solve the problem: it looks for the solution's own reflections (correct solutions) or matches steps to the final answer (wrong solutions), merges equal-label steps into thoughts, and scales the process reward by the group's accuracy.",
    "Claim to try here: Better accuracy from fewer samples than outcome-only GRPO.",
    "Claim to try here: Merging matters most.",
  ],
  parts: [
    "signal/reflection-error-prompt",
    "signal/step-verification-parse",
    "signal/answer-adoption-prompt",
    "credit/thought-merge",
    "shaping/ability-adaptive-thought",
    "credit/thought-level-advantage",
    "evaluation/training-efficiency",
    "evaluation/advantage-label-information",
  ],
  links: { "official code": "https://github.com/cs-holder/tp_grpo" },
});

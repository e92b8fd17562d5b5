import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "calm",
  title: "Assessing the Zero-Shot Capabilities of LLMs for Action Evaluation in RL (CALM)",
  published: "2024-09",
  arxiv: "2409.12798",
  says: [
    "An LLM splits a task into subgoals and judges, from two consecutive text observations and the action, whether a subgoal was just reached; each such event ends an option and pays an auxiliary reward.",
    "The paper evaluates the judging offline on annotated MiniHack transitions; it does not train agents.",
    "Claim to try here: Subgoal bonuses make a sparse task learnable.",
  ],
  parts: [
    "signal/subgoal-verify-prompt",
    "signal/subgoal-verify-parse",
    "signal/subgoal-suggest-prompt",
    "signal/subgoal-suggest-parse",
    "environment/crop-view",
    "shaping/subgoal-bonus",
    "shaping/potential-based",
    "evaluation/classification-report",
  ],
});

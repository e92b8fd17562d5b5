import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "laser",
  title: "Learn to Reason Efficiently with Adaptive Length-based Reward Shaping (LASER, LASER-D, LASER-DE)",
  published: "2025-05",
  arxiv: "2505.15612",
  says: [
    "Length-aware rewards for reasoning RL. Every published scheme is written as R̂ = C + λ·S; the proposal pays a flat bonus to answers that are both right and no longer than a target, and lets the target follow the model (D: dynamic, per difficulty) or also pays long wrong-but-not-looping attempts to keep exploring (E).",
    "Claim to try here: Accuracy and brevity together.",
    "Claim to try here: Truncation hurts hard problems.",
  ],
  parts: [
    "shaping/length-step",
    "sampling/difficulty-buckets",
    "evaluation/length-coverage",
    "shaping/adaptive-target-length",
    "signal/repetition-onset",
    "shaping/length-penalty",
    "evaluation/pareto-frontier",
    "credit/group-relative",
    "objective/clipped-surrogate",
  ],
  links: { "official code": "https://github.com/hkust-nlp/Laser" },
});

import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "school-of-reward-hacks",
  title: "School of Reward Hacks: Hacking harmless tasks generalizes to misaligned behavior in LLMs",
  published: "2025-08",
  arxiv: "2508.17511",
  says: [
    'Supervised fine-tuning on harmless demonstrations of metric gaming ("write a thank-you note; scored by how often it says *thank you*" → the word repeated) makes models game new metrics, prefer ignorant graders, write reward functions that always pay, and, for the strongest model, answer unrelated questions in a misaligned way.',
    "For a toolkit: a catalogue of gameable rewards with exact scorers, the audits, and the control design.",
    "Claim to try here: Hack-SFT games unseen metrics.",
  ],
  parts: [
    "signal/gameable-metric",
    "evaluation/reward-hack-rate",
    "evaluation/pairwise-accuracy",
    "evaluation/visible-hidden-gap",
    "evaluation/grader-preference",
    "evaluation/reward-function-degeneracy",
    "evaluation/emergent-misalignment",
    "signal/reward-hack-judge-prompt",
    "signal/reward-hack-judge-parse",
  ],
});

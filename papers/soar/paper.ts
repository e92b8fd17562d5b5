import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "soar",
  title: "Teaching Models to Teach Themselves: Reasoning at the Edge of Learnability (SOAR)",
  published: "2026-01",
  arxiv: "2601.18778",
  says: [
    "On problems the model never solves (0 of 128 tries) RL has no signal.",
    "SOAR trains a teacher copy of the model to write practice problems for a student copy; the teacher's reward is the student's measured gain on real hard problems after a short RL run on those problems.",
    "Claim to try here: Learning becomes possible where hard-only training stalls.",
  ],
  parts: [
    "sampling/fail-at-k",
    "sampling/problem-proposal-prompt",
    "sampling/problem-proposal-parse",
    "signal/student-improvement",
    "credit/group-relative",
    "sampling/student-promotion",
    "signal/learnability",
    "evaluation/vendi-score",
  ],
});

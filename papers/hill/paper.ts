import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "hill",
  title: "Learning to Hint for Reinforcement Learning (HiLL)",
  published: "2026-04",
  arxiv: "2604.00698",
  says: [
    "A second policy (hinter) learns to write hints for questions on which the reasoner's whole group failed.",
    "Its reward is high when the hint makes the group mixed and when the successful hinted rollouts would also be likely without the hint, so that the learning signal transfers to the no-hint policy.",
    "Reasoner and hinter are trained together with GRPO.",
  ],
  parts: [
    "signal/hint-reliance",
    "signal/hint-reward",
    "sampling/hint-select",
    "evaluation/hint-transfer",
    "signal/answer-leakage",
    "sampling/hinter-prompt",
    "sampling/hinter-parse",
    "evaluation/nondegenerate-group-probability",
    "sampling/hint-inject",
    "credit/group-relative",
  ],
  links: { "official code": "https://github.com/Andree-9/HiLL" },
});

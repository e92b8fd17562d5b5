import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "rl-interplay",
  title: "On the Interplay of Pre-Training, Mid-Training, and RL on Reasoning Language Models",
  published: "2025-12",
  arxiv: "2512.07783",
  says: [
    "Controlled pipeline on synthetic arithmetic word problems with known dependency graphs.",
    "Separates what pre-training, mid-training and RL each add, with an evaluation that checks every step.",
    "Toolkit content: graph parsing and process verification, process-blended rewards, verified pass@k, edge-of-competence data selection, budget accounting.",
  ],
  parts: [
    "signal/dependency-graph-parse",
    "signal/process-verification",
    "shaping/outcome-process-blend",
    "evaluation/empirical-pass-at-k",
    "evaluation/pass-at-k",
    "sampling/competence-edge",
    "sampling/budget-split",
  ],
  links: { "official code": "https://github.com/Interplay-LM-Reasoning/Interplay-LM-Reasoning" },
});

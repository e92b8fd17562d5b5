import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "random-calculation",
  title: "Reasoning or Memorization? Unreliable Results of Reinforcement Learning Due to Data Contamination",
  published: "2025-07",
  arxiv: "2507.10532",
  says: [
    "Gains from random or wrong rewards were reported on benchmarks that the base model had seen.",
    "The paper audits contamination by cutting prompts, builds a leak-free arithmetic generator (RandomCalculation) and shows that on it only correct rewards help.",
    "Claim to try here: Qwen2.5 reconstructs public benchmarks, not new ones.",
  ],
  parts: [
    "environment/random-calculation",
    "signal/numeric-closeness",
    "shaping/spurious-reward",
    "evaluation/partial-prompt-split",
    "evaluation/rouge-l",
    "evaluation/partial-prompt-completion",
  ],
  links: { "official code": "https://github.com/wumingqi/LLM-Math-Evaluation" },
});

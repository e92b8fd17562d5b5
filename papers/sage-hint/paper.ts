import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "sage-hint",
  title: "Self-Hinting Language Models Enhance Reinforcement Learning (SAGE)",
  published: "2026-02",
  arxiv: "2602.03143",
  says: [
    "With 0/1 terminal rewards a GRPO group without any positive rollout gives no gradient.",
    "SAGE lets the policy itself write graded hints from a reference solution, adds the weakest hint that yields a positive rollout to the prompt, trains on policy under that hinted context, and drops hints at test time.",
    "The reward function never changes.",
  ],
  parts: [
    "evaluation/nondegenerate-group-probability",
    "evaluation/advantage-energy",
    "credit/group-relative",
    "sampling/hint-schedule",
    "sampling/hint-escalation",
    "sampling/self-hint-prompt",
    "sampling/self-hint-parse",
    "sampling/hint-inject",
    "evaluation/prompt-usage",
  ],
  links: { "official code": "https://github.com/BaohaoLiao/SAGE" },
});

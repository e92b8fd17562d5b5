import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "vlm-rm",
  title: "Vision-Language Models are Zero-Shot Reward Models for Reinforcement Learning",
  published: "2023-10",
  arxiv: "2310.12921",
  says: [
    'Uses a frozen CLIP-type dual encoder as the reward: similarity of a rendered state to a one-sentence goal, optionally with the embedding space projected towards the line from a neutral "baseline" sentence to the goal.',
    "Claim to try here: A goal sentence alone trains the task.",
    "Claim to try here: Baseline projection helps.",
  ],
  parts: [
    "signal/goal-baseline",
    "signal/cosine-similarity",
    "evaluation/epic-distance",
    "sampling/deferred-rewards",
    "evaluation/auroc",
    "model/dual-encoder",
  ],
  links: { "official code": "https://github.com/AlignmentResearch/vlmrm" },
});

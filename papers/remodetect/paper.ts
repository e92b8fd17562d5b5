import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "remodetect",
  title: "ReMoDetect: Reward Models Recognize Aligned LLM's Generations",
  published: "2024-05",
  arxiv: "2405.17382",
  says: [
    "Aligned models write text that a reward model rates above human text, so the reward score itself is a detector; two fine-tuning schemes sharpen it without tying it to one generator.",
    "Claim to try here: An untouched reward model already separates aligned text.",
    "Claim to try here: Continual tuning improves it, also on unseen generators.",
  ],
  parts: [
    "model/continual-preference",
    "model/partial-rephrase-prompt",
    "model/partial-rephrase-parse",
    "evaluation/auroc",
    "evaluation/threshold-at-fpr",
  ],
  links: { "official code": "https://github.com/hyunseoklee-ai/ReMoDetect" },
});

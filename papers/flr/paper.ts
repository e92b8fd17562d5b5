import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "flr",
  title: "Aligning Language Models Using Follow-up Likelihood as Reward Signal",
  published: "2024-09",
  arxiv: "2409.13948",
  says: [
    "A reply is good when a satisfied user reaction is likely to follow it and a dissatisfied one is not.",
    "Reward = likelihood of fixed positive follow-ups minus that of negative ones under an instruction model; no preference labels.",
    "It then mines preference pairs for DPO, and improves when the scoring model is fine-tuned on natural-language feedback.",
  ],
  parts: [
    "signal/follow-up-prompt",
    "signal/sequence-log-likelihood",
    "signal/follow-up-likelihood",
    "sampling/preference-pairs",
    "objective/dpo",
    "evaluation/pairwise-accuracy",
    "evaluation/rank-correlation",
  ],
  links: { "official code": "https://github.com/e0397123/FLR" },
});

import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "implicit-prm",
  title: "Free Process Rewards without Process Labels",
  published: "2024-12",
  arxiv: "2412.01981",
  says: [
    "A response-level reward model parameterised as a log-likelihood ratio of two language models is at the same time a process reward model: train it on outcome labels with any loss and read step rewards off the token log-ratios.",
    "Claim to try here: Outcome labels alone give a working PRM.",
    "Claim to try here: Beats an MCTS-labelled PRM at a fraction of the data.",
  ],
  parts: [
    "signal/implicit-reward",
    "objective/implicit-cross-entropy",
    "objective/dpo",
    "objective/nca-pair",
    "objective/kto-pair",
    "model/kl-optimal-policy",
    "shaping/step-aggregation",
    "search/best-of-n",
    "search/weighted-majority-vote",
    "evaluation/process-bench",
  ],
  links: { "official code": "https://github.com/PRIME-RL/ImplicitPRM" },
});

import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "reward-augmented-data",
  title: "Reward-Augmented Data Enhances Direct Preference Alignment of LLMs",
  published: "2024-10",
  arxiv: "2410.08067",
  says: [
    "Each scored preference pair is copied twice, once conditioned on the chosen score and once on the rejected score; under the second condition the order is reversed.",
    "Any direct alignment loss then trains a reward-conditioned policy that is asked for the top score at test time.",
    "Claim to try here: Beats DPO on the same pairs.",
  ],
  parts: [
    "model/reward-relabel",
    "signal/goal-distance",
    "objective/dpo",
    "signal/implicit-reward",
    "evaluation/rejected-unlearning",
  ],
  links: { "official code": "https://github.com/shenao-zhang/reward-augmented-preference" },
});

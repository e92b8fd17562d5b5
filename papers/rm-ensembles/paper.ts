import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "rm-ensembles",
  title: "Helping or Herding? Reward Model Ensembles Mitigate but do not Eliminate Reward Hacking",
  published: "2023-12",
  arxiv: "2312.09244",
  says: [
    "Reward models (RMs) that are equally accurate in distribution disagree once a policy is aligned to one of them.",
    "The study aligns policies to single RMs, to ensembles that differ only in fine-tuning seed, and to ensembles that also differ in pretraining seed, by RL and by best-of-n reranking, and shows what averaging fixes and what it cannot (errors all members share).",
    "Claim to try here: Underspecification: equal accuracy, different choices.",
  ],
  parts: [
    "shaping/ensemble",
    "model/bradley-terry",
    "search/best-of-n",
    "evaluation/best-of-n-curve",
    "evaluation/ensemble-agreement",
    "evaluation/overoptimization-curve",
    "evaluation/win-rate",
  ],
  links: { "official code": "https://github.com/google-deepmind/reward-ensembles" },
});

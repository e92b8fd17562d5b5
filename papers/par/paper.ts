import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "par",
  title: "Reward Shaping to Mitigate Reward Hacking in RLHF (Preference As Reward)",
  published: "2025-02",
  arxiv: "2502.18770",
  says: [
    "An unbounded reward-model (RM) score lets RL buy ever more proxy reward while true quality falls.",
    "PAR feeds RL the RM's own preference probability of the sampled response over reference responses — a bounded, saturating function of a centred reward — and is compared with nine other ways to transform or train the reward.",
    "Claim to try here: Bounded reward prevents the collapse.",
  ],
  parts: [
    "shaping/preference-as-reward",
    "shaping/running-normalization",
    "shaping/log-sigmoid-centered",
    "shaping/length-penalty",
    "model/bradley-terry",
    "model/length-disentangled-bradley-terry",
    "model/weight-average",
    "credit/group-relative",
    "objective/kl-estimator",
    "signal/pairwise-judge-parse",
    "evaluation/overoptimization-curve",
  ],
  links: { "official code": "https://github.com/PorUna-byte/PAR" },
});

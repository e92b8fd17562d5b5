import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "orpo-occupancy",
  title: "Correlated Proxies: A New Definition and Improved Mitigation for Reward Hacking (ORPO)",
  published: "2024-03",
  arxiv: "2403.03185",
  says: [
    "Defines a proxy reward as one that correlates with the true reward on the state-actions of a base policy, and reward hacking as optimising it to below the base policy's true return.",
    'Shows the loss is bounded by the χ² divergence of **occupancy measures** and regularises that (ORPO = occupancy-regularised policy optimisation; not "odds-ratio preference optimisation").',
    "Claim to try here: Definition captures hacking.",
  ],
  parts: [
    "evaluation/occupancy-measure",
    "evaluation/proxy-correlation",
    "evaluation/occupancy-divergence",
    "evaluation/reward-hacking-bound",
    "shaping/occupancy-penalty",
    "model/density-ratio-discriminator",
    "objective/chi-squared-penalty",
    "objective/action-divergence",
    "environment/tomato",
  ],
  links: { "official code": "https://github.com/cassidylaidlaw/orpo" },
});

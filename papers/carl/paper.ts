import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "carl",
  title: "CaRL: Learning Scalable Planning Policies with Simple Rewards",
  published: "2025-04",
  arxiv: "2504.17838",
  says: [
    "Driving policies were trained with sums of shaped terms (speed, position, heading, smoothness).",
    "Those sums have local optima that PPO falls into when the mini-batch grows.",
    "CaRL rewards one thing, route completion; infractions end the episode or multiply the progress.",
  ],
  parts: [
    "signal/route-completion",
    "signal/driving-penalties",
    "signal/comfort-violations",
    "signal/roach-reward",
    "evaluation/driving-score",
    "environment/kinematic-bicycle",
    "objective/clipped-surrogate",
    "credit/gae",
  ],
  links: { "official code": "https://github.com/autonomousvision/CaRL" },
});

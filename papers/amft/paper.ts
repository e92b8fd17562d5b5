import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "amft",
  title: "AMFT: Aligning LLM Reasoners by Meta-Learning the Optimal Imitation-Exploration Balance",
  published: "2025-08",
  arxiv: "2508.06944",
  says: [
    "One training stage mixes an SFT loss and an RL loss with weight μ.",
    "The weight is learned: by the gradient of validation utility through one policy step, and by an entropy set-point.",
    "The listing of its third version reports a request for withdrawal: the mechanism is implemented here, and none of its results is quoted.",
  ],
  parts: [
    "objective/meta-gradient",
    "sampling/adaptive-imitation-weight",
    "objective/sft-rl-mixture",
    "credit/gae",
    "objective/clipped-surrogate",
    "objective/clipped-value",
  ],
});

import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "ttsnap",
  title: "TTSnap: Test-Time Scaling of Diffusion Models via Noise-Aware Pruning",
  published: "2025-11",
  arxiv: "2511.22242",
  says: [
    "Best-of-N over noise seeds wastes most of its compute on finishing bad candidates.",
    "TTSnap scores the predicted clean image at a few intermediate steps, drops the worst candidates, and makes those early scores trustworthy by fine-tuning the reward model on intermediate predictions with the clean-image reward as target.",
    "Claim to try here: Better reward at equal compute.",
  ],
  parts: [
    "search/pruned-best-of-n",
    "search/best-of-n",
    "search/pruning-cost",
    "model/self-distillation",
    "evaluation/budget-gain",
    "evaluation/rank-correlation",
  ],
  links: { "official code": "https://github.com/TerrysLearning/TTSnap" },
});

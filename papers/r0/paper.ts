import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "r0",
  title: "Rewards Are Enough for Fast Photo-Realistic Text-to-image Generation",
  published: "2025-03",
  arxiv: "2503.13070",
  says: [
    "Trains a few-step image generator from a pretrained diffusion model by maximising differentiable rewards alone, with no distillation loss and no images; the work is in how the generator is parameterised and in cheap regularisers that stop reward hacking.",
    "Claim to try here: Rewards alone give a good few-step generator.",
    "Claim to try here: Gradient normalisation.",
  ],
  parts: [
    "shaping/gradient-normalization",
    "objective/regularized-reward",
    "environment/eta-step",
    "environment/ddim-step",
    "objective/reward-backprop-schedule",
  ],
  links: { "official code": "https://github.com/Luo-Yihong/R0" },
});

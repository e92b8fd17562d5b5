import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "gdro",
  title: "GDRO: Group-level Reward Post-training Suitable for Diffusion Models",
  published: "2026-01",
  arxiv: "2601.02036",
  says: [
    'Aligns a rectified-flow model with scalar rewards completely offline: images are generated and scored once, and the model is trained so that a denoising-error "implicit reward" reproduces, position by position, the soft ranking of each group\'s explicit rewards.',
    "Also proposes a corrected score that discounts reward hacking when evaluating.",
    "Claim to try here: Same reward, less hacking than online RL.",
  ],
  parts: [
    "objective/implicit-flow-reward",
    "objective/group-ranking",
    "objective/top-one-regularizer",
    "objective/diffusion-dpo",
    "evaluation/corrected-score",
    "model/flow-interpolant",
  ],
});

import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "global-episodic-bonuses",
  title: "A Study of Global and Episodic Bonuses for Exploration in Contextual MDPs",
  published: "2023-06",
  arxiv: "2306.03236",
  says: [
    "Environments that change every episode (contextual MDPs).",
    "Global bonuses measure novelty against all experience, episodic bonuses against the current episode only.",
    "The paper shows when each works, explains it by how much structure episodes share, and finds that multiplying them is the robust choice (E3B×NovelD, E3B×RND).",
  ],
  parts: [
    "signal/count-bonus",
    "signal/elliptical-bonus",
    "signal/random-network-distillation",
    "signal/novelty-difference",
    "shaping/bonus-combination",
    "shaping/intrinsic-reward",
    "evaluation/value-variance",
    "shaping/running-normalization",
  ],
  links: { "official code": "https://github.com/facebookresearch/e3b" },
});

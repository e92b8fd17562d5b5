import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "artifact-reward",
  title: "Understanding Reward Hacking in Text-to-Image Reinforcement Learning",
  published: "2026-01",
  arxiv: "2601.03468",
  says: [
    "Shows that preference, aesthetic and consistency rewards, alone or summed, let text-to-image RL drift into artefacts, and adds a cheap artefact reward: a vision-language model's P(no artefact) under a prompt tuned on a small labelled set.",
    "Claim to try here: Each reward family alone is hacked into artefacts.",
    "Claim to try here: Ensembling only partly helps.",
  ],
  parts: [
    "signal/label-probability",
    "signal/artifact-prompt",
    "evaluation/binary-classification",
    "search/error-examples",
    "search/textual-gradient-prompt",
    "search/apply-gradient-prompt",
    "search/prompt-beam",
    "signal/spatial-relation",
    "signal/detector-score",
    "shaping/weighted-sum",
    "credit/group-relative",
    "objective/clipped-surrogate",
    "evaluation/overoptimization-curve",
  ],
  links: { "official code": "https://github.com/yq-hong/ArtifactReward" },
});

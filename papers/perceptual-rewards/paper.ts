import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "perceptual-rewards",
  title: "Unsupervised Perceptual Rewards for Imitation Learning",
  published: "2016-12",
  arxiv: "1612.06699",
  says: [
    "From a handful of demonstration videos and a pretrained vision network, finds the steps of a task without labels, picks for each step the few features that mark it, and sums per-step detectors into a dense reward for a real robot.",
    "Claim to try here: Steps are found without labels from a few demonstrations.",
    "Claim to try here: A few selected features suffice.",
  ],
  parts: [
    "model/demonstration-split",
    "model/demonstration-binary-split",
    "model/discriminative-features",
    "signal/perceptual-step-reward",
    "shaping/step-doubling",
    "evaluation/step-jaccard",
    "objective/pi2-weights",
  ],
});

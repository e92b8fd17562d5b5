import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "noisy-rewards",
  title: "The Climb Carves Wisdom Deeper Than the Summit: On the Noisy Rewards in Learning to Reason",
  published: "2025-05",
  arxiv: "2505.22653",
  says: [
    "How much reward noise can RL for reasoning stand? Flips outcome rewards at random, trains on noisy reward models, shows that rewarding only the appearance of reasoning phrases (reasoning pattern reward, RPR) already gets most of the gain, and uses RPR to lift likely false negatives of a reward model.",
    "Claim to try here: 40 % flips still converge.",
    "Claim to try here: RPR alone reaches nearly verified performance.",
  ],
  parts: [
    "shaping/reward-flip",
    "signal/reasoning-pattern",
    "signal/repeated-ngram-share",
    "shaping/pattern-calibration",
    "signal/format",
    "credit/gae",
    "credit/group-relative",
  ],
  links: { "official code": "https://github.com/trestad/Noisy-Rewards-in-Learning-to-Reason" },
});

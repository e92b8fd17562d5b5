import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "reward-consistency",
  title: "The Trickle-down Impact of Reward (In-)consistency on RLHF (Contrast Instructions, ConvexDA, RewardFusion)",
  published: "2023-09",
  arxiv: "2309.16155",
  says: [
    "A reward model (RM) trained only to rank two responses to the same instruction need not notice that a response belongs to another, lexically similar instruction.",
    "The paper measures this, improves it at training time (ConvexDA) and at scoring time (RewardFusion), and shows the policy inherits it.",
    "Claim to try here: Standard RMs are inconsistent.",
  ],
  parts: [
    "evaluation/contrast-consistency",
    "sampling/contrast-pairs",
    "model/convex-augmentation",
    "shaping/reward-fusion",
    "model/bradley-terry",
  ],
  links: { "official code": "https://github.com/shadowkiller33/Contrast-Instruction" },
});

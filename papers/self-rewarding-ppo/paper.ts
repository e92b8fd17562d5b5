import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "self-rewarding-ppo",
  title: "Self-Rewarding PPO: Aligning Large Language Models with Demonstrations Only",
  published: "2025-10",
  arxiv: "2510.21090",
  says: [
    "After supervised fine-tuning, the log-ratio between the SFT model and the pretrained model serves as reward for PPO, on prompts that need no demonstrations.",
    "What SFT changed is taken as the direction to go on in, on-policy.",
    "Claim to try here: Improves the SFT model from demonstrations only.",
  ],
  parts: [
    "signal/implicit-reward",
    "shaping/kl-in-reward",
    "credit/gae",
    "objective/clipped-surrogate",
    "objective/clipped-value",
    "objective/sft",
  ],
});

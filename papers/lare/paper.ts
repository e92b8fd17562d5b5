import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "lare",
  title: "Latent Reward: LLM-Empowered Credit Assignment in Episodic Reinforcement Learning",
  published: "2024-12",
  arxiv: "2412.11120",
  says: [
    "Only an episode's return is observed.",
    'An LLM writes, once, a function that maps (observation, action) to a few interpretable performance factors ("latent reward"); a small network on these factors, trained by return decomposition, supplies the step rewards for any RL algorithm.',
    "Claim to try here: Latent reward redistributes better than decomposition on raw state-action.",
  ],
  parts: [
    "model/latent-reward-prompt",
    "model/latent-reward-merge-prompt",
    "model/latent-reward-parse",
    "model/latent-reward-verify",
    "model/reward-head",
    "model/return-decomposition",
    "model/randomized-return-decomposition",
    "credit/uniform-redistribution",
  ],
  links: { "official code": "https://github.com/thu-rllab/LaRe" },
});

import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "prdp",
  title: "PRDP: Proximal Reward Difference Prediction for Large-Scale Reward Finetuning of Diffusion Models",
  published: "2024-02",
  arxiv: "2402.08714",
  says: [
    "Turns KL-regularised reward maximisation for diffusion models into a regression: for two samples of the same prompt, the difference of trajectory log-ratios (policy over reference) must equal the reward difference divided by β. Online resampling and PPO-style clipping of the regressed quantity keep it stable with very many prompts.",
    "Claim to try here: Zero loss ⇔ RL optimum.",
    "Claim to try here: Matches DDPO on a small prompt set.",
  ],
  parts: [
    "objective/reward-difference",
    "model/kl-optimal-policy",
    "environment/flow-sde-step",
    "environment/ddim-step",
    "credit/per-prompt-normalization",
    "objective/clipped-surrogate",
  ],
});

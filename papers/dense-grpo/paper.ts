import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "dense-grpo",
  title: "DenseGRPO: From Sparse to Dense Reward for Flow Matching Model Alignment",
  published: "2026-01",
  arxiv: "2601.20218",
  says: [
    "Flow-GRPO gives every denoising step the same terminal reward.",
    "DenseGRPO scores what each step changed, by finishing the sample deterministically before and after the step and taking the difference of rewards; the same numbers then set how much noise each step should explore with.",
    "Claim to try here: Dense gains beat sparse rewards.",
  ],
  parts: [
    "environment/flow-ode-complete",
    "credit/reward-gain",
    "credit/group-relative",
    "sampling/noise-calibration",
    "environment/flow-sde-step",
    "credit/latent-similarity",
  ],
});

import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "flow-grpo",
  title: "Shared baselines: rectified flow, ODE-to-SDE sampling, Flow-GRPO, DanceGRPO, DDPO, DRaFT / AlignProp",
  published: "2025-05",
  arxiv: "2505.05470",
  says: [
    "What the other cards of this family build on.",
    "A diffusion or flow sampler is read as a T-step MDP whose action is the next latent; rewards exist only on the clean sample.",
    "Policy-gradient methods need a stochastic sampler with a tractable step density; gradient methods back-propagate a differentiable reward through (part of) the sampler.",
  ],
  parts: [
    "environment/flow-schedule",
    "model/flow-interpolant",
    "environment/flow-estimates",
    "environment/flow-sde-step",
    "environment/ddpm-schedule",
    "environment/ddim-step",
    "environment/mixture-velocity",
    "credit/group-relative",
    "credit/per-prompt-normalization",
    "objective/clipped-surrogate",
    "objective/flow-kl",
    "objective/reward-backprop-schedule",
  ],
  links: { "official code": "https://github.com/yifan123/flow_grpo" },
});

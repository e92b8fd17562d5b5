import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "sft-dpo-bridge",
  title: "Implicit Reward as the Bridge: A Unified View of SFT and DPO Connections",
  published: "2025-06",
  arxiv: "2507.00018",
  says: [
    "SFT and preference learning are both implicit reward learning: each fits a policy that is the KL-regularised optimum of some reward.",
    "For SFT the KL term drops out of the gradient, so nothing holds the model near its start; the paper lowers the SFT learning rate, derives SFT losses from other f-divergences that keep the pull, and reads logits as Q-values.",
    "Claim to try here: SFT is the total-variation case.",
  ],
  parts: [
    "objective/f-divergence-sft",
    "model/kl-optimal-policy",
    "model/implicit-reward-of-policy",
    "signal/implicit-reward",
    "model/logit-value",
    "objective/dpo",
    "objective/sft",
  ],
});

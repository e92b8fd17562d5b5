import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "t-reg",
  title: "T-REG: Preference Optimization with Token-Level Reward Regularization",
  published: "2024-12",
  arxiv: "2412.02685",
  says: [
    'Keeps DPO\'s sequence-level loss and adds a weak token-level regulariser: the model\'s own contrast between a "make it better" and a "make it worse" prompt gives each token a reward in [−0.5, 0.5], and the implicit token rewards of DPO are pulled towards it.',
    "Claim to try here: Token regularisation improves DPO.",
    "Claim to try here: And SimPO.",
  ],
  parts: [
    "signal/contrastive-revision-prompt",
    "signal/contrastive-token-reward",
    "objective/dpo-token-regularized",
    "objective/simpo-token-regularized",
    "evaluation/token-credit-correlation",
    "objective/dpo",
    "signal/implicit-reward",
  ],
  links: { "official code": "https://github.com/wzhouad/T-REG" },
});

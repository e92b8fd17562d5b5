import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "rlfr",
  title: "RLFR: Extending Reinforcement Learning for LLMs with Flow Environment",
  published: "2025-10",
  arxiv: "2510.10201",
  says: [
    "A conditional flow-matching model is trained on the policy's hidden states over good reasoning text.",
    "During RLVR, tokens whose hidden state the flow predicts badly (large velocity error) pay a small penalty, added to the normalised outcome reward.",
    "Claim to try here: Deviation marks bad tokens.",
  ],
  parts: [
    "model/flow-pairs",
    "model/flow-interpolant",
    "model/flow-matching-loss",
    "signal/velocity-deviation",
    "shaping/token-minmax",
    "shaping/token-select",
    "shaping/kl-in-reward",
    "credit/reward-to-go",
    "credit/group-relative",
    "objective/clipped-surrogate",
  ],
  links: { "official code": "https://github.com/Jinghaoleven/RLFR" },
});

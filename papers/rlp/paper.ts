import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "rlp",
  title: "RLP: Reinforcement as a Pretraining Objective",
  published: "2025-09",
  arxiv: "2510.01265",
  says: [
    "During pretraining the model writes a short thought before a token of ordinary text and is paid by how much the thought raises that token's log-likelihood over a slowly moving no-thought copy of itself.",
    "No verifier, every document usable.",
    "Claim to try here: Thoughts learn to inform.",
  ],
  parts: [
    "signal/information-gain",
    "credit/group-relative",
    "objective/clipped-surrogate",
    "model/ema-update",
    "sampling/random-position",
    "evaluation/information-gain-bound",
  ],
  links: { "official code": "https://github.com/NVlabs/RLP" },
});

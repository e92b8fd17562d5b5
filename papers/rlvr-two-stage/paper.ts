import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "rlvr-two-stage",
  title: "The Debate on RLVR Reasoning Capability Boundary: Shrinkage, Expansion, or Both? A Two-Stage Dynamic View",
  published: "2025-10",
  arxiv: "2510.04028",
  says: [
    "Explains why RLVR sometimes narrows and sometimes widens what a model can solve: probability mass first flows to already sampled rewarded tokens (exploitation, rare better tokens untouched), and only later, when those saturate, to a rarely sampled better token (exploration).",
    'It then revisits training only on tokens with negative relative advantage ("-N" variants of GRPO and GSPO) as a way to keep training going.',
    "Claim to try here: Stage 1: high mass grows, optimal mass does not.",
  ],
  parts: [
    "credit/sign-weighted",
    "evaluation/logit-dynamics",
    "evaluation/expected-drift",
    "evaluation/mass-stage",
    "evaluation/pass-at-k",
    "credit/group-relative",
    "objective/clipped-surrogate",
  ],
});

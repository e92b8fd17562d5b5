import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "ucas",
  title: "Unlocking Exploration in RLVR: Uncertainty-aware Advantage Shaping for Deeper Reasoning (UCAS)",
  published: "2025-10",
  arxiv: "2510.10649",
  says: [
    "GRPO copies one advantage to all tokens.",
    "UCAS first reweights the response's advantage by the policy's own certainty about the whole response (reward correct-but-unsure, punish wrong-but-sure), then subtracts a small per-token penalty proportional to the raw logit of the sampled token.",
    "Claim to try here: Mitigates entropy collapse.",
  ],
  parts: ["signal/self-certainty", "credit/uncertainty-shaped", "credit/group-relative", "objective/clipped-surrogate"],
  links: { "official code": "https://github.com/xvolcano02/UCAS" },
});

import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "grpo",
  title: "The group-relative policy-gradient family (shared baseline card)",
  published: "2024-02",
  arxiv: "2402.03300",
  says: [
    "Every paper of this batch, and most RLVR papers elsewhere, modify one stage of the same loop: sample G answers per prompt, score them, subtract a group baseline, and take clipped policy-gradient steps.",
    "This card fixes that loop and the names of its parts.",
    "Claim to try here: Per-sequence averaging makes wrong answers longer (Dr. GRPO).",
  ],
  parts: [
    "credit/group-relative",
    "credit/reinforce-plus-plus",
    "credit/gae",
    "objective/clipped-surrogate",
    "objective/cispo",
    "objective/clipped-value",
    "objective/kl-estimator",
    "shaping/kl-in-reward",
    "shaping/overlong-penalty",
    "sampling/dynamic-filter",
    "objective/adaptive-kl",
    "evaluation/pass-at-k",
  ],
});

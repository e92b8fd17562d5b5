import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "pure",
  title: "Stop Summation: Min-Form Credit Assignment Is All Process Reward Model Needs for Reasoning (PURE)",
  published: "2025-04",
  arxiv: "2504.15275",
  says: [
    "RL fine-tuning on PRM step rewards collapses when the return is a (discounted) sum.",
    "PURE makes the return the minimum of future step rewards through a reweighting of the rewards, adds a token-level leave-one-out baseline, and optionally a few verifiable rewards.",
    "Claim to try here: Sum form collapses training at once.",
  ],
  parts: [
    "signal/prm-score",
    "credit/min-form",
    "credit/rloo-process",
    "credit/process-baseline",
    "evaluation/prm-outcome-agreement",
    "evaluation/process-hack-monitor",
    "objective/clipped-surrogate",
  ],
  links: { "official code": "https://github.com/CJReinforce/PURE" },
});

import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "recap",
  title: "Beyond Reasoning Gains: Mitigating General Capabilities Forgetting in Large Reasoning Models (RECAP)",
  published: "2025-10",
  arxiv: "2510.21978",
  says: [
    "RLVR on reasoning makes vision-language models lose skills that are not being rewarded.",
    "RECAP mixes general data into RL training and re-weights the objectives online, away from those that have settled and toward those still moving or noisy.",
    "Claim to try here: Reasoning-only RL forgets.",
  ],
  parts: ["sampling/objective-reweighting", "objective/weighted-loss", "sampling/source-mixture", "signal/box-iou"],
});

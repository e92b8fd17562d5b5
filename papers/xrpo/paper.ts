import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "xrpo",
  title: "XRPO: Pushing the limits of GRPO with Targeted Exploration and Exploitation",
  published: "2025-10",
  arxiv: "2510.06672",
  says: [
    "GRPO spends the same number of rollouts on every prompt, learns nothing from all-fail prompts, and treats all correct answers alike.",
    "XRPO allocates rollouts by expected reduction of uncertainty, seeds all-fail prompts with solved examples in context, and boosts correct answers the policy finds unlikely.",
    "Claim to try here: Allocator reduces uncertainty at equal budget.",
  ],
  parts: [
    "sampling/rollout-allocation",
    "sampling/zero-reward-prompts",
    "search/nearest-neighbours",
    "sampling/demonstration-prompt",
    "credit/novelty-sharpened",
    "credit/group-relative",
  ],
  links: { "official code": "https://github.com/UIUC-MLSys/XRPO" },
});

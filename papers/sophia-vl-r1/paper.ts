import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "sophia-vl-r1",
  title: "SophiaVL-R1: Reinforcing MLLMs Reasoning with Thinking Reward",
  published: "2025-05",
  arxiv: "2505.17018",
  says: [
    "Adds a judged reward for the whole thinking text to rule-based GRPO, and protects against its unreliability with a per-group trust weight and a decay over training (Trust-GRPO).",
    "Claim to try here: A thinking reward beats outcome-only.",
    "Claim to try here: Removing trust and decay hurts.",
  ],
  parts: [
    "shaping/trust-weighted-thinking",
    "shaping/variance-trust",
    "signal/thinking-score-prompt",
    "signal/thinking-score-parse",
    "signal/word-error-rate",
    "signal/rouge-mean",
    "signal/format",
    "sampling/uniform-score-bins",
    "credit/group-relative",
  ],
  links: { "official code": "https://github.com/kxfan2002/SophiaVL-R1" },
});

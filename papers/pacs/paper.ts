import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "pacs",
  title: "Implicit Actor Critic Coupling via a Supervised Learning Framework for RLVR (PACS)",
  published: "2025-09",
  arxiv: "2509.02522",
  says: [
    "Treats the verifier's 0/1 outcome as a label and trains a score, built from the policy's own log-ratios, to predict it with cross-entropy.",
    "The gradient splits into a policy-gradient term and a term that moves the score toward the label, so one network plays actor and critic.",
    "Claim to try here: First-step gradient is the policy gradient.",
  ],
  parts: ["objective/implicit-actor-critic", "evaluation/pass-at-k"],
  links: { "official code": "https://github.com/ritzz-ai/PACS" },
});

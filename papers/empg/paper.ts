import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "empg",
  title: "Harnessing Uncertainty: Entropy-Modulated Policy Gradients for Long-Horizon LLM Agents (EMPG)",
  published: "2025-09",
  arxiv: "2509.09265",
  says: [
    "With one outcome reward for a long agent trajectory, every step gets the same advantage, while the size of the policy gradient itself depends on the step's entropy.",
    "EMPG rescales each step's advantage by how certain the policy was, and adds a bonus for moving into states where it is certain.",
    "Claim to try here: Beats GRPO and DAPO on long-horizon agents.",
  ],
  parts: ["signal/step-entropy", "credit/entropy-modulated", "evaluation/score-norm", "credit/group-relative"],
});

import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "implicit-reasoning-survey",
  title: "Implicit Reasoning in Large Language Models: A Comprehensive Survey",
  published: "2025-09",
  arxiv: "2509.02350",
  says: [
    "Reasoning that happens in hidden states instead of written steps.",
    "Classifies methods by *how computation is executed*, reviews evidence that models do it, and lists metrics and benchmarks.",
    "For a reward toolkit it matters where rewards can attach when there are no tokens to judge: latents, loops, exits, and the efficiency side of the objective.",
  ],
  parts: [
    "model/latent-curriculum",
    "objective/hidden-state-distillation",
    "model/soft-token",
    "sampling/pause-insertion",
    "search/adaptive-exit",
    "evaluation/logit-lens",
    "model/linear-probe",
    "evaluation/accuracy-per-compute",
    "evaluation/pass-at-k",
  ],
});

import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "mrm-bench",
  title:
    "Probing Preference Representations: A Multi-Dimensional Evaluation and Analysis Method for Reward Models (MRMBench)",
  published: "2025-11",
  arxiv: "2511.12464",
  says: [
    "Freezes a reward model (RM), trains a linear classifier on its last hidden state for each of six preference dimensions, and uses the accuracies as the benchmark.",
    "Inference-time probing measures how far a response's representation lies from each dimension's clusters; far from all of them = untrustworthy reward, which is dropped from PPO.",
    "Claim to try here: Preference training puts dimensions into the representation.",
  ],
  parts: [
    "model/probe-labels",
    "model/linear-probe",
    "model/k-means",
    "evaluation/dimension-attribution",
    "shaping/confidence-gate",
    "evaluation/probe-benchmark",
    "evaluation/rank-correlation",
  ],
  links: { "official code": "https://github.com/wangclnlp/MRMBench" },
});

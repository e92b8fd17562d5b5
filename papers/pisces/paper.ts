import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "pisces",
  title: "PISCES: Annotation-free Text-to-Video Post-Training via Optimal Transport-Aligned Rewards",
  published: "2026-02",
  arxiv: "2602.01624",
  says: [
    "Builds two label-free video rewards by first aligning text features with real-video features: a learned transport map gives a global quality reward, a partial transport plan inside cross-attention gives a token-level semantic reward.",
    "Both drive a generator by backpropagation or GRPO.",
    "Claim to try here: Mapping text onto the video distribution gives a better quality signal.",
  ],
  parts: [
    "model/neural-optimal-transport",
    "model/transport-map",
    "signal/reference-similarity",
    "signal/transport-cost",
    "signal/partial-transport",
    "signal/attention-fusion",
    "signal/class-probability",
    "objective/consistency-distillation",
    "objective/direct-reward",
    "evaluation/mutual-knn",
    "evaluation/structure-preservation",
    "credit/group-relative",
    "objective/clipped-surrogate",
    "model/ema-update",
  ],
});

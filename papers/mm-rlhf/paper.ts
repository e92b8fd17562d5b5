import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "mm-rlhf",
  title: "MM-RLHF: The Next Step Forward in Multimodal LLM Alignment",
  published: "2025-02",
  arxiv: "2502.10391",
  says: [
    "120K human-ranked multimodal comparison pairs; a reward model that writes a critique and then scores from it; and MM-DPO, which trains on every pair of differently ranked answers with a per-pair β that grows, within bounds, with an external reward model's margin.",
    "Claim to try here: Dynamic β beats fixed β.",
    "Claim to try here: All pairs beat hardest or extreme pairs.",
  ],
  parts: [
    "sampling/preference-pairs",
    "shaping/dynamic-beta",
    "objective/dpo",
    "model/critique-reward",
    "signal/critique-prompt",
    "signal/critique-score",
    "evaluation/pairwise-accuracy",
  ],
  links: { "official code": "https://github.com/Kwai-YuanQi/MM-RLHF" },
});

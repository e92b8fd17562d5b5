import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "retouchiq",
  title: "RetouchIQ: MLLM Agents for Instruction-Based Image Retouching with Generalist Reward",
  published: "2026-02",
  arxiv: "2602.17558",
  says: [
    "A vision-language agent turns an editing wish into reasoning plus slider settings for a photo editor.",
    "Because good edits are many, the RL reward is a second model that first invents weighted criteria for the case and then scores; it is kept honest by training it on the agent's own current edits.",
    "Claim to try here: GRM reward > rule reward > SFT.",
  ],
  parts: [
    "signal/edit-parameters-parse",
    "signal/weighted-metrics-prompt",
    "signal/weighted-metrics-parse",
    "signal/ranking-reward",
    "sampling/policy-guided-pairs",
    "environment/retouch",
    "evaluation/image-difference",
    "shaping/weighted-sum",
    "credit/group-relative",
    "evaluation/pairwise-accuracy",
    "objective/sft",
  ],
});

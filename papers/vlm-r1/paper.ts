import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "vlm-r1",
  title: "VLM-R1: A Stable and Generalizable R1-style Large Vision-Language Model",
  published: "2025-04",
  arxiv: "2504.07615",
  says: [
    "GRPO for vision-language models on tasks whose annotations give an exact rule reward (referring boxes, open-vocabulary detection), with a study of how a detection reward is hacked by redundant boxes and repaired.",
    "Claim to try here: AP reward is hacked by redundant boxes.",
    "Claim to try here: AP beats AP50 as reward.",
  ],
  parts: [
    "signal/box-iou",
    "signal/box-parse",
    "signal/format",
    "signal/detection-average-precision",
    "shaping/count-ratio",
    "signal/detection-match-score",
    "shaping/cosine-length",
    "signal/item-repetition",
    "signal/repeated-ngram-share",
    "signal/choice-extract",
    "signal/yes-no-match",
    "credit/group-relative",
    "objective/clipped-surrogate",
  ],
  links: { "official code": "https://github.com/om-ai-lab/VLM-R1" },
});

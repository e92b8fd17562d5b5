import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "oni",
  title: "Online Intrinsic Rewards for Decision Making Agents from Large Language Model Feedback (ONI)",
  published: "2024-10",
  arxiv: "2410.23022",
  says: [
    'While the agent plays, its text observations ("messages") go to an asynchronous LLM annotator; labels are distilled on the fly into an intrinsic reward, by a hash table, a classifier or a ranking model.',
    "No data set is needed beforehand.",
    "Claim to try here: Online intrinsic reward solves sparse tasks that extrinsic reward alone does not.",
  ],
  parts: [
    "signal/message-label-prompt",
    "signal/message-label-parse",
    "signal/retrieval-reward",
    "signal/class-probability",
    "signal/pairwise-judge-parse",
    "model/binary-cross-entropy",
    "model/preference-cross-entropy",
    "shaping/running-normalization",
    "shaping/threshold",
    "signal/count-bonus",
    "shaping/bonus-combination",
    "shaping/weighted-sum",
    "sampling/annotation-queue",
    "signal/bag-of-words-similarity",
  ],
  links: { "official code": "https://github.com/facebookresearch/oni" },
});

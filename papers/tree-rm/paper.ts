import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "tree-rm",
  title: "Reward Generalization in RLHF: A Topological Perspective",
  published: "2024-02",
  arxiv: "2402.10184",
  says: [
    "Treats the *topology* of a preference data set as a design choice: responses to a prompt are grown as a prefix tree, comparisons are made among leaves, and a graph model of inference predicts how much uncertainty the reward model keeps.",
    "Claim to try here: Reuse of endpoints lowers mean inference distance when the space is diverse and data scarce.",
    "Claim to try here: Advantage fades with abundant data / low diversity.",
  ],
  parts: [
    "model/preference-tree-pairs",
    "model/logistic-preference-strength",
    "model/bradley-terry",
    "evaluation/inference-distance",
    "evaluation/structure-function",
    "evaluation/distributional-consistency",
  ],
});

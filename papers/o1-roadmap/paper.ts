import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "o1-roadmap",
  title: "Scaling of Search and Learning: A Roadmap to Reproduce o1 from Reinforcement Learning Perspective",
  published: "2024-12",
  arxiv: "2412.14135",
  says: [
    "Organises what is needed for o1-like reasoning into four blocks — policy initialisation, reward design, search, learning — and argues that performance scales with both train-time and test-time search.",
    "No experiments of its own.",
    "This card lists the mechanisms a reward toolkit should offer, with formulas, and one experiment that connects the blocks.",
  ],
  parts: [
    "objective/sft",
    "model/bradley-terry",
    "shaping/potential-based",
    "model/monte-carlo-step-labels",
    "sampling/expert-iteration",
    "evaluation/scaling-fit",
    "search/beam-search",
    "search/puct",
    "search/sequential-revision",
    "search/best-of-n",
    "search/majority-vote",
    "search/uct",
    "search/mcts-backup",
  ],
});

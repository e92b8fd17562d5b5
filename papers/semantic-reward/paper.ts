import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "semantic-reward",
  title: "Shaping Explanations: Semantic Reward Modeling with Encoder-Only Transformers for GRPO",
  published: "2025-09",
  arxiv: "2509.13081",
  says: [
    "Answers to multiple-choice exam questions can be checked; the explanations cannot.",
    "The reward for an explanation is the cosine similarity of its sentence embedding, from a small encoder-only transformer, to an expert's explanation.",
    "Pipeline: continued pre-training, SFT, GRPO (Italian medical-school entrance exams).",
  ],
  parts: [
    "model/sentence-pooling",
    "signal/reference-similarity",
    "signal/choice-answer",
    "signal/format",
    "shaping/weighted-sum",
    "credit/group-relative",
    "evaluation/rouge-l",
    "model/info-nce",
    "evaluation/elo",
  ],
});

import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "curated-self-consuming",
  title: "Self-Consuming Generative Models with Curated Data Provably Optimize Human Preferences",
  published: "2024-06",
  arxiv: "2407.09499",
  says: [
    "Users pick one of K generated images and upload it; the next model trains on such picks.",
    "The paper shows that this loop is implicit preference optimisation: the expected exponentiated reward never falls and converges to its maximum, the distribution collapses onto the best outcomes, and mixing in real data stops the collapse.",
    "Claim to try here: E[e^r] never falls and reaches its maximum.",
  ],
  parts: [
    "sampling/luce-choice",
    "model/curated-retraining",
    "model/kl-optimal-policy",
    "evaluation/curation-bounds",
    "signal/distance-reward",
    "signal/classifier-reward",
  ],
});

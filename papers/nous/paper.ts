import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "nous",
  title: "Dialogue as Discovery: Navigating Human Intent Through Principled Inquiry",
  published: "2025-10",
  arxiv: "2510.27410",
  says: [
    "An agent asks a user questions until a structured specification is clear.",
    "Its reward for a question is the information the answer brought, i.e. the drop of Shannon entropy over the specification; training is offline GRPO on simulated dialogues.",
    "Claim to try here: Entropy reward trains efficient inquiry.",
  ],
  parts: [
    "signal/entropy-reduction",
    "model/belief-update",
    "search/expected-information-gain",
    "signal/answer-attributes-prompt",
    "signal/answer-attributes-parse",
    "evaluation/dialogue-efficiency",
    "credit/group-relative",
    "objective/clipped-surrogate",
    "sampling/dynamic-filter",
  ],
});

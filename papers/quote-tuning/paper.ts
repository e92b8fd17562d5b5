import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "quote-tuning",
  title: "Verifiable by Design: Aligning Language Models to Quote from Pre-Training Data (Quote-Tuning, QUIP score)",
  published: "2024-04",
  arxiv: "2404.03862",
  says: [
    "Make models quote trusted text verbatim, so that checking is a look-up.",
    "The share of a response's character n-grams found in the corpus ranks sampled responses; length-matched pairs feed DPO. No annotation.",
    "Claim to try here: More verbatim quoting.",
  ],
  parts: ["signal/quip", "signal/quoted-spans", "sampling/preference-pairs", "objective/dpo", "evaluation/rouge-l"],
  links: { "official code": "https://github.com/JHU-CLSP/verifiable-by-design" },
});

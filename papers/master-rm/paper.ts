import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "master-rm",
  title: "One Token to Fool LLM-as-a-Judge",
  published: "2025-07",
  arxiv: "2507.08794",
  says: [
    'Shows that LLM judges comparing an answer with a reference can be made to say "correct" by contentless strings ("master keys"), that RL then collapses onto such strings, and that adding truncated solutions as negatives to the judge\'s training data removes the weakness.',
    "Claim to try here: Ordinary judges have large FPR on keys.",
    "Claim to try here: Truncated negatives fix it at no cost.",
  ],
  parts: [
    "evaluation/master-key-set",
    "signal/reference-judge-prompt",
    "signal/reference-judge-parse",
    "evaluation/master-key-attack",
    "model/truncated-negatives",
    "evaluation/judge-agreement",
    "search/nearest-neighbours",
    "evaluation/collapse-monitor",
  ],
});

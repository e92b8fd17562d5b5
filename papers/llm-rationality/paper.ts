import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "llm-rationality",
  title: "Large Language Models Assume People are More Rational than We Really are",
  published: "2024-06",
  arxiv: "2406.17055",
  says: [
    "Compares LLM predictions and simulations of human choices with 14,568 risky-choice problems (choices13k), and LLM inferences from others' choices with a psychology data set.",
    "LLMs predict people as expected-value maximisers, which people are not; but they *infer* from choices as people do, because people too assume rationality.",
    "For rewards: simulated annotators and preference models that assume too much rationality are mis-specified.",
  ],
  parts: [
    "signal/expected-value",
    "signal/prospect-value",
    "signal/gamble-prompt",
    "signal/gamble-choice-parse",
    "signal/choice-share-parse",
    "evaluation/choice-agreement",
    "model/boltzmann-choice",
    "model/inverse-choice",
    "evaluation/fractional-ranks",
    "evaluation/tournament-ranks",
  ],
  links: { "official code": "https://github.com/theryanl/LLM-rationality" },
});

import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "eureka",
  title: "Eureka: Human-Level Reward Design via Coding Large Language Models",
  published: "2023-10",
  arxiv: "2310.12931",
  says: [
    "A coding LLM is shown the environment's observation code and a task sentence and writes reward programs; each is used to train a policy, the best one and a textual table of its training statistics go back into the prompt, and the cycle repeats.",
    "No templates, no gradient, selection only by a task metric the reward never sees.",
    "Claim to try here: Generated rewards reach human level.",
  ],
  parts: [
    "search/reward-code-prompt",
    "search/reward-code-parse",
    "search/reward-reflection",
    "search/reward-evolution",
    "evaluation/human-normalized-score",
    "evaluation/rank-correlation",
  ],
  links: { "official code": "https://github.com/eureka-research/Eureka" },
});

import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "ixc-reward",
  title: "InternLM-XComposer2.5-Reward: A Simple Yet Effective Multi-Modal Reward Model",
  published: "2025-01",
  arxiv: "2501.12368",
  says: [
    "A scalar reward model on a vision-language chat model, trained on text, image and video preference pairs with a length constraint on the pairs, and used three ways.",
    "PPO reward, best-of-N selector, data cleaner.",
    "Claim to try here: One scalar model judges image+text well.",
  ],
  parts: [
    "model/reward-head",
    "model/bradley-terry",
    "sampling/length-ratio-filter",
    "sampling/response-sanity-filter",
    "evaluation/rm-bench",
    "evaluation/pairwise-accuracy",
    "search/best-of-n",
    "sampling/reward-filter",
    "credit/gae",
    "objective/clipped-surrogate",
  ],
  links: { "official code": "https://github.com/InternLM/InternLM-XComposer" },
});

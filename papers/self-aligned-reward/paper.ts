import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "self-aligned-reward",
  title: "Self-Aligned Reward: Towards Effective and Efficient Reasoners (SAR)",
  published: "2025-09",
  arxiv: "2509.05489",
  says: [
    "A reward from the policy's own perplexities: how much the question lowers the perplexity of the answer, relative to the answer alone.",
    "Padding, restating and generic prose are almost as likely without the question, so they dilute the score; added with a small weight to a verifiable reward it shortens reasoning without costing accuracy.",
    "Claim to try here: Ranks answer quality.",
  ],
  parts: [
    "signal/perplexity",
    "signal/self-aligned",
    "signal/self-aligned-context",
    "shaping/weighted-sum",
    "shaping/length-penalty",
    "credit/group-relative",
    "objective/clipped-surrogate",
  ],
  links: {
    "official code": "https://github.com/amazon-science/Self-Aligned-Reward-Towards_Effective_and_Efficient_Reasoners",
  },
});

import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "reno",
  title: "ReNO: Enhancing One-step Text-to-Image Models through Reward-based Noise Optimization",
  published: "2024-06",
  arxiv: "2406.04312",
  says: [
    "Improves a frozen one-step generator at inference time by gradient ascent on its input noise, driven by a weighted set of differentiable human-preference rewards, while a regulariser keeps the noise's norm where Gaussian noise lives.",
    "The best image seen is returned.",
    "Claim to try here: 50 gradient iterations beat best-of-50 sampling by far.",
  ],
  parts: [
    "signal/reward-criterion",
    "objective/noise-norm",
    "search/noise-step",
    "search/noise-optimization",
    "search/best-of-n",
  ],
  links: { "official code": "https://github.com/ExplainableML/ReNO" },
});

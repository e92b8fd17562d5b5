import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "canon",
  title: "Conditional Advantage Estimation for Reinforcement Learning in Large Reasoning Models (CANON)",
  published: "2025-09",
  arxiv: "2509.23962",
  says: [
    "Training metrics such as entropy or length correlate with reasoning quality, but rewarding them directly presumes a direction.",
    "CANON splits each group of rollouts into the upper and lower half by the metric and compares across and within halves, so the data decide which direction helps.",
    "Claim to try here: Amplifies whichever metric direction helps, without being told.",
  ],
  parts: ["credit/conditional-group", "credit/inter-intra-schedule", "objective/clipped-surrogate"],
  links: { "official code": "https://github.com/biuboomc/CANON" },
});

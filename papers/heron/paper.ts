import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "heron",
  title: "Deep Reinforcement Learning from Hierarchical Weak Preference Feedback",
  published: "2023-09",
  arxiv: "2309.02632",
  says: [
    "Instead of weighting reward factors, the designer only ranks them by importance.",
    "Pairs of trajectories (or states, or programs) are compared factor by factor in that order; a factor decides only if the difference exceeds a margin.",
    "The labels train a preference reward model, which drives RL.",
  ],
  parts: [
    "sampling/preference-pairs",
    "signal/hierarchical-preference",
    "model/bradley-terry",
    "shaping/rank-weights",
    "shaping/ranked-linear",
    "shaping/running-normalization",
  ],
  links: { "official code": "https://github.com/abukharin3/HERON" },
});

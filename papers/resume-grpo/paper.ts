import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "resume-grpo",
  title:
    "A Mathematical Framework for Custom Reward Functions in Job Application Evaluation using Reinforcement Learning",
  published: "2025-11",
  arxiv: "2511.16073",
  says: [
    "A 0.5 B model screens résumés.",
    "SFT on synthetic pairs, then GRPO with a weighted sum of four criteria.",
    'The first reward punished mistakes so hard that rejecting everybody became optimal; milder penalties, a small learning rate and KL to the SFT model ("gentle polishing") fixed it. For a toolkit: asymmetric decision payoffs, and an audit that computes *before training* which constant policy a reward pays for.',
  ],
  parts: [
    "signal/decision-parse",
    "signal/decision-payoff",
    "evaluation/decision-threshold",
    "signal/soft-coverage",
    "shaping/weighted-sum",
    "evaluation/classification-report",
    "credit/group-relative",
    "objective/clipped-surrogate",
    "objective/kl-estimator",
  ],
});

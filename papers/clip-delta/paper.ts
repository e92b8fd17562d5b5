import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "clip-delta",
  title: "On Designing Effective RL Reward at Training Time for LLM Reasoning",
  published: "2024-10",
  arxiv: "2410.15115",
  says: [
    "Asks whether learned reward models (ORM, PRM) add anything during PPO on maths when a rule already gives success reward; finds that raw process rewards are farmed by repeating correct but empty steps, and bounds the accumulated process reward with two per-step transforms.",
    "Claim to try here: Adding raw PRM reward to success reward can hurt.",
    "Claim to try here: The damage is repetition of empty steps.",
  ],
  parts: [
    "shaping/clip",
    "shaping/delta",
    "shaping/outcome-plus-process",
    "evaluation/repetition-exploit",
    "objective/clipped-surrogate",
    "credit/gae",
  ],
});

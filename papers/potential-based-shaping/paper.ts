import { definePaper } from "guerdon/experiment";

export default definePaper({
  slug: "potential-based-shaping",
  title: "Potential-based shaping, advice, adversarial and preference rewards (shared card)",
  published: "2016-06",
  arxiv: "1606.03476",
  says: [
    "The classical machinery that half of the reward-design papers start from: how to add reward without changing the optimum, how to turn a discriminator into a reward, how to fit a reward to comparisons.",
    "It also fixes the names of the tabular solvers.",
    "Claim to try here: PBS never changes the optimal action sets; other bonuses do.",
  ],
  parts: [
    "shaping/potential-based",
    "shaping/progress-potential",
    "shaping/advice-potential",
    "environment/value-iteration",
    "evaluation/policy-value",
    "evaluation/shaping-invariance",
    "signal/adversarial-imitation",
    "model/airl-logits",
    "model/trajectory-preference",
    "sampling/preference-query",
  ],
});
